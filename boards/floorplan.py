"""Where the block RAMs of a full ECP5 lie: beside what they feed.

The devices for the ULX3S take all block RAMs or all but two, and the placer, which moves them one
by one, scatters those that belong together over the whole chip: the nets get a third longer, and
routing hardly ends. So they are placed by hand, before anything else is.
"""

from collections.abc import Iterator

from ..hdl.array.totals import SHARING
from ..hdl.shape import LANES, Shape
from ..hdl.store.counters import BANK, RAM_BITS, part_bits
from .dies import ECP5_85
from .registry import Board

_GROUPS = (4, 13, 22, 31, 40, 49, 58, 69, 78, 87, 96, 105, 114)
"""Columns of the LFE5U-85F's grid at which four block RAMs begin, two columns each ..."""

_ROWS = (22, 46, 70, 82)
"""... in these rows."""

_SIDE_BY_SIDE = 4

_STORE, _TOTALS, _CODES = "device.core.store", "device.core.totals*", "device.core.codes*"

_FULL = ("ecp5", "ecp5-sdram", "ecp5-8bit")
"""Devices that take all block RAMs but two, or all."""

Site = tuple[int, int, int]
"""Group, row, and which of those side by side."""


def place_memories(board: Board, shape: Shape) -> str:
    """Return commands of Yosys, after synthesis, that tell the placer where block RAMs go.

    Nothing where the placer does well alone.

    Parameters
    ----------
    board : Board
    shape : Shape
        What is built.
    """
    if board.die is not ECP5_85 or shape.name not in _FULL:
        return ""
    commands = []
    for cell, (group, row, number) in _sites(shape):
        bel = f"X{_GROUPS[group] + 2 * number}/Y{_ROWS[row]}/EBR{number}"
        commands += [f"select -assert-count 1 c:{cell}", f'setattr -set BEL "{bel}" c:{cell}']
    return "\n".join(commands)


def _sites(shape: Shape) -> Iterator[tuple[str, Site]]:
    """Yield patterns of the names of all block RAMs of the core, and their sites."""
    rows = range(len(_ROWS))
    free = {
        (group, row, number)
        for group in range(len(_GROUPS))
        for row in rows
        for number in range(_SIDE_BY_SIDE)
    }

    def take(cell: str, site: Site) -> tuple[str, Site]:
        free.remove(site)
        return cell, site

    def nearest(row: int, group: int) -> Site:
        return min(free, key=lambda site: (abs(site[1] - row), abs(site[0] - group), site))

    # A block RAM holds all bits of a few lanes, and so do the same ones of the other banks. The
    # addresses of a part have a row to reach.
    banks = range(-(-shape.elements // BANK))
    width, part = LANES * (shape.counter_bits - 1), part_bits(shape)
    for row, start in enumerate(range(0, width, part)):
        for ram in range(-(-min(part, width - start) // RAM_BITS)):
            for bank in banks:
                yield take(f"{_STORE}.counters*.bank_{bank}_{row}.0.{ram}", (ram, row, bank))
    # The array is a row of elements, from one side to the other; so are their signs.
    for element in range(shape.elements):
        for row, plane in enumerate(("visible", "visible", "current", "current")):
            cell = f"{_STORE}.planes*.{plane}_{element}.0.{row % 2}"
            yield take(cell, (element, row, _SIDE_BY_SIDE - 1))
    # Columns below each other, samples and sums of each in the same row.
    for column in range(shape.samples):
        row = column * len(_ROWS) // shape.samples
        for half in range(0 if shape.lut_memories else 2):
            cell = f"{_STORE}.columns*.column_{column}.0.{half}"
            yield take(cell, nearest(row, len(_GROUPS) - 2))
        if column % SHARING == 0:
            yield take(f"{_TOTALS}.partial_{column}.0.0", nearest(row, len(_GROUPS) - 1))
            yield take(f"{_TOTALS}.kept_{column}.0.0", nearest(row, len(_GROUPS) - 1))
    if shape.lut_memories:
        return
    for cell in (f"{_STORE}.commit.rows.0.0", f"{_CODES}.emitted*.0.0", f"{_CODES}.scanned*.0.0"):
        yield take(cell, nearest(1, len(_GROUPS) - 1))
