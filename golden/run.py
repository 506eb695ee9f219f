"""A training run of the golden network: starts, stops, and goes on where it stopped."""

import time
from collections.abc import Iterator

from .checkpoint import Checkpoint, make_checkpoint
from .config import Config
from .engines import EngineName, make_learner
from .network import Network
from .observation import Observer, Opening
from .schedule import Schedule
from .state import network_sha256
from .trainer import TileResult, Trainer
from .training_data import TrainingData


class Run:
    """Network, data and schedule of a run, and what it has achieved.

    Use :meth:`start` or :meth:`resume`.

    Attributes
    ----------
    data : TrainingData
        What on.
    schedule : Schedule
        How far.
    test_accuracy : list of float
        Accuracy on the test set after each finished epoch.
    seconds : list of float
        Time that each finished epoch took; of a resumed epoch, its last part.
    engine : {"numpy", "numba"}
        What computes.
    observer : Observer or None
        Records what there is to see in each epoch; None: nothing is recorded.
    """

    def __init__(
        self,
        network: Network,
        data: TrainingData,
        schedule: Schedule,
        *,
        engine: EngineName = "numpy",
    ) -> None:
        self.engine = engine
        self._golden = make_learner(network, engine)
        self.data = data
        self.schedule = schedule
        self.test_accuracy: list[float] = []
        self.seconds: list[float] = []
        self.observer: Observer | None = None
        self._trainer = Trainer(self._golden, data, schedule)

    @property
    def network(self) -> Network:
        """What is trained, in its present state."""
        return self._golden.network

    @property
    def state_sha256(self) -> str:
        """Hash of the network's state."""
        return network_sha256(self.network)

    @classmethod
    def start(
        cls,
        config: Config,
        data: TrainingData,
        epochs: int,
        *,
        observe: bool = True,
        engine: EngineName = "numpy",
    ) -> "Run":
        """Return a run at its beginning.

        Parameters
        ----------
        config : Config
            Configuration that the data were prepared for.
        data : TrainingData
            Data.
        epochs : int
            Length of the run.
        observe : bool
            Record what there is to see; has no influence on the training.
        engine : {"numpy", "numba"}
            What computes; has no influence on the result.
        """
        schedule = Schedule(config, len(data.train), epochs)
        run = cls(Network(config), data, schedule, engine=engine)
        if observe:
            run.observer = Observer(data.test, data.test_labels, Opening.of(run.network))
        return run

    @classmethod
    def resume(
        cls, checkpoint: Checkpoint, data: TrainingData, *, engine: EngineName = "numpy"
    ) -> "Run":
        """Return a run at the position of a checkpoint.

        Parameters
        ----------
        checkpoint : Checkpoint
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
        run = cls(checkpoint.network(), data, checkpoint.schedule(), engine=engine)
        run.test_accuracy = list(record.test_accuracy)
        run.seconds = list(record.seconds)
        # At the beginning of an epoch, how it begins is how things are.
        opening = checkpoint.opening if record.sample else Opening.of(run.network)
        run.observer = Observer(data.test, data.test_labels, opening, record.observations)
        return run

    def synchronise(self) -> None:
        """Bring ``network`` up to date, if it is a copy of what is trained."""

    def tiles(self) -> Iterator[TileResult]:
        """Train to the end, and yield after every tile; a checkpoint may be made whenever it does.

        The compiled engine trains on some tiles at a time; see :class:`Trainer`.
        After the last tile of an epoch, the test accuracy is taken, and the observer looks at the
        network, before the tile is yielded.
        """
        start = time.perf_counter()
        for result in self._trainer.tiles():
            if result.step.last:
                self.seconds.append(time.perf_counter() - start)
                self.test_accuracy.append(self._trainer.test_accuracy())
                if self.observer is not None:
                    self.synchronise()
                    self.observer.finish_epoch(result.step.epoch, self.network)
                start = time.perf_counter()
            yield result

    def checkpoint(self) -> Checkpoint:
        """Return a checkpoint of the present position."""
        return make_checkpoint(
            self.network,
            self.schedule,
            data=self.data.record(),
            test_accuracy=self.test_accuracy,
            seconds=self.seconds,
            observer=self.observer,
        )
