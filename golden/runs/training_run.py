"""A training run of any mode: the loop, what it achieves, and what there is to see in it."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..binary_network import BinaryNetwork, Statistics
from ..checkpoints.file import versions
from ..checkpoints.layers import Saved
from ..checkpoints.record import OpeningRecord, RunRecord, StatisticsRecord, position_of
from ..data.training_data import TrainingData
from ..engines import EngineName
from ..learner import Learner
from ..schedule import Schedule
from ..scores import predictions_of
from .longer import Plans
from .observation import Observation, Observer, Opening
from .trainer import SpanResult, Trainer

VIEWS = "test_accuracy_views"
"""What results call the accuracy of all views of the test samples together."""


class TrainingRun(ABC):
    """Network, data and schedule of a run, and what it has achieved.

    Parameters
    ----------
    learner : Learner
        What is trained.
    data : TrainingData
        What on.
    schedule : Schedule
        How far.
    engine : {"numpy", "numba"}
        What computes.

    Attributes
    ----------
    data, schedule, engine
        As above.
    test_accuracy : list of float
        Accuracy on the test set after each finished epoch.
    seconds : list of float
        Time that each finished epoch took, without the test; of a resumed epoch, its last part.
    observer : Observer or None
        Records what there is to see in each epoch; None: nothing is recorded.
    plans : tuple of tuple of int
        Former lengths of the run, if it was made longer.
    """

    def __init__(
        self, learner: Learner, data: TrainingData, schedule: Schedule, engine: EngineName
    ) -> None:
        self.data = data
        self.schedule = schedule
        self.engine = engine
        self.test_accuracy: list[float] = []
        self.seconds: list[float] = []
        self.observer: Observer | None = None
        self.plans: Plans = ()
        self._trainer = Trainer(learner, data, schedule)

    @property
    @abstractmethod
    def network(self) -> BinaryNetwork:
        """What is trained, in its present state."""

    @property
    def state_sha256(self) -> str:
        """Hash of the network's state."""
        return self.network.state_sha256

    def accuracy_of_views(self) -> float | None:
        """Return the accuracy on the test set in all views together; None: there is only one."""
        if self.data.views == 1:
            return None
        self.synchronise()
        found = predictions_of(self.network, self.data.test_views)
        return float(np.mean(found == self.data.test_labels))

    @abstractmethod
    def checkpoint(self) -> Saved:
        """Return a checkpoint of the present position."""

    def observe(self, opening: Opening | None, observations: Sequence[Observation] = ()) -> None:
        """Record what there is to see.

        Parameters
        ----------
        opening : Opening or None
            How the present epoch began; None: not known.
        observations : sequence of Observation
            Those of the epochs before.
        """
        self.observer = Observer(self.data.test, self.data.test_labels, opening, observations)

    def go_on(self, record: RunRecord, opening: Opening | None) -> None:
        """Take over what a checkpoint tells of finished epochs, and of how the present one began.

        Parameters
        ----------
        record : RunRecord
            Of the checkpoint whose network and schedule these are.
        opening : Opening or None
            What the checkpoint says of how an unfinished epoch began.
        """
        self.test_accuracy = list(record.test_accuracy)
        self.seconds = list(record.seconds)
        self.plans = record.plans
        # At the beginning of an epoch, how it begins is how things are.
        now = Opening.of(self.network)
        self.observe(opening if record.sample else now, record.observations)

    @property
    def most_tiles(self) -> int | None:
        """Tiles between two yields of :meth:`spans` at most; see :class:`.Trainer`."""
        return self._trainer.most_tiles

    @most_tiles.setter
    def most_tiles(self, tiles: int | None) -> None:
        self._trainer.most_tiles = tiles

    @property
    def test_predictions(self) -> npt.NDArray[np.integer] | None:
        """What the last test has predicted of the test samples; None: that is not known."""
        return self._trainer.tested

    @property
    def counts(self) -> Statistics:
        """What has been counted so far, of what is trained."""
        return self.network.statistics

    @property
    def at_hand(self) -> bool:
        """Whether ``network`` is in the state of what is trained, without anything being read."""
        return True

    @property
    def readable(self) -> bool:
        """Whether what is trained can be read now; a device that is at work cannot."""
        return True

    def synchronise(self) -> None:  # noqa: B027 (a device does something here)
        """Bring ``network`` up to date, if it is a copy of what is trained."""

    def spans(self) -> Iterator[SpanResult]:
        """Train to the end, and yield after every span; a checkpoint may be made whenever it does.

        With :attr:`most_tiles`, a checkpoint may be made where ``schedule.resumable`` says so.

        After the last span of an epoch, the test accuracy is taken, and the observer looks at the
        network, before the span is yielded.

        Raises
        ------
        ValueError
            In paper mode, if hidden weights grow beyond the range in which arithmetic is exact.
        """
        start, seconds = time.perf_counter(), 0.0
        for result in self._trainer.spans():
            seconds += time.perf_counter() - start
            if result.step.last:
                self.end_epoch(result.step.epoch, seconds)
                seconds = 0.0
            yield result
            # Whoever was given the span may have taken his time.
            start = time.perf_counter()

    def end_epoch(self, epoch: int, seconds: float) -> None:
        """Test, and record how long an epoch took and what there is to see after it.

        :meth:`spans` does it; who trains ``network`` in another way may.

        Parameters
        ----------
        epoch : int
            The epoch that is over.
        seconds : float
            Without the test.
        """
        self.seconds.append(seconds)
        self.test_accuracy.append(self._trainer.test_accuracy())
        if self.observer is not None:
            self.synchronise()
            self.observer.finish_epoch(epoch, self.network)

    def finish(self) -> None:
        """Train to the end."""
        for _ in self.spans():
            pass

    def opening(self) -> Opening | None:
        """Return how the present epoch began; None: it begins now, or that is not known."""
        return self.observer.opening if self.observer is not None and self.schedule.sample else None

    def position(self) -> dict[str, Any]:
        """Return all fields of a checkpoint's record but those that only one mode has."""
        network, opening = self.network, self.opening()
        # Of a network that the estimator began with, the first epochs were not tested.
        tested = len(self.test_accuracy) == len(self.schedule.history)
        return {
            "generator_state": network.generator.state,
            "statistics": StatisticsRecord.of(network.statistics),
            "config": network.config,
            **self.data.record(),
            **position_of(self.schedule),
            "test_accuracy": tuple(self.test_accuracy) if tested else (),
            "seconds": tuple(self.seconds) if tested else (),
            "observations": tuple(self.observer.observations) if self.observer is not None else (),
            "opening": None if opening is None else OpeningRecord.of(opening),
            "plans": self.plans,
            "state_sha256": self.state_sha256,
            "versions": versions(),
        }
