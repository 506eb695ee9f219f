"""IDX files, the format of MNIST and its successors."""

import gzip
import math
import re
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .unpacking import allowed, unpacked

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


_NAME = re.compile(
    r"(?P<prefix>.*?)(?P<set>train(ing)?|t10k|test(ing)?|val(idation)?)[-_.]?"
    r"(?P<what>images?|labels?)([-_.]idx\d)?([-_.]ubyte)?(\.gz|\.bz2|\.xz)?"
)
_TEST = re.compile("test|t10k")
_DEPTH = 2


def find_parts(folder: Path) -> list[Path]:
    """Return the IDX files of a folder: training images and labels, and perhaps a test set.

    Known are the names of MNIST, with any prefix as EMNIST has, ``test`` for ``t10k``, and files
    in folders of their own.

    Parameters
    ----------
    folder : Path
        The folder.

    Raises
    ------
    DataError
        If files are missing, there is more than one data set, or a test set is not understood.
    """
    usual = [find_idx(folder, part) for part in PARTS]
    found = {part: path for part, path in zip(PARTS, usual, strict=True) if path is not None}
    others: dict[str, list[Path]] = {part: [] for part in PARTS}
    unknown: list[Path] = []
    for path in _files(folder, _DEPTH):
        match = _NAME.fullmatch(path.name.lower())
        if match is not None and not match["set"].startswith("val"):
            place = 0 if match["set"].startswith("train") else 2
            others[PARTS[place + match["what"].startswith("label")]].append(path)
        elif match is None and _TEST.search(path.name.lower()):
            unknown.append(path)
    for part, paths in others.items():
        if part not in found and paths:
            found[part] = _only(folder, paths)
    missing = [part for part in PARTS if part not in found]
    if missing and missing != list(PARTS[2:]):
        raise DataError(f"{folder} lacks the IDX files {', '.join(f'{m}-ubyte' for m in missing)}")
    if missing and unknown:
        raise DataError(
            f"{folder}: {unknown[0].name} seems to be of a test set and would be ignored; "
            f"name the files {' and '.join(f'{m}-ubyte' for m in missing)}, or remove it"
        )
    return [found[part] for part in PARTS if part in found]


def holds_idx(folder: Path) -> bool:
    """Whether a folder, or a folder in it, holds files with names of IDX files."""
    return any(_NAME.fullmatch(path.name.lower()) for path in _files(folder, _DEPTH))


def find_images(folder: Path) -> Path:
    """Return the only IDX file of images in a folder, whatever its part.

    Raises
    ------
    DataError
        If there is none, or there are several.
    """
    found: dict[Path, Path] = {}
    for path in _files(folder, _DEPTH):
        match = _NAME.fullmatch(path.name.lower())
        if match is not None and match["what"].startswith("image"):
            found.setdefault(_unpacked_name(path), path)
    if not found:
        raise DataError(
            f"{folder} holds no IDX file of images, such as t10k-images-idx3-ubyte; "
            "name the file itself if it is called otherwise"
        )
    if len(found) > 1:
        raise DataError(
            f"{folder} holds several files of images; choose one: "
            + " or ".join(f"--dataset {path}" for path in found.values())
        )
    return next(iter(found.values()))


def _unpacked_name(path: Path) -> Path:
    """Return what a file would be called if it were not packed."""
    return path.with_name(re.sub(r"\.(gz|bz2|xz)$", "", path.name))


def _files(folder: Path, depth: int) -> Iterable[Path]:
    """Yield the files of a folder and of those in it."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and depth > 1:
            yield from _files(path, depth - 1)
        elif path.is_file():
            yield path


def _only(folder: Path, paths: list[Path]) -> Path:
    """Return the file of a part, which may be there packed and unpacked."""
    stems = {_unpacked_name(path) for path in paths}
    if len(stems) > 1:
        raise DataError(
            f"{folder} holds more than one data set: "
            f"{', '.join(str(path.relative_to(folder)) for path in paths[:4])}; "
            "put the files of one into a folder of their own"
        )
    return paths[0]


def decompressed(path: Path) -> bytes:
    """Return what a file holds, unpacked if it is compressed.

    Raises
    ------
    DataError
        If the compressed file is damaged.
    """
    return unpacked(path)


def unpacked_idx(path: Path) -> bytes:
    """Return what an IDX file holds; of a compressed one no more than its header promises.

    Raises
    ------
    DataError
        If the file is damaged, or promises more than is reasonable.
    """
    with path.open("rb") as file:
        if not file.read(2).startswith(_GZIP):
            return unpacked(path)
    limit = allowed(path.stat().st_size)
    try:
        with gzip.open(path) as contents:
            start = contents.read(16)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"{path} is damaged: {error}; fetch it again") from error
    if len(start) >= 4 and start[:2] == b"\0\0" and start[2] in _TYPES and start[3] <= 3:
        shape = np.frombuffer(start[4 : 4 + 4 * start[3]], ">u4").tolist()
        promised = math.prod(shape) * np.dtype(_TYPES[start[2]]).itemsize
        if promised > limit:
            raise DataError(
                f"{path} promises {' x '.join(map(str, shape))} values, {promised >> 20} MiB, "
                f"more than {limit >> 20} MiB; unpack it yourself if that is meant"
            )
        # One byte more shows that there is more.
        limit = min(limit, promised + 17)
    return unpacked(path, limit)


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
