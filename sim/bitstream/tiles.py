"""The memories of an FPGA, divided among the tiles of its grid.

Configuration lies in four banks, one a quarter of the chip, whose address 0 is at the corner of
the chip: seen from there all quarters look the same. Tiles are 16 rows high.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from .errors import BitstreamError
from .unpack import Bits, Unpacked

Place = tuple[int, int]
"""Column and row of a tile, from the lower left corner."""

Extra = tuple[int, int, int]
"""Bank, column and row of a bit that belongs to no tile."""

ROWS = 16
"""Rows of bits of a tile."""

_STRIDE = 64
"""Bits from one row to the next in the number that stands for a tile."""

_LOGIC, _RAM, _IO = 54, 42, 18
"""Columns of bits of a tile."""

_BEYOND = 2
"""Columns of a bank behind the tiles."""

_RAM_ROWS = 2
"""Tiles that a block RAM is high."""

_RAM_BITS = 16
"""Columns of a bank of contents that a block RAM has; it has as many words of initial values."""

# Tiles at the lower and upper edge have fewer bits than those in whose columns they are.
_EDGE_ROWS = (15, 14, 12, 13, 11, 10, 8, 9, 7, 6, 4, 5, 3, 2, 0, 1)
_EDGE_COLUMNS = (23, 25, 26, 27, 16, 17, 18, 19, 20, 14, 32, 33, 34, 35, 36, 37, 4, 5)


def bit(row: int, column: int) -> int:
    """Return the number that stands for a tile with one bit set."""
    return 1 << (_STRIDE * row + column)


@dataclass(frozen=True)
class Grid:
    """Tiles of an FPGA.

    Parameters
    ----------
    name : str
        As Project IceStorm has it.
    columns, rows : int
    lower : int
        Rows in the lower banks.
    ram_columns : tuple of int
        Columns of block RAM.
    side_pins : bool
        Pins at the left and right edge; otherwise single-port RAM and multipliers are there.
    """

    name: str
    columns: int
    rows: int
    lower: int
    ram_columns: tuple[int, ...]
    side_pins: bool

    @property
    def places(self) -> Iterator[Place]:
        """All tiles; there is none in the corners."""
        for x in range(self.columns):
            for y in range(self.rows):
                if not (self.at_side(x) and self.at_edge(y)):
                    yield x, y

    def at_side(self, x: int) -> bool:
        """Whether a column is the first or the last."""
        return x in (0, self.columns - 1)

    def at_edge(self, y: int) -> bool:
        """Whether a row is the first or the last."""
        return y in (0, self.rows - 1)

    def width(self, x: int) -> int:
        """Return how many columns of bits a column of tiles has."""
        if self.at_side(x) and self.side_pins:
            return _IO
        return _RAM if x in self.ram_columns else _LOGIC

    def bank(self, place: Place) -> int:
        """Return the bank of a tile."""
        x, y = place
        return 2 * (x >= self.columns // 2) + (y >= self.lower)

    def bank_shape(self, bank: int) -> tuple[int, int]:
        """Return rows and columns of a bank of configuration."""
        height = self.rows - self.lower if bank & 1 else self.lower
        widths = sum(self.width(x) for x in range(self.columns // 2))
        return ROWS * height, widths + _BEYOND

    def bits(self, place: Place) -> tuple[list[int], list[int]]:
        """Return rows and columns of a tile's bank that its bits are in, in the tile's order."""
        x, y = place
        right, upper = x >= self.columns // 2, y >= self.lower
        mirrored_x = self.columns - 1 - x if right else x
        mirrored_y = self.rows - 1 - y if upper else y
        start = sum(self.width(column) for column in range(mirrored_x))
        width = self.width(x)
        rows = list(range(ROWS))
        if self.at_edge(y):
            rows, columns = list(_EDGE_ROWS), list(_EDGE_COLUMNS)
        else:
            columns = list(range(width))
            rows = rows[::-1] if upper else rows
        # Pins at the sides count from the middle of the chip.
        if right or (self.at_side(x) and self.side_pins):
            columns = [width - 1 - column for column in columns]
        return [ROWS * mirrored_y + row for row in rows], [start + column for column in columns]

    def memories(self) -> Iterator[tuple[Place, int, int]]:
        """Yield every block RAM: its lower tile, its bank, its first column of bits there."""
        for x in self.ram_columns:
            for y in range(1, self.rows - 1, _RAM_ROWS):
                bank = self.bank((x, y))
                above = y - (self.lower if bank & 1 else 1)
                yield (x, y), bank, above // _RAM_ROWS * _RAM_BITS


GRIDS = {
    grid.name: grid
    for grid in (
        Grid("5k", 26, 32, 21, (6, 19), side_pins=False),
        Grid("8k", 34, 34, 17, (8, 25), side_pins=True),
    )
}
"""FPGAs that are known here, by name."""


@dataclass
class Configuration:
    """What an FPGA is configured to be.

    Attributes
    ----------
    grid : Grid
    tiles : dict of Place to int
        Bits of each tile; see :func:`bit`.
    extra : set of Extra
        Bits that are set and belong to no tile.
    contents : dict of Place to list of int
        First contents of each block RAM, in 16 numbers of 256 bits as ``INIT_0`` to ``INIT_F``.
    """

    grid: Grid
    tiles: dict[Place, int] = field(default_factory=dict)
    extra: set[Extra] = field(default_factory=set)
    contents: dict[Place, list[int]] = field(default_factory=dict)


def configuration(unpacked: Unpacked) -> Configuration:
    """Divide what a bitstream writes among the tiles.

    Raises
    ------
    BitstreamError
        If it is for an FPGA that is not known here.
    """
    banks = unpacked.configuration
    grid = _grid(banks)
    found = Configuration(grid)
    rest = {number: bank.copy() for number, bank in banks.items()}
    for place in grid.places:
        number = grid.bank(place)
        index = np.ix_(*grid.bits(place))
        found.tiles[place] = _packed(banks[number][index])
        rest[number][index] = False
    for number, bank in rest.items():
        found.extra |= {(number, int(x), int(y)) for y, x in np.argwhere(bank)}
    for place, number, column in grid.memories():
        if number in unpacked.contents:
            part = unpacked.contents[number][:, column : column + _RAM_BITS]
            found.contents[place] = _initial_values(part)
    return found


def _grid(banks: dict[int, Bits]) -> Grid:
    shapes = {number: bank.shape for number, bank in sorted(banks.items())}
    for grid in GRIDS.values():
        if shapes == {number: grid.bank_shape(number) for number in range(4)}:
            return grid
    known = ", ".join(GRIDS)
    raise BitstreamError(
        f"the bitstream is for no FPGA that is known here (iCE40 {known}): its banks of "
        f"configuration have {', '.join('x'.join(map(str, s)) for s in shapes.values())} bits"
    )


def _packed(bits: Bits) -> int:
    """Return the number that stands for a tile."""
    padded = np.zeros((ROWS, _STRIDE), bool)
    padded[:, : bits.shape[1]] = bits
    return int.from_bytes(np.packbits(padded, bitorder="little").tobytes(), "little")


def _initial_values(bits: Bits) -> list[int]:
    """Return what a block RAM holds; words are written with their highest bit first."""
    words = bits[:, ::-1].reshape(_RAM_BITS, -1)
    packed = np.packbits(words, axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in packed]
