"""Put a bitstream on a board with openFPGALoader."""

import re
import shutil
import subprocess
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

UDEV_RULES = """\
SUBSYSTEM=="usb", ATTRS{idVendor}=="0403", MODE="0660", TAG+="uaccess"
"""
"""Lets the user who sits at the machine use the FTDI chips of the boards."""

UDEV_FIX = (
    f"echo '{UDEV_RULES.strip()}' | sudo tee /etc/udev/rules.d/53-metabit.rules; "
    "sudo udevadm control --reload-rules; then unplug the board and plug it in again"
)


PROGRAMMER = "openFPGALoader"


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


def program_board(board: Board, bitstream: Path, *, flash: bool = False) -> None:
    """Put a bitstream on a board.

    Parameters
    ----------
    board : Board
    bitstream : pathlib.Path
    flash : bool
        Write the flash instead of the FPGA, where there is a choice.

    Raises
    ------
    MetabitError
        If the file is none for this board.
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
    programmer_version()
    arguments = [*board.programmer, *(["-f"] if flash and not board.always_flash else [])]
    done = subprocess.run(
        [*find_tool(PROGRAMMER), *arguments, str(bitstream)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise ProgrammerError(explain(board, done.stdout))


def explain(board: Board, output: str) -> str:
    """Return the plain reason for what openFPGALoader complained about."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    last = lines[-1] if lines else "no message"
    complaint = next((line for line in lines if "error" in line.lower()), last)
    lowered = output.lower()
    if "device not found" in lowered or "unable to open ftdi device: -3" in lowered:
        return (
            f"no {board.title} found on USB; check the cable (some carry power only) "
            f"and that `lsusb` lists the board"
        )
    if ("-4" in lowered and "unable to open ftdi device" in lowered) or "permission" in lowered:
        return f"no permission to use the board on USB; run: {UDEV_FIX}"
    return f"openFPGALoader failed: {complaint}"
