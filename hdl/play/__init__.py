"""Samples from memory beside the device: runs without the host."""
