"""Learnt selection: which bits of a large encoding a network finds most useful.

A wide encoding trained on a few neurons shows in its counters which of its bits matter: those of a
useless bit are pushed up and down and stay near zero. The bits with the largest counters are kept;
a network on them alone is as good as one on the whole encoding of several times the memory. It
takes what training takes anyway: XNOR, popcount, increments and comparisons.
"""

import numpy as np
import numpy.typing as npt

from ..config import Config
from ..engines import choose_engine, make_learner
from ..network import Bits, Network
from ..schedule import Schedule
from ..trainer import Trainer

EPOCHS = 30
"""Length of the training that judges the bits."""

NEURONS, GROUP, OFFSET = 64, 32, 24
"""Width, group and head offset of the network that judges."""

CEILING = 64
"""Hidden weights count up to here: beyond, a weight is merely safe."""


class _Samples:
    """What a trainer needs, without a test set."""

    def __init__(self, samples: Bits, labels: npt.NDArray[np.integer]) -> None:
        self.train, self.train_labels = samples, np.asarray(labels, np.int64)
        self.test, self.test_labels = samples[:0], self.train_labels[:0]


def select_bits(
    samples: Bits, labels: npt.NDArray[np.integer], count: int, seed: int, *, epochs: int = EPOCHS
) -> npt.NDArray[np.int64]:
    """Return which bits to keep, in ascending order.

    Parameters
    ----------
    samples : ndarray of bool, shape (n, bits)
        Training samples in the whole encoding.
    labels : ndarray of int, shape (n,)
        Their classes.
    count : int
        How many to keep, at most ``bits``.
    seed : int
        Of the network that judges, and the order of its samples.
    epochs : int
        Length of its training.

    Returns
    -------
    ndarray of int64, shape (count,)
        The bits whose hidden weights ``|H|``, counted up to :data:`CEILING`, have the largest sum
        over all neurons; the lowest index on ties.
    """
    config = Config(
        inputs=samples.shape[1],
        hidden=(NEURONS,),
        group=GROUP,
        classes=max(2, int(labels.max()) + 1),
        head_offset=OFFSET,
        seed=seed,
    )
    network = Network(config)
    learner = make_learner(network, choose_engine("auto", epochs * len(samples)))
    for _ in Trainer(
        learner, _Samples(samples, labels), Schedule(config, len(samples), epochs)
    ).spans():
        pass
    hidden = np.abs(2 * learner.network.counters[0].astype(np.int64) + 1)
    usefulness = np.minimum(hidden, CEILING).sum(axis=0)
    return np.sort(np.argsort(-usefulness, kind="stable")[:count])
