"""`metabit build`: the bitstream of a device for a board."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from metabit.boards.registry import BOARDS, find_board
from metabit.golden.configurations.named import NAMES, load_config
from metabit.installation import install_command

from . import options
from .devices import BoardDeviceOption
from .options import BAUD

if TYPE_CHECKING:
    from metabit.boards.results import BuildResult

EPILOG = """
**Examples**

metabit build icebreaker                        the board's own device

metabit build icebreaker --freq 24 --seed 7     a slower clock, another placement

metabit build icebreaker --baud 3000000         a faster serial line

metabit build ulx3s-85f --device small          a small device

metabit build ulx3s-85f --config mine.json      only if that network fits

metabit build ulx3s-85f --out out --json out.json

Networks are no part of a bitstream: metabit run loads any that fits.
"""

_MOST_SEEN = 12
"""Rows of the table of blocks."""


def build(
    board: Annotated[str, typer.Argument(metavar="BOARD", help=f"One of {', '.join(BOARDS)}.")],
    device: BoardDeviceOption = None,
    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            metavar="NAME|PATH",
            help=f"Look first whether this network fits: {', '.join(NAMES)}, or a JSON file.",
            show_default=False,
        ),
    ] = None,
    freq: Annotated[
        float | None,
        typer.Option(
            "--freq",
            metavar="MHZ",
            help="Clock of the device; timing must be met at it. [default: the board's]",
            show_default=False,
        ),
    ] = None,
    baud: Annotated[
        int | None,
        typer.Option(
            "--baud",
            metavar="N",
            help="Rate of the serial line, in bits/s; metabit run needs the same. "
            "[default: the board's]",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            metavar="N",
            min=1,
            help="Seed of place and route. [default: the board's]",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FOLDER",
            help="Where all files go. [default: build/BOARD-DEVICE]",
            show_default=False,
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Build anew even if nothing has changed.")
    ] = False,
    json: options.JsonOption = None,
) -> None:
    """Build the bitstream of a device for a board.

    Prints what the design uses and how fast it is; fails if it does not fit or is too slow.
    """
    from metabit.boards.baud import with_baud
    from metabit.boards.build import BuildOptions
    from metabit.boards.build import build as run_build
    from metabit.hdl.placement import Placement
    from metabit.hdl.shape import find_shape

    options.check_folder("--json", json)
    chosen = find_board(board)
    shape = find_shape(device or chosen.shape)
    if baud is not None:
        chosen = with_baud(chosen, baud, freq or chosen.clock_of(shape.name))
    folder = out or Path("build") / f"{chosen.name}-{shape.name}"
    console = Console()
    if config is not None:
        network = load_config(config)
        Placement(network, shape)
        console.print(f"network {network.name} fits device {shape.name}", highlight=False)
    with console.status("elaborating the design") as status:

        def show(step: str, number: int, count: int, log: Path) -> None:
            console.print(
                f"Running step: {step} [{number}/{count}], log {log}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
            status.update(step)

        result = run_build(
            chosen, shape, folder, BuildOptions(clock_mhz=freq, seed=seed, force=force), show
        )
    if json is not None:
        options.write_json(json, asdict(result))
    _print(console, result)


def _print(console: Console, result: "BuildResult") -> None:
    """Print tables of resources, clocks and blocks, and where the files are."""
    if not result.seconds:
        console.print("Nothing has changed since the last build; --force builds anew.")
    table = Table("RESOURCE", box=box.SQUARE)
    for heading in ("USED", "TOTAL", "USED %"):
        table.add_column(heading, justify="right")
    for name, use in result.resources.items():
        table.add_row(name, f"{use.used:,}", f"{use.total:,}", f"{use.percent:.1f}")
    console.print(table)

    table = Table("CLOCK", box=box.SQUARE)
    for heading in ("FMAX MHz", "TARGET MHz"):
        table.add_column(heading, justify="right")
    for clock, fmax in result.fmax_mhz.items():
        table.add_row(clock, f"{fmax:.2f}", f"{result.target_mhz[clock]:.2f}")
    console.print(table)

    names = [
        name for name in result.resources if any(name in use for use in result.blocks.values())
    ]
    names = [name for name in names if name not in ("pins", "global buffers")]
    table = Table("BLOCK", box=box.SQUARE)
    for name in names:
        table.add_column(name.upper(), justify="right")
    for block, cells in list(result.blocks.items())[:_MOST_SEEN]:
        table.add_row(block, *(f"{cells[name]:,}" if name in cells else "" for name in names))
    console.print(table)

    if result.seconds:
        steps = ", ".join(f"{step} {time:.0f} s" for step, time in result.seconds.items())
        console.print(f"time      {steps}", highlight=False)
    if result.picture:
        console.print(f"picture   {result.picture}", highlight=False, soft_wrap=True)
    else:
        console.print(
            f"no picture: it needs matplotlib; run: {install_command('plot')}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    console.print(
        f"bitstream [bold]{result.bitstream}[/] ({result.bytes:,} bytes)",
        highlight=False,
        soft_wrap=True,
    )
    if result.baud != BAUD:
        console.print(f"metabit run needs --baud {result.baud}", highlight=False)
