"""Selecting among hardware values."""

from collections.abc import Sequence

from amaranth.hdl import Array, Value, ValueLike


def select(values: Sequence[ValueLike], index: ValueLike) -> Value:
    """Return the value at ``index``; a single value needs no index (it may have no bits)."""
    if len(values) == 1:
        return Value.cast(values[0])
    return Array(values)[index]
