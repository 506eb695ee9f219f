"""The data sets that commands know by name, and the user's own."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from . import prototypes
from .arrays import is_file_name, load_arrays
from .mnist import load_mnist
from .options import DataOptions
from .tables import Table, is_table, load_csv, load_shipped


@dataclass(frozen=True)
class Dataset:
    """Images and labels as they come, before split and encoder.

    Attributes
    ----------
    name : str
        Name in the registry, or the path of the user's own.
    images : ndarray, shape (n, ...)
        Training images.
    labels : ndarray of int64, shape (n,)
        Their classes.
    classes : int
        Number of classes.
    test_images, test_labels : ndarray or None
        The official test set, if there is one.
    holdout : int
        Size of the test set that split `paper` cuts off the training images.
    default_split : str
        Split when none is asked for.
    encoder : str or None
        Encoder when none is asked for; None: the configuration's.
    columns, class_names : tuple of str
        Of a table: names of its columns and classes.
    options : DataOptions
        What reads the same data again in the same way.
    summary : tuple of tuple of str and str
        What was found in the user's own data, a heading and a text each.
    """

    name: str
    images: npt.NDArray
    labels: npt.NDArray[np.int64]
    classes: int
    test_images: npt.NDArray | None
    test_labels: npt.NDArray[np.int64] | None
    holdout: int
    default_split: str = "paper"
    encoder: str | None = None
    columns: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    options: DataOptions = field(default_factory=DataOptions)
    summary: tuple[tuple[str, str], ...] = ()


def _digits(name: str, data_dir: Path | None) -> Dataset:
    """Handwritten digits, 1,797 images of 8 x 8 pixels of 0 to 16, that scikit-learn ships."""
    from sklearn.datasets import load_digits  # slow to import, and few commands need it

    images, labels = load_digits(return_X_y=True)
    images = images.astype(np.uint8).reshape(-1, 8, 8)
    return Dataset(name, images, labels.astype(np.int64), 10, None, None, holdout=360)


def _prototypes(name: str, data_dir: Path | None) -> Dataset:
    """Random Prototypes, 12,000 samples of 1,000 bits, generated."""
    images, labels = prototypes.generate()
    return Dataset(name, images, labels, prototypes.CLASSES, None, None, holdout=2000)


def _mnist(name: str, data_dir: Path | None) -> Dataset:
    """60,000 + 10,000 images of 28 x 28 pixels, from a folder, a package or a download."""
    images, labels, test_images, test_labels = load_mnist(name, data_dir)
    return Dataset(name, images, labels, 10, test_images, test_labels, holdout=10_000)


def _table(name: str, table: Table) -> Dataset:
    """Return a table as a data set; a fifth of it is the test set, as in the paper's tables."""
    if table.options.image_shape is not None:
        return _images(name, table, table.options.image_shape)
    only_numbers = table.numbers == len(table.columns)
    return Dataset(
        name,
        table.values,
        table.labels,
        len(table.class_names),
        None,
        None,
        holdout=max(1, len(table.values) // 5),
        encoder="distributive:32" + ("" if only_numbers else f",n={table.numbers}"),
        columns=table.columns,
        class_names=table.class_names,
        options=table.options,
        summary=() if table.summary is None else tuple(table.summary.lines()),
    )


def _images(name: str, table: Table, shape: tuple[int, int]) -> Dataset:
    """Return a table whose rows are images as a data set of images."""
    count = len(table.columns)
    if count != shape[0] * shape[1] or table.numbers != count:
        raise DataError(
            f"{name}: {table.numbers} columns of numbers and {count - table.numbers} of categories "
            f"are no images of {shape[0]} x {shape[1]} (--image-shape)"
        )
    values = table.values.reshape(-1, *shape)
    # Encoders of edges want 8-bit pixels.
    if (values == values.astype(np.uint8)).all():
        values = values.astype(np.uint8)
    return Dataset(
        name,
        values,
        table.labels,
        len(table.class_names),
        None,
        None,
        holdout=max(1, len(values) // 6),
        class_names=table.class_names,
        options=table.options,
        summary=() if table.summary is None else tuple(table.summary.lines()),
    )


def _shipped(name: str, data_dir: Path | None) -> Dataset:
    """Small tables that scikit-learn ships: measurements of tumours, flowers and wines."""
    return _table(name, load_shipped(name))


_LOADERS: dict[str, Callable[[str, Path | None], Dataset]] = {
    "breast-cancer": _shipped,
    "digits": _digits,
    "fashion-mnist": _mnist,
    "iris": _shipped,
    "mnist": _mnist,
    "prototypes": _prototypes,
    "wine": _shipped,
}

DATASETS = tuple(_LOADERS)
"""Names of the data sets."""


def absolute_name(name: str) -> str:
    """Return a data set's name as a process in another folder understands it."""
    if is_table(name):
        path, mark, target = name.partition("#")
        return f"{Path(path).resolve()}{mark}{target}"
    if is_file_name(name):
        return ",".join(str(Path(part).resolve()) for part in name.split(","))
    return str(Path(name).resolve()) if Path(name).is_dir() else name


def load_dataset(
    name: str, data_dir: Path | None = None, options: DataOptions | None = None
) -> Dataset:
    """Load a data set.

    Parameters
    ----------
    name : str
        One of :data:`DATASETS`, or the user's own: an ``.npz`` file with ``x``, ``y`` and
        perhaps ``x_test``, ``y_test``, or the names of
        :func:`~metabit.golden.data.layouts.find_layout`; a table, ``"file.csv"`` or
        ``"file.csv#target"``, see :func:`~metabit.golden.data.tables.load_csv`; two ``.npy``
        files, ``"x.npy,y.npy"``; or a folder with the IDX files of a data set in the manner of
        MNIST, or with pictures, see :func:`~metabit.golden.data.pictures.find_pictures`.
    data_dir : Path, optional
        Folder with the IDX files of `mnist` or `fashion-mnist`.
    options : DataOptions, optional
        How to read the user's own.

    Raises
    ------
    DataError
        If the name is unknown, or the data are missing or damaged.
    """
    if name in _LOADERS:
        return _LOADERS[name](name, data_dir)
    if is_table(name):
        return _table(name, load_csv(name, options))
    if not is_file_name(name) and not Path(name).is_dir():
        raise DataError(
            f"unknown data set {name!r}; known: {', '.join(DATASETS)}, "
            "or your own: FILE.csv, FILE.npz, X.npy,Y.npy or a folder of pictures or IDX files"
        )
    arrays = load_arrays(name, options)
    labels = [part for part in (arrays.labels, arrays.test_labels) if part is not None]
    return Dataset(
        name,
        arrays.images,
        arrays.labels,
        max(2, 1 + max(int(part.max()) for part in labels)),
        arrays.test_images,
        arrays.test_labels,
        # One sixth, the proportion of MNIST's 10,000 of 60,000.
        holdout=max(1, len(arrays.images) // 6),
        default_split="paper" if arrays.test_images is None else "official",
        class_names=arrays.class_names,
        options=options or DataOptions(),
        summary=arrays.summary,
    )
