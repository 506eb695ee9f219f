"""The boards that Metabit builds bitstreams for."""

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import MetabitError
from .dies import ECP5_25, ECP5_45, ECP5_85, HX8K, UP5K, Die, Family

if TYPE_CHECKING:
    from amaranth.build import Platform

    from ..hdl.shape import Shape

ON_BOARD = "USB chip"
"""The serial line of most boards; others need an adapter on pins."""

_PLATFORMS = "metabit.boards.platforms"
"""Platforms of our own."""

_FTDI = 3_000_000
"""Rate of an FT231X, and of the usual adapters."""

_FT2232H = 12_000_000


@dataclass(frozen=True)
class Variant:
    """A device of a board beside its usual one.

    Parameters
    ----------
    device : str
        Its name; see :data:`metabit.hdl.shape.SHAPES`.
    clock_mhz : float
        Its clock unless another is asked for.
    seed : int
        Of place and route, unless another is asked for: one with which the device meets its clock.
    """

    device: str
    clock_mhz: float
    seed: int = 1


@dataclass(frozen=True)
class Board:
    """A development board, and the device that is built for it.

    Parameters
    ----------
    name : str
        What the command line calls it.
    title : str
        What its vendor calls it.
    die : Die
        What the FPGA has.
    device : str
        The FPGA, with its package.
    platform : str
        Class in :mod:`amaranth_boards`, or of ours, as ``"module:class"``.
    shape : str
        Name of the device that is built unless another is asked for; see
        :data:`metabit.hdl.shape.SHAPES`.
    oscillator_mhz : float
        Clock that the board supplies.
    clock_mhz : float
        Clock of the device unless another is asked for. Made by a phase-locked loop if it
        is not that of the oscillator.
    adapter_baud : int
        Bits per second at the most of its USB chip: an FT2232H makes 12 Mbit/s, others of FTDI 3.
    programmer : tuple of str
        Arguments that tell openFPGALoader where the board is.
    usb : tuple of int
        Vendor and product of its USB chip.
    seed : int
        Of place and route, unless another is asked for: one with which the device meets its clock.
    baud : int
        Bits per second of the serial link unless another rate is asked for.
    line : str
        What the serial port is: the USB chip, or an adapter of the user's, and on which pins.
    pll_pin : bool
        The oscillator is at a pin that leads to a phase-locked loop; only an iCE40 has such.
    always_flash : bool
        The programmer of this board reaches the configuration flash only, not the FPGA.
    playing : Variant or None
        The device that plays samples from the board's memory chip; None: there is none.
    encoding : Variant or None
        The device with an encoder; None: there is none.
    tried : bool
        Its bitstream has run on the board itself.
    """

    name: str
    title: str
    die: Die
    device: str
    platform: str
    shape: str
    oscillator_mhz: float
    clock_mhz: float
    adapter_baud: int
    programmer: tuple[str, ...]
    usb: tuple[int, int]
    seed: int = 1
    baud: int = 1_000_000
    line: str = ON_BOARD
    pll_pin: bool = True
    always_flash: bool = False
    playing: Variant | None = None
    encoding: Variant | None = None
    tried: bool = False

    @property
    def family(self) -> Family:
        """Chooses the tools and the form of the phase-locked loop."""
        return self.die.family

    @property
    def tiles(self) -> tuple[int, int]:
        """Columns and rows of the FPGA's grid."""
        return self.die.tiles

    def variant(self, device: str) -> Variant | None:
        """Return what is special about a device, by its name; None: nothing."""
        others = (other for other in (self.playing, self.encoding) if other is not None)
        return next((other for other in others if other.device == device), None)

    def clock_of(self, device: str) -> float:
        """Return the clock of a device, by its name, unless another is asked for."""
        variant = self.variant(device)
        return variant.clock_mhz if variant else self.clock_mhz

    def seed_of(self, device: str) -> int:
        """Return the seed of place and route of a device, unless another is asked for."""
        variant = self.variant(device)
        return variant.seed if variant else self.seed

    @property
    def stored(self) -> str:
        """Kind of memory chip that samples can be played from, as ``Shape.stored`` names it."""
        from ..hdl.shape import SHAPES

        return "none" if self.playing is None else SHAPES[self.playing.device].stored

    @property
    def memories(self) -> tuple[str, ...]:
        """Kinds of memory that the FPGA has, as :class:`~metabit.hdl.shape.Shape` names them."""
        return self.die.memories

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
            die=UP5K,
            device="iCE40UP5K-SG48",
            platform="amaranth_boards.icebreaker:ICEBreakerPlatform",
            shape="up5k",
            oscillator_mhz=12.0,
            # What the slowest of five seeds reaches. Three of them meet 40.5, too.
            clock_mhz=36.0,
            adapter_baud=_FT2232H,
            programmer=("-b", "ice40_generic"),
            usb=(0x0403, 0x6010),
            always_flash=True,
            playing=Variant("up5k-flash", clock_mhz=32.625, seed=2),
            encoding=Variant("up5k-live", clock_mhz=33.0),
        ),
        Board(
            name="ulx3s-85f",
            title="Radiona ULX3S, 85F",
            die=ECP5_85,
            device="LFE5U-85F-6BG381",
            platform="amaranth_boards.ulx3s:ULX3S_85F_Platform",
            shape="ecp5",
            oscillator_mhz=25.0,
            # Reached with four of five seeds of place and route, the best of which comes to 95 MHz.
            clock_mhz=80.0,
            adapter_baud=_FTDI,
            programmer=("-b", "ulx3s"),
            usb=(0x0403, 0x6015),
            playing=Variant("ecp5-sdram", clock_mhz=75.0),
            encoding=Variant("ecp5-live", clock_mhz=75.0),
        ),
        Board(
            name="icebreaker-bitsy",
            title="1BitSquared iCEBreaker Bitsy",
            die=UP5K,
            device="iCE40UP5K-SG48",
            platform=f"{_PLATFORMS}:BitsyPlatform",
            shape="up5k",
            oscillator_mhz=12.0,
            # Seed 1 reaches 38.9.
            clock_mhz=36.0,
            adapter_baud=_FTDI,
            programmer=("-b", "icebreaker-bitsy"),
            usb=(0x1D50, 0x6146),
            line="adapter: its TX to P4, its RX to P2",
            always_flash=True,
        ),
        Board(
            name="hx8k-evn",
            title="Lattice iCE40-HX8K breakout board",
            die=HX8K,
            device="iCE40HX8K-CT256",
            platform="amaranth_boards.ice40_hx8k_b_evn:ICE40HX8KBEVNPlatform",
            shape="hx8k",
            oscillator_mhz=12.0,
            # Seed 1 reaches 92.2.
            clock_mhz=75.0,
            adapter_baud=_FT2232H,
            programmer=("-b", "ice40_generic"),
            usb=(0x0403, 0x6010),
            pll_pin=False,
            always_flash=True,
        ),
        Board(
            name="alhambra-ii",
            title="Alhambra II",
            die=HX8K,
            device="iCE40HX4K-TQ144",
            platform=f"{_PLATFORMS}:AlhambraIIPlatform",
            shape="hx8k",
            oscillator_mhz=12.0,
            # Seed 1 reaches 89.5.
            clock_mhz=75.0,
            adapter_baud=_FT2232H,
            programmer=("-b", "ice40_generic"),
            usb=(0x0403, 0x6010),
            always_flash=True,
        ),
        Board(
            name="ulx3s-12f",
            title="Radiona ULX3S, 12F",
            die=ECP5_25,
            device="LFE5U-12F-6BG381",
            platform="amaranth_boards.ulx3s:ULX3S_12F_Platform",
            shape="ecp5-25",
            oscillator_mhz=25.0,
            # Seed 1, built for 50, reaches 82.6.
            clock_mhz=50.0,
            adapter_baud=_FTDI,
            programmer=("-b", "ulx3s"),
            usb=(0x0403, 0x6015),
        ),
        Board(
            name="icepi-zero",
            title="Icepi Zero",
            die=ECP5_25,
            device="LFE5U-25F-6BG256",
            platform="amaranth_boards.icepi_zero:IcepiZero1_3Platform",
            shape="ecp5-25",
            oscillator_mhz=50.0,
            # Seed 1 reaches 72.0.
            clock_mhz=50.0,
            adapter_baud=_FTDI,
            programmer=("-b", "icepi-zero"),
            usb=(0x0403, 0x6015),
        ),
        Board(
            name="orangecrab-25f",
            title="OrangeCrab r0.2, 25F",
            die=ECP5_25,
            device="LFE5U-25F-8MG285",
            platform=f"{_PLATFORMS}:OrangeCrabPlatform",
            shape="ecp5-25",
            oscillator_mhz=48.0,
            clock_mhz=48.0,
            adapter_baud=_FTDI,
            programmer=("-b", "orangeCrab"),
            usb=(0x1209, 0x5AF0),
            line="adapter: its TX to 0, its RX to 1",
            always_flash=True,
        ),
        Board(
            name="ulx3s-45f",
            title="Radiona ULX3S, 45F",
            die=ECP5_45,
            device="LFE5U-45F-6BG381",
            platform="amaranth_boards.ulx3s:ULX3S_45F_Platform",
            shape="ecp5-45",
            oscillator_mhz=25.0,
            # Seed 1, built for 50, reaches 92.7.
            clock_mhz=50.0,
            adapter_baud=_FTDI,
            programmer=("-b", "ulx3s"),
            usb=(0x0403, 0x6015),
        ),
        Board(
            name="ecpix5-45f",
            title="LambdaConcept ECPIX-5, 45F",
            die=ECP5_45,
            device="LFE5UM5G-45F-8BG554",
            platform=f"{_PLATFORMS}:EcpixPlatform",
            shape="ecp5-45",
            oscillator_mhz=100.0,
            clock_mhz=50.0,
            adapter_baud=_FT2232H,
            programmer=("-b", "ecpix5"),
            usb=(0x0403, 0x6010),
        ),
    )
}


def boards_of_devices() -> dict[str, Board]:
    """Return the devices that are built for a board, and the first of the boards of each."""
    first: dict[str, Board] = {}
    for board in BOARDS.values():
        first.setdefault(board.shape, board)
    return first


def board_of(device: str) -> Board | None:
    """Return the first board whose usual device this is, or another of its devices."""
    others = (board for board in BOARDS.values() if board.variant(device))
    return boards_of_devices().get(device) or next(others, None)


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
