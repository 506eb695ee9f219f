"""A training run of the golden network: starts, stops, and goes on where it stopped."""

from ..checkpoints.hardware import Checkpoint, Record
from ..config import Config
from ..data.training_data import TrainingData
from ..engines import EngineName, make_learner
from ..network import Network
from ..schedule import Schedule
from .observation import Opening
from .training_run import TrainingRun


class Run(TrainingRun):
    """A run of hardware mode; use :meth:`start` or :meth:`resume`.

    Parameters
    ----------
    network : Network
        Is trained.
    data, schedule, engine
        As in :class:`.TrainingRun`.
    """

    def __init__(
        self,
        network: Network,
        data: TrainingData,
        schedule: Schedule,
        *,
        engine: EngineName = "numpy",
    ) -> None:
        self._golden = make_learner(network, engine)
        super().__init__(self._golden, data, schedule, engine)

    @property
    def network(self) -> Network:
        """What is trained, in its present state."""
        return self._golden.network

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
        schedule = Schedule(config, data.samples, epochs)
        run = cls(Network(config), data, schedule, engine=engine)
        if observe:
            run.observe(Opening.of(run.network))
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
        run.go_on(record, checkpoint.opening)
        return run

    def checkpoint(self) -> Checkpoint:
        """Return a checkpoint of the present position."""
        counters = tuple(layer.copy() for layer in self.network.counters)
        return Checkpoint(Record(**self.position()), counters, self.opening())
