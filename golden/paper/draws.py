"""The random draws of paper mode: initial weights and reinforcement."""

import math
from functools import lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..generator import Generator

SPREAD = 64.0
"""Standard deviation of the normal distribution that hidden weights start from."""

_STEPS = 2**32
_WIDEST = 7 * int(SPREAD)
"""Beyond seven deviations, 32 bits cannot tell a probability from zero."""

_Thresholds = npt.NDArray[np.uint32]


class Draws(Protocol):
    """What is random in the paper's rule, in the order in which it asks for it."""

    def weights(self, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
        """Return ``trunc(N(0, 64))``, one whole number per weight.

        Parameters
        ----------
        shape : tuple of int
            Neurons and fan-in.
        """

    def reinforced(self, count: int, probability: float) -> npt.NDArray[np.int64]:
        """Return which of ``count`` weights are reinforced, each with the same probability.

        Parameters
        ----------
        count : int
            Weights of a layer.
        probability : float
            Below 1.
        """


class PaperDraws:
    """Draws from the project's generator, one step each.

    A draw is compared with the distribution function in units of 2**-32, so that every
    probability is exact to that unit.

    Parameters
    ----------
    generator : Generator
        Goes on with every draw.
    """

    def __init__(self, generator: Generator) -> None:
        self._generator = generator

    def weights(self, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
        """Return ``trunc(N(0, 64))``; see :meth:`Draws.weights`."""
        draws = self._generator.draw(math.prod(shape))
        values = np.searchsorted(_truncated_normal(), draws, side="right") - _WIDEST
        return values.astype(np.float32).reshape(shape)

    def reinforced(self, count: int, probability: float) -> npt.NDArray[np.int64]:
        """Return which weights are reinforced; see :meth:`Draws.reinforced`.

        A draw per weight would take longer than all the rest. In a row of independent trials of
        probability p, the distances from hit to hit are independent and geometric: they exceed d
        with probability ``(1 - p)**d``. Drawing distances until the row is over therefore gives
        the distribution of a draw per weight, for as many draws as there are hits.
        """
        if probability <= 0:
            return np.empty(0, np.int64)
        mean = count * probability
        # Four deviations more than the mean: a second round is rare, and correct.
        size = int(mean + 4 * math.sqrt(mean)) + 4
        distances = _Distances.of(probability, count)
        last, parts = -1, []
        while last < count:
            parts.append(last + np.cumsum(distances.look_up(self._generator.draw(size))))
            last = int(parts[-1][-1])
        hits = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return hits[: np.searchsorted(hits, count)]


@lru_cache(maxsize=1)
def _truncated_normal() -> _Thresholds:
    """Return the distribution function of ``trunc(N(0, 64))`` at ``-_WIDEST .. _WIDEST - 1``."""
    values = range(-_WIDEST, _WIDEST)
    # Towards zero: -1 < x < 1 becomes 0, and 1 <= x < 2 becomes 1.
    bounds = [value + 1 if value >= 0 else value for value in values]
    below = [0.5 * math.erfc(-bound / SPREAD / math.sqrt(2)) for bound in bounds]
    return np.array([min(_STEPS - 1, round(_STEPS * part)) for part in below], np.uint32)


class _Distances:
    """The geometric distribution as a table.

    Parameters
    ----------
    probability : float
        Of a hit.
    count : int
        Distances beyond this one are all the same.
    """

    _BUCKET_BITS = 20

    def __init__(self, probability: float, count: int) -> None:
        length = min(count, math.ceil(math.log(_STEPS) / probability) + 1)
        # Products are rounded alike on all machines, which logarithms need not be.
        above = np.multiply.accumulate(np.full(length, 1 - probability))
        below = np.rint(_STEPS * (1 - above))
        self._thresholds: _Thresholds = below[below < _STEPS].astype(np.uint32)
        # Most draws share their upper bits with one threshold at most: no search is needed.
        edges = np.arange(0, _STEPS, 1 << self._BUCKET_BITS).astype(np.uint32)
        self._first = np.searchsorted(self._thresholds, edges, side="right")
        last = np.append(np.searchsorted(self._thresholds, edges[1:]), len(self._thresholds))
        self._several = (last > self._first + 1) | (self._first == len(self._thresholds))
        self._next = np.append(self._thresholds, np.uint32(0))[self._first]

    @classmethod
    @lru_cache(maxsize=64)
    def of(cls, probability: float, count: int) -> "_Distances":
        """Return the table, which serves for an epoch."""
        return cls(probability, count)

    def look_up(self, draws: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
        """Return one more than the number of thresholds that each draw reaches."""
        buckets = draws >> np.uint32(self._BUCKET_BITS)
        distances = 1 + self._first[buckets] + (draws >= self._next[buckets])
        several = self._several[buckets]
        distances[several] = 1 + np.searchsorted(self._thresholds, draws[several], side="right")
        return distances
