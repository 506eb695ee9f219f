"""Put a bitstream on a board with openFPGALoader."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ..errors import MetabitError
from ..tools.errors import ToolError, ToolNotFoundError
from ..tools.find import find_tool
from .registry import Board
from .results import load_result

_DEBIAN_PACKAGES = {
    "libusb-1.0.so.0": "libusb-1.0-0",
    "libftdi1.so.2": "libftdi1-2",
    "libhidapi-libusb.so.0": "libhidapi-libusb0",
    "libhidapi-hidraw.so.0": "libhidapi-hidraw0",
    "libudev.so.1": "libudev1",
}
"""Libraries of the system that the programmer in the wheel expects, and Debian's name for them."""

_MISSING_LIBRARY = re.compile(r"^\s*(\S+) => not found", re.MULTILINE)

_BUS_AND_DEVICE = re.compile(r"\d+:\d+")

PROGRAMMER = "openFPGALoader"


def udev_fix(board: Board) -> str:
    """Return what lets the user who sits at the machine use a board's USB chip."""
    vendor = f'ATTRS{{idVendor}}=="{board.usb[0]:04x}"'
    rule = f'SUBSYSTEM=="usb", {vendor}, MODE="0660", TAG+="uaccess"'
    return (
        f"echo '{rule}' | sudo tee -a /etc/udev/rules.d/53-metabit.rules; "
        "sudo udevadm control --reload-rules; then unplug the board and plug it in again"
    )


class ProgrammerError(ToolError):
    """A board could not be programmed."""


def missing_libraries(command: list[str]) -> list[str]:
    """Return the shared libraries that a program needs and the system does not have."""
    if shutil.which("ldd") is None:
        return []
    done = subprocess.run(["ldd", command[0]], capture_output=True, text=True, check=False)
    return _MISSING_LIBRARY.findall(done.stdout)


def library_fix(libraries: list[str]) -> str:
    """Return what installs the libraries on Debian and its relatives."""
    known = [_DEBIAN_PACKAGES[name] for name in libraries if name in _DEBIAN_PACKAGES]
    if known:
        return f"sudo apt-get install {' '.join(known)}"
    return f"install {', '.join(libraries)} with your system's package manager"


def programmer_version() -> str:
    """Return the version of openFPGALoader, having started it.

    Raises
    ------
    ToolNotFoundError
        If it is missing or does not start; the message says what to do.
    """
    command = find_tool(PROGRAMMER)
    try:
        done = subprocess.run(
            [*command, "--Version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolNotFoundError(f"openFPGALoader does not start: {error}") from error
    if done.returncode == 0 and done.stdout.strip():
        return done.stdout.strip().splitlines()[0].removeprefix("openFPGALoader ")
    libraries = missing_libraries(command)
    if libraries:
        raise ToolNotFoundError(
            f"openFPGALoader lacks {', '.join(libraries)}; run: {library_fix(libraries)}"
        )
    complaint = (done.stderr or done.stdout).strip() or f"exit status {done.returncode}"
    raise ToolNotFoundError(f"openFPGALoader does not start: {complaint.splitlines()[0]}")


def default_bitstream(board: Board, builds: Path) -> Path:
    """Return the bitstream of the newest build for a board.

    Raises
    ------
    MetabitError
        If there is none.
    """
    found = sorted(builds.glob(f"{board.name}-*/build.json"), key=lambda file: file.stat().st_mtime)
    if not found:
        raise MetabitError(
            f"no bitstream for {board.name} in {builds}/; run: metabit build {board.name}"
        )
    return Path(load_result(found[-1]).bitstream)


@dataclass(frozen=True)
class Cable:
    """Which of several boards is meant; without either, the only one.

    Parameters
    ----------
    usb : str, optional
        Bus and device as ``lsusb`` shows them, such as ``1:12``.
    serial_number : str, optional
        Of the board's USB chip.
    """

    usb: str | None = None
    serial_number: str | None = None

    def arguments(self) -> list[str]:
        """Return arguments of openFPGALoader.

        Raises
        ------
        MetabitError
            If they make no sense.
        """
        if self.usb is not None and self.serial_number is not None:
            raise MetabitError("--usb and --serial-number cannot both be given")
        if self.serial_number is not None:
            return ["--ftdi-serial", self.serial_number]
        if self.usb is None:
            return []
        if not _BUS_AND_DEVICE.fullmatch(self.usb):
            raise MetabitError(
                f"--usb must be bus and device as lsusb shows them, e.g. 1:12, not {self.usb!r}"
            )
        return ["--busdev-num", self.usb]


def _check_alone(board: Board) -> None:
    """Refuse to choose between several boards of a kind.

    Raises
    ------
    MetabitError
        If there are; the message names their serial numbers.
    """
    from serial.tools.list_ports import comports

    found = sorted(
        {
            port.serial_number
            for port in comports()
            if (port.vid, port.pid) == board.usb and port.serial_number
        }
    )
    if len(found) > 1:
        raise MetabitError(
            f"{len(found)} boards that may be a {board.title} are connected; choose one with "
            f"--serial-number {' or '.join(found)}"
        )


def program_board(
    board: Board, bitstream: Path, *, flash: bool = False, cable: Cable = Cable()
) -> None:
    """Put a bitstream on a board.

    Parameters
    ----------
    board : Board
    bitstream : pathlib.Path
    flash : bool
        Write the flash instead of the FPGA, where there is a choice.
    cable : Cable
        Which board is meant, if there are several.

    Raises
    ------
    MetabitError
        If the file is none for this board, or it is not clear which board is meant.
    ToolNotFoundError
        If openFPGALoader is missing or does not start.
    ProgrammerError
        If the board does not answer or must not be used.
    """
    if bitstream.suffix != board.bitstream_suffix:
        raise MetabitError(
            f"a bitstream for {board.name} ends in {board.bitstream_suffix}, not {bitstream.name}"
        )
    if not bitstream.is_file():
        raise MetabitError(f"{bitstream} does not exist; run: metabit build {board.name}")
    chosen = cable.arguments()
    programmer_version()
    if not chosen:
        _check_alone(board)
    arguments = [*chosen, *board.programmer, *(["-f"] if flash and not board.always_flash else [])]
    _run(board, arguments, bitstream)


def write_flash(board: Board, file: Path, offset: int, *, cable: Cable = Cable()) -> None:
    """Write a file to a board's flash, beside its bitstream.

    Parameters
    ----------
    board : Board
    file : pathlib.Path
        Bytes as they are.
    offset : int
        Where to, in bytes.
    cable : Cable
        Which board is meant, if there are several.

    Raises
    ------
    MetabitError
        If it is not clear which board is meant.
    ToolNotFoundError
        If openFPGALoader is missing or does not start.
    ProgrammerError
        If the board does not answer or must not be used.
    """
    chosen = cable.arguments()
    programmer_version()
    if not chosen:
        _check_alone(board)
    _run(
        board, [*chosen, *board.programmer, "-f", "-o", f"{offset:#x}", "--file-type", "raw"], file
    )


def _run(board: Board, arguments: list[str], file: Path) -> None:
    """Run openFPGALoader, and say plainly why it fails."""
    done = subprocess.run(
        [*find_tool(PROGRAMMER), *arguments, str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        # Decoded here: the text mode takes every state of a progress bar for a line.
        raise ProgrammerError(explain(board, done.stdout.decode(errors="replace")))


def explain(board: Board, output: str) -> str:
    """Return the plain reason for what openFPGALoader complained about, and all that it said."""
    # A progress bar is drawn over itself: its last state is what is left of it.
    lines = [line.rpartition("\r")[2].strip() for line in output.split("\n")]
    said = [line for line in lines if line]
    words = "\n".join(["openFPGALoader says:", *said]) if said else "openFPGALoader says nothing"
    lowered = output.lower()
    if "device not found" in lowered or "unable to open ftdi device: -3" in lowered:
        return (
            f"no {board.title} found on USB; check the cable (some carry power only) "
            f"and that `lsusb` lists the board\n{words}"
        )
    if ("-4" in lowered and "unable to open ftdi device" in lowered) or "permission" in lowered:
        return f"no permission to use the board on USB; run: {udev_fix(board)}\n{words}"
    last = said[-1] if said else "no message"
    complaint = next((line for line in said if "error" in line.lower()), last)
    return f"openFPGALoader failed: {complaint}\n{words}"
