"""What tells one mode from another, in one place: everything else asks the mode."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from ..binary_network import BinaryNetwork
from ..checkpoints.file import Arrays
from ..checkpoints.layers import Saved
from ..codes import Bits
from ..config import Config
from ..configurations.configuration import NetworkConfig
from ..data.training_data import TrainingData
from ..engines import EngineName
from ..learner import Learner
from ..runs.training_run import TrainingRun
from ..schedule import Schedule

C = TypeVar("C", bound=NetworkConfig)
S = TypeVar("S", bound=Saved)


class NetworkLearner(Learner, Protocol):
    """A learner that has its network at hand."""

    @property
    def network(self) -> BinaryNetwork:
        """What is trained, in its present state."""


class Predictor(Protocol):
    """A trained network to be tested."""

    def predict(self, samples: Bits) -> npt.NDArray[np.integer]:
        """Return the classes of samples, shape (n,)."""


@dataclass(frozen=True)
class Histogram:
    """Counts in equally wide bins.

    Attributes
    ----------
    low, high : int
        Smallest and largest value that is counted.
    width : int
        Values in a bin; the first begins at `low`.
    counts : ndarray of int64
        How many values lie in each bin.
    """

    low: int
    high: int
    width: int
    counts: npt.NDArray[np.int64]


class Mode(ABC, Generic[C, S]):
    """A rule of training, its configurations, runs and checkpoints, and the words for them.

    Attributes
    ----------
    name : str
        What ``--mode`` calls it; the same as :attr:`.NetworkConfig.mode` of its configurations.
    config_type : type of NetworkConfig
        Type of its configurations.
    file_mode : str or None
        What its checkpoints have in the field ``mode``; None: they have no such field.
    epochs : int
        Length of a training when none is asked for.
    rule_version : int
        Counted up with every change of the rule, so that older results are not taken for new.
    stored : str
        What a weight is the sign of, as a word.
    limit : str
        Where that can go no further, in words.
    """

    name: str
    config_type: type[C]
    file_mode: str | None
    epochs: int
    rule_version: int
    stored: str
    limit: str

    @abstractmethod
    def configure(self, base: Config, epochs: int | None = None, **fields: Any) -> C:
        """Return a configuration of this mode.

        Parameters
        ----------
        base : Config
            Named configurations are the hardware's: what a mode shares with it is taken over.
        epochs : int, optional
            Length of the training, if that is part of the configuration; None: the default.
        **fields
            Fields that only this mode has; None: the default.

        Raises
        ------
        ConfigurationError
            If the result is not valid.
        """

    @abstractmethod
    def start(
        self,
        config: C,
        data: TrainingData,
        epochs: int,
        *,
        observe: bool = True,
        engine: EngineName = "numpy",
    ) -> TrainingRun:
        """Return a run at its beginning.

        Parameters
        ----------
        config : NetworkConfig
            Of this mode, which the data were prepared for.
        data : TrainingData
            Data.
        epochs : int
            Length of the run.
        observe : bool
            Record what there is to see; has no influence on the training.
        engine : {"numpy", "numba"}
            What computes; has no influence on the result.
        """

    @abstractmethod
    def resume(
        self, checkpoint: S, data: TrainingData, *, engine: EngineName = "numpy"
    ) -> TrainingRun:
        """Return a run at the position of a checkpoint.

        Parameters
        ----------
        checkpoint : Saved
            Of this mode.
        data : TrainingData
            The same data that the run was started with.
        engine : {"numpy", "numba"}
            What computes; need not be what computed before.

        Raises
        ------
        CheckpointError
            If the data are others.
        """

    @abstractmethod
    def read(self, path: Path, fields: dict[str, Any], arrays: Arrays) -> S:
        """Return a checkpoint of what a file holds, and check all of it.

        Parameters
        ----------
        path : Path
            Where it comes from.
        fields, arrays
            From :func:`~metabit.golden.checkpoints.file.read_file`.

        Raises
        ------
        CheckpointError
            If it contradicts itself, or is of another version of the rule.
        """

    @abstractmethod
    def learner(self, config: C, schedule: Schedule, engine: EngineName) -> NetworkLearner:
        """Return a new network as a learner.

        Parameters
        ----------
        config : NetworkConfig
            Of this mode.
        schedule : Schedule
            What it will be trained by.
        engine : {"numpy", "numba"}
            What computes.
        """

    @abstractmethod
    def predictor(self, checkpoint: S, engine: EngineName) -> Predictor:
        """Return the network of a checkpoint, to be tested by an engine."""

    @abstractmethod
    def shown(self, hidden: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Return what a picture shows of hidden weights ``H``: what the mode really stores."""

    @abstractmethod
    def histogram(self, config: C, hidden: npt.NDArray[np.int32], bins: int) -> Histogram:
        """Count what a layer stores.

        Parameters
        ----------
        config : NetworkConfig
            Of this mode.
        hidden : ndarray of int32, shape (K_l, fan_in)
            Hidden weights ``H`` of the layer.
        bins : int
            How many at most, a power of two.
        """

    def going_on(self, config: C) -> str | None:
        """Return what is worth saying when a run goes on; None: nothing."""
        return None
