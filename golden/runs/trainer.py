"""The training loop, the same for golden model, simulated device and board."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

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
    """

    step: Step
    predictions: npt.NDArray[np.integer]
    errors: int


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
    """

    def __init__(self, learner: Learner, data: Samples, schedule: Schedule) -> None:
        self.learner = learner
        self.data = data
        self.schedule = schedule

    def spans(self) -> Iterator[SpanResult]:
        """Train, and yield after every span; learner and schedule agree whenever it does."""
        packed, labels = self.learner.pack(self.data.train), self.data.train_labels
        for step in self.schedule:
            predictions = self.learner.train_tiles(
                packed, labels, step.indices, annealing=step.annealing, damping=step.damping
            )
            errors = int(np.count_nonzero(predictions != labels[step.indices]))
            self.schedule.advance(errors, step.tiles)
            yield SpanResult(step, predictions, errors)

    def test_accuracy(self) -> float:
        """Return the accuracy on the test set, a fraction."""
        predictions = self.learner.predict(self.data.test)
        return float(np.mean(predictions == self.data.test_labels))
