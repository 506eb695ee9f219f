"""A training run by the paper's rule, or by that of its baseline."""

import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from .checkpoint_file import StatisticsRecord, position_of, versions
from .codes import Bits
from .engines import EngineName
from .learner import Labels
from .paper import PaperNetwork, paper_sha256
from .paper_checkpoint import PaperCheckpoint, PaperRecord
from .paper_config import PaperConfig
from .schedule import Schedule
from .trainer import TileResult, Trainer
from .training_data import TrainingData


def paper_network(config: PaperConfig, engine: EngineName) -> PaperNetwork:
    """Return a network of an engine; the results are the same.

    Parameters
    ----------
    config : PaperConfig
        Its configuration.
    engine : {"numpy", "numba"}
        From :func:`~metabit.golden.engines.choose_engine`.
    """
    if engine == "numpy":
        return PaperNetwork(config)
    # Numba is an extra, and takes a while to load.
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
        if not self._schedule.sample:
            self.network.check_exact(self._schedule.samples)
        history = self._schedule.history
        accuracy = 1 - history[-1] / self._schedule.samples if history else 0.0
        return self.network.train_batch(samples, labels, accuracy)

    def predict(self, samples: Bits) -> npt.NDArray[np.integer]:
        """Return the classes of samples without learning."""
        return self.network.predict(samples)


class PaperRun:
    """Network, data and schedule of a run, and what it has achieved.

    Use :meth:`start` or :meth:`resume`.

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
        Time that each finished epoch took, without the test; of a resumed epoch, its last part.
    engine : {"numpy", "numba"}
        What computes.
    """

    def __init__(
        self, network: PaperNetwork, data: TrainingData, schedule: Schedule, engine: EngineName
    ) -> None:
        self.network = network
        self.data = data
        self.schedule = schedule
        self.test_accuracy: list[float] = []
        self.seconds: list[float] = []
        self.engine = engine
        self._trainer = Trainer(PaperLearner(network, schedule), data, schedule)

    @property
    def state_sha256(self) -> str:
        """Hash of the network's state."""
        return paper_sha256(self.network)

    @classmethod
    def start(
        cls, config: PaperConfig, data: TrainingData, *, engine: EngineName = "numpy"
    ) -> "PaperRun":
        """Return a run at its beginning.

        Parameters
        ----------
        config : PaperConfig
            Configuration that the data were prepared for.
        data : TrainingData
            Data.
        engine : {"numpy", "numba"}
            What computes; has no influence on the result.
        """
        schedule = Schedule(config, len(data.train), config.epochs)
        return cls(paper_network(config, engine), data, schedule, engine)

    @classmethod
    def resume(
        cls, checkpoint: PaperCheckpoint, data: TrainingData, *, engine: EngineName = "numpy"
    ) -> "PaperRun":
        """Return a run at the position of a checkpoint.

        Parameters
        ----------
        checkpoint : PaperCheckpoint
            Where to go on.
        data : TrainingData
            The same data that the run was started with.
        engine : {"numpy", "numba"}
            What computes; need not be what computed before.

        Raises
        ------
        CheckpointError
            If the data are others.
        """
        record = checkpoint.record
        data.check_same(record.data_sha256)
        network = checkpoint.restore(paper_network(checkpoint.config, engine))
        run = cls(network, data, checkpoint.schedule(), engine)
        run.test_accuracy = list(record.test_accuracy)
        run.seconds = list(record.seconds)
        return run

    def tiles(self) -> Iterator[TileResult]:
        """Train to the end, and yield after every batch; a checkpoint may be made whenever it does.

        Raises
        ------
        ValueError
            If hidden weights grow beyond the range in which the arithmetic is exact.
        """
        start = time.perf_counter()
        for result in self._trainer.tiles():
            if result.step.last:
                self.seconds.append(time.perf_counter() - start)
                self.test_accuracy.append(self._trainer.test_accuracy())
                start = time.perf_counter()
            yield result

    def finish(self) -> None:
        """Train to the end."""
        for _ in self.tiles():
            pass

    def checkpoint(self) -> PaperCheckpoint:
        """Return a checkpoint of the present position."""
        network = self.network
        record = PaperRecord(
            config=network.config,
            generator_state=network.generator.state,
            statistics=StatisticsRecord.of(network.statistics),
            **self.data.record(),
            **position_of(self.schedule),
            test_accuracy=tuple(self.test_accuracy),
            seconds=tuple(self.seconds),
            state_sha256=paper_sha256(network),
            versions=versions(),
        )
        return PaperCheckpoint(record, tuple(layer.astype(np.int32) for layer in network.hidden))
