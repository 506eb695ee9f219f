"""Where the cells of a design ended up, and which block each belongs to."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from .registry import Family
from .results import RESOURCE_NAMES

_WRAPPERS = ("device", "core")
"""Levels of the hierarchy that only hold others."""

_DEFAULT_CLOCKING = "cd_sync"
"""Amaranth's name for the clock domain that a platform makes itself."""

_NUMBER = re.compile(r"\$\d+$")
"""What Amaranth appends to a name to keep it apart from others."""

_BEL = re.compile(r"X(\d+)/Y(\d+)/(.+)")
_SLICE = re.compile(r"SLICE([A-D])\.(?:COMB|LUT|K|FF|RAMW)?(\d?)")


@dataclass(frozen=True)
class Cell:
    """A placed cell.

    Parameters
    ----------
    block : str
        Part of the design.
    resource : str
        Plain name of what it occupies.
    x, y : float
        Lower left corner, in tiles.
    width, height : float
        Extent, in tiles.
    """

    block: str
    resource: str
    x: float
    y: float
    width: float
    height: float


def block_of(name: str) -> str:
    """Return the block that a cell belongs to, from its hierarchical name.

    Synthesis names what it makes after the signals of the design, so that the path in front
    tells where it comes from. Cells that place and route adds have no path.
    """
    if name.startswith("$"):
        return "routing"
    block, *rest = name.split(".")
    inside = "top"
    while block in _WRAPPERS and rest:
        inside = block
        block, *rest = rest
    if not rest:
        return inside
    block = _NUMBER.sub("", block)
    return "clocking" if block == _DEFAULT_CLOCKING else block


def _extent(family: Family, kind: str, site: str) -> tuple[float, float, float, float]:
    """Return offset and size of a cell within its tile."""
    if family == "ice40":
        if site.startswith("lc"):
            return 0.0, int(site[2:]) / 8, 1.0, 1 / 8
        # A block RAM is two tiles high.
        return 0.0, 0.0, 1.0, 2.0 if kind == "ICESTORM_RAM" else 1.0
    if match := _SLICE.match(site):
        row = "ABCD".index(match[1])
        column = int(match[2] or 0) + (2 if kind == "TRELLIS_FF" else 0)
        return column / 4, row / 4, 1 / 4, 1 / 4
    return 0.0, 0.0, 1.0, 1.0


def read_placement(file: Path, family: Family) -> list[Cell]:
    """Return the placed cells of a design as nextpnr writes it with ``--write``."""
    modules = json.loads(file.read_text())["modules"]
    cells = []
    for name, cell in modules["top"]["cells"].items():
        match = _BEL.fullmatch(cell["attributes"].get("NEXTPNR_BEL", ""))
        if match is None:
            continue
        kind = cell["type"]
        left, bottom, width, height = _extent(family, kind, match[3])
        cells.append(
            Cell(
                block=block_of(name),
                resource=RESOURCE_NAMES.get(kind, kind),
                x=int(match[1]) + left,
                y=int(match[2]) + bottom,
                width=width,
                height=height,
            )
        )
    return cells


def count_blocks(cells: list[Cell]) -> dict[str, dict[str, int]]:
    """Return how many cells of each resource each block uses, the largest block first."""
    sizes = Counter(cell.block for cell in cells)
    counts = Counter((cell.block, cell.resource) for cell in cells)
    return {
        block: {
            resource: count for (owner, resource), count in counts.most_common() if owner == block
        }
        for block, _ in sizes.most_common()
    }
