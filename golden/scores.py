"""Class scores of many samples, by a network of any mode."""

from collections.abc import Sequence

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


def predictions_of(network: BinaryNetwork, views: Sequence[Bits]) -> npt.NDArray[np.int64]:
    """Return the classes of samples that are seen in one view or in all, shape (n,).

    Parameters
    ----------
    network : BinaryNetwork
        Drained.
    views : sequence of ndarray of bool, shape (n, inputs)
        The samples in each view, encoded.
    """
    scores = [scores_of(network, samples) for samples in views]
    return (scores[0] if len(scores) == 1 else summed(scores)).argmax(axis=1)
