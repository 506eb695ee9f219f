"""The encoder: from samples of 8-bit numbers to samples of bits."""
