"""Checkpoints of paper mode."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..checkpoints.file import Arrays
from ..checkpoints.layers import check_run, read_layers, write_layers
from ..checkpoints.record import RunRecord
from ..errors import CheckpointError
from ..runs.observation import Opening
from ..schedule import Schedule
from .config import BepConfig, PaperConfig
from .making import paper_network
from .network import RULE_VERSION, PaperNetwork, paper_state_sha256

MODE = "paper"
"""What the field ``mode`` of these files says, whichever of the two rules trained."""


class PaperRecord(RunRecord):
    """Everything in a checkpoint of paper mode that is no array.

    Attributes
    ----------
    mode : "paper"
        Tells the file from one of hardware mode, which has no such field.
    config : BepConfig or PaperConfig
        Configuration.
    rule_version : int
        Version of the rule that trained; a classifier follows from the seed in one version only.
    """

    mode: Literal["paper"] = "paper"
    config: BepConfig | PaperConfig
    rule_version: int = 1


@dataclass(frozen=True)
class PaperCheckpoint:
    """A run of paper mode that was interrupted or has finished.

    Attributes
    ----------
    record : PaperRecord
        All but the arrays.
    hidden : tuple of ndarray of int32, shape (K_l, fan_in)
        Hidden weights of each layer.
    opening : Opening or None
        How an unfinished epoch began, if that is known.
    """

    record: PaperRecord
    hidden: tuple[npt.NDArray[np.int32], ...]
    opening: Opening | None = None

    @property
    def config(self) -> PaperConfig:
        """The configuration."""
        return self.record.config

    def restore(self, network: PaperNetwork) -> PaperNetwork:
        """Bring a network of the same configuration into the state of the checkpoint.

        Parameters
        ----------
        network : PaperNetwork
            Is changed, and returned.
        """
        network.load(self.hidden)
        network.generator.state = self.record.generator_state
        network.statistics = self.record.statistics.statistics()
        return network

    def network(self) -> PaperNetwork:
        """Return a network in the state of the checkpoint."""
        return self.restore(paper_network(self.config))

    def schedule(self) -> Schedule:
        """Return the schedule at the position of the checkpoint."""
        return self.record.schedule_of(self.config)

    def save(self, path: Path) -> None:
        """Write the checkpoint, as :func:`.save_checkpoint` does."""
        write_layers(path, self, "hidden", self.hidden)


def checkpoint_of(path: Path, fields: dict[str, Any], arrays: Arrays) -> PaperCheckpoint:
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
        If it contradicts itself, or is of another version of the paper's rule.
    """
    record, layers, opening = read_layers(path, fields, arrays, PaperRecord, "hidden")
    if record.rule_version != RULE_VERSION:
        raise CheckpointError(
            f"checkpoint {path} was trained by version {record.rule_version} of the paper's rule, "
            f"and this Metabit has version {RULE_VERSION}: train again"
        )
    checkpoint = PaperCheckpoint(record, tuple(layer.astype(np.int32) for layer in layers), opening)
    check_run(path, checkpoint, paper_state_sha256(checkpoint.hidden, record.generator_state))
    return checkpoint
