"""`metabit program`: put a bitstream on a board."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from metabit.boards.registry import BOARDS, find_board

EPILOG = """
**Examples**

metabit program icebreaker                   what metabit build icebreaker made

metabit program ulx3s-85f --flash            keep it over a power cycle

metabit program icebreaker --usb 1:12        one of several boards, as lsusb lists them

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
    file = bitstream or default_bitstream(chosen, Path("build"))
    console = Console()
    console.print(f"Programming {chosen.title} with {file}", highlight=False, soft_wrap=True)
    program_board(chosen, file, flash=flash, cable=Cable(usb, serial_number))
    where = "flash" if flash or chosen.always_flash else "memory, until power is off"
    console.print(f"done: the bitstream is in the board's {where}", highlight=False)
