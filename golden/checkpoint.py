"""Checkpoints: everything that a run needs to go on, bit for bit, in one .npz file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from .checkpoint_file import (
    Count,
    RunRecord,
    StatisticsRecord,
    check_arrays,
    check_counts,
    make_record,
    position_of,
    read_file,
    versions,
    write_file,
)
from .config import Config
from .errors import CheckpointError
from .network import Network
from .observation import Observation, Observer, Opening
from .schedule import Schedule
from .state import state_sha256


class OpeningRecord(BaseModel):
    """Counts of an :class:`~metabit.golden.observation.Opening`; its signs are arrays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    triggers: tuple[Count, ...]
    updates: tuple[Count, ...]


class Record(RunRecord):
    """Everything in a checkpoint that is no array.

    Attributes
    ----------
    config : Config
        Configuration.
    observations : tuple of Observation
        What was recorded of finished epochs.
    opening : OpeningRecord or None
        How an unfinished epoch began; None: it has not begun, or it is not known.
    """

    config: Config
    observations: tuple[Observation, ...] = ()
    opening: OpeningRecord | None = None


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


def make_checkpoint(
    network: Network,
    schedule: Schedule,
    *,
    data: Mapping[str, Any],
    test_accuracy: list[float] | tuple[float, ...] = (),
    seconds: list[float] | tuple[float, ...] = (),
    observer: Observer | None = None,
) -> Checkpoint:
    """Return a checkpoint of a run between two tiles.

    Parameters
    ----------
    network, schedule
        The run; copied.
    data : mapping
        What :meth:`.TrainingData.record` returns.
    test_accuracy, seconds
        See :class:`.RunRecord`.
    observer : Observer, optional
        What it has seen is kept.
    """
    opening = observer.opening if observer is not None and schedule.sample else None
    record = Record(
        config=network.config,
        generator_state=network.generator.state,
        statistics=StatisticsRecord.of(network.statistics),
        **data,
        **position_of(schedule),
        test_accuracy=tuple(test_accuracy),
        seconds=tuple(seconds),
        observations=tuple(observer.observations) if observer is not None else (),
        opening=None
        if opening is None
        else OpeningRecord(triggers=opening.triggers, updates=opening.updates),
        state_sha256=state_sha256(network.counters, network.generator.state),
        versions=versions(),
    )
    return Checkpoint(record, tuple(layer.copy() for layer in network.counters), opening)


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
    arrays: dict[str, Any] = {
        f"counters_{layer}": values.astype(dtype)
        for layer, values in enumerate(checkpoint.counters)
    }
    if checkpoint.opening is not None:
        for layer, signs in enumerate(checkpoint.opening.signs):
            arrays[f"opening_{layer}"] = signs
    write_file(path, checkpoint.record, arrays)


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
    record = make_record(path, fields, Record)
    names = [f"counters_{layer}" for layer in range(record.config.layers)]
    openings = [f"opening_{layer}" for layer in range(record.config.layers)]
    expected = names + openings if record.opening is not None else names
    check_arrays(path, arrays, expected, names)
    counters = tuple(arrays[name].astype(np.int16) for name in names)
    opening = None
    if record.opening is not None:
        signs = tuple(arrays[name] for name in openings)
        opening = Opening(record.opening.triggers, record.opening.updates, signs)
    checkpoint = Checkpoint(record, counters, opening)
    if state_sha256(counters, record.generator_state) != record.state_sha256:
        raise CheckpointError(f"checkpoint {path} is damaged: its state hash differs")
    try:
        checkpoint.network()
        schedule = checkpoint.schedule()
    except ValueError as error:
        raise CheckpointError(f"checkpoint {path}: {error}") from error
    check_counts(path, record, schedule, record.config.layers)
    _check_observations(path, checkpoint)
    return checkpoint


def _check_observations(path: Path, checkpoint: Checkpoint) -> None:
    """Check that what was recorded fits the network and the epochs that it has finished."""
    record = checkpoint.record
    epochs = [observation.epoch for observation in record.observations]
    if epochs != sorted(set(epochs)) or (epochs and epochs[-1] >= record.epoch):
        raise CheckpointError(
            f"checkpoint {path}: observations must be of increasing epochs below {record.epoch}, "
            f"not of {epochs}"
        )
    sizes = {len(observation.layers) for observation in record.observations}
    opening = checkpoint.opening
    if opening is not None:
        sizes |= {len(opening.triggers), len(opening.updates)}
        for layer, (signs, counters) in enumerate(
            zip(opening.signs, checkpoint.counters, strict=True)
        ):
            size = -(-counters.size // 8)
            if signs.dtype != np.uint8 or signs.shape != (size,):
                raise CheckpointError(
                    f"checkpoint {path}: opening_{layer} must be {size} bytes, "
                    f"not {signs.dtype} of shape {signs.shape}"
                )
    if sizes - {record.config.layers}:
        raise CheckpointError(
            f"checkpoint {path}: observations must be of {record.config.layers} layers, "
            f"not {', '.join(map(str, sorted(sizes)))}"
        )
