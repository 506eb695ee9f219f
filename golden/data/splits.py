"""Splits: which samples are trained on, and which are the test set."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import ConfigurationError, DataError
from ..streams import permutation
from .datasets import Dataset

SPLITS = ("paper", "official", "validation")
"""`paper`: the training images, shuffled by the seed, and the last of them are the test set, as in
the paper (section 4); the official test set stays untouched. `official`: all training images, and
the official test set. `validation`: the training samples of `paper` for the same seed, and the last
of them are tested on, so that choices can be made without a look at a test set."""


@dataclass(frozen=True)
class Split:
    """Images and labels to train on, and to test on.

    Attributes
    ----------
    name : str
        One of :data:`SPLITS`.
    images, test_images : ndarray, shape (n, ...)
        Images.
    labels, test_labels : ndarray of int64, shape (n,)
        Their classes.
    """

    name: str
    images: npt.NDArray
    labels: npt.NDArray[np.int64]
    test_images: npt.NDArray
    test_labels: npt.NDArray[np.int64]


def split(dataset: Dataset, name: str | None, seed: int) -> Split:
    """Split a data set.

    Parameters
    ----------
    dataset : Dataset
        With its ``holdout``: 10,000 of 60,000 for MNIST and Fashion-MNIST, 2,000 of 12,000 for
        Random Prototypes, 360 of 1,797 digits, a sixth of the user's own.
    name : str or None
        One of :data:`SPLITS`; None: the data set's default.
    seed : int
        Seed of the run; `official` does not depend on it.

    Raises
    ------
    ConfigurationError
        If the split is unknown.
    DataError
        If the data set has no such split.
    """
    name = name or dataset.default_split
    if name not in SPLITS:
        raise ConfigurationError(f"split must be one of {', '.join(SPLITS)}, not {name!r}")
    if name == "official":
        if dataset.test_images is None or dataset.test_labels is None:
            raise DataError(
                f"data set {dataset.name} has no official test set; use --split paper, "
                f"which tests on {dataset.holdout} of its {len(dataset.images)} samples"
            )
        return Split(name, dataset.images, dataset.labels, dataset.test_images, dataset.test_labels)
    count = len(dataset.images) - dataset.holdout
    parts = 2
    if name == "validation":
        count -= dataset.holdout
        parts = 3
    if count < 1:
        raise DataError(
            f"data set {dataset.name} has too few samples for a {name} split: "
            f"{len(dataset.images)}; at least {parts} are needed"
        )
    order = permutation(seed, "split", len(dataset.images))
    train, test = order[:count], order[count : count + dataset.holdout]
    return Split(
        name,
        dataset.images[train],
        dataset.labels[train],
        dataset.images[test],
        dataset.labels[test],
    )
