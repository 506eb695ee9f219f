"""`--json FILE`: results for programs, written whatever becomes of what people read."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from metabit.errors import MetabitError

STANDARD_OUTPUT = Path("-")
"""What stands for standard output in place of a file."""

_standard_output: ContextVar[TextIO | None] = ContextVar("standard_output", default=None)
_unwritten: ContextVar[list[MetabitError] | None] = ContextVar("unwritten", default=None)


def _claim_standard_output(context: typer.Context, path: Path | None) -> Path | None:
    """Keep standard output for the results alone, and send all else to standard error."""
    if path == STANDARD_OUTPUT and not context.resilient_parsing:
        _standard_output.set(sys.stdout)
        context.with_resource(redirect_stdout(sys.stderr))
    return path


JsonOption = Annotated[
    Path | None,
    typer.Option(
        "--json",
        metavar="FILE",
        help="Write the results to a JSON file; -: to standard output, and nothing else there.",
        show_default=False,
        callback=_claim_standard_output,
    ),
]


@contextmanager
def unwritten_files(report: Callable[[Exception], None]) -> Iterator[list[MetabitError]]:
    """Let a command go on when results cannot be written, and say so at its end.

    What it has computed it can still print then.

    Parameters
    ----------
    report : callable
        Says what was not written.

    Yields
    ------
    list of MetabitError
        What was not written; full at the end.
    """
    failures: list[MetabitError] = []
    token = _unwritten.set(failures)
    try:
        yield failures
    finally:
        _unwritten.reset(token)
        for failure in failures:
            report(failure)


def write_json(path: Path, results: dict[str, Any]) -> None:
    """Write results as JSON.

    Parameters
    ----------
    path : Path
        File, or :data:`STANDARD_OUTPUT`.
    results : dict
        What to write.

    Raises
    ------
    MetabitError
        If the file cannot be written; within :func:`unwritten_files` at the end of the command.
    """
    text = json.dumps(results, indent=2) + "\n"
    if path == STANDARD_OUTPUT:
        stream = _standard_output.get() or sys.stdout
        stream.write(text)
        stream.flush()
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        failure = MetabitError(f"cannot write {path}: {error.strerror}")
        failures = _unwritten.get()
        if failures is None:
            raise failure from error
        failures.append(failure)
