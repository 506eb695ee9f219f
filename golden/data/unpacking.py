"""Unpacking files that may be anything, without more memory than they deserve."""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any

from ..errors import DataError

MAX_UNPACKED = 1 << 30
"""Bytes that a compressed file may unpack to at least, and"""

MAX_RATIO = 50
"""times its size that it may unpack to in any case: images mostly of background reach 20."""

_OPEN: dict[bytes, Callable[[IO[bytes]], AbstractContextManager[Any]]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
    b"PK\3\4": lambda file: _only_member(file),
}
"""How compressed files begin, and what reads them."""

SUFFIXES = (".gz", ".bz2", ".xz", ".zip")

_DAMAGED = (
    *(EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, zipfile.BadZipFile),
    *(NotImplementedError, RuntimeError, ValueError, OSError),
)


def allowed(size: int) -> int:
    """Return how much a file of this size may unpack to."""
    return max(MAX_UNPACKED, MAX_RATIO * size)


def unpacked(path: Path, limit: int | None = None) -> bytes:
    """Return what a file holds, unpacked if it is compressed, whatever its name.

    Parameters
    ----------
    path : Path
        File to read.
    limit : int, optional
        Bytes after which nothing more is read; None: more than :func:`allowed` says is an error.

    Raises
    ------
    DataError
        If it is missing or damaged, or unpacks to more.
    """
    try:
        with path.open("rb") as file:
            start = file.read(6)
            file.seek(0)
            reader = next((r for magic, r in _OPEN.items() if start.startswith(magic)), None)
            if reader is None:
                return file.read()
            most = allowed(path.stat().st_size) if limit is None else limit
            try:
                with reader(file) as contents:
                    raw = _read(contents, most)
            except _DAMAGED as error:
                raise DataError(f"{path} is damaged: {error}; fetch it again") from error
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if limit is None and len(raw) > most:
        raise DataError(
            f"{path} unpacks to more than {most >> 20} MiB from {path.stat().st_size >> 10} KiB; "
            "unpack it yourself if that is meant"
        )
    return raw


def _read(contents: IO[bytes], limit: int) -> bytes:
    """Read one byte more than the limit at most; the buffer grows with what has come."""
    parts = io.BytesIO()
    while parts.tell() <= limit:
        part = contents.read(min(1 << 20, limit + 1 - parts.tell()))
        if not part:
            break
        parts.write(part)
    return parts.getvalue()


def _only_member(file: IO[bytes]) -> IO[bytes]:
    """Open the only file of an archive."""
    archive = zipfile.ZipFile(file)
    names = [
        name
        for name in archive.namelist()
        if not name.endswith("/") and not name.startswith("__MACOSX/")
    ]
    if len(names) != 1:
        raise ValueError(f"it holds {len(names)} files, {', '.join(names[:4])}; one is needed")
    return archive.open(names[0])
