"""Which wires a configuration connects to one net."""

import re
from collections.abc import Iterator

from .database import Database, Segment
from .errors import BitstreamError
from .settings import Settings
from .tiles import Grid, Place

_NOWHERE = -1
"""Column and row of a global wire as it is before the column buffers."""

_NEIGHBOURS = {
    "bnl": (-1, -1),
    "bot": (0, -1),
    "bnr": (1, -1),
    "lft": (-1, 0),
    "rgt": (1, 0),
    "tnl": (-1, 1),
    "top": (0, 1),
    "tnr": (1, 1),
}
"""Where a wire that is named after its direction comes from."""

_DIRECTED = re.compile(r"(?:neigh|logic)_op_(...)_(\d+)")
_GLOBAL = re.compile(r"glb_netwk_(\d+)")
_SPANS = ("sp4_", "sp12_", "span4_", "span12_", "carry_in")
"""Beginnings of names of wires that go through several tiles."""

_OUTPUTS = (
    re.compile(r"lutff_(\d+)/out"),
    re.compile(r"slf_op_(\d+)"),
    re.compile(r"mult/O_(\d+)"),
    re.compile(r"ram/RDATA_(\d+)"),
)

_OUTPUTS_A_TILE, _OUTPUTS_A_PAD = 8, 2
_PADS_OUTPUTS = re.compile(r"io_(\d)/D_IN_(\d)")


def output(x: int, y: int, number: int) -> Segment:
    """Return one of the eight outputs of a tile, which its neighbours see, too."""
    return x, y, f"out_{number}"


def pad_input(pad: tuple[int, int, int], number: int = 0) -> Segment:
    """Return what comes from a pad: 0 at once or at the clock, 1 at the clock's other edge."""
    x, y, which = pad
    return output(x, y, _OUTPUTS_A_PAD * which + number)


def global_wire(number: int) -> Segment:
    """Return a global wire before its column buffers."""
    return _NOWHERE, _NOWHERE, f"glb_netwk_{number}"


class Nets:
    """Nets of a configuration.

    Parameters
    ----------
    database : Database
    settings : Settings

    Raises
    ------
    BitstreamError
        If a global wire is used where its column buffer is off.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._grid: Grid = settings.configuration.grid
        self._parents: dict[Segment, Segment] = {}
        self._spans: dict[Segment, Segment] = {}
        self._global_uses: set[tuple[Place, int]] = set()
        for place, entry in settings.connections:
            first, second = (self._canonical((*place, name)) for name in entry.names)
            self.connect(first, second)
        self._read_column_buffers()

    def connect(self, first: Segment, second: Segment) -> None:
        """Make one net of two."""
        self._parents[self._root(first)] = self._root(second)

    def add(self, segment: Segment) -> None:
        """Add a wire that leads on without any connection that is configured."""
        self._root(self._canonical(segment))

    def _root(self, segment: Segment) -> Segment:
        parent = self._parents.setdefault(segment, segment)
        while parent != segment:
            self._parents[segment] = self._parents[parent]
            segment, parent = parent, self._parents[parent]
        return parent

    def _canonical(self, segment: Segment) -> Segment:
        """Return the one name of a wire that has several."""
        x, y, name = segment
        if matched := _GLOBAL.fullmatch(name):
            number = int(matched[1])
            self._global_uses.add(((x, y), number))
            return global_wire(number)
        if name.startswith(_SPANS):
            return self._span(segment)
        if matched := _DIRECTED.fullmatch(name):
            dx, dy = _NEIGHBOURS[matched[1]]
            return self._output(x + dx, y + dy, int(matched[2]))
        if matched := _PADS_OUTPUTS.fullmatch(name):
            return pad_input((x, y, int(matched[1])), int(matched[2]))
        for pattern in _OUTPUTS:
            if matched := pattern.fullmatch(name):
                number = int(matched[1])
                if name.startswith("ram/"):
                    # The highest bit of a word is the first output.
                    number = _OUTPUTS_A_TILE - 1 - number % _OUTPUTS_A_TILE
                return self._output(x, y, number % _OUTPUTS_A_TILE)
        return segment

    def _output(self, x: int, y: int, number: int) -> Segment:
        """Return an output of a tile, by the lower number if it is a pad's, which have two."""
        corner = self._grid.at_side(x) and self._grid.at_edge(y)
        if not corner and self._database.kind((x, y)) == "IO":
            number %= 2 * _OUTPUTS_A_PAD
        return output(x, y, number)

    def _span(self, segment: Segment) -> Segment:
        """Return one of the names of a wire that goes through several tiles."""
        if segment not in self._spans:
            # The first of carry_in's is the carry of the cell below.
            names = sorted(self._database.along(segment))
            self._spans |= dict.fromkeys(names, names[0])
        return self._spans[segment]

    def _read_column_buffers(self) -> None:
        for place, number in sorted(self._global_uses):
            source = self._database.column_buffers[place]
            if not self._settings.has(source, f"ColBufCtrl glb_netwk_{number}"):
                raise BitstreamError(
                    f"global wire {number} is used in tile {place}, but its column buffer in tile "
                    f"{source} is off"
                )
        for place in self._settings.configuration.tiles:
            for number in range(len(self._database.global_pads)):
                self._settings.has(place, f"ColBufCtrl glb_netwk_{number}")

    def find(self, segment: Segment) -> Segment | None:
        """Return what stands for the net of a wire, or None if it is connected to nothing."""
        canonical = self._canonical(segment)
        return self._root(canonical) if canonical in self._parents else None

    def outputs(self) -> Iterator[tuple[Place, int]]:
        """Yield all outputs of tiles that are connected to anything."""
        for x, y, name in list(self._parents):
            if name.startswith("out_"):
                yield (x, y), int(name.removeprefix("out_"))
