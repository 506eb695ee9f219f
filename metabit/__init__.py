"""Metabit: training binary neural networks on small FPGAs."""

from importlib.metadata import version

__version__ = version("metabit")
