"""Counters and comparisons that take one logic cell a bit, or less."""

from amaranth.hdl import Const, Mux, Value


def counted(count: Value, load: Value, value: Value, *, down: bool = False) -> Value:
    """Return what a counter becomes that is loaded, or else counts.

    It is written so that a cell with a carry chain does both: that which selects is an operand of
    the sum, too, where it does no harm, as the sum is not wanted then. (Synthesis makes two cells a
    bit of a selection behind a sum.)

    Parameters
    ----------
    count : Value
        The counter.
    load : Value
        One bit: load it.
    value : Value
        What with; as wide as the counter.
    down : bool
        Count down, not up.
    """
    width = len(count)
    ones = (~load).replicate(width)
    total = count + ones if down else count - ones
    return Mux(load, value, total[:width])


def at_least(value: Value, bound: int) -> Value:
    """Return whether a number is not below a constant, as logic without a carry chain."""
    if bound <= 0:
        return Const(1, 1)
    if bound >> len(value):
        return Const(0, 1)
    result: Value = Const(1, 1)
    for place in range(len(value)):
        bit = value[place]
        result = bit & result if bound >> place & 1 else bit | result
    return result
