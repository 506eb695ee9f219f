"""The training loop, the same for golden model, simulated device and board."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..learner import Learner
from ..network import Bits
from ..schedule import Schedule, Step


class Samples(Protocol):
    """What is trained on; :class:`~metabit.golden.data.training_data.TrainingData` is one."""

    @property
    def train(self) -> Bits:
        """Encoded training samples, shape (n, inputs); n is counted once for each view."""

    @property
    def train_labels(self) -> npt.NDArray[np.int64]:
        """Their classes."""

    @property
    def test(self) -> Bits:
        """Encoded test samples."""

    @property
    def test_labels(self) -> npt.NDArray[np.int64]:
        """Their classes."""


@dataclass(frozen=True)
class SpanResult:
    """A span that has been trained on.

    Attributes
    ----------
    step : Step
        Which one.
    predictions : ndarray of int, shape (B,)
        Predictions of its forward passes.
    errors : int
        How many of them are wrong.
    seconds : float
        How long it took; 0: that is not known.
    """

    step: Step
    predictions: npt.NDArray[np.integer]
    errors: int
    seconds: float = 0.0


class Trainer:
    """Trains a learner span by span.

    Parameters
    ----------
    learner : Learner
        Network or device.
    data : Samples
        Encoded samples.
    schedule : Schedule
        Where to start and how long to go on; moves along.

    Attributes
    ----------
    learner, data, schedule
        As above.
    most_tiles : int or None
        Tiles to train on at most before who trains is asked again; None: a whole span. Has no
        influence on the result. May be changed whenever :meth:`spans` has yielded.
    tested : ndarray of int or None, shape (n,)
        What the last test has predicted of the test samples.
    """

    def __init__(self, learner: Learner, data: Samples, schedule: Schedule) -> None:
        self.learner = learner
        self.data = data
        self.schedule = schedule
        self.most_tiles: int | None = None
        self.tested: npt.NDArray[np.integer] | None = None

    @cached_property
    def _packed(self) -> Any:
        return self.learner.pack(self.data.train)

    def spans(self) -> Iterator[SpanResult]:
        """Train, and yield after every span; learner and schedule agree whenever it does.

        With :attr:`most_tiles`, it yields within spans, too, where no checkpoint can be made.
        """
        while not self.schedule.done:
            yield self.train(self.most_tiles)

    def train(self, tiles: int | None = None, *, drain: bool = False) -> SpanResult:
        """Train up to the end of the span, or fewer tiles.

        Parameters
        ----------
        tiles : int, optional
            How many at most.
        drain : bool
            Drain even if the span goes on, because the training does not.
        """
        packed, labels = self._packed, self.data.train_labels
        step = self.schedule.step(tiles)
        start = time.perf_counter()
        predictions = self.learner.train_tiles(
            packed,
            labels,
            step.indices,
            annealing=step.annealing,
            damping=step.damping,
            drain=drain or step.drains,
        )
        seconds = time.perf_counter() - start
        errors = int(np.count_nonzero(predictions != labels[step.indices]))
        self.schedule.advance(errors, step.tiles)
        return SpanResult(step, predictions, errors, seconds)

    def test_accuracy(self) -> float:
        """Return the accuracy on the test set, a fraction."""
        self.tested = self.learner.predict(self.data.test)
        return float(np.mean(self.tested == self.data.test_labels))
