"""Bugs planted in blocks of the core: see :func:`metabit.proofs.planting.plant`."""

from metabit.proofs.planting import plant

__all__ = ["plant"]
