"""Amaranth hardware of the training datapath, in the order of the data."""
