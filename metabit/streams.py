"""Standard output and error that never end the work whose results they show."""

import codecs
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .errors import MetabitError

_PLAIN = {"±": "+-", "×": "x", "→": "->", "…": "...", "–": "-", "—": "-", "≥": ">=", "≤": "<="}
"""What stands for characters that a terminal does not have; others become question marks."""

_HANDLER = "metabit.plain"


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Return what is written instead of characters that an encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in lacking), error.end


codecs.register_error(_HANDLER, _plain)


class PatientStream:
    """A stream that goes on, without effect, when what it writes to is gone or full.

    Parameters
    ----------
    stream : text stream

    Attributes
    ----------
    failure : OSError or None
        What has happened.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.failure: OSError | None = None
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_HANDLER)

    def write(self, text: str) -> int:
        """Write, or do nothing."""
        if self.failure is None:
            try:
                self._stream.write(text)
            except OSError as error:
                self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Flush, or do nothing."""
        if self.failure is None:
            try:
                self._stream.flush()
            except OSError as error:
                self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """Let what is still in buffers go nowhere: Python writes it at its end, and would fail."""
        self.failure = error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, self._stream.fileno())
        finally:
            os.close(nowhere)

    def check(self) -> None:
        """Say what was lost; a reader that has seen enough, such as `head`, has lost nothing.

        Raises
        ------
        MetabitError
            If something was.
        """
        self.flush()
        if self.failure is not None and not isinstance(self.failure, BrokenPipeError):
            raise MetabitError(f"standard output cannot be written: {self.failure.strerror}")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def patient_streams() -> Iterator[PatientStream | None]:
    """Make standard output and error patient, and yield the former; None: it is closed."""
    before = sys.stdout, sys.stderr
    out, error = (None if stream is None else PatientStream(stream) for stream in before)
    sys.stdout, sys.stderr = out, error  # type: ignore[assignment]
    try:
        yield out
    finally:
        for stream in (out, error):
            if stream is not None:
                stream.flush()
        sys.stdout, sys.stderr = before
