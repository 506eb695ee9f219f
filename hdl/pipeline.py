"""Delays: values that keep step with data in a pipeline, or need time for a long way."""

from amaranth.hdl import Module, Signal, Value

OWN = "own"
"""Attribute of registers that synthesis must not share with equal ones."""


def delays(
    m: Module,
    value: Value,
    count: int,
    name: str,
    *,
    reset_less: bool = False,
    own: bool = False,
) -> list[Value]:
    """Return a value delayed by 0 to ``count`` cycles.

    Parameters
    ----------
    m : Module
        Where the registers go.
    value : Value
        What to delay; the registers have its shape.
    count : int
        Longest delay.
    name : str
        Of the registers, with their delay appended.
    reset_less : bool
        Leave them as they are at a reset: for data that something else says to be valid.
    own : bool
        Synthesis must not share them with equal ones, which may be far away.
    """
    delayed = [value]
    for cycles in range(1, count + 1):
        attrs = {OWN: 1} if own else {}
        register = Signal(
            value.shape(), name=f"{name}_{cycles}", reset_less=reset_less, attrs=attrs
        )
        m.d.sync += register.eq(delayed[-1])
        delayed.append(register)
    return delayed


def delayed(m: Module, value: Value, count: int, name: str, *, own: bool = False) -> Value:
    """Return data that are so many cycles late, by registers without reset; see :func:`delays`."""
    return delays(m, value, count, name, reset_less=True, own=own)[-1]
