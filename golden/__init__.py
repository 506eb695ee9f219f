"""Bit-exact NumPy model of the training rule: the truth that hardware is held to."""
