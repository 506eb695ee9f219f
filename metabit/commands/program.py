"""`metabit program`: put a bitstream on a board."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from metabit.boards.registry import BOARDS, Board, find_board
from metabit.errors import MetabitError

from . import options
from .options import Choice, choose

if TYPE_CHECKING:
    from metabit.boards.programmer import Cable

EPILOG = """
**Examples**

metabit program icebreaker                   what metabit build icebreaker made

metabit program ulx3s-85f --flash            keep it over a power cycle

metabit program icebreaker --usb 1:12        one of several boards, as lsusb lists them

metabit program icebreaker --samples up5k-flash          data for a device that plays them

metabit program icebreaker --bitstream build/demo/icebreaker/metabit-icebreaker-up5k.bin
"""


def program(
    board: Annotated[str, typer.Argument(metavar="BOARD", help=f"One of {', '.join(BOARDS)}.")],
    bitstream: Annotated[
        Path | None,
        typer.Option(
            "--bitstream",
            metavar="FILE",
            help="Bitstream. [default: the last one built in build/BOARD-DEVICE]",
            show_default=False,
        ),
    ] = None,
    flash: Annotated[
        bool,
        typer.Option(
            "--flash", help="Write the board's flash, so that it stays over a power cycle."
        ),
    ] = False,
    samples: Annotated[
        str | None,
        typer.Option(
            "--samples",
            metavar="CONFIG",
            help="Write the samples of this configuration to the board's flash instead, beside the "
            "bitstream; as of metabit run, with its data set.",
            show_default=False,
        ),
    ] = None,
    dataset: options.DatasetOption = None,
    split: options.SplitOption = None,
    seed: options.SeedOption = None,
    data_dir: options.DataDirOption = None,
    usb: Annotated[
        str | None,
        typer.Option(
            "--usb",
            metavar="BUS:DEVICE",
            help="Which of several boards: where lsusb shows it, e.g. 1:12.",
            show_default=False,
        ),
    ] = None,
    serial_number: Annotated[
        str | None,
        typer.Option(
            "--serial-number",
            metavar="TEXT",
            help="Which of several boards: serial number of its USB chip.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Put a bitstream on a board with openFPGALoader."""
    from metabit.boards.programmer import Cable, default_bitstream, program_board

    chosen = find_board(board)
    console = Console()
    if samples is not None:
        _write_samples(
            console,
            chosen,
            choose(samples, dataset=dataset, data_dir=data_dir, seed=seed),
            split,
            Cable(usb, serial_number),
        )
        return
    file = bitstream or default_bitstream(chosen, Path("build"))
    console.print(f"Programming {chosen.title} with {file}", highlight=False, soft_wrap=True)
    program_board(chosen, file, flash=flash, cable=Cable(usb, serial_number))
    where = "flash" if flash or chosen.always_flash else "memory, until power is off"
    console.print(f"done: the bitstream is in the board's {where}", highlight=False)


def _write_samples(
    console: Console, board: Board, choice: Choice, split: str | None, cable: "Cable"
) -> None:
    """Write the samples of a configuration to a board's flash.

    Raises
    ------
    MetabitError
        If the board has no device that plays samples from there, or the network does not fit it.
    """
    from metabit.boards.played import StoredSets
    from metabit.boards.programmer import write_flash
    from metabit.golden.data.training_data import prepare
    from metabit.hdl.link.protocol import WORD_BYTES
    from metabit.hdl.placement import Placement
    from metabit.hdl.shape import SHAPES
    from metabit.host.keeping import first_slot

    if board.playing is None or board.stored != "flash":
        raise MetabitError(
            f"--samples is for boards whose device plays samples from the flash; {board.name} has "
            + (f"{board.stored}, which metabit run writes" if board.playing else "no such device")
        )
    placement = Placement(choice.config, SHAPES[board.playing.device])
    data = prepare(choice.config, dataset=choice.dataset, split_name=split)
    sets = StoredSets.of(placement, data)
    offset = sets.base * WORD_BYTES
    flash = first_slot(placement.shape)
    if offset + len(sets.image) > flash:
        raise MetabitError(
            f"{len(sets.train) + len(sets.test):,} samples are {len(sets.image) / 1e6:.1f} MB, and "
            f"the flash has {(flash - offset) / 1e6:.1f} MB between bitstream and "
            "what is kept there"
        )
    console.print(
        f"Writing {len(sets.train):,} + {len(sets.test):,} samples, {len(sets.image) / 1e6:.1f} "
        f"MB, to the flash of {board.title}, from byte {offset:#x} on",
        highlight=False,
        soft_wrap=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "samples.bin"
        file.write_bytes(sets.image)
        write_flash(board, file, offset, cable=cable)
    console.print("done: metabit run finds them there", highlight=False)
