"""IDX files, the format of MNIST and its successors."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import DataError

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP = b"\x1f\x8b"

PARTS = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
"""Stems of the four files of a data set: training images and labels, test images and labels."""


def find_idx(folder: Path, part: str) -> Path | None:
    """Return a folder's file of a part, under any of its usual names, or None."""
    for stem in (part, part.replace("-idx", ".idx")):
        for ending in ("-ubyte.gz", "-ubyte", ".gz", ""):
            path = folder / (stem + ending)
            if path.is_file():
                return path
    return None


def decompressed(path: Path) -> bytes:
    """Return what a file holds, unpacked if it is compressed.

    Raises
    ------
    DataError
        If the compressed file is damaged.
    """
    raw = path.read_bytes()
    if not raw.startswith(_GZIP):
        return raw
    try:
        return gzip.decompress(raw)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is damaged: {error}; fetch it again") from error


def parse_idx(raw: bytes, path: Path | str, dimensions: int) -> npt.NDArray:
    """Return the array that an IDX file holds.

    Parameters
    ----------
    raw : bytes
        Contents, unpacked.
    path : Path or str
        Where they came from, for messages.
    dimensions : int
        What the array must have: 3 for images, 1 for labels.

    Raises
    ------
    DataError
        If this is no IDX file, it is cut short, or it has other dimensions.
    """
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in _TYPES:
        raise DataError(f"{path} is no IDX file: it starts with {raw[:4].hex(' ') or 'nothing'}")
    if raw[3] != dimensions:
        raise DataError(f"{path} must have {dimensions} dimensions, not {raw[3]}")
    start = 4 + 4 * dimensions
    if len(raw) < start:
        raise DataError(f"{path} is damaged: its header is cut short; fetch it again")
    shape = tuple(int(size) for size in np.frombuffer(raw, ">u4", dimensions, 4))
    dtype = np.dtype(_TYPES[raw[2]])
    expected = math.prod(shape) * dtype.itemsize
    if len(raw) - start != expected:
        raise DataError(
            f"{path} is damaged: its header promises {expected} bytes of data, "
            f"it holds {len(raw) - start}; fetch it again"
        )
    values = np.frombuffer(raw, dtype, offset=start).reshape(shape)
    return values.astype(dtype.newbyteorder("="))
