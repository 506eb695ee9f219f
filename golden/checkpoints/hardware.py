"""Checkpoints: everything that a run needs to go on, bit for bit, in one .npz file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..config import OBSOLETE, Config
from ..errors import CheckpointError
from ..network import Network
from ..runs.observation import Opening
from ..schedule import Schedule
from ..state import state_sha256
from .file import Arrays, read_file
from .layers import check_run, read_layers, write_layers
from .record import RunRecord


class Record(RunRecord):
    """Everything in a checkpoint of hardware mode that is no array.

    Attributes
    ----------
    config : Config
        Configuration.
    """

    config: Config


@dataclass(frozen=True)
class Checkpoint:
    """A run that was interrupted or has finished.

    Attributes
    ----------
    record : Record
        All but the arrays.
    counters : tuple of ndarray of int16, shape (K_l, fan_in)
        Counters of each layer.
    opening : Opening or None
        How an unfinished epoch began, if that is known.
    """

    record: Record
    counters: tuple[npt.NDArray[np.int16], ...]
    opening: Opening | None = None

    @property
    def config(self) -> Config:
        """The configuration."""
        return self.record.config

    def network(self) -> Network:
        """Return a network in the state of the checkpoint."""
        network = Network(self.config)
        network.load(list(self.counters))
        network.generator.state = self.record.generator_state
        network.statistics = self.record.statistics.statistics()
        return network

    def schedule(self) -> Schedule:
        """Return the schedule at the position of the checkpoint."""
        return self.record.schedule_of(self.config)

    def save(self, path: Path) -> None:
        """Write the checkpoint; see :func:`save_checkpoint`."""
        save_checkpoint(path, self)


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; an older file of that name is replaced in one step or not at all.

    Parameters
    ----------
    path : Path
        File to write.
    checkpoint : Checkpoint
        What to write.

    Raises
    ------
    CheckpointError
        If the file cannot be written.
    """
    dtype = np.int8 if checkpoint.config.counter_bits <= 8 else np.int16
    counters = [values.astype(dtype) for values in checkpoint.counters]
    write_layers(path, checkpoint, "counters", counters)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint, and check all of it.

    Parameters
    ----------
    path : Path
        File to read.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, no checkpoint, too new, or contradicts itself.
    """
    fields, arrays = read_file(path)
    if "mode" in fields:
        raise CheckpointError(
            f"checkpoint {path} is of mode {fields['mode']}, which only the golden model has; "
            "one of mode hardware is needed"
        )
    return checkpoint_of(path, fields, arrays)


def checkpoint_of(path: Path, fields: dict[str, Any], arrays: Arrays) -> Checkpoint:
    """Return a checkpoint of what a file holds, and check all of it.

    Parameters
    ----------
    path : Path
        Where it comes from.
    fields, arrays
        From :func:`.read_file`.

    Raises
    ------
    CheckpointError
        If it contradicts itself.
    """
    if isinstance(fields.get("config"), dict):
        for name in OBSOLETE:
            fields["config"].pop(name, None)
        # Before there was a choice, the last layer predicted alone, and nothing lagged behind.
        fields["config"].setdefault("summed_scores", False)
        fields["config"].setdefault("lag", 0)
    record, layers, opening = read_layers(path, fields, arrays, Record, "counters")
    checkpoint = Checkpoint(record, tuple(layer.astype(np.int16) for layer in layers), opening)
    check_run(path, checkpoint, state_sha256(checkpoint.counters, record.generator_state))
    return checkpoint
