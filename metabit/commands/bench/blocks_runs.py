"""What a block costs by itself: its cells, and the clock that it reaches."""

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from amaranth.back import rtlil

from metabit.boards.registry import Board, Family
from metabit.boards.results import parse_report
from metabit.boards.synthesis import COLLISIONS, OPTIONS, PLACER, ROUTER
from metabit.errors import MetabitError
from metabit.tools.find import tool_version
from metabit.tools.run import run_tool

from .blocks_harness import Harness
from .blocks_list import Block

SEED = 1
"""Of place and route."""

MOST_PLACED = 20_000
"""Cells above which a block is not placed: that takes longer than all others together."""

RESOURCES: dict[Family, dict[str, str]] = {
    "ice40": {
        "LUT": "SB_LUT4",
        "FF": "SB_DFF*",
        "carry": "SB_CARRY",
        "EBR": "SB_RAM40_4K*",
        "SPRAM": "SB_SPRAM256KA",
        "DSP": "SB_MAC16",
    },
    "ecp5": {
        "LUT": "LUT4",
        "FF": "TRELLIS_FF",
        "carry": "CCU2C",
        "LUT RAM": "TRELLIS_DPR16X4",
        "EBR": "DP16KD",
        "DSP": "MULT18X18D",
    },
}
"""What is counted of a family, and the cells that synthesis makes of it."""

_PARTS: dict[Family, tuple[str, ...]] = {
    "ice40": ("--up5k", "--package", "sg48"),
    "ecp5": ("--85k", "--package", "CABGA381", "--speed", "6", "--lpf-allow-unconstrained"),
}
"""Options of nextpnr that choose the FPGA, the boards' own, and its pins freely."""

_DESIGN, _SCRIPT, _CELLS = "design.il", "synthesis.ys", "cells.json"
_NETLIST, _REPORT = "netlist.json", "report.json"

_COLLISIONS = f"{COLLISIONS} *.encode*/t:$memrd_v2"
"""As in devices, and in the encoder, which is in none yet: it writes nothing while it reads."""

_NOTE = "$scopeinfo"
"""What Yosys leaves of a level of the hierarchy."""

# A net that is part of a vector makes the mapper of Yosys stop, if the vector is a port.
_MAPPING = """\
synth_{family} {options} -top {top} -run begin:map_luts
splitnets
synth_{family} {options} -top {top} -run map_luts:
"""

# The block is synthesised without the harness, and put into it as it is.
_SYNTHESIS = """\
read_rtlil {design}
{collisions}
design -save read
{block}tee -q -o {cells} stat -json
design -save block
design -load read
blackbox {top}
{harness}design -copy-from block -as {top} {top}
hierarchy -top top
flatten
opt_clean
write_json {netlist}
"""


@dataclass(frozen=True)
class Task:
    """All that decides about the cost of a block.

    Attributes
    ----------
    design : str
        Block and harness.
    script : str
        Of Yosys.
    place : tuple of str
        Command that places and routes.
    tools : tuple of str
        Versions of both.
    most : int
        Cells above which the block is not placed.
    """

    design: str
    script: str
    place: tuple[str, ...]
    tools: tuple[str, ...]
    most: int = MOST_PLACED


@dataclass(frozen=True)
class Outcome:
    """What the tools say about a task.

    Attributes
    ----------
    cells : dict of str to int
        By the type that synthesis gives them.
    report : str
        Of place and route, JSON; empty if there was none.
    """

    cells: dict[str, int]
    report: str


@dataclass(frozen=True)
class Cost:
    """What a block costs.

    Attributes
    ----------
    block : Block
    used : dict of str to int
        Cells of each of the family's :data:`RESOURCES`.
    mhz : float or None
        None: it was not placed.
    path : tuple of str
        Cells along the slowest path between registers, those of the harness included.
    """

    block: Block
    used: dict[str, int]
    mhz: float | None
    path: tuple[str, ...]

    @property
    def ends(self) -> str:
        """First and last register of the slowest path, and how many cells it has."""
        if not self.path:
            return ""
        first, last = (_signal(cell, self.block.path) for cell in (self.path[0], self.path[-1]))
        return f"{first} -> {last}, {len(self.path)} cells"


def versions(family: Family) -> tuple[str, ...]:
    """Return the versions of the tools that a family takes.

    Raises
    ------
    ToolNotFoundError
        If one is missing.
    """
    return tuple(tool_version(tool) for tool in ("yosys", f"nextpnr-{family}"))


def prepare(block: Block, board: Board, tools: tuple[str, ...]) -> Task:
    """Return what is to be done for a block; the same source makes the same task.

    Parameters
    ----------
    block : Block
    board : Board
        Whose FPGA is taken.
    tools : tuple of str
        Versions.
    """
    family = board.family
    harness = Harness(block.create(), block.path)
    names = {"family": family, "options": OPTIONS[family]}
    module = f"top.{block.path}"
    script = _SYNTHESIS.format(
        design=_DESIGN,
        collisions=_COLLISIONS,
        block=_MAPPING.format(top=module, **names),
        harness=_MAPPING.format(top="top", **names),
        cells=_CELLS,
        top=module,
        netlist=_NETLIST,
    )
    options = (*PLACER[family].split(), *ROUTER[family].split(), "--seed", str(SEED))
    place = (f"nextpnr-{family}", *_PARTS[family], *options)
    files = ("--json", _NETLIST, "--report", _REPORT)
    return Task(
        # Source locations would make the same design differ from machine to machine.
        design=rtlil.convert(harness, platform=board.create_platform(), emit_src=False),
        script=script,
        # How fast it can be is asked, not whether it is fast enough.
        place=(*place, *files, "--timing-allow-fail", "--quiet"),
        tools=tools,
    )


def run(task: Task, folder: Path) -> Outcome:
    """Synthesise, place and route.

    Parameters
    ----------
    task : Task
    folder : pathlib.Path
        Where files and logs go.

    Raises
    ------
    ToolFailedError
        If a tool fails; the message names its log.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _DESIGN).write_text(task.design)
    (folder / _SCRIPT).write_text(task.script)
    run_tool(
        ["yosys", "-q", "-l", "synthesis.rpt", "-s", _SCRIPT], folder, folder / "synthesis.log"
    )
    statistics = json.loads((folder / _CELLS).read_text())
    cells = statistics["design"]["num_cells_by_type"]
    if sum(cells.values()) > task.most:
        return Outcome(cells, "")
    run_tool(task.place, folder, folder / "place-and-route.log")
    return Outcome(cells, (folder / _REPORT).read_text())


def judge(block: Block, family: Family, outcome: Outcome) -> Cost:
    """Return what an outcome says about a block.

    Raises
    ------
    MetabitError
        If there are cells of a kind that nobody counts.
    """
    used = count(outcome.cells, family)
    if not outcome.report:
        return Cost(block, used, None, ())
    report = parse_report(outcome.report)
    (mhz,) = report.fmax_mhz.values()
    return Cost(block, used, mhz, report.critical_path)


def count(cells: dict[str, int], family: Family) -> dict[str, int]:
    """Return how many cells of each resource there are.

    Raises
    ------
    MetabitError
        If there are cells of a kind that nobody counts.
    """
    used = dict.fromkeys(RESOURCES[family], 0)
    for kind, number in cells.items():
        if kind != _NOTE:
            used[_resource(kind, family)] += number
    return used


def _resource(kind: str, family: Family) -> str:
    for name, pattern in RESOURCES[family].items():
        if fnmatchcase(kind, pattern):
            return name
    raise MetabitError(f"synthesis makes cells {kind}, of which the bench knows nothing")


def _signal(cell: str, path: str) -> str:
    """Return the name of the signal that a cell was made for, as seen from the block.

    Synthesis appends what it has made: ``count_SB_DFFSR_Q_4_D_SB_LUT4_O``.
    """
    name = re.split(r"_(?:SB|TRELLIS|LUT4|CCU2C|DFFLC)_?", cell)[0]
    return name.removeprefix(f"{path}.")
