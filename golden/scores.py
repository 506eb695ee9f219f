"""Class scores of many samples, by a network of any mode."""

import numpy as np
import numpy.typing as npt

from .binary_network import BinaryNetwork
from .codes import Bits

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
