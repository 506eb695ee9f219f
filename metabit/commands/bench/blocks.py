"""`metabit bench blocks`: cells and clock of every block of the devices."""

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from metabit.boards.registry import Board, boards_of_devices
from metabit.errors import MetabitError
from metabit.golden.configurations.named import NAMES

from .. import options
from ..options import check_folder, write_json

if TYPE_CHECKING:
    from .blocks_list import Block
    from .blocks_runs import Cost
    from .blocks_tables import Measured

_DEVICES = {name: board for name, board in boards_of_devices().items() if name in NAMES}
"""Devices that a named configuration is made for, and the board of each."""

EPILOG = """
**Examples**

metabit bench blocks --out docs/machine/costs.md         the page that is kept, with all blocks

metabit bench blocks --device up5k --block search        one block

metabit bench blocks --block totals --json totals.json   on every device, with the slowest path

Blocks that have not changed since they were measured are not measured again.
"""


def blocks(
    device: Annotated[
        str | None,
        typer.Option(
            "--device",
            metavar="NAME",
            help=f"Only blocks of this device, of {', '.join(_DEVICES)}.",
            show_default=False,
        ),
    ] = None,
    block: Annotated[
        list[str] | None,
        typer.Option(
            "--block", metavar="NAME", help="Only this block; may be repeated.", show_default=False
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", metavar="N", help="Blocks at a time; -1: one for each core.")
    ] = 1,
    cache: Annotated[
        Path,
        typer.Option(
            "--cache",
            metavar="FOLDER",
            help="What was measured, which is not measured again, and the tools' logs; may be new.",
        ),
    ] = Path("build/bench/blocks"),
    json: options.JsonOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Write the whole page, as Markdown.", show_default=False
        ),
    ] = None,
) -> None:
    """Synthesise, place and route every block by itself, and print what it costs as Markdown."""
    from .blocks_list import choose_blocks, list_blocks
    from .blocks_runs import versions
    from .blocks_tables import Measured, page, tables

    check_folder("--json", json)
    check_folder("--out", out)
    if out is not None and (device or block):
        raise MetabitError("--out writes the whole page: leave out --device and --block")
    boards = _DEVICES if device is None else {device: _find(device)}
    lists = choose_blocks(block or [], {name: list_blocks(each) for name, each in boards.items()})
    tools = {name: versions(each.family) for name, each in boards.items()}
    work = [(boards[name], each, tools[name]) for name, wanted in lists.items() for each in wanted]
    costs = _measure(work, jobs, cache)
    found = [
        Measured(board, [cost for other, cost in costs if other is board])
        for board in boards.values()
    ]
    found = [each for each in found if each.costs]
    tool_names = (tool for each in found for tool in tools[each.board.shape])
    used = dict.fromkeys((f"amaranth {version('amaranth')}", *tool_names))
    if out is not None:
        out.write_text(page(found, used), encoding="utf-8")
    if json is not None:
        write_json(json, {"tools": list(used), "devices": {d.board.shape: _rows(d) for d in found}})
    typer.echo(tables(found), nl=False)


def _find(device: str) -> Board:
    """Return the board of a device."""
    if device not in _DEVICES:
        raise MetabitError(f"--device must be one of {', '.join(_DEVICES)}, not {device!r}")
    return _DEVICES[device]


def _measure(
    work: list[tuple[Board, "Block", tuple[str, ...]]], jobs: int, cache: Path
) -> list[tuple[Board, "Cost"]]:
    """Measure blocks side by side, and say on the way what comes out."""
    from joblib import Memory, Parallel, delayed

    from .blocks_runs import judge, prepare, run

    remembered = Memory(cache, verbose=0).cache(run, ignore=["folder"])

    def one(board: Board, block: "Block", tools: tuple[str, ...]) -> "Cost":
        outcome = remembered(prepare(block, board, tools), cache / board.shape / block.name)
        return judge(block, board.family, outcome)

    results = Parallel(n_jobs=jobs, return_as="generator")(delayed(one)(*each) for each in work)
    columns = BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}")
    console = Console(stderr=True, soft_wrap=True)
    costs = []
    with Progress(*columns, console=console, transient=True) as progress:
        shown = progress.add_task("", total=len(work))
        for (board, block, _), cost in zip(work, results, strict=True):
            costs.append((board, cost))
            progress.update(shown, advance=1, description=f"{board.shape} {block.name}")
            console.print(_line(board, cost), highlight=False, markup=False)
    return costs


def _line(board: Board, cost: "Cost") -> str:
    """Return what there is to say about a block while others are measured."""
    speed = "not placed" if cost.mhz is None else f"{cost.mhz:.1f} MHz, {cost.ends}"
    return f"{board.shape} {cost.block.name}: {speed}"


def _rows(measured: "Measured") -> list[dict[str, Any]]:
    """Return the blocks of a device as --json reports them."""
    return [
        {
            "room": cost.block.room,
            "block": cost.block.name,
            "what": cost.block.what,
            "cells": cost.used,
            "mhz": cost.mhz,
            "slowest_path": list(cost.path),
        }
        for cost in measured.costs
    ]
