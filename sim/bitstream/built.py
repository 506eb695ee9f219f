"""A bitstream of `metabit build`, and the board that it is for."""

from dataclasses import dataclass
from pathlib import Path

from ...boards.build import RESULT_NAME
from ...boards.registry import Board, find_board
from ...boards.results import load_result
from ...errors import MetabitError
from ...hdl.shape import Shape, find_shape

_SERIAL = "uart"


@dataclass(frozen=True)
class Built:
    """A bitstream, and what was said when it was built.

    Attributes
    ----------
    file : Path
        For the programmer.
    board : Board
    shape : Shape
        Device.
    clock_mhz : float
        Of the device.
    baud : int
        Of the serial link.
    """

    file: Path
    board: Board
    shape: Shape
    clock_mhz: float
    baud: int

    @property
    def package(self) -> str:
        """Package of the FPGA, as Project IceStorm names it."""
        device, _, package = self.board.device.partition("-")
        # Half of an 8K's logic is said to be missing from a 4K, but is there.
        return package.lower() + (":4k" if device.endswith("4K") else "")

    @property
    def pins(self) -> dict[str, str]:
        """Pins of the clock, ``"clk"``, and of the serial line, ``"rx"`` and ``"tx"``."""
        platform = self.board.create_platform()
        serial, clock = (platform.lookup(name, 0) for name in (_SERIAL, platform.default_clk))
        found = {"clk": (clock, clock.ios[0])}
        found |= {part.name: (serial, part.ios[0]) for part in serial.ios if part.name in "rx tx"}
        connectors = platform._conn_pins
        return {name: pins.map_names(connectors, of)[0] for name, (of, pins) in found.items()}


def find_built(path: Path) -> Built:
    """Return the bitstream in a folder of `metabit build`, or that in a file of such a folder.

    Raises
    ------
    MetabitError
        If it is none.
    """
    folder = path if path.is_dir() else path.parent
    result_file = folder / RESULT_NAME
    if not result_file.exists():
        raise MetabitError(
            f"{result_file} is missing, which says what board {path} is for; give a folder of "
            "`metabit build BOARD --out FOLDER`, or the bitstream in it"
        )
    result = load_result(result_file)
    board = find_board(result.board)
    if board.family != "ice40":
        raise MetabitError(
            f"the bitstream of {board.name} cannot be decoded: its FPGA, {board.device}, is no "
            "iCE40; simulate its gates with --netlist"
        )
    shape = find_shape(result.shape)
    if shape.digest.hex() != result.shape_digest:
        raise MetabitError(
            f"{result_file} is of another version: device {shape.name} is built differently now; "
            f"run: metabit build {board.name} --device {shape.name}"
        )
    file = path if path.is_file() else folder / Path(result.bitstream).name
    clocks = list(result.target_mhz.values())
    if len(clocks) != 1:
        raise MetabitError(f"{result_file} must have one clock in target_mhz, not {len(clocks)}")
    return Built(file, board, shape, clocks[0], result.baud)
