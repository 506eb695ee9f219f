"""The page of `metabit bench boards`, as Markdown."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from metabit.boards.registry import Board
from metabit.golden.config import Config
from metabit.hdl.shape import SHAPES, Shape
from metabit.planning.explore import explore, fills
from metabit.planning.line import SpeedOf
from metabit.planning.plan import Plan, make_plan

from .hardware_runs import Built

_CELLS = {"ice40": "logic cells", "ecp5": "look-up tables"}

_EXAMPLES = 3
"""Networks of a board that are named."""

_PAGE = """\
# The boards in figures

`metabit bench boards --build build --out docs/board-table.md` has written this page, from the
results that `metabit build BOARD` has left for each board. {tried}

- *Reaches* is what nextpnr says of the placed and routed device. Each board names the seed that it
  is built with; of several builds, the median counts. *No build given*: the row says what the
  registry asks for.
- *Networks* fill the device: a hidden layer with as many neurons as fit beside the inputs. The
  widest, the one in the middle and the one of most neurons are named; `metabit plan --explore
  --board BOARD` lists all.
- *Samples/s* are predicted, of the network in the middle: what the core learns in epoch 10, at the
  board's clock, and what its serial line carries. The line limits a training on a board.
"""


@dataclass(frozen=True)
class Described:
    """A board, and what there is to say about it.

    Attributes
    ----------
    board : Board
    built : Built or None
        None: no build was given.
    networks : tuple of Config
        That fill it, most inputs first.
    plan : Plan
        Of the one in the middle.
    line : float
        Samples of it that the serial line carries in a second.
    """

    board: Board
    built: Built | None
    networks: tuple[Config, ...]
    plan: Plan
    line: float

    @property
    def shape(self) -> Shape:
        """The board's device."""
        return self.plan.shape

    @property
    def core(self) -> float:
        """Samples that the core learns in a second, in the last epoch that is planned."""
        last = [speed for speed in self.plan.speeds if speed.known is not None][-1]
        return last.samples_per_second(self.plan.clock_mhz)


def describe(board: Board, built: Built | None) -> Described:
    """Plan what fits a board."""
    shape = SHAPES[board.shape]
    fitting = {
        (c.config.inputs, c.config.hidden[0]): c.config
        for c in explore(shape)
        if fills(c.config, shape)
    }
    ordered = [fitting[key] for key in sorted(fitting, reverse=True)]
    middle = len(ordered) // 2
    chosen = dict.fromkeys((0, middle, len(ordered) - 1))
    assert len(chosen) <= _EXAMPLES
    example = ordered[middle]
    return Described(
        board,
        built,
        tuple(ordered[place] for place in chosen),
        make_plan(example, shape, board),
        SpeedOf(example, shape, board.baud).line,
    )


def page(found: Sequence[Described]) -> str:
    """Return the whole page."""
    tried = [each.board.title for each in found if each.board.tried]
    said = f"Tried on physical boards: {', '.join(tried)}; none of the others."
    if not tried:
        said = "None of these bitstreams has run on a physical board."
    return f"{_PAGE.format(tried=said)}\n{tables(found)}"


def tables(found: Sequence[Described]) -> str:
    """Return what was built, and what fits."""
    return f"{_table(_BUILDS, map(_build_row, found))}\n\n{_table(_FITS, map(_fit_row, found))}\n"


_BUILDS = (
    *("board", "FPGA", "device", "clock, MHz", "reaches, MHz", "cells", "block RAM"),
    *("serial port", "tried on a board"),
)
_FITS = (
    *("board", "lanes", "columns", "counter bits", "sign words", "neurons", "inputs", "layers"),
    *("networks, inputs-neurons", "core, samples/s", "line, samples/s"),
)
_TEXT = {"board", "FPGA", "device", "serial port", "tried on a board", "networks, inputs-neurons"}


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    ruler = ("---" if column in _TEXT else "---:" for column in columns)
    return "\n".join(f"| {' | '.join(line)} |" for line in (columns, tuple(ruler), *rows))


def _build_row(found: Described) -> Sequence[str]:
    board, built = found.board, found.built
    return (
        f"`{board.name}`, {board.title}",
        board.device,
        f"`{board.shape}`",
        f"{round(built.target_mhz if built else board.clock_mhz, 1):g}",
        f"{built.median_mhz:.1f}" if built else "no build given",
        _used(built, _CELLS[board.family]),
        _used(built, "block RAMs"),
        board.line,
        "yes" if board.tried else "no",
    )


def _used(built: Built | None, resource: str) -> str:
    if built is None or resource not in built.resources:
        return ""
    return f"{built.used(resource):,} of {built.resources[resource][1]:,}"


def _fit_row(found: Described) -> Sequence[str]:
    shape = found.shape
    return (
        f"`{found.board.name}`",
        *(str(n) for n in (shape.lanes, shape.samples, shape.counter_bits)),
        *(f"{n:,}" for n in (shape.depth, shape.neurons, shape.inputs, shape.layers)),
        ", ".join(map(_network, found.networks)),
        f"{found.core:,.0f}",
        f"{found.line:,.0f}",
    )


def _network(config: Config) -> str:
    return f"{config.inputs}-{config.hidden[0]}"


def row(found: Described) -> dict[str, Any]:
    """Return a board as ``--json`` reports it."""
    return {
        "board": found.board.name,
        "fpga": found.board.device,
        "device": found.shape.name,
        "serial_port": found.board.line,
        "tried": found.board.tried,
        "build": None if found.built is None else asdict(found.built),
        "networks": [_network(config) for config in found.networks],
        "core_samples_per_second": found.core,
        "line_samples_per_second": found.line,
    }
