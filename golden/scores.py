"""Class scores of many samples, by a network of any mode."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from .binary_network import BinaryNetwork
from .codes import Bits
from .views import summed

_BATCH = 4096


def scores_of(network: BinaryNetwork, samples: Bits) -> npt.NDArray[np.int64]:
    """Return the class scores that decide, shape (n, classes); the highest wins, first on ties.

    Parameters
    ----------
    network : BinaryNetwork
        Drained.
    samples : ndarray of bool, shape (n, inputs)
        Encoded samples.
    """
    parts = [np.empty((0, network.config.classes), np.int64)]
    for start in range(0, len(samples), _BATCH):
        batch = samples[start : start + _BATCH]
        parts.append(network.forward(batch).decision.astype(np.int64))
    return np.concatenate(parts)


def scores_in_views(network: BinaryNetwork, views: Iterable[Bits]) -> npt.NDArray[np.int64]:
    """Return the class scores of samples that are seen in one view or in all, shape (n, classes).

    Parameters
    ----------
    network : BinaryNetwork
        Drained.
    views : iterable of ndarray of bool, shape (n, inputs)
        The samples in each view, encoded.
    """
    return summed([scores_of(network, samples) for samples in views])


def predictions_of(network: BinaryNetwork, views: Iterable[Bits]) -> npt.NDArray[np.int64]:
    """Return the classes of samples, shape (n,); see :func:`scores_in_views`."""
    return scores_in_views(network, views).argmax(axis=1)


def confusion_matrix(
    labels: npt.NDArray[np.integer], predictions: npt.NDArray[np.integer], classes: int
) -> npt.NDArray[np.int64]:
    """Return how often each class was predicted for each, shape (classes, classes).

    A row is a true class, a column a predicted one; predictions below 0, of no class, are left out.
    """
    counts = np.zeros((classes, classes), np.int64)
    decided = predictions >= 0
    np.add.at(counts, (labels[decided], predictions[decided]), 1)
    return counts
