"""Learnt selection: which bits of a large encoding a network finds most useful.

A wide encoding trained on a few neurons shows in its counters which of its bits matter: those of a
useless bit are pushed up and down and stay near zero. The bits with the largest counters are kept;
a network on them alone is as good as one on the whole encoding of several times the memory. It
takes what training takes anyway: XNOR, popcount, increments and comparisons.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..config import MAX_INPUTS, Config
from ..engines import choose_engine, make_learner
from ..network import Bits, Network
from ..runs.trainer import Trainer
from ..schedule import Schedule

EPOCHS = 30
"""Length of the training that judges the bits."""

NEURONS, GROUP, OFFSET = 64, 32, 24
"""Width, group and head offset of the network that judges."""

CEILING = 64
"""Hidden weights count up to here: beyond, a weight is merely safe."""

_CHUNK = 1024
"""Samples that are moved at a time."""


class _Samples:
    """What a trainer needs, without a test set."""

    def __init__(self, samples: Bits, labels: npt.NDArray[np.integer]) -> None:
        self.train, self.train_labels = samples, np.asarray(labels, np.int64)
        self.test, self.test_labels = samples[:0], self.train_labels[:0]


def select_bits(
    encode: Callable[[npt.NDArray[np.int64]], Bits],
    candidates: int,
    labels: npt.NDArray[np.integer],
    count: int,
    seed: int,
    *,
    epochs: int = EPOCHS,
    steps: int = 1,
    views: int = 1,
) -> tuple[npt.NDArray[np.int64], Bits]:
    """Return which bits to keep, in ascending order, and these bits of the samples.

    In several steps, each keeps the same share of the bits that the one before has left, and the
    next training judges these among themselves: of two bits that tell the same, both look useful
    until one is gone.

    Where a network cannot take all candidates, the first step is played in *leagues*: bit i is in
    league ``i mod leagues``, each league is judged by a training of its own, and no more are kept
    than a network takes.

    Parameters
    ----------
    encode : callable
        From candidates, in ascending order, to these bits of the training samples: ndarray of bool,
        shape (views x n, bits), view after view, its own memory.
    candidates : int
        Bits to choose from.
    labels : ndarray of int, shape (n,)
        Classes of the training samples.
    count : int
        How many to keep, at most as many as there are and as a network takes.
    seed : int
        Of the network that judges, and the order of its samples.
    epochs : int
        Length of its training, divided among the steps.
    steps : int
        Trainings, one after the other.
    views : int
        Views of a sample, which these learn.

    Returns
    -------
    ndarray of int64, shape (count,)
        The bits whose hidden weights ``|H|``, counted up to :data:`CEILING`, have the largest sum
        over all neurons; the lowest index on ties.
    ndarray of bool, shape (views x n, count)
    """

    def judge(samples: Bits, keep: int) -> npt.NDArray[np.int64]:
        return _most_useful(samples, labels, keep, seed, max(1, epochs // steps), views)

    def left(step: int) -> int:
        if step == steps:
            return count
        return min(MAX_INPUTS, round(candidates * (count / candidates) ** (step / steps)))

    chosen, samples = _first_step(encode, candidates, judge, left(1))
    for step in range(2, steps + 1):
        useful = judge(samples, left(step))
        chosen, samples = chosen[useful], _kept(samples, useful)
    return chosen, np.ascontiguousarray(samples)


def _first_step(
    encode: Callable[[npt.NDArray[np.int64]], Bits],
    candidates: int,
    judge: Callable[[Bits, int], npt.NDArray[np.int64]],
    keep: int,
) -> tuple[npt.NDArray[np.int64], Bits]:
    """Return the bits that are kept of all candidates, and the samples in these."""
    leagues = -(-candidates // MAX_INPUTS)
    if leagues == 1:
        samples = encode(np.arange(candidates))
        chosen = judge(samples, keep)
        return chosen, _kept(samples, chosen)
    winners, packed = [], []
    for league in range(leagues):
        members = np.arange(league, candidates, leagues)
        share = keep * (league + 1) // leagues - keep * league // leagues
        samples = encode(members)
        useful = judge(samples, share)
        winners.append(members[useful])
        packed.append(np.packbits(_kept(samples, useful), axis=1))
        del samples  # before the next ones are made: they are large
    chosen = np.concatenate(winners)
    places = np.argsort(np.argsort(chosen))
    samples = np.empty((len(packed[0]), keep), bool)
    first = 0
    for own, bits in zip(winners, packed, strict=True):
        columns = places[first : first + len(own)]
        samples[:, columns] = np.unpackbits(bits, axis=1, count=len(own)).view(bool)
        first += len(own)
    return np.sort(chosen), samples


def _kept(samples: Bits, columns: npt.NDArray[np.int64]) -> Bits:
    """Return some columns, in ascending order, moved to the first ones."""
    for start in range(0, len(samples), _CHUNK):
        chunk = samples[start : start + _CHUNK]
        chunk[:, : len(columns)] = np.take(chunk, columns, axis=1)
    return samples[:, : len(columns)]


def _most_useful(
    samples: Bits,
    labels: npt.NDArray[np.integer],
    count: int,
    seed: int,
    epochs: int,
    views: int,
) -> npt.NDArray[np.int64]:
    """Return the bits that one training finds most useful, in ascending order."""
    config = Config.make(
        inputs=samples.shape[1],
        hidden=(NEURONS,),
        group=GROUP,
        classes=max(2, int(labels.max()) + 1),
        head_offset=OFFSET,
        seed=seed,
        views=views,
    )
    network = Network(config)
    learner = make_learner(network, choose_engine("auto", epochs * len(labels)))
    for _ in Trainer(
        learner,
        _Samples(samples, np.tile(labels, views)),
        Schedule(config, len(labels), epochs),
    ).spans():
        pass
    hidden = np.abs(2 * learner.network.counters[0].astype(np.int64) + 1)
    usefulness = np.minimum(hidden, CEILING).sum(axis=0)
    return np.sort(np.argsort(-usefulness, kind="stable")[:count])
