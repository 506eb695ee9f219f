"""Class scores of many samples, by a network of any mode."""

import numpy as np
import numpy.typing as npt

from .codes import Bits
from .distribution import AnyNetwork
from .network import Network

_BATCH = 4096


def scores_of(network: AnyNetwork, samples: Bits) -> npt.NDArray[np.int64]:
    """Return the class scores that decide, shape (n, classes); the highest wins, first on ties.

    Parameters
    ----------
    network : Network or PaperNetwork
        Drained.
    samples : ndarray of bool, shape (n, inputs)
        Encoded samples.
    """
    parts = [np.empty((0, network.config.classes), np.int64)]
    for start in range(0, len(samples), _BATCH):
        batch = samples[start : start + _BATCH]
        if isinstance(network, Network):
            parts.append(network.forward(batch).decision.astype(np.int64))
        else:
            parts.append(network.forward(batch).scores[-1].astype(np.int64))
    return np.concatenate(parts)
