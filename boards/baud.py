"""Rates of the serial line that a board's adapter and a clock both make."""

from collections.abc import Iterator
from dataclasses import replace

from ..errors import MetabitError
from ..hdl.link.uart import divisor
from .registry import Board

_EIGHTHS = 8
"""An adapter divides its fastest rate by a whole number of eighths."""

_BETWEEN = (12,)
"""Eighths below two that it divides by, besides eight itself."""

_MOST_EIGHTHS = _EIGHTHS * 1000

_GOOD = 0.015
"""Share of a bit time by which a rate that is recommended is missed."""


def with_baud(board: Board, baud: int, clock_mhz: float) -> Board:
    """Return a board whose serial line runs at another rate.

    Parameters
    ----------
    board : Board
    baud : int
        Bits per second.
    clock_mhz : float
        Clock of the device.

    Raises
    ------
    MetabitError
        If the adapter is not as fast, or the clock cannot time the rate; the message names the
        nearest rates that can be had.
    """
    problem = ""
    if baud > board.adapter_baud:
        problem = (
            f"--baud {baud} is more than the USB chip of {board.name} carries, {board.adapter_baud}"
        )
    else:
        try:
            divisor(clock_mhz * 1e6, baud)
        except ValueError as error:
            problem = str(error)
    if problem:
        near = " or ".join(str(rate) for rate in nearest_rates(board, baud, clock_mhz))
        where = f"{board.name} at {clock_mhz:g} MHz"
        raise MetabitError(f"{problem}; the nearest good rates for {where}: --baud {near}")
    return replace(board, baud=baud)


def nearest_rates(board: Board, baud: int, clock_mhz: float) -> list[int]:
    """Return the nearest rates below and above that adapter and clock make well."""
    good = [rate for rate in _adapter_rates(board.adapter_baud) if _is_good(rate, clock_mhz)]
    below = max((rate for rate in good if rate < baud), default=None)
    above = min((rate for rate in good if rate > baud), default=None)
    return [rate for rate in (below, above) if rate is not None]


def _adapter_rates(fastest: int) -> Iterator[int]:
    """Yield the whole rates that an adapter makes exactly."""
    for eighths in (_EIGHTHS, *_BETWEEN, *range(2 * _EIGHTHS, _MOST_EIGHTHS)):
        rate, rest = divmod(fastest * _EIGHTHS, eighths)
        if not rest:
            yield rate


def _is_good(baud: int, clock_mhz: float) -> bool:
    clock = clock_mhz * 1e6
    try:
        cycles = divisor(clock, baud)
    except ValueError:
        return False
    return abs(clock / cycles / baud - 1) <= _GOOD
