"""Encoders: from pixels and columns of numbers to bits."""
