"""Compiled code that trains bit for bit like NumPy, but faster; needs the extra `fast`."""
