"""Mode `hardware`: the rule that golden model, simulation and silicon share."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checkpoints.file import Arrays
from ..checkpoints.hardware import Checkpoint, checkpoint_of
from ..config import Config
from ..configurations.named import override
from ..data.training_data import TrainingData
from ..distribution import histogram_of
from ..engines import EngineName, make_learner
from ..network import RULE_VERSION, Network
from ..runs.run import Run
from ..schedule import Schedule
from .mode import Histogram, Mode, NetworkLearner, Predictor

_AGES = {0: "up to date", 1: "one tile old"}
"""What a lag means for the weights that a forward pass sees."""


class HardwareMode(Mode[Config, Checkpoint]):
    """Counters, tiles, and one generator; see :class:`~metabit.golden.network.Network`."""

    name = "hardware"
    config_type = Config
    file_mode = None
    epochs = 10
    rule_version = RULE_VERSION
    stored = "counter"
    limit = "an end of their range"

    def configure(self, base: Config, epochs: int | None = None, **fields: Any) -> Config:
        """Return the named configuration itself; how long it is trained is no part of it."""
        given = {name: value for name, value in fields.items() if value is not None}
        return override(base, **given) if given else base

    def start(
        self,
        config: Config,
        data: TrainingData,
        epochs: int,
        *,
        observe: bool = True,
        engine: EngineName = "numpy",
    ) -> Run:
        """Return a run at its beginning; see :meth:`.Run.start`."""
        return Run.start(config, data, epochs, observe=observe, engine=engine)

    def resume(
        self, checkpoint: Checkpoint, data: TrainingData, *, engine: EngineName = "numpy"
    ) -> Run:
        """Return a run at the position of a checkpoint; see :meth:`.Run.resume`."""
        return Run.resume(checkpoint, data, engine=engine)

    def read(self, path: Path, fields: dict[str, Any], arrays: Arrays) -> Checkpoint:
        """Return a checkpoint; see :func:`~metabit.golden.checkpoints.hardware.checkpoint_of`."""
        return checkpoint_of(path, fields, arrays)

    def learner(self, config: Config, schedule: Schedule, engine: EngineName) -> NetworkLearner:
        """Return a new network as a learner, which needs no schedule."""
        return make_learner(Network(config), engine)

    def predictor(self, checkpoint: Checkpoint, engine: EngineName) -> Predictor:
        """Return the network of a checkpoint as a learner, all of which predict."""
        return make_learner(checkpoint.network(), engine)

    def shown(self, hidden: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Return the counters ``v`` of ``H = 2 v + 1``."""
        return hidden >> 1

    def histogram(self, config: Config, hidden: npt.NDArray[np.int32], bins: int) -> Histogram:
        """Count counters over their whole range."""
        low, high = config.counter_range
        counts = histogram_of(self.shown(hidden), config.counter_bits, bins)
        return Histogram(low, high, (high - low + 1) // len(counts), counts)

    def going_on(self, config: Config) -> str:
        """Say how old the weights of a forward pass were, which older versions did not ask."""
        return f"trained with weights {_AGES[config.lag]} (lag {config.lag}); continues so"
