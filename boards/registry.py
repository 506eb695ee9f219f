"""The boards that Metabit builds bitstreams for."""

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..errors import MetabitError

if TYPE_CHECKING:
    from amaranth.build import Platform

    from ..hdl.shape import Shape

Family = Literal["ice40", "ecp5"]


@dataclass(frozen=True)
class Board:
    """A development board, and the device that is built for it.

    Parameters
    ----------
    name : str
        What the command line calls it.
    title : str
        What its vendor calls it.
    family : {"ice40", "ecp5"}
        Chooses the tools and the form of the phase-locked loop.
    device : str
        The FPGA, with its package.
    platform : str
        Class in :mod:`amaranth_boards`, as ``"module:class"``.
    shape : str
        Name of the device that is built unless another is asked for; see
        :data:`metabit.hdl.shape.SHAPES`.
    oscillator_mhz : float
        Clock that the board supplies.
    clock_mhz : float
        Clock of the device unless another is asked for. Made by a phase-locked loop if it
        is not that of the oscillator.
    seed : int
        Of place and route, unless another is asked for: one with which the device meets its clock.
    baud : int
        Bits per second of the serial link unless another rate is asked for.
    adapter_baud : int
        The same at the most, of the USB chip: an FT2232H makes 12 Mbit/s, others of FTDI 3.
    programmer : tuple of str
        Arguments that tell openFPGALoader where the board is.
    usb : tuple of int
        Vendor and product of its USB chip.
    tiles : tuple of int
        Columns and rows of the FPGA's grid.
    always_flash : bool
        The programmer of this board reaches the configuration flash only, not the FPGA.
    playing : str or None
        Name of the device that plays samples from the board's memory chip; None: there is none.
    """

    name: str
    title: str
    family: Family
    device: str
    platform: str
    shape: str
    oscillator_mhz: float
    clock_mhz: float
    seed: int
    baud: int
    adapter_baud: int
    programmer: tuple[str, ...]
    usb: tuple[int, int]
    tiles: tuple[int, int]
    always_flash: bool
    playing: str | None = None

    @property
    def stored(self) -> str:
        """Kind of memory chip that samples can be played from, as ``Shape.stored`` names it."""
        from ..hdl.shape import SHAPES

        return "none" if self.playing is None else SHAPES[self.playing].stored

    @property
    def memories(self) -> tuple[str, ...]:
        """Kinds of memory that the FPGA has, as :class:`~metabit.hdl.shape.Shape` names them."""
        return {"ice40": ("block", "spram"), "ecp5": ("block",)}[self.family]

    @property
    def bitstream_suffix(self) -> str:
        """Suffix of the file that the programmer takes."""
        return {"ice40": ".bin", "ecp5": ".bit"}[self.family]

    def create_platform(self) -> "Platform":
        """Return a fresh Amaranth platform; one platform serves one build."""
        module, _, name = self.platform.partition(":")
        return getattr(importlib.import_module(module), name)()


BOARDS = {
    board.name: board
    for board in (
        Board(
            name="icebreaker",
            title="1BitSquared iCEBreaker",
            family="ice40",
            device="iCE40UP5K-SG48",
            platform="amaranth_boards.icebreaker:ICEBreakerPlatform",
            shape="up5k",
            oscillator_mhz=12.0,
            # What the slowest of five seeds reaches. Three of them meet 40.5, too.
            clock_mhz=36.0,
            seed=1,
            baud=1_000_000,
            adapter_baud=12_000_000,
            programmer=("-b", "ice40_generic"),
            usb=(0x0403, 0x6010),
            tiles=(26, 32),
            always_flash=True,
            playing="up5k-flash",
        ),
        Board(
            name="ulx3s-85f",
            title="Radiona ULX3S, 85F",
            family="ecp5",
            device="LFE5U-85F-6BG381",
            platform="amaranth_boards.ulx3s:ULX3S_85F_Platform",
            shape="ecp5",
            oscillator_mhz=25.0,
            # Reached with four of five seeds of place and route, the best of which comes to 95 MHz.
            clock_mhz=80.0,
            seed=1,
            baud=1_000_000,
            adapter_baud=3_000_000,
            programmer=("-b", "ulx3s"),
            usb=(0x0403, 0x6015),
            tiles=(127, 96),
            always_flash=False,
            playing="ecp5-sdram",
        ),
    )
}


def find_board(name: str) -> Board:
    """Return the board called ``name``.

    Raises
    ------
    MetabitError
        If there is none; the message lists all.
    """
    try:
        return BOARDS[name]
    except KeyError:
        raise MetabitError(f"board must be one of {', '.join(BOARDS)}, not {name!r}") from None


def check_memory(board: Board, shape: "Shape") -> None:
    """Tell early what can never fit.

    Raises
    ------
    MetabitError
        If the FPGA lacks the kind of memory that the device asks for.
    """
    if shape.memory not in board.memories:
        raise MetabitError(
            f"device {shape.name} keeps its counters in {shape.memory!r} memory, "
            f"which {board.name} ({board.device}) does not have; build one that keeps them in "
            + " or ".join(repr(memory) for memory in board.memories)
        )
    if shape.stored != board.stored and shape.stored != "none":
        raise MetabitError(
            f"device {shape.name} plays samples from {shape.stored} memory, which {board.name} "
            + ("does not have" if board.stored == "none" else f"has not; it has {board.stored}")
        )
