"""What a configuration says, tile by tile, and whether all of it was understood."""

from collections import defaultdict
from collections.abc import Iterator

from .database import Database, Entry
from .errors import BitstreamError
from .tiles import ROWS, Configuration, Place, bit

_CELL_COLUMNS = range(36, 46)
"""Columns of bits of a tile's eight logic cells, which are two rows high."""

_CELL_ROWS = 2

_WITHOUT_CELLS = ("IO", "RAMB", "RAMT")
"""Kinds of tiles that have no logic cells; those at the sides have what is left of some."""

_UNUSED = ("IoCtrl REN_", "IoCtrl cf_bit_", "Cascade ")
"""Settings without a meaning here: pull-ups, and how logic cells lead into blocks at the sides."""

_SHOWN = 5


class Settings:
    """Connections and settings of a configuration.

    Parameters
    ----------
    database : Database
    configuration : Configuration

    Attributes
    ----------
    connections : list of (Place, Entry)
        Wires that are connected.
    """

    def __init__(self, database: Database, configuration: Configuration) -> None:
        self.configuration = configuration
        self._database = database
        self.connections: list[tuple[Place, Entry]] = []
        self._set: dict[Place, set[str]] = defaultdict(set)
        self._taken: set[tuple[Place, str]] = set()
        self._unknown: dict[Place, int] = {}
        self._cells: dict[Place, dict[int, int]] = defaultdict(dict)
        for place, tile in configuration.tiles.items():
            self._read(place, tile)

    def _read(self, place: Place, tile: int) -> None:
        known = 0
        for entry in self._database.entries(place):
            if tile & entry.mask != entry.value:
                continue
            known |= entry.value
            if not entry.connects:
                self._set[place].add(entry.setting)
            # Tables of the edges have wires of all edges.
            elif all(self._database.has((*place, name)) for name in entry.names):
                self.connections.append((place, entry))
        left = tile & ~known
        if self._database.kind(place) not in _WITHOUT_CELLS:
            for number in range(ROWS // _CELL_ROWS):
                if bits := left & _cell_mask(number):
                    self._cells[place][number] = bits
                    left &= ~bits
        if left:
            self._unknown[place] = left

    def has(self, place: Place, setting: str) -> bool:
        """Whether something is set; with that it is understood."""
        self._taken.add((place, setting))
        return setting in self._set[place]

    def number(self, places: list[tuple[Place, str]]) -> int:
        """Return a number whose bits are settings, the lowest first."""
        return sum(self.has(*where) << weight for weight, where in enumerate(places))

    def cells(self, place: Place) -> set[int]:
        """Return the logic cells of a tile that have any bit set."""
        return set(self._cells[place])

    def rows(self, place: Place) -> list[str]:
        """Return the bits of a tile as text, row by row."""
        tile = self.configuration.tiles[place]
        return [
            "".join("01"[bool(tile & bit(row, column))] for column in range(_CELL_COLUMNS.stop))
            for row in range(ROWS)
        ]

    def check(self) -> None:
        """Refuse bits that are set and mean nothing, or something that was not asked for.

        Raises
        ------
        BitstreamError
            If there are such bits; the message says where.
        """
        found = list(self._left())
        if found:
            more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            raise BitstreamError(
                f"what these bits of the bitstream do is not known: "
                f"{', '.join(found[:_SHOWN])}{more}"
            )

    def _left(self) -> Iterator[str]:
        for place, left in self._unknown.items():
            yield f"{left.bit_count()} bits of tile {place}"
        for place, settings in self._set.items():
            for setting in sorted(settings):
                if not setting.startswith(_UNUSED) and (place, setting) not in self._taken:
                    yield f"{setting} of tile {place}"


def _cell_mask(number: int) -> int:
    """Return the bits of a logic cell."""
    rows = range(_CELL_ROWS * number, _CELL_ROWS * (number + 1))
    return sum(bit(row, column) for row in rows for column in _CELL_COLUMNS)
