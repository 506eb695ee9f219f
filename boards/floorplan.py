"""Where the block RAMs of a full ECP5 lie: beside what they feed.

The device for the ULX3S takes all but two of the block RAMs, and the placer, which moves them one
by one, scatters those that belong together over the whole chip: the nets get a third longer, and
routing hardly ends. So they are placed by hand, before anything else is.
"""

from collections.abc import Iterator

from ..hdl.array.totals import SHARING
from ..hdl.shape import LANES, Shape
from ..hdl.store.counters import BANK
from .registry import Board

_GROUPS = (4, 13, 22, 31, 40, 49, 58, 69, 78, 87, 96, 105, 114)
"""Columns of the LFE5U-85F's grid at which four block RAMs begin, two columns each ..."""

_ROWS = (22, 46, 70, 82)
"""... in these rows."""

_SIDE_BY_SIDE = 4

_SIGNS, *_BANKS = range(len(_ROWS))
"""The row of the signs, and those of the banks of counters."""

_RAM_BITS = 9
"""Of a word of a block RAM of 2,048 words, as the counters take them."""

_STORE, _TOTALS, _CODES = "device.core.store", "device.core.totals*", "device.core.codes*"

Site = tuple[int, int]
"""Row, and place in it, from left to right."""


def place_memories(board: Board, shape: Shape) -> str:
    """Return commands of Yosys, after synthesis, that tell the placer where block RAMs go.

    Nothing for devices other than the board's own, and where the placer does well alone.

    Parameters
    ----------
    board : Board
    shape : Shape
        What is built.
    """
    if board.family != "ecp5" or shape.name != board.shape:
        return ""
    commands = []
    for cell, (row, place) in _sites(shape):
        group, number = divmod(place, _SIDE_BY_SIDE)
        bel = f"X{_GROUPS[group] + 2 * number}/Y{_ROWS[row]}/EBR{number}"
        commands += [f"select -assert-count 1 c:{cell}", f'setattr -set BEL "{bel}" c:{cell}']
    return "\n".join(commands)


def _sites(shape: Shape) -> Iterator[tuple[str, Site]]:
    """Yield patterns of the names of all block RAMs of the core, and their sites."""
    places = range(_SIDE_BY_SIDE * len(_GROUPS))
    # The array is a row of elements, from one side to the other; so are their signs.
    for element in range(shape.elements):
        for number, plane in enumerate(("visible", "visible", "current", "current")):
            cell = f"{_STORE}.planes*.{plane}_{element}.0.{number % 2}"
            yield cell, (_SIGNS, element * _SIDE_BY_SIDE + number)

    # A row a bank: its addresses go along it. A block RAM holds all bits of a few lanes, and below
    # each other lie the same lanes of all banks.
    rams = range(-(-LANES * (shape.counter_bits - 1) // _RAM_BITS))
    banks = range(-(-shape.elements // BANK))
    free = {row: list(places) for row in _BANKS[: len(banks)]}

    def take(wanted: int) -> Site:
        """Take the site nearest a place from the row that can spare most."""
        row = max(free, key=lambda row: (len(free[row]), -row))
        place = min(free[row], key=lambda place: (abs(place - wanted), place))
        free[row].remove(place)
        return row, place

    # Samples go to all elements, so they are in the middle; sums come out at the array's end.
    for column in range(shape.samples):
        for half in range(2):
            yield f"{_STORE}.columns*.column_{column}.0.{half}", take(places[-1] // 2)
    for column in range(0, shape.samples, SHARING):
        yield f"{_TOTALS}.partial_{column}.0.0", take(places[-1])
        yield f"{_TOTALS}.kept_{column}.0.0", take(places[-1])
    for cell in (f"{_CODES}.emitted*.0.0", f"{_CODES}.scanned*.0.0", f"{_STORE}.commit.rows.0.0"):
        yield cell, take(places[-1])
    for bank in banks:
        for ram, place in zip(rams, free[_BANKS[bank]], strict=False):
            yield f"{_STORE}.counters*.bank_{bank}.0.{ram}", (_BANKS[bank], place)
