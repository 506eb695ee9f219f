"""A training run by the paper's rule, or by that of its baseline."""

import numpy as np
import numpy.typing as npt

from ..codes import Bits
from ..data.training_data import TrainingData
from ..engines import EngineName
from ..learner import Labels, TileLearner
from ..runs.observation import Opening
from ..runs.training_run import TrainingRun
from ..schedule import Schedule
from .checkpoint import PaperCheckpoint, PaperRecord
from .config import PaperConfig
from .making import paper_network
from .network import RULE_VERSION, PaperNetwork


class PaperLearner(TileLearner):
    """The paper's network as a learner; a tile is its batch.

    Parameters
    ----------
    network : PaperNetwork
        Is trained in place.
    schedule : Schedule
        Knows the accuracy of the epoch before, which reinforcement depends on.
    """

    def __init__(self, network: PaperNetwork, schedule: Schedule) -> None:
        super().__init__(network.config.batch)
        self.network = network
        self._schedule = schedule

    def train_tile(
        self, samples: Bits, labels: Labels, *, annealing: int, damping: int
    ) -> npt.NDArray[np.integer]:
        """Train on a batch; the paper's rule knows neither annealing nor damping levels."""
        history = self._schedule.history
        accuracy = 1 - history[-1] / self._schedule.samples if history else 0.0
        return self.network.train_batch(samples, labels, accuracy)

    def train_tiles(
        self,
        packed: Bits,
        labels: Labels,
        indices: npt.NDArray[np.int64],
        *,
        annealing: int,
        damping: int,
        drain: bool = True,
    ) -> npt.NDArray[np.integer]:
        """Train batch by batch; see :meth:`.Learner.train_tiles`."""
        if not self._schedule.sample:
            self.network.check_exact(self._schedule.samples)
        return super().train_tiles(
            packed, labels, indices, annealing=annealing, damping=damping, drain=drain
        )

    def drain(self) -> None:
        """Do nothing: the paper's passes see all updates."""

    def predict(self, samples: Bits) -> npt.NDArray[np.integer]:
        """Return the classes of samples without learning."""
        return self.network.predict(samples)


class PaperRun(TrainingRun):
    """A run of paper mode; use :meth:`start` or :meth:`resume`.

    Parameters
    ----------
    network : PaperNetwork
        Is trained.
    data, schedule, engine
        As in :class:`.TrainingRun`.
    """

    def __init__(
        self, network: PaperNetwork, data: TrainingData, schedule: Schedule, engine: EngineName
    ) -> None:
        self._network = network
        super().__init__(PaperLearner(network, schedule), data, schedule, engine)

    @property
    def network(self) -> PaperNetwork:
        """What is trained, in its present state."""
        return self._network

    @classmethod
    def start(
        cls,
        config: PaperConfig,
        data: TrainingData,
        *,
        observe: bool = True,
        engine: EngineName = "numpy",
    ) -> "PaperRun":
        """Return a run at its beginning.

        Parameters
        ----------
        config : PaperConfig
            Configuration that the data were prepared for.
        data : TrainingData
            Data.
        observe : bool
            Record what there is to see; has no influence on the training.
        engine : {"numpy", "numba"}
            What computes; has no influence on the result.
        """
        schedule = Schedule(config, data.samples, config.epochs)
        run = cls(paper_network(config, engine), data, schedule, engine)
        if observe:
            run.observe(Opening.of(run.network))
        return run

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
        run.go_on(record, checkpoint.opening)
        return run

    def checkpoint(self) -> PaperCheckpoint:
        """Return a checkpoint of the present position."""
        hidden = tuple(layer.astype(np.int32) for layer in self.network.hidden)
        record = PaperRecord(**self.position(), rule_version=RULE_VERSION)
        return PaperCheckpoint(record, hidden, self.opening())
