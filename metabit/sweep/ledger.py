"""The ledger: one JSON line for every run that has ended, written as soon as it has."""

import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from ..errors import MetabitError


class Ledger:
    """File of results that is only ever added to, and survives being killed at any time.

    Open it in a ``with`` statement; nobody else can meanwhile. What a file holds can be looked at
    without, by :meth:`read`.

    Parameters
    ----------
    path : Path
        The file; created if it does not exist.

    Attributes
    ----------
    lines : dict of str to dict
        The last line of each key.
    torn : bool
        Whether the file ended in the middle of a line, which was removed.

    Raises
    ------
    MetabitError
        If the file cannot be written, holds something else, or is in use.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[str, dict[str, Any]] = {}
        self.torn = False
        self._file: IO[bytes] | None = None

    @classmethod
    def read(cls, path: Path) -> dict[str, dict[str, Any]]:
        """Return the lines of a ledger, which is left as it is; none, if there is no such file."""
        ledger = cls(path)
        try:
            with path.open("rb") as file:
                ledger._read(file, mend=False)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise MetabitError(f"cannot read {path}: {error.strerror}") from error
        return ledger.lines

    def __enter__(self) -> Self:
        try:
            self._file = self.path.open("a+b")
        except OSError as error:
            raise MetabitError(f"cannot write {self.path}: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._read(self._file)
        except BlockingIOError:
            self._file.close()
            raise MetabitError(
                f"{self.path} is in use by another command; choose another file"
            ) from None
        except MetabitError:
            self._file.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def _read(self, file: IO[bytes], *, mend: bool = True) -> None:
        file.seek(0)
        content = file.read()
        whole = content.rfind(b"\n") + 1
        for number, text in enumerate(content[:whole].splitlines(), 1):
            try:
                line = json.loads(text)
                key = line["key"]
                if not isinstance(key, str):
                    raise TypeError("the key is no text")
                # Runs of published tables had ledgers of their own, of those that succeeded.
                status = line.setdefault("status", "done") if "row" in line else line["status"]
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise MetabitError(
                    f"{self.path}, line {number} is no result of a run; choose another file"
                ) from error
            if key not in self.lines or status == "done":
                self.lines[key] = line
        # A run whose line is torn has not been recorded, and is done again.
        if whole < len(content) and mend:
            self.torn = True
            file.truncate(whole)

    def done(self, key: str) -> bool:
        """Whether there is a result for a key; one that has failed is none."""
        return key in self.lines and self.lines[key]["status"] == "done"

    def add(self, line: dict[str, Any]) -> None:
        """Write a line, and make sure that it is on the disk.

        Parameters
        ----------
        line : dict
            From :func:`~metabit.sweep.work.work`.
        """
        if self._file is None:
            raise RuntimeError("the ledger must be opened in a with statement")
        self._file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.lines[line["key"]] = line
