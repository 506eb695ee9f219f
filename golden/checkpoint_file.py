"""What all checkpoints have in common: the file, and the record of a run's position."""

import io
import json
import os
import platform
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .. import __version__
from .datasets import Dataset
from .encoders import Encoder
from .errors import CheckpointError, DataError
from .generator import PERIOD
from .network import Statistics
from .npz import read_npz
from .schedule import Schedule, Scheduled
from .validation import describe

FORMAT = "metabit-checkpoint"
VERSION = 2
"""Version of the file format; a newer one is refused. Version 1 had no observations."""

Count = Annotated[int, Field(ge=0)]
Arrays = dict[str, npt.NDArray]
R = TypeVar("R", bound="RunRecord")


class StatisticsRecord(BaseModel):
    """:class:`~metabit.golden.network.Statistics` as a file keeps them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    samples: Count
    correct: Count
    triggers: tuple[Count, ...]
    updates: tuple[Count, ...]

    @classmethod
    def of(cls, statistics: Statistics) -> Self:
        """Return what a file keeps of statistics."""
        return cls(
            samples=statistics.samples,
            correct=statistics.correct,
            triggers=tuple(statistics.triggers),
            updates=tuple(statistics.updates),
        )

    def statistics(self) -> Statistics:
        """Return statistics to count on."""
        return Statistics(self.samples, self.correct, list(self.triggers), list(self.updates))


class RunRecord(BaseModel):
    """A run's position, whatever is trained.

    Attributes
    ----------
    format, version
        What the file is.
    generator_state : int
        State of the network's generator.
    statistics : StatisticsRecord
        Counts of the network.
    dataset, split : str
        What was trained on.
    data_sha256 : str
        Hash of the encoded training samples.
    median, thresholds, selection
        Fitted state of the encoder.
    columns, class_names : tuple of str
        Of a table: names of its columns and classes.
    samples, epochs, epoch, sample, errors, history
        The schedule: training samples, planned epochs, position, errors so far, errors of
        finished epochs.
    test_accuracy : tuple of float
        After each finished epoch.
    seconds : tuple of float
        That each finished epoch took.
    state_sha256 : str
        Hash of the network's state.
    versions : dict
        Versions of the tools that wrote it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["metabit-checkpoint"] = "metabit-checkpoint"
    version: Literal[1, 2] = 2
    generator_state: Annotated[int, Field(ge=1, le=PERIOD)]
    statistics: StatisticsRecord
    dataset: str
    split: str
    data_sha256: str
    median: float | None
    thresholds: tuple[tuple[float, ...], ...] | None = None
    selection: tuple[Count, ...] | None = None
    columns: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    samples: Annotated[int, Field(ge=1)]
    epochs: Annotated[int, Field(ge=1)]
    epoch: Annotated[int, Field(ge=1)]
    sample: Count
    errors: Count
    history: tuple[Count, ...]
    test_accuracy: tuple[Annotated[float, Field(ge=0, le=1)], ...]
    seconds: tuple[Annotated[float, Field(ge=0)], ...]
    state_sha256: str
    versions: dict[str, str]

    def encoder_of(self, spec: str) -> Encoder:
        """Return the encoder in the state of the checkpoint.

        Parameters
        ----------
        spec : str
            The encoder of the run's configuration.
        """
        return Encoder(spec, self.median, self.thresholds, self.selection)

    def check_columns(self, dataset: Dataset) -> None:
        """Check that a data set has the columns and classes that the run was trained on.

        Parameters
        ----------
        dataset : Dataset
            To be tested on.

        Raises
        ------
        DataError
            If both are tables, and these differ.
        """
        for what, ours, theirs in (
            ("columns", self.columns, dataset.columns),
            ("classes", self.class_names, dataset.class_names),
        ):
            if ours and ours != theirs:
                raise DataError(
                    f"data set {dataset.name} has the {what} {', '.join(theirs) or '-'}; "
                    f"the network was trained on {', '.join(ours)}"
                )

    def schedule_of(self, config: Scheduled) -> Schedule:
        """Return the schedule at the position of the checkpoint.

        Parameters
        ----------
        config : Scheduled
            The run's configuration.
        """
        return Schedule(
            config,
            self.samples,
            self.epochs,
            epoch=self.epoch,
            sample=self.sample,
            errors=self.errors,
            history=self.history,
        )


def position_of(schedule: Schedule) -> dict[str, Any]:
    """Return the fields of a record that describe a schedule."""
    return {
        "samples": schedule.samples,
        "epochs": schedule.epochs,
        "epoch": schedule.epoch,
        "sample": schedule.sample,
        "errors": schedule.errors,
        "history": tuple(schedule.history),
    }


def versions() -> dict[str, str]:
    """Versions of the tools that results may depend on."""
    return {
        "metabit": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def write_file(path: Path, record: RunRecord, arrays: Mapping[str, npt.NDArray]) -> None:
    """Write a checkpoint; an older file of that name is replaced in one step or not at all.

    Parameters
    ----------
    path : Path
        File to write.
    record : RunRecord
        All but the arrays.
    arrays : mapping of str to ndarray
        Arrays and their names.

    Raises
    ------
    CheckpointError
        If the file cannot be written.
    """
    buffer = io.BytesIO()
    contents: dict[str, Any] = {"record": np.array(record.model_dump_json()), **arrays}
    np.savez_compressed(buffer, **contents)
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


def read_file(path: Path) -> tuple[dict[str, Any], Arrays]:
    """Read a file, and return the fields of its record, and its arrays.

    Parameters
    ----------
    path : Path
        File to read.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, no checkpoint or too new.
    """
    arrays, _ = read_npz(path, CheckpointError, "checkpoint")
    array = arrays.pop("record", None)
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
    return fields, arrays


def make_record(path: Path, fields: dict[str, Any], model: type[R]) -> R:
    """Return the record of these fields.

    Raises
    ------
    CheckpointError
        If they are not valid.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise CheckpointError(f"checkpoint {path}: {describe(error, model)}") from error


def check_arrays(path: Path, arrays: Arrays, expected: list[str], integers: list[str]) -> None:
    """Check that a file has the arrays that it should, and no others.

    Raises
    ------
    CheckpointError
        If it has not, or if those that must be integers are not.
    """
    if sorted(arrays) != sorted(expected):
        raise CheckpointError(
            f"checkpoint {path} must hold {', '.join(expected)}, "
            f"not {', '.join(arrays) or 'nothing'}"
        )
    for name in integers:
        if arrays[name].dtype.kind != "i":
            raise CheckpointError(
                f"checkpoint {path}: {name} must be integers, not {arrays[name].dtype}"
            )


def check_counts(path: Path, record: RunRecord, schedule: Schedule, layers: int) -> None:
    """Check that there is a value for every finished epoch, and for every layer.

    Raises
    ------
    CheckpointError
        If there is not.
    """
    for name, values in (("test_accuracy", record.test_accuracy), ("seconds", record.seconds)):
        if len(values) not in (0, len(schedule.history)):
            raise CheckpointError(
                f"checkpoint {path}: {name} must have {len(schedule.history)} entries, "
                f"not {len(values)}"
            )
    for name in ("triggers", "updates"):
        found = len(getattr(record.statistics, name))
        if found != layers:
            raise CheckpointError(
                f"checkpoint {path}: {name} must have {layers} entries, not {found}"
            )
