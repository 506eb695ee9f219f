"""What a worker does: train one point, and never fail with it."""

import time
import traceback
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..golden.checkpoints.file import versions
from ..golden.data.arrays import is_file_name
from ..golden.data.datasets import Dataset, load_dataset
from ..golden.data.options import DataOptions
from ..golden.data.tables import is_table
from ..golden.data.training_data import prepare
from ..golden.engines import choose_engine
from ..golden.errors import DataError
from ..golden.modes.registry import mode_of
from .point import Point, dataset_sha256


@dataclass(frozen=True)
class Job:
    """A point, and how to train it.

    Attributes
    ----------
    point : Point
        What to train.
    source : str
        The data set's name, or where it is, from :func:`source_of`.
    data_dir : str or None
        Folder with the files of `mnist` or `fashion-mnist`.
    engine : str
        One of :data:`~metabit.golden.engines.ENGINES`.
    reading : DataOptions
        How the user's own data are read.
    """

    point: Point
    source: str
    data_dir: str | None = None
    engine: str = "auto"
    reading: DataOptions = field(default_factory=DataOptions)


def source_of(dataset: str) -> str:
    """Return a data set's name as a worker in another folder understands it."""
    if is_table(dataset):
        path, mark, target = dataset.partition("#")
        return f"{Path(path).resolve()}{mark}{target}"
    if is_file_name(dataset):
        return ",".join(str(Path(part).resolve()) for part in dataset.split(","))
    return str(Path(dataset).resolve()) if Path(dataset).is_dir() else dataset


def work(job: Job) -> dict[str, Any]:
    """Train a point, and return its line of the ledger, whatever happens.

    Parameters
    ----------
    job : Job
        What to do.

    Returns
    -------
    dict
        ``status`` is ``"done"``, or ``"failed"`` with ``error`` and ``traceback``.
    """
    line = {**job.point.describe(), "versions": versions(), "started": time.time()}
    try:
        return {**line, "status": "done", **_train(job)}
    except Exception as error:
        return {
            **line,
            "status": "failed",
            "error": f"{type(error).__name__}: {error}",
            "traceback": traceback.format_exc(),
        }


def _train(job: Job) -> dict[str, Any]:
    """Train a point, and return its results."""
    point = job.point
    dataset = _load(job.source, job.data_dir, point.data_sha256, job.reading)
    data = prepare(point.config, dataset=dataset, split_name=point.split)
    engine = choose_engine(job.engine, data.samples * point.epochs)
    mode = mode_of(point.config)
    run = mode.start(point.config, data, point.epochs, observe=False, engine=engine)
    run.finish()
    return {
        "test_accuracy": run.test_accuracy[-1],
        "train_accuracy": run.schedule.accuracy[-1],
        "test_accuracy_per_epoch": run.test_accuracy,
        "train_accuracy_per_epoch": run.schedule.accuracy,
        "seconds_per_epoch": sum(run.seconds) / len(run.seconds),
        "state_sha256": run.state_sha256,
        "engine": engine,
    }


@lru_cache(maxsize=1)
def _load(source: str, data_dir: str | None, sha256: str, reading: DataOptions) -> Dataset:
    """Return a data set, which the next point of this worker is likely to need again."""
    dataset = load_dataset(source, None if data_dir is None else Path(data_dir), reading)
    if dataset_sha256(dataset) != sha256:
        raise DataError(
            f"data set {source} has other contents here than where the sweep was started"
        )
    return dataset
