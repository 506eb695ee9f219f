"""Mutants of a device: small changes of its netlist, each of which the tests should notice."""
