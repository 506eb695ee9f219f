"""What a worker does: train one point, and never fail with it."""

import time
import traceback
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..golden.checkpoints.file import versions
from ..golden.data.datasets import Dataset, load_dataset
from ..golden.data.options import DataOptions
from ..golden.data.training_data import TrainingData
from ..golden.errors import DataError
from ..golden.runs.training_run import VIEWS, TrainingRun
from ..golden.studies.soft_errors import StruckRun
from ..golden.studies.variations import start
from .point import Point, dataset_sha256


def work(point: Point) -> dict[str, Any]:
    """Train a point, and return its line of the ledger, whatever happens.

    Parameters
    ----------
    point : Point
        What to do.

    Returns
    -------
    dict
        ``status`` is ``"done"``, or ``"failed"`` with ``error`` and ``traceback``.
    """
    return recorded(point, lambda: _train(point))


def recorded(
    point: Point,
    train: Callable[[], dict[str, Any]],
    passing: tuple[type[Exception], ...] = (),
) -> dict[str, Any]:
    """Return the line of a point that is trained now.

    Parameters
    ----------
    point : Point
        What is trained.
    train : callable
        Trains it, and returns its results.
    passing : tuple of exception types, optional
        What is no failure of the run, and raised.
    """
    line = {**point.describe(), "versions": versions(), "started": time.time()}
    try:
        return {**line, "status": "done", **train()}
    except passing:
        raise
    except Exception as error:
        return {
            **line,
            "status": "failed",
            "error": f"{type(error).__name__}: {error}",
            "traceback": traceback.format_exc(),
        }


def prepared(point: Point) -> TrainingData:
    """Return the data of a point, split and encoded.

    Raises
    ------
    DataError
        If they cannot be had, or are others here than where the sweep was started.
    """
    plan = point.plan
    source = plan.source or plan.config.dataset
    return plan.prepare(_load(source, plan.data_dir, point.data_sha256, plan.reading))


def results_of(run: TrainingRun) -> dict[str, Any]:
    """Return what the line of a point says of its run, which has come to its end."""
    in_all_views = run.accuracy_of_views()
    seconds = sum(run.seconds) / len(run.seconds)
    return {
        "test_accuracy": run.test_accuracy[-1],
        **({} if in_all_views is None else {VIEWS: in_all_views}),
        "train_accuracy": run.schedule.accuracy[-1],
        "test_accuracy_per_epoch": run.test_accuracy,
        "train_accuracy_per_epoch": run.schedule.accuracy,
        "seconds_per_epoch": seconds,
        "samples_per_second": run.schedule.samples / seconds,
        "state_sha256": run.state_sha256,
        "engine": run.engine,
        **(_struck(run) if isinstance(run, StruckRun) else {}),
    }


def _struck(run: StruckRun) -> dict[str, Any]:
    """Return what soft errors have done to a run."""
    return {"flips": run.flips.count, "accuracy_after_burst": run.after_burst}


def _train(point: Point) -> dict[str, Any]:
    """Train a point, and return its results."""
    run = start(point.plan, prepared(point), point.variation)
    run.finish()
    return results_of(run)


@lru_cache(maxsize=1)
def _load(source: str, data_dir: Path | None, sha256: str, reading: DataOptions) -> Dataset:
    """Return a data set, which the next point of this worker is likely to need again."""
    dataset = load_dataset(source, data_dir, reading)
    if dataset_sha256(dataset) != sha256:
        raise DataError(
            f"data set {source} has other contents here than where the sweep was started"
        )
    return dataset
