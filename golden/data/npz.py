"""Reading .npy and .npz files that may be anything, without more memory than they deserve."""

import io
import math
import sys
import zipfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from ...errors import MetabitError
from .unpacking import allowed

_MAX_HEADER = 10_000
"""Bytes of an array's header at most, as in NumPy."""

_LENGTHS = {1: 2, 2: 4, 3: 4}
"""Bytes of the length of a header, by version of the format."""


def read_npz(
    path: Path,
    kind: type[MetabitError],
    what: str,
    choose: Callable[[list[str]], Collection[str]] | None = None,
) -> tuple[dict[str, npt.NDArray], list[str]]:
    """Return arrays of a file, and the names of all that it holds; never unpickles.

    Parameters
    ----------
    path : Path
        File to read.
    kind : type of MetabitError
        What to raise.
    what : str
        What the file should be, for the message.
    choose : callable, optional
        Returns which of the names are wanted; None: all.

    Raises
    ------
    kind
        If the file is missing, damaged, or no .npz file.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            members = _members(archive)
            names = list(members)
            wanted = names if choose is None else list(choose(names))
            limit = allowed(path.stat().st_size)
            declared = sum(members[name].file_size for name in wanted)
            if declared > limit:
                raise ValueError(f"it unpacks to {declared >> 20} MiB, more than {limit >> 20} MiB")
            return {name: _member(archive, name, members[name]) for name in wanted}, names
    except FileNotFoundError as error:
        raise kind(f"{path} does not exist") from error
    except MetabitError:
        raise
    except Exception as error:
        # Whatever NumPy, the archive and the parser of headers make of hostile bytes: TokenError,
        # RecursionError, zlib.error, struct.error, ... are not worth a list that lacks one.
        raise kind(f"{path} is damaged or no {what}: {_short(error)}") from error


def read_npy(path: Path, kind: type[MetabitError]) -> npt.NDArray:
    """Return the array of an .npy file; never unpickles.

    Raises
    ------
    kind
        If the file is missing, damaged, or no .npy file.
    """
    try:
        with path.open("rb") as file:
            if file.read(2) == b"PK":
                raise kind(f"{path} is no .npy file but an .npz file; name it so")
            file.seek(0)
            return _array(file, path.stat().st_size)
    except FileNotFoundError as error:
        raise kind(f"{path} does not exist") from error
    except MetabitError:
        raise
    except Exception as error:
        # See read_npz.
        raise kind(f"{path} is damaged or no .npy file: {_short(error)}") from error


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return what an archive holds, by the names of the arrays."""
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if name in members:
            raise ValueError(f"it holds {name!r} twice")
        members[name] = info
    return members


def _member(archive: zipfile.ZipFile, name: str, info: zipfile.ZipInfo) -> npt.NDArray:
    """Return an array of an archive."""
    try:
        with archive.open(info) as stream:
            array = _array(stream, info.file_size)
            # Only at its end does an archive compare checksums.
            while stream.read(1 << 16):
                pass
            return array
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _array(stream: IO[bytes], size: int) -> npt.NDArray:
    """Return the array in a stream of so many bytes; what it declares is checked before it is read.

    Raises
    ------
    ValueError
        If it is none, or its header promises more than there is.
    """
    start = stream.read(8)
    length = _LENGTHS.get(start[6], 0) if len(start) == 8 else 0
    if start[:6] != b"\x93NUMPY" or not length:
        raise ValueError(f"no array: it starts with {start[:6].hex(' ') or 'nothing'}")
    count = stream.read(length)
    bytes_of_header = int.from_bytes(count, "little")
    if bytes_of_header > _MAX_HEADER:
        raise ValueError(f"its header has {bytes_of_header} bytes, more than {_MAX_HEADER}")
    header = start + count + stream.read(bytes_of_header)
    read_header = (
        np.lib.format.read_array_header_1_0 if length == 2 else np.lib.format.read_array_header_2_0
    )
    text = io.BytesIO(header)
    text.seek(8)
    shape, fortran, dtype = read_header(text)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, a pickle, which is never read")
    if any(extent < 0 for extent in shape):
        raise ValueError(f"its shape is {shape}")
    needed = math.prod(shape) * dtype.itemsize
    if needed > size - len(header):
        raise ValueError(f"its header promises {needed} bytes, it holds {size - len(header)}")
    raw = stream.read(needed)
    if len(raw) != needed:
        raise ValueError(f"its header promises {needed} bytes, it holds {len(raw)}")
    if not math.prod(shape) or not dtype.itemsize:
        return np.empty(shape, dtype)
    array = np.frombuffer(raw, dtype)
    if dtype.kind == "U":
        _check_characters(array)
    if fortran:
        return array.reshape(shape[::-1]).T.copy()
    return array.reshape(shape).copy()


def _check_characters(array: npt.NDArray[np.str_]) -> None:
    """Check texts: NumPy makes strings of numbers that are no characters, and others crash there.

    Raises
    ------
    ValueError
        If there is such a number.
    """
    codes = array.view(np.dtype(np.uint32).newbyteorder(array.dtype.byteorder))
    if codes.max() > sys.maxunicode:
        raise ValueError(f"it holds text with the character {int(codes.max()):#x}, which is none")


def _short(error: Exception) -> str:
    """Name an error in a few words; those of parsers repeat what they could not parse."""
    text = str(error).splitlines()[0] if str(error) else ""
    return text if text and len(text) < 300 else f"{type(error).__name__} {text[:100]}".strip()
