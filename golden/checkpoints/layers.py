"""What checkpoints of any mode hold: a record, an array per layer, how the epoch began."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from ..binary_network import BinaryNetwork
from ..configurations.configuration import NetworkConfig
from ..errors import CheckpointError
from ..runs.observation import Opening
from ..schedule import Schedule
from .file import Arrays, R, check_arrays, make_record, write_file
from .record import RunRecord


class Saved(Protocol):
    """A run that was interrupted or has finished; each mode has a dataclass of its own."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def config(self) -> NetworkConfig:
        """The configuration."""

    @property
    def record(self) -> RunRecord:
        """All but the arrays."""

    @property
    def opening(self) -> Opening | None:
        """How an unfinished epoch began, if that is known."""

    def network(self) -> BinaryNetwork:
        """Return a network in the state of the checkpoint."""

    def schedule(self) -> Schedule:
        """Return the schedule at the position of the checkpoint."""

    def save(self, path: Path) -> None:
        """Write the checkpoint; an older file is replaced in one step or not at all."""


def write_layers(path: Path, saved: Saved, name: str, layers: Sequence[npt.NDArray]) -> None:
    """Write a checkpoint; an older file of that name is replaced in one step or not at all.

    Parameters
    ----------
    path : Path
        File to write.
    saved : Saved
        Gives the record, and how the epoch began.
    name : str
        What the arrays are.
    layers : sequence of ndarray
        One for each layer.

    Raises
    ------
    CheckpointError
        If the file cannot be written.
    """
    arrays = {f"{name}_{layer}": values for layer, values in enumerate(layers)}
    if saved.opening is not None:
        arrays |= {f"opening_{layer}": signs for layer, signs in enumerate(saved.opening.signs)}
    write_file(path, saved.record, arrays)


def read_layers(
    path: Path, fields: dict[str, Any], arrays: Arrays, model: type[R], name: str
) -> tuple[R, list[npt.NDArray], Opening | None]:
    """Return the record, the arrays of that name, and how the epoch began.

    Raises
    ------
    CheckpointError
        If the file does not hold what it should.
    """
    record = make_record(path, fields, model)
    numbers = range(record.config.layers)
    names = [f"{name}_{layer}" for layer in numbers]
    openings = [f"opening_{layer}" for layer in numbers]
    check_arrays(path, arrays, names + openings if record.opening else names, names)
    opening = None
    if record.opening is not None:
        signs = tuple(arrays[name] for name in openings)
        opening = Opening(record.opening.triggers, record.opening.updates, signs)
    return record, [arrays[name] for name in names], opening


def check_run(path: Path, saved: Saved, state_sha256: str) -> None:
    """Check that a checkpoint does not contradict itself.

    Parameters
    ----------
    path : Path
        Where it comes from.
    saved : Saved
        What it says.
    state_sha256 : str
        Hash of what it holds.

    Raises
    ------
    CheckpointError
        If it does.
    """
    if state_sha256 != saved.record.state_sha256:
        raise CheckpointError(f"checkpoint {path} is damaged: its state hash differs")
    try:
        network, schedule = saved.network(), saved.schedule()
    except ValueError as error:
        raise CheckpointError(f"checkpoint {path}: {error}") from error
    _check_counts(path, saved.record, schedule, network.config.layers)
    _check_observations(path, saved, network)


def _check_counts(path: Path, record: RunRecord, schedule: Schedule, layers: int) -> None:
    """Check that there is a value for every finished epoch, and for every layer."""
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


def _check_observations(path: Path, saved: Saved, network: BinaryNetwork) -> None:
    """Check that what was recorded fits the network and the epochs that it has finished."""
    record, opening = saved.record, saved.opening
    epochs = [observation.epoch for observation in record.observations]
    if epochs != sorted(set(epochs)) or (epochs and epochs[-1] >= record.epoch):
        raise CheckpointError(
            f"checkpoint {path}: observations must be of increasing epochs below {record.epoch}, "
            f"not of {epochs}"
        )
    layers = network.config.layers
    sizes = {len(observation.layers) for observation in record.observations}
    if opening is not None:
        sizes |= {len(opening.triggers), len(opening.updates)}
        for layer, (found, now) in enumerate(zip(opening.signs, network.signs(), strict=True)):
            if found.dtype != np.uint8 or found.shape != now.shape:
                raise CheckpointError(
                    f"checkpoint {path}: opening_{layer} must be uint8 of shape {now.shape}, "
                    f"not {found.dtype} of shape {found.shape}"
                )
    if sizes - {layers}:
        raise CheckpointError(
            f"checkpoint {path}: observations must be of {layers} layers, "
            f"not {', '.join(map(str, sorted(sizes)))}"
        )
    width_known = {
        layer.bin_width is not None
        for observation in record.observations
        for layer in observation.layers
    }
    if width_known - {not network.fixed_range}:
        raise CheckpointError(
            f"checkpoint {path}: histograms must state the width of their bins in paper mode, "
            "and only there"
        )
