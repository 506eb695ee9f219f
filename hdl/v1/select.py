"""Selecting among hardware values and among per-layer constants."""

from collections.abc import Sequence

from amaranth.hdl import Array, Const, Shape, Value, ValueLike


def select(values: Sequence[ValueLike], index: ValueLike) -> Value:
    """Return the value at ``index``; a single value needs no index (it may have no bits)."""
    if len(values) == 1:
        return Value.cast(values[0])
    return Array(values)[index]


def constant(values: Sequence[int], layer: ValueLike) -> Value:
    """Return the constant of a layer, wide enough for every layer's."""
    shape = Shape.cast(range(min(0, *values), max(1, *values) + 1))
    return select([Const(value, shape) for value in values], layer)
