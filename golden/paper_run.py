"""A training run by the paper's rule, or by that of its baseline."""

import time
from collections.abc import Iterator
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt

from .learner import Labels
from .network import Bits
from .paper import PaperNetwork
from .paper_config import PaperConfig
from .schedule import Schedule
from .trainer import TileResult, Trainer
from .training_data import TrainingData


def paper_network(config: PaperConfig) -> PaperNetwork:
    """Return a network, compiled if the package for it is there; the results are the same.

    Parameters
    ----------
    config : PaperConfig
        Its configuration.
    """
    if find_spec("numba") is None:
        return PaperNetwork(config)
    from .paper_engine import CompiledPaperNetwork

    return CompiledPaperNetwork(config)


class PaperLearner:
    """The paper's network as a :class:`~metabit.golden.learner.Learner`; a tile is its batch.

    Parameters
    ----------
    network : PaperNetwork
        Is trained in place.
    schedule : Schedule
        Knows the accuracy of the epoch before, which reinforcement depends on.
    """

    def __init__(self, network: PaperNetwork, schedule: Schedule) -> None:
        self.network = network
        self._schedule = schedule

    def train_tile(
        self, samples: Bits, labels: Labels, *, annealing: int, damping: int
    ) -> npt.NDArray[np.integer]:
        """Train on a batch; the paper's rule knows neither annealing nor damping levels."""
        history = self._schedule.history
        accuracy = 1 - history[-1] / self._schedule.samples if history else 0.0
        return self.network.train_batch(samples, labels, accuracy)

    def predict(self, samples: Bits) -> npt.NDArray[np.integer]:
        """Return the classes of samples without learning."""
        return self.network.predict(samples)


class PaperRun:
    """Network, data and schedule of a run, and what it has achieved.

    Parameters
    ----------
    config : PaperConfig
        Configuration that the data were prepared for.
    data : TrainingData
        Data.

    Attributes
    ----------
    network : PaperNetwork
        Is trained.
    data : TrainingData
        What on.
    schedule : Schedule
        How far.
    test_accuracy : list of float
        Accuracy on the test set after each finished epoch.
    seconds : list of float
        Time that each finished epoch took, without the test.
    """

    def __init__(self, config: PaperConfig, data: TrainingData) -> None:
        self.network = paper_network(config)
        self.data = data
        self.schedule = Schedule(config, len(data.train), config.epochs)
        self.test_accuracy: list[float] = []
        self.seconds: list[float] = []
        learner = PaperLearner(self.network, self.schedule)
        self._trainer = Trainer(learner, data, self.schedule)

    def tiles(self) -> Iterator[TileResult]:
        """Train to the end, and yield after every batch.

        Raises
        ------
        ValueError
            If hidden weights grow beyond the range in which the arithmetic is exact.
        """
        self.network.check_exact(self.schedule.samples)
        start = time.perf_counter()
        for result in self._trainer.tiles():
            if result.step.last:
                self.seconds.append(time.perf_counter() - start)
                self.test_accuracy.append(self._trainer.test_accuracy())
                self.network.check_exact(self.schedule.samples)
                start = time.perf_counter()
            yield result

    def finish(self) -> None:
        """Train to the end."""
        for _ in self.tiles():
            pass
