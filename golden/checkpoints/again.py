"""A checkpoint's run once more: its data, wherever they are now, and more epochs than planned."""

from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from ..data.datasets import DATASETS, Dataset
from ..data.splits import Split
from ..data.tables import is_table
from ..data.training_data import TrainingData
from ..errors import DataError
from ..runs.longer import check_longer
from ..runs.plan import Plan
from .record import EVERYTHING, RunRecord


def dataset_of(
    record: RunRecord, dataset: str | None = None, data_dir: Path | None = None
) -> Dataset:
    """Load the data set of a checkpoint, read as it was.

    Parameters
    ----------
    record : RunRecord
        Of the checkpoint.
    dataset : str, optional
        Where it is now; None: where it was.
    data_dir : Path, optional
        Folder with the IDX files of `mnist` or `fashion-mnist`.

    Raises
    ------
    DataError
        If it is not there, or damaged.
    """
    name = record.dataset if dataset is None else _with_target(dataset, record.dataset)
    if dataset is None and record.estimator is not None:
        raise DataError(
            "the network was trained by the estimator, whose samples are in no file that it knows "
            "of; --dataset PATH says which data are meant"
        )
    if dataset is None and name not in DATASETS and not _path(name).exists():
        raise DataError(
            f"the network was trained on {record.dataset}, which is not there; "
            "say where it is now with --dataset PATH"
        )
    return replace(Plan.of(record), source=name, data_dir=data_dir).load()


def data_of(record: RunRecord, dataset: Dataset) -> TrainingData:
    """Return a data set as a run had it: split and encoded by what the checkpoint knows.

    Whether it is the same, :meth:`.TrainingData.check_same` says.

    Raises
    ------
    DataError
        If it cannot be.
    """
    parts = None
    if record.split == EVERYTHING:
        tested = dataset.images, dataset.labels
        if dataset.test_images is not None and dataset.test_labels is not None:
            tested = dataset.test_images, dataset.test_labels
        parts = Split(EVERYTHING, dataset.images, dataset.labels, *tested)
    encoder = record.encoder_of(record.config.encoder)
    return Plan.of(record).prepare(dataset, encoder=encoder, parts=parts)


def is_trained_on(record: RunRecord, dataset: Dataset) -> bool:
    """Whether a run was trained on this data set, whatever its name; its hash tells."""
    if dataset.images.shape[0] < record.samples:
        return False
    try:
        return data_of(record, dataset).sha256 == record.data_sha256
    except DataError:
        return False


R = TypeVar("R", bound=RunRecord)


def with_epochs(path: Path, record: R, epochs: int | None) -> R:
    """Return the record of a run that has so many epochs.

    Parameters
    ----------
    path : Path
        Of the checkpoint, for messages.
    record : RunRecord
        Its record, which is left as it is.
    epochs : int or None
        None: as many as were planned.

    Raises
    ------
    CheckpointError
        If that are fewer than were planned.
    """
    if epochs is None or epochs == record.epochs:
        return record
    check_longer(f"checkpoint {path}", record.epochs, epochs)
    begun = len(record.history) + bool(record.sample)
    changes: dict[str, Any] = {"epochs": epochs, "plans": (*record.plans, (record.epochs, begun))}
    # Where the length of a training is part of its configuration, it changes, too.
    if "epochs" in type(record.config).model_fields:
        changes["config"] = record.config.model_copy(update={"epochs": epochs})
    return record.model_copy(update=changes)


def _path(name: str) -> Path:
    """Return the file or folder that a data set's name means, or the first of two files."""
    return Path(name.partition("#")[0].partition(",")[0])


def _with_target(moved: str, before: str) -> str:
    """Return where a table is now, with the target that stood in its name."""
    target = before.partition("#")[2]
    return f"{moved}#{target}" if target and is_table(moved) and "#" not in moved else moved
