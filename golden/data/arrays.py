"""The user's own data: NumPy files, IDX files or pictures, checked before anything uses them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .idx import find_parts, holds_idx, parse_idx, unpacked_idx
from .labels import MAX_CLASSES, classes_of
from .layouts import Layout, find_layout
from .npz import read_npy, read_npz
from .options import DataOptions
from .pictures import find_pictures, has_pictures, load_pictures

__all__ = ["MAX_CLASSES", "Arrays", "check_samples", "is_file_name", "load_arrays"]


@dataclass(frozen=True)
class Arrays:
    """Samples and classes of the user's own, checked.

    Attributes
    ----------
    images, labels : ndarray
        To train on.
    test_images, test_labels : ndarray or None
        The test set, if there is one.
    class_names : tuple of str
        What the classes are called, if they have names.
    summary : tuple of tuple of str and str
        What was found, a heading and a text each.
    """

    images: npt.NDArray
    labels: npt.NDArray[np.int64]
    test_images: npt.NDArray | None
    test_labels: npt.NDArray[np.int64] | None
    class_names: tuple[str, ...] = ()
    summary: tuple[tuple[str, str], ...] = ()


def is_file_name(name: str) -> bool:
    """Whether a data set's name means NumPy files."""
    return name.endswith((".npz", ".npy"))


def load_arrays(name: str, options: DataOptions | None = None) -> Arrays:
    """Load and check the user's own data.

    Parameters
    ----------
    name : str
        ``"file.npz"``, ``"x.npy,y.npy"``, or a folder of IDX files or pictures.
    options : DataOptions, optional
        What the user says; the shape of images is all that matters here.

    Raises
    ------
    DataError
        If a file is missing or damaged, or its contents cannot be trained on.
    """
    shape = options.image_shape if options is not None else None
    folder = Path(name)
    unused: tuple[str, ...] = ()
    titles: tuple[str, ...] = ("x", "y", "x_test", "y_test")
    if name.endswith(".npz"):
        arrays, layout = _load_npz(Path(name))
        titles, unused = (*layout.train, *(layout.test or ())), layout.unused
    elif name.endswith(".npy"):
        paths = name.split(",")
        if len(paths) != 2:
            raise DataError(
                f"two .npy files are needed, samples and labels: X.npy,Y.npy, not {name!r}"
            )
        arrays = [read_npy(Path(path), DataError) for path in paths]
    elif has_pictures(folder) and not holds_idx(folder):
        return _load_pictures(folder, shape)
    else:
        arrays = _load_folder(folder)
    titles = tuple(f"{name}: {title}" for title in titles)
    images = [
        image_shaped(check_images(array, title), shape, title)
        for array, title in zip(arrays[::2], titles[::2], strict=False)
    ]
    for samples, array, x, y in zip(images, arrays[1::2], titles[::2], titles[1::2], strict=False):
        _check_length(samples, array, x, y)
    labels, names = classes_of(list(zip(titles[1::2], arrays[1::2], strict=False)))
    if len(images) == 2 and images[1].shape[1:] != images[0].shape[1:]:
        raise DataError(
            f"{name}: samples of {titles[2].split()[-1]} must have the shape of those of "
            f"{titles[0].split()[-1]}, {images[0].shape[1:]}, not {images[1].shape[1:]}"
        )
    return _arrays(images, labels, names, unused)


def _arrays(
    images: list[npt.NDArray],
    labels: list[npt.NDArray[np.int64]],
    names: tuple[str, ...],
    unused: tuple[str, ...],
    notes: tuple[tuple[str, str], ...] = (),
) -> Arrays:
    """Return what has been read, of the training set and perhaps a test set."""
    summary = _summary(images, labels, names, unused) + notes
    test_images, test_labels = (images[1], labels[1]) if len(images) > 1 else (None, None)
    return Arrays(images[0], labels[0], test_images, test_labels, names, summary)


def _summary(
    images: list[npt.NDArray],
    labels: list[npt.NDArray[np.int64]],
    names: tuple[str, ...],
    unused: tuple[str, ...],
) -> tuple[tuple[str, str], ...]:
    """Return what was found, a heading and a text each."""
    first = images[0]
    shape = " x ".join(map(str, first.shape[1:]))
    text = f"{len(first)} samples of {shape}, {first.dtype}, {first.min()} to {first.max()}"
    text += f"; a test set of {len(images[1])}" if len(images) > 1 else "; no test set"
    there = np.unique(labels[0])
    found = [("samples", text)]
    called = [names[label] if names else str(label) for label in there[:8]]
    more = f" and {len(there) - 8} more" if len(there) > 8 else ""
    found.append(("target", f"{len(there)} classes, {', '.join(called)}{more}"))
    if unused:
        found.append(("not used", ", ".join(unused)))
    return tuple(found)


def check_samples(
    images: npt.NDArray, labels: npt.NDArray, image_name: str = "x", label_name: str = "y"
) -> tuple[npt.NDArray, npt.NDArray[np.int64]]:
    """Check samples and labels, and return them with labels as int64.

    Raises
    ------
    DataError
        If there are no samples, lengths differ, a type is not numeric, a value is NaN or
        infinite, or a label is no class.
    """
    images = check_images(images, image_name)
    _check_length(images, labels, image_name, label_name)
    return images, classes_of([(label_name, labels)])[0][0]


def check_images(images: npt.NDArray, image_name: str) -> npt.NDArray:
    """Check samples, and return them, grey images without the axis of their only colour."""
    if images.ndim < 2:
        raise DataError(
            f"{image_name} must have shape (samples, ...), at least two dimensions, "
            f"not {images.shape}"
        )
    if images.dtype.kind not in "biuf":
        raise DataError(f"{image_name} must hold numbers, not {images.dtype}")
    if not images.size:
        raise DataError(f"{image_name} is empty: its shape is {images.shape}")
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(images))[0])
        raise DataError(
            f"{image_name} must be finite, but {image_name.split()[-1]}"
            f"[{', '.join(map(str, index))}] is {images[index]}"
        )
    return images[..., 0] if images.ndim == 4 and images.shape[-1] == 1 else images


def _check_length(
    images: npt.NDArray, labels: npt.NDArray, image_name: str, label_name: str
) -> None:
    """Check that there is a label for each sample."""
    count = labels.shape[0] if labels.ndim else 0
    if len(images) != count:
        raise DataError(
            f"{image_name} and {label_name} must be equally long, not {len(images)} and {count}"
        )


def image_shaped(images: npt.NDArray, shape: tuple[int, int] | None, title: str) -> npt.NDArray:
    """Return images in the shape that was asked for."""
    if shape is None:
        return images
    pixels = int(np.prod(images.shape[1:]))
    if pixels != shape[0] * shape[1]:
        raise DataError(
            f"{title}: samples of {pixels} numbers are no images of {shape[0]} x {shape[1]} "
            "(--image-shape)"
        )
    return images.reshape(len(images), *shape)


def _load_npz(path: Path) -> tuple[list[npt.NDArray], Layout]:
    """Return the arrays of an .npz file that are needed, and what they are called."""
    found: list[Layout] = []

    def choose(names: list[str]) -> tuple[str, ...]:
        layout = find_layout(path, names)
        found.append(layout)
        return (*layout.train, *(layout.test or ()))

    arrays, _ = read_npz(path, DataError, ".npz file", choose)
    return list(arrays.values()), found[0]


def _load_pictures(folder: Path, shape: tuple[int, int] | None) -> Arrays:
    """Return the pictures of a folder."""
    found = find_pictures(folder)
    # All at once, so that training and test set are of one kind.
    both = (*found.train, *found.test)
    opened = load_pictures([path for path, _ in both], shape)
    count, label_name = len(found.train), f"{folder}: folders"
    images = [opened.images[:count]]
    named = [np.array([name for _, name in part]) for part in (found.train, found.test)]
    if found.test:
        images.append(opened.images[count:])
    labels, names = classes_of([(label_name, array) for array in named[: len(images)]])
    notes = (("pictures", "; ".join(opened.notes)),) if opened.notes else ()
    return _arrays(images, labels, names, found.unused, notes)


def _load_folder(folder: Path) -> list[npt.NDArray]:
    """Return the arrays of a folder of IDX files; test files are optional."""
    paths = find_parts(folder)
    return [
        parse_idx(unpacked_idx(path), path, 1 if place % 2 else 3)
        for place, path in enumerate(paths)
    ]
