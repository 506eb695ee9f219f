"""Boards: bitstreams, the host side of the link, training on the device."""
