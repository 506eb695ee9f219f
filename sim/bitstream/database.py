"""What the bits of a tile mean, from Project IceStorm's database."""

import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any, NamedTuple

from ...tools.icebox import load_icebox
from .tiles import Configuration, Grid, Place, bit

Segment = tuple[int, int, str]
"""Column and row of a tile, and the name that a wire has there."""

_CONNECTIONS = ("buffer", "routing")

_BIT = re.compile(r"(!?)B(\d+)\[(\d+)\]")


class Entry(NamedTuple):
    """A meaning that some bits have if they have their values.

    Attributes
    ----------
    mask, value : int
        Bits that matter, and those of them that must be set; see :func:`.tiles.bit`.
    kind : str
        ``"buffer"`` and ``"routing"`` connect two wires; all others are settings.
    names : tuple of str
        The two wires, source first; or what is set.
    """

    mask: int
    value: int
    kind: str
    names: tuple[str, ...]

    @property
    def connects(self) -> bool:
        """Whether it connects two wires."""
        return self.kind in _CONNECTIONS

    @property
    def setting(self) -> str:
        """Kind and name of a setting."""
        return " ".join((self.kind, *self.names))


class Database:
    """What Project IceStorm knows about an FPGA.

    Parameters
    ----------
    grid : Grid

    Raises
    ------
    ToolNotFoundError
        If its module is not installed.
    """

    def __init__(self, grid: Grid) -> None:
        self._icebox = load_icebox()
        self._chip: Any = self._icebox.iceconfig()
        getattr(self._chip, f"setup_empty_{grid.name}")()
        self._name = grid.name
        self._compiled: dict[int, list[Entry]] = {}

    def kind(self, place: Place) -> str:
        """Return the kind of a tile: LOGIC, IO, RAMB, RAMT, IPCON or DSP0 to DSP3."""
        return str(self._chip.tile_type(*place))

    def places(self, configuration: Configuration, kind: str) -> list[Place]:
        """Return all tiles of a kind."""
        return [place for place in configuration.tiles if self.kind(place) == kind]

    def entries(self, place: Place) -> list[Entry]:
        """Return all that bits of a tile can mean, but for its logic cells."""
        table = self._chip.tile_db(*place)
        if id(table) not in self._compiled:
            self._compiled[id(table)] = [
                _compiled(line) for line in table if not line[1].startswith("LC_")
            ]
        return self._compiled[id(table)]

    def has(self, segment: Segment) -> bool:
        """Whether a wire is there: at the edges of the chip some are missing."""
        return bool(self._chip.tile_has_net(*segment))

    def along(self, segment: Segment) -> Iterable[Segment]:
        """Return all names of a wire that goes through several tiles."""
        found: Iterable[Segment] = self._chip.expand_net(segment)
        return found

    def logic_cell(self, rows: list[str], number: int) -> tuple[int, list[bool]]:
        """Return the look-up table and the settings of a logic cell.

        Parameters
        ----------
        rows : list of str
            Bits of a tile; see :func:`rows_of`.
        number : int
            Of the cell in its tile.

        Returns
        -------
        int
            The table, as ``LUT_INIT``.
        list of bool
            Its carry is used; it has a flip-flop; which is set, not reset; at once, not at the
            clock.
        """
        table = self._icebox.get_lutff_lut_bits(rows, number)
        settings = self._icebox.get_lutff_seq_bits(rows, number)
        return int("".join(table[::-1]), 2), [value == "1" for value in settings]

    @cached_property
    def column_buffers(self) -> dict[Place, Place]:
        """Tile whose column buffers drive the global wires of a tile."""
        return {(x, y): (sx, sy) for sx, sy, x, y in self._chip.colbuf_db()}

    @cached_property
    def global_drivers(self) -> dict[int, Place]:
        """Tile from which logic can drive each global wire."""
        return {number: (x, y) for x, y, number in self._chip.gbufin_db()}

    @cached_property
    def global_pads(self) -> list[tuple[int, int, int]]:
        """Pad that can drive each global wire: tile and number in it."""
        return list(self._chip.padin_pio_db())

    @cached_property
    def input_enables(self) -> dict[tuple[int, int, int], tuple[int, int, int]]:
        """Where the bit lies that enables the input of a pad, if not in its own place."""
        return {(x, y, n): (ex, ey, en) for x, y, n, ex, ey, en in self._chip.ieren_db()}

    def extra(self, bit: tuple[int, int, int]) -> tuple[str, ...]:
        """Return what a bit outside the tiles means."""
        return tuple(self._chip.lookup_extra_bit(bit))

    @cached_property
    def loops(self) -> list[dict[str, Any]]:
        """Where each phase-locked loop has its settings and wires."""
        return [self._icebox.pllinfo_db[name] for name in self._chip.pll_list()]

    @cached_property
    def single_port_rams(self) -> dict[tuple[int, int, int], dict[str, Segment]]:
        """Where each single-port RAM has its setting and wires."""
        found: dict[tuple[int, int, int], dict[str, Segment]] = self._icebox.spram_db.get(
            self._name, {}
        )
        return found

    def multiplier(self, place: Place) -> tuple[dict[str, Segment], dict[str, Segment]]:
        """Return where a multiplier has its wires and its settings."""
        return self._chip.get_dsp_nets_db(*place), self._chip.get_dsp_config_db(*place)

    def pins(self, package: str) -> dict[str, tuple[int, int, int]]:
        """Return the pads at the pins of a package."""
        return {name: (x, y, number) for name, x, y, number in self._chip.pinloc_db(package)}


def _compiled(line: list[Any]) -> Entry:
    bits, kind, *names = line
    mask = value = 0
    for text in bits:
        matched = _BIT.fullmatch(text)
        assert matched is not None, text
        one = bit(int(matched[2]), int(matched[3]))
        mask |= one
        value |= 0 if matched[1] else one
    return Entry(mask, value, kind, tuple(names))
