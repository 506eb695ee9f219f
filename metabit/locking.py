"""One writer at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import MetabitError


@contextmanager
def only_writer(file: Path, refusal: str) -> Iterator[None]:
    """Hold a lock for the time of a ``with`` statement; a process that is killed gives it back.

    Parameters
    ----------
    file : Path
        Stands for what is written; created, and left there, since others may wait on it.
    refusal : str
        What to say if another process holds the lock.

    Raises
    ------
    MetabitError
        If another process holds it, or the file cannot be written.
    """
    try:
        handle = file.open("ab")
    except OSError as error:
        raise MetabitError(f"cannot write {file}: {error.strerror}") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise MetabitError(refusal) from None
        except OSError:
            # A file system without locks; then the user has to see to it.
            pass
        yield
