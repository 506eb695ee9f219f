"""Run a program, and say what it complained about."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .errors import ToolError, ToolFailedError
from .find import find_tool

_LAST_WORDS = 20
"""Lines that are quoted of a program that fails."""


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
    ToolNotFoundError
        If it is not installed.
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


def run(command: Sequence[str | Path], **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end, and return what it said.

    Parameters
    ----------
    command : sequence of str or Path
        Found already; see :func:`~metabit.tools.find.find_tool`.
    **options
        For :func:`subprocess.run`.

    Raises
    ------
    ToolError
        If it cannot be started or fails; the message ends in the program's last words.
    """
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            list(command), capture_output=True, text=True, errors="replace", **options
        )
    except OSError as error:
        raise ToolError(f"{name} cannot be started: {error}") from error
    if done.returncode:
        words = "\n".join((done.stderr or done.stdout).strip().splitlines()[-_LAST_WORDS:])
        raise ToolFailedError(f"{name} failed with status {done.returncode}:\n{words}")
    return done
