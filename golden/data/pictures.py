"""Folders of pictures, a sub-folder a class: PNG, JPEG and what else Pillow opens."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .unpacking import MAX_UNPACKED

if TYPE_CHECKING:
    from PIL.Image import Image

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".pgm", ".ppm", ".tif", ".tiff", ".webp")
"""Names of files that are taken for pictures."""

_TRAIN = ("train", "training")
_TEST = ("test", "testing", "t10k")
_OTHER = ("val", "valid", "validation", "dev")

_GREY = {"1": "L", "L": "L", "LA": "L", "I;16": "I;16", "I;16B": "I;16", "I;16L": "I;16"}
"""Modes of Pillow that are grey, and the mode that they are read in; all others are colours."""

_DTYPE: dict[str, np.dtype[Any]] = {
    "L": np.dtype(np.uint8),
    "I;16": np.dtype(np.uint16),
    "RGB": np.dtype(np.uint8),
}


@dataclass(frozen=True)
class Folder:
    """Files of a folder, before they are opened.

    Attributes
    ----------
    train, test : tuple of (Path, str)
        Pictures and the names of their classes.
    unused : tuple of str
        What else there is.
    """

    train: tuple[tuple[Path, str], ...]
    test: tuple[tuple[Path, str], ...]
    unused: tuple[str, ...]


@dataclass(frozen=True)
class Pictures:
    """Pictures of one size and kind.

    Attributes
    ----------
    images : ndarray of uint8 or uint16, shape (n, height, width) or (n, height, width, 3)
        Grey or red, green, blue.
    notes : tuple of str
        What was done to them, in words.
    """

    images: npt.NDArray
    notes: tuple[str, ...]


def has_pictures(folder: Path) -> bool:
    """Whether a folder, or a folder in it down to two levels, holds files that may be pictures."""
    return next(_below(folder, 3), None) is not None


def find_pictures(folder: Path) -> Folder:
    """Return the pictures of a folder by class, in the order of their names.

    ``folder/CLASS/FILE.png``, or ``folder/train/CLASS/FILE.png`` and perhaps
    ``folder/test/CLASS/FILE.png``.

    Parameters
    ----------
    folder : Path
        The folder.

    Raises
    ------
    DataError
        If there are no classes, or a class of the test set is not in the training set.
    """
    parts = {part.name.lower(): part for part in _folders(folder)}
    train = next((parts[name] for name in _TRAIN if name in parts), None)
    test = next((parts[name] for name in _TEST if name in parts), None)
    if train is None and test is not None:
        raise DataError(f"{folder} holds {test.name}/, but no train/ beside it")
    unused = [] if train is None else [n for n, part in parts.items() if part not in (train, test)]
    for name in unused:
        if name not in _OTHER:
            raise DataError(
                f"{folder} holds train/ and {parts[name].name}/; put classes into train/ and "
                "test/, or remove it"
            )
    found = Folder(
        tuple(_classes(train or folder)),
        () if test is None else tuple(_classes(test)),
        tuple(f"{parts[name].name}/" for name in unused),
    )
    names = {name for _, name in found.train}
    if len(names) < 2:
        raise DataError(
            f"{train or folder} must hold a folder of pictures for each class, two at least, not "
            f"{', '.join(sorted(names)) or 'pictures alone'}"
        )
    strange = sorted({name for _, name in found.test} - names)
    if strange:
        raise DataError(f"{test}: class {strange[0]} is not in {train}")
    return found


def every_picture(folder: Path) -> list[Path]:
    """Return the pictures of a folder and of those in it, in the order of their names.

    Raises
    ------
    DataError
        If there are none.
    """
    found = list(_below(folder, 3))
    if not found:
        raise DataError(f"{folder} holds no pictures: files that end in {', '.join(ENDINGS)}")
    return found


def load_pictures(
    paths: Sequence[Path], shape: tuple[int, int] | None = None, like: tuple[int, ...] | None = None
) -> Pictures:
    """Open pictures and bring them to one size and kind.

    Grey ones stay grey if all are; transparency is left out; photographs are turned as their
    camera says. Different sizes are refused, unless ``shape`` scales them.

    Parameters
    ----------
    paths : sequence of Path
        Files.
    shape : tuple of int, optional
        Height and width to scale them to.
    like : tuple of int, optional
        Shape of a picture of the training data; tells whether colours are needed.

    Raises
    ------
    DataError
        If a file is damaged or no picture, sizes differ, or all together are too large.
    """
    sizes: dict[tuple[int, int], Path] = {}
    modes = Counter[str]()
    for path in paths:
        mode, size = _look(path)
        modes[mode] += 1
        sizes.setdefault(size, path)
    if len(sizes) > 1 and shape is None:
        (one, first), (other, second) = list(sizes.items())[:2]
        raise DataError(
            f"pictures must be of one size, but {first} is {_size(one)} and {second} is "
            f"{_size(other)}; --image-shape {one[0]}x{one[1]} scales all of them"
        )
    kinds = {_kind(mode) for mode in modes}
    mode = kinds.pop() if len(kinds) == 1 else "RGB"
    if like is not None:
        mode = "RGB" if len(like) == 3 else "L" if mode == "RGB" else mode
    height, width = shape or next(iter(sizes))
    colours = (3,) if mode == "RGB" else ()
    full = (len(paths), height, width, *colours)
    if np.prod(full, dtype=float) * _DTYPE[mode].itemsize > MAX_UNPACKED:
        raise DataError(
            f"{len(paths)} pictures of {_size((height, width))} are more than "
            f"{MAX_UNPACKED >> 20} MiB; scale them, e.g. --image-shape 32x32"
        )
    images = np.empty(full, _DTYPE[mode])
    for image, path in zip(images, paths, strict=True):
        image[...] = _read(path, mode, (height, width))
    return Pictures(images, tuple(_notes(modes, mode, sizes, (height, width))))


def _notes(
    modes: Counter[str],
    mode: str,
    sizes: dict[tuple[int, int], Path],
    shape: tuple[int, int],
) -> Iterator[str]:
    """Yield what is done to the pictures, in words."""
    changed = sum(count for found, count in modes.items() if _kind(found) != mode)
    if changed:
        what = "in colour" if mode == "RGB" else "in 256 greys"
        yield f"{changed} that are not are taken {what}"
    clear = sum(modes[clear] for clear in ("LA", "PA", "RGBA"))
    if clear:
        yield f"the transparency of {clear} is left out"
    if set(sizes) != {shape}:
        yield f"scaled to {_size(shape)}"


def _kind(mode: str) -> str:
    """Return the mode that pictures of a mode are read in."""
    return _GREY.get(mode, "RGB")


def _classes(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the pictures of a folder for each class."""
    alone = _files(folder)
    for part in _folders(folder):
        pictures = _files(part)
        if not pictures:
            raise DataError(f"{part} holds no pictures: files that end in {', '.join(ENDINGS)}")
        for path in pictures:
            yield path, part.name
    if alone:
        raise DataError(
            f"{alone[0]} is in no folder of a class; put pictures into {folder}/CLASS/, "
            "or remove it"
        )


def _folders(folder: Path) -> list[Path]:
    """Return the folders in a folder, but for hidden ones."""
    inside = (path for path in folder.iterdir() if path.is_dir() and path.name[0] not in "._")
    return sorted(inside, key=_natural)


def _files(folder: Path) -> list[Path]:
    """Return the pictures of a folder."""
    inside = (path for path in folder.iterdir() if path.is_file() and path.name[0] != ".")
    return sorted((path for path in inside if path.suffix.lower() in ENDINGS), key=_natural)


def _below(folder: Path, depth: int) -> Iterator[Path]:
    """Yield the pictures of a folder and of those in it."""
    yield from _files(folder)
    if depth > 1:
        for part in _folders(folder):
            yield from _below(part, depth - 1)


def _natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Return a key that puts 10 behind 9."""
    parts = re.findall(r"\d+|\D+", path.name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], path.name


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


@contextmanager
def _opened(path: Path) -> Iterator["Image"]:
    """Open a picture; what is wrong with it shows when its pixels are asked for, at the latest."""
    from PIL import Image  # slow to import, and few commands need it

    try:
        with Image.open(path) as image:
            yield image
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} is damaged, or no picture: {error}") from error


def _look(path: Path) -> tuple[str, tuple[int, int]]:
    """Return mode, height and width of a picture as it is to be looked at."""
    with _opened(path) as image:
        width, height = image.size
        turned = image.getexif().get(_ORIENTATION, 1) >= _SIDEWAYS
        return image.mode, (width, height) if turned else (height, width)


_ORIENTATION = 0x112
_SIDEWAYS = 5
"""Orientations of EXIF from which on rows are columns."""


def _read(path: Path, mode: str, shape: tuple[int, int]) -> npt.NDArray:
    """Return the pixels of a picture."""
    from PIL import Image, ImageOps

    with _opened(path) as image:
        turned = ImageOps.exif_transpose(image)
        if mode == "I;16":
            turned = turned if turned.mode in ("I", "I;16") else turned.convert("I;16")
        elif turned.mode.startswith("I"):
            # Sixteen bits beside colours: the upper eight.
            turned = Image.fromarray((np.asarray(turned) >> 8).astype(np.uint8)).convert(mode)
        else:
            turned = turned.convert(mode)
        if (turned.height, turned.width) != shape:
            turned = turned.resize(shape[::-1], Image.Resampling.BOX)
        return np.asarray(turned)
