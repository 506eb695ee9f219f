"""The training loop, the same for golden model, simulated device and board."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .learner import Learner, SpanLearner
from .network import Bits
from .schedule import Schedule, Step

SPAN = 64
"""Tiles between two yields of a learner that takes many at a time."""


class Samples(Protocol):
    """What is trained on; :class:`~metabit.golden.data.training_data.TrainingData` is one."""

    @property
    def train(self) -> Bits:
        """Encoded training samples, shape (n, inputs)."""

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
class TileResult:
    """A tile, or some of an epoch, that has been trained on.

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
    """Trains a learner tile by tile.

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

    def tiles(self) -> Iterator[TileResult]:
        """Train, and yield after every tile; learner and schedule agree whenever it does.

        A :class:`~metabit.golden.learner.SpanLearner` trains on up to :data:`SPAN` tiles at a time.
        """
        if isinstance(self.learner, SpanLearner):
            yield from self._spans(self.learner)
            return
        for step in self.schedule:
            labels = self.data.train_labels[step.indices]
            predictions = self.learner.train_tile(
                self.data.train[step.indices],
                labels,
                annealing=step.annealing,
                damping=step.damping,
            )
            errors = int(np.count_nonzero(predictions != labels))
            self.schedule.advance(errors)
            yield TileResult(step, predictions, errors)

    def _spans(self, learner: SpanLearner) -> Iterator[TileResult]:
        packed, labels = learner.pack(self.data.train), self.data.train_labels
        schedule = self.schedule
        while not schedule.done:
            # Ends at a multiple, wherever the training was resumed.
            done = schedule.sample // schedule.config.tile
            step = schedule.step(SPAN - done % SPAN)
            predictions = learner.train_tiles(
                packed, labels, step.indices, annealing=step.annealing, damping=step.damping
            )
            errors = int(np.count_nonzero(predictions != labels[step.indices]))
            schedule.advance(errors, step.tiles)
            yield TileResult(step, predictions, errors)

    def test_accuracy(self) -> float:
        """Return the accuracy on the test set, a fraction."""
        predictions = self.learner.predict(self.data.test)
        return float(np.mean(predictions == self.data.test_labels))
