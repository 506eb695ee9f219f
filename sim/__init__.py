"""Simulation of the device and its comparison with the golden model."""
