"""Which training samples are hard: how often forward passes have missed each of them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..golden.runs.trainer import SpanResult

_FEWEST = 2
"""Passes of a sample before it counts as hard: in the first epoch nearly all are missed."""


@dataclass(frozen=True)
class Missed:
    """A hard sample.

    Attributes
    ----------
    sample : int
        Which, of those that are learnt, whatever its view.
    passes, misses : int
        How often it was passed, and missed.
    taken_for : int
        Class that it was taken for when it was missed last.
    """

    sample: int
    passes: int
    misses: int
    taken_for: int


class Tally:
    """Counts misses of every training sample.

    Parameters
    ----------
    samples : int
        Training samples, whose views are one.
    """

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._passes = np.zeros(samples, np.int32)
        self._misses = np.zeros(samples, np.int32)
        self._taken_for = np.zeros(samples, np.int16)

    @property
    def passes(self) -> int:
        """All passes."""
        return int(self._passes.sum())

    def add(self, result: SpanResult, labels: npt.NDArray[np.integer]) -> None:
        """Count a span.

        Parameters
        ----------
        result : SpanResult
            What was predicted; nothing, if that stayed on a device.
        labels : ndarray of int, shape (n,)
            Classes of all training samples in all views.
        """
        if not len(result.predictions):
            return
        indices = result.step.indices
        # No sample comes twice in an epoch, in whatever view, and so none twice in a span.
        samples = indices % self._samples
        wrong = result.predictions != labels[indices]
        self._passes[samples] += 1
        missed = samples[wrong]
        self._misses[missed] += 1
        self._taken_for[missed] = result.predictions[wrong]

    def hardest(self, count: int) -> list[Missed]:
        """Return the samples that were missed most often, of equals those missed in most passes.

        Parameters
        ----------
        count : int
            How many at most.
        """
        passes, misses = self._passes.copy(), self._misses.copy()
        known = np.flatnonzero((passes >= _FEWEST) & (misses > 0))
        share = misses[known] / passes[known]
        order = known[np.lexsort((known, -share, -misses[known]))[:count]]
        return [
            Missed(int(i), int(passes[i]), int(misses[i]), int(self._taken_for[i])) for i in order
        ]
