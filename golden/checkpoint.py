"""Checkpoints: everything that a run needs to go on, bit for bit, in one .npz file."""

import io
import json
import os
import platform
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .. import __version__
from .config import Config
from .errors import CheckpointError
from .generator import PERIOD
from .network import Network, Statistics
from .npz import read_npz
from .observation import Observation, Observer, Opening
from .schedule import Schedule
from .state import state_sha256
from .validation import describe

FORMAT = "metabit-checkpoint"
VERSION = 2
"""Version of the file format; a newer one is refused. Version 1 had no observations."""

_Count = Annotated[int, Field(ge=0)]
_Fraction = Annotated[float, Field(ge=0, le=1)]


class StatisticsRecord(BaseModel):
    """:class:`~metabit.golden.network.Statistics` as a file keeps them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    samples: _Count
    correct: _Count
    triggers: tuple[_Count, ...]
    updates: tuple[_Count, ...]


class OpeningRecord(BaseModel):
    """Counts of an :class:`~metabit.golden.observation.Opening`; its signs are arrays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    triggers: tuple[_Count, ...]
    updates: tuple[_Count, ...]


class Record(BaseModel):
    """Everything in a checkpoint that is no array.

    Attributes
    ----------
    format, version
        What the file is.
    config : Config
        Configuration.
    generator_state : int
        State of the network's generator.
    statistics : StatisticsRecord
        Counts of the network.
    dataset, split : str
        What was trained on.
    data_sha256 : str
        Hash of the encoded training samples.
    median : float or None
        Fitted state of the encoder.
    samples, epochs, epoch, sample, errors, history
        The schedule: training samples, planned epochs, position, errors so far, errors of
        finished epochs.
    test_accuracy : tuple of float
        After each finished epoch.
    seconds : tuple of float
        That each finished epoch took.
    observations : tuple of Observation
        What was recorded of finished epochs.
    opening : OpeningRecord or None
        How an unfinished epoch began; None: it has not begun, or it is not known.
    state_sha256 : str
        Hash of counters and generator; see :func:`~metabit.golden.state.state_sha256`.
    versions : dict
        Versions of the tools that wrote it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["metabit-checkpoint"] = "metabit-checkpoint"
    version: Literal[1, 2] = 2
    config: Config
    generator_state: Annotated[int, Field(ge=1, le=PERIOD)]
    statistics: StatisticsRecord
    dataset: str
    split: str
    data_sha256: str
    median: float | None
    samples: Annotated[int, Field(ge=1)]
    epochs: Annotated[int, Field(ge=1)]
    epoch: Annotated[int, Field(ge=1)]
    sample: _Count
    errors: _Count
    history: tuple[_Count, ...]
    test_accuracy: tuple[_Fraction, ...]
    seconds: tuple[Annotated[float, Field(ge=0)], ...]
    observations: tuple[Observation, ...] = ()
    opening: OpeningRecord | None = None
    state_sha256: str
    versions: dict[str, str]


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
        counts = self.record.statistics
        network.statistics = Statistics(
            counts.samples, counts.correct, list(counts.triggers), list(counts.updates)
        )
        return network

    def schedule(self) -> Schedule:
        """Return the schedule at the position of the checkpoint."""
        record = self.record
        return Schedule(
            record.config,
            record.samples,
            record.epochs,
            epoch=record.epoch,
            sample=record.sample,
            errors=record.errors,
            history=record.history,
        )


def versions() -> dict[str, str]:
    """Versions of the tools that results may depend on."""
    return {
        "metabit": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def make_checkpoint(
    network: Network,
    schedule: Schedule,
    *,
    dataset: str,
    split: str,
    data_sha256: str,
    median: float | None = None,
    test_accuracy: list[float] | tuple[float, ...] = (),
    seconds: list[float] | tuple[float, ...] = (),
    observer: Observer | None = None,
) -> Checkpoint:
    """Return a checkpoint of a run between two tiles.

    Parameters
    ----------
    network, schedule
        The run; copied.
    dataset, split, data_sha256, median, test_accuracy, seconds
        See :class:`Record`.
    observer : Observer, optional
        What it has seen is kept.
    """
    opening = observer.opening if observer is not None and schedule.sample else None
    statistics = network.statistics
    record = Record(
        config=network.config,
        generator_state=network.generator.state,
        statistics=StatisticsRecord(
            samples=statistics.samples,
            correct=statistics.correct,
            triggers=tuple(statistics.triggers),
            updates=tuple(statistics.updates),
        ),
        dataset=dataset,
        split=split,
        data_sha256=data_sha256,
        median=median,
        samples=schedule.samples,
        epochs=schedule.epochs,
        epoch=schedule.epoch,
        sample=schedule.sample,
        errors=schedule.errors,
        history=tuple(schedule.history),
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
    buffer = io.BytesIO()
    np.savez_compressed(buffer, record=np.array(checkpoint.record.model_dump_json()), **arrays)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    except OSError as error:
        raise CheckpointError(f"cannot write checkpoint {path}: {error.strerror}") from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise CheckpointError(f"cannot write checkpoint {path}: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


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
    arrays, _ = read_npz(path, CheckpointError, "checkpoint")
    record = _read_record(path, arrays.pop("record", None))
    names = [f"counters_{layer}" for layer in range(record.config.layers)]
    openings = [f"opening_{layer}" for layer in range(record.config.layers)]
    expected = names + openings if record.opening is not None else names
    if sorted(arrays) != sorted(expected):
        raise CheckpointError(
            f"checkpoint {path} must hold {', '.join(expected)}, "
            f"not {', '.join(arrays) or 'nothing'}"
        )
    for name in names:
        if arrays[name].dtype.kind != "i":
            raise CheckpointError(
                f"checkpoint {path}: {name} must be integers, not {arrays[name].dtype}"
            )
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
    for name, values in (("test_accuracy", record.test_accuracy), ("seconds", record.seconds)):
        if len(values) not in (0, len(schedule.history)):
            raise CheckpointError(
                f"checkpoint {path}: {name} must have {len(schedule.history)} entries, "
                f"not {len(values)}"
            )
    for name in ("triggers", "updates"):
        found = len(getattr(record.statistics, name))
        if found != record.config.layers:
            raise CheckpointError(
                f"checkpoint {path}: {name} must have {record.config.layers} entries, not {found}"
            )
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


def _read_record(path: Path, array: npt.NDArray | None) -> Record:
    """Return the record that is stored as a JSON text."""
    try:
        fields = json.loads(str(array[()])) if array is not None else None
    except (ValueError, IndexError):
        fields = None
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        raise CheckpointError(f"{path} is no checkpoint of Metabit")
    version = fields.get("version")
    if isinstance(version, int) and version > VERSION:
        raise CheckpointError(
            f"checkpoint {path} has format {version}, written by a newer Metabit; "
            f"this one reads formats up to {VERSION}: update Metabit"
        )
    try:
        return Record.model_validate(fields)
    except ValidationError as error:
        raise CheckpointError(f"checkpoint {path}: {describe(error, Record)}") from error
