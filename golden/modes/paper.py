"""Modes `paper`, `baldassi` and `bep`: the paper's rule, its baseline's, and its successor's."""

import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..checkpoints.file import Arrays
from ..config import Config
from ..data.training_data import TrainingData
from ..engines import EngineName
from ..paper.checkpoint import MODE, PaperCheckpoint, checkpoint_of
from ..paper.config import BepConfig, PaperConfig, paper_config
from ..paper.making import paper_network
from ..paper.network import RULE_VERSION
from ..paper.run import PaperLearner, PaperRun
from ..schedule import Schedule
from .mode import Histogram, Mode, NetworkLearner, Predictor


class PaperMode(Mode[PaperConfig, PaperCheckpoint]):
    """Whole-number hidden weights, and batches; see :class:`.paper.network.PaperNetwork`.

    Parameters
    ----------
    rule : {"paper", "baldassi", "bep"}
        The paper's rule, its baseline's, or Binary Error Propagation.
    """

    file_mode = MODE
    epochs: int = PaperConfig.model_fields["epochs"].default
    rule_version = RULE_VERSION
    stored = "hidden weight"
    limit = "the weight clip"

    def __init__(self, rule: Literal["paper", "baldassi", "bep"]) -> None:
        self.name = rule
        self.config_type = BepConfig if rule == "bep" else PaperConfig

    def configure(self, base: Config, epochs: int | None = None, **fields: Any) -> PaperConfig:
        """Return the paper's version of a named configuration; see :func:`.paper_config`."""
        return paper_config(base, rule=self.name, epochs=epochs, **fields)

    def start(
        self,
        config: PaperConfig,
        data: TrainingData,
        epochs: int,
        *,
        observe: bool = True,
        engine: EngineName = "numpy",
    ) -> PaperRun:
        """Return a run at its beginning; see :meth:`.PaperRun.start`."""
        if epochs != config.epochs:
            config = config.model_copy(update={"epochs": epochs})
        return PaperRun.start(config, data, observe=observe, engine=engine)

    def resume(
        self, checkpoint: PaperCheckpoint, data: TrainingData, *, engine: EngineName = "numpy"
    ) -> PaperRun:
        """Return a run at the position of a checkpoint; see :meth:`.PaperRun.resume`."""
        return PaperRun.resume(checkpoint, data, engine=engine)

    def read(self, path: Path, fields: dict[str, Any], arrays: Arrays) -> PaperCheckpoint:
        """Return a checkpoint; see :func:`~metabit.golden.paper.checkpoint.checkpoint_of`."""
        return checkpoint_of(path, fields, arrays)

    def learner(
        self, config: PaperConfig, schedule: Schedule, engine: EngineName
    ) -> NetworkLearner:
        """Return a new network as a learner."""
        return PaperLearner(paper_network(config, engine), schedule)

    def predictor(self, checkpoint: PaperCheckpoint, engine: EngineName) -> Predictor:
        """Return the network of a checkpoint."""
        return checkpoint.restore(paper_network(checkpoint.config, engine))

    def shown(self, hidden: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Return the hidden weights themselves."""
        return hidden

    def histogram(self, config: PaperConfig, hidden: npt.NDArray[np.int32], bins: int) -> Histogram:
        """Count hidden weights from the smallest to the largest."""
        low, high = int(hidden.min()), int(hidden.max())
        # Steps are of 2; with an even width, all bins hold as many even values as odd ones.
        width = 2 * max(1, math.ceil((high - low + 1) / 2 / bins))
        return Histogram(low, high, width, np.bincount((hidden.reshape(-1) - low) // width))
