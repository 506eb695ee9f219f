"""New samples for a trained network: read as its training data were, with nothing learnt."""

from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .arrays import check_images, image_shaped
from .datasets import DATASETS, load_dataset
from .idx import find_images, holds_idx, parse_idx, unpacked_idx
from .layouts import find_samples
from .new_tables import NewTable, read_columns, read_rows
from .npz import read_npy, read_npz
from .options import DataOptions
from .pictures import ENDINGS, every_picture, has_pictures, load_pictures
from .tables import is_table
from .trained import Trained

Notes = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Samples:
    """New samples, before they are encoded.

    Attributes
    ----------
    name : str
        Where they come from.
    images : ndarray, shape (n, ...)
        The samples.
    rows : ndarray of int, shape (n,)
        Which samples of the file they are, from 0.
    count : int
        Samples of the file; those that are not in `rows` cannot be predicted.
    summary : tuple of tuple of str and str
        What was found, a heading and a text each.
    strange : tuple of str
        What differs from the training data.
    files : tuple of str
        The files of the samples, if each has one of its own.
    """

    name: str
    images: npt.NDArray
    rows: npt.NDArray[np.intp]
    count: int
    summary: Notes
    strange: tuple[str, ...]
    files: tuple[str, ...] = ()


def load_samples(
    name: str,
    trained: Trained,
    data_dir: Path | None = None,
    options: DataOptions | None = None,
) -> Samples:
    """Read new samples for a trained network; labels are ignored where there are any.

    Parameters
    ----------
    name : str
        A table, whose columns are matched with those of the training data; ``FILE.npz`` or
        ``FILE.npz#ARRAY``; ``X.npy``; an IDX file of images, or a folder with one; a picture, or a
        folder of pictures; or a name of :data:`~metabit.golden.data.datasets.DATASETS`.
    trained : Trained
        What the network was trained on.
    data_dir : Path, optional
        Folder with the IDX files of `mnist` or `fashion-mnist`.
    options : DataOptions, optional
        What the user says about the file; what is not said is as in training.

    Raises
    ------
    DataError
        If there are no samples, or they are not like those of the training data.
    """
    options = replace(trained.options, **(options or DataOptions()).given())
    path = name.partition("#")[0]
    files: tuple[str, ...] = ()
    if name in DATASETS:
        found = _known(name, data_dir)
    elif is_table(name):
        table = _table(path, trained, options)
        found = table.values, table.notes
    elif _is_pictures(Path(name)):
        images, notes, files = _pictures(Path(name), trained, options)
        found = images, notes
    else:
        images, notes = _arrays(name)
        found = image_shaped(images, options.image_shape, path), notes
    images, notes = _shaped(path, found[0], found[1], trained)
    rows, count = np.arange(len(images)), len(images)
    if is_table(name):
        rows, count = table.rows, table.count
    strange = () if trained.seen is None else tuple(trained.seen.strange(images, trained.columns))
    if trained.seen is None:
        notes += (("range", "not compared: the checkpoint is of a version that did not keep it"),)
    return Samples(name, images, rows, count, notes, strange, files)


def _known(name: str, data_dir: Path | None) -> tuple[npt.NDArray, Notes]:
    """Return the training images of a data set that comes with a name."""
    dataset = load_dataset(name, data_dir)
    notes = [("samples", f"{len(dataset.images)} of {name}; their classes are ignored")]
    if dataset.test_images is not None:
        notes.append(("not used", f"the test set of {len(dataset.test_images)}"))
    return dataset.images, tuple(notes)


def _is_pictures(path: Path) -> bool:
    """Whether a path is a picture or a folder of pictures."""
    if path.is_dir():
        return has_pictures(path) and not holds_idx(path)
    return path.suffix.lower() in ENDINGS and path.is_file()


def _pictures(
    path: Path, trained: Trained, options: DataOptions
) -> tuple[npt.NDArray, Notes, tuple[str, ...]]:
    """Return samples of pictures, what was found, and their files."""
    paths = every_picture(path) if path.is_dir() else [path]
    like = None if trained.seen is None else trained.seen.shape
    opened = load_pictures(paths, options.image_shape, like)
    images = opened.images
    shape = " x ".join(map(str, images.shape[1:]))
    notes = [("samples", f"{path}: {len(images)} pictures of {shape}, {images.dtype}")]
    if opened.notes:
        notes.append(("pictures", "; ".join(opened.notes)))
    base = path if path.is_dir() else path.parent
    return images, tuple(notes), tuple(str(file.relative_to(base)) for file in paths)


def _table(path: str, trained: Trained, options: DataOptions) -> NewTable:
    """Return the samples of a table."""
    if trained.columns:
        return read_columns(path, trained, options)
    if options.image_shape is None and trained.seen is None:
        raise DataError(
            f"{path}: what samples the network was trained on is not in its checkpoint, which is "
            "of an earlier version; say it with --image-shape, or give an array"
        )
    shape = options.image_shape or (trained.seen.shape if trained.seen else ())
    return read_rows(path, prod(shape), trained, options)


def _arrays(name: str) -> tuple[npt.NDArray, Notes]:
    """Return samples of files of arrays, checked, and what was found."""
    text, _, wanted = name.partition("#")
    path = Path(text)
    ignored: list[str] = []
    title = text
    if text.endswith(".npz"):
        chosen: list[str] = []

        def choose(names: list[str]) -> list[str]:
            if wanted and wanted not in names:
                raise DataError(f"{path} holds no {wanted!r}; it holds {', '.join(names)}")
            chosen.append(wanted or find_samples(path, names))
            ignored.extend(other for other in names if other != chosen[0])
            return chosen

        images = next(iter(read_npz(path, DataError, ".npz file", choose)[0].values()))
        title = f"{text}: {chosen[0]}"
    elif text.endswith(".npy"):
        first, *others = text.split(",")
        ignored += others
        images, title = read_npy(Path(first), DataError), first
    elif path.is_dir() or path.is_file():
        file = find_images(path) if path.is_dir() else path
        images, title = parse_idx(unpacked_idx(file), file, 3), str(file)
        if path.is_dir():
            ignored += [other.name for other in sorted(path.iterdir()) if other != file]
    else:
        raise DataError(
            f"{name} is no data set and no file; known: {', '.join(DATASETS)}, or your own: "
            "FILE.csv, FILE.npz, X.npy, pictures, or IDX images"
        )
    images = check_images(images, title)
    shape = " x ".join(map(str, images.shape[1:]))
    range_ = f"{images.min()} to {images.max()}"
    notes = [("samples", f"{title}: {len(images)} of {shape}, {images.dtype}, {range_}")]
    if ignored:
        notes.append(("ignored", ", ".join(ignored)))
    return images, tuple(notes)


def _shaped(
    path: str, images: npt.NDArray, notes: Notes, trained: Trained
) -> tuple[npt.NDArray, Notes]:
    """Return samples in shape and, where no value changes, in the type of the training data."""
    seen = trained.seen
    if seen is None:
        return images, notes
    shape, found = " x ".join(map(str, seen.shape)), " x ".join(map(str, images.shape[1:]))
    if prod(images.shape[1:]) != prod(seen.shape):
        raise DataError(
            f"{path}: samples are {found} numbers, and the network was trained on samples of "
            f"{shape}"
        )
    if images.shape[1:] != seen.shape:
        images = images.reshape(len(images), *seen.shape)
        notes += (("shape", f"{found} is taken as {shape}, as in training"),)
    if images.dtype.name != seen.dtype:
        with np.errstate(invalid="ignore", over="ignore"):
            same = images.astype(seen.dtype)
        if np.array_equal(same, images):
            images = same
    return images, notes
