"""What a run has achieved, as ``--json`` of all commands that train writes it."""

import statistics
from typing import Any

from ..checkpoints.file import versions
from .training_run import VIEWS, TrainingRun


def results_of(run: TrainingRun, *, views: bool = True) -> dict[str, Any]:
    """Return what is known of a run after its last finished epoch.

    Parameters
    ----------
    run : TrainingRun
        Has finished an epoch and tested it.
    views : bool
        Have all views of the test samples judged together, too, if there are several. Takes as
        long as so many tests.
    """
    config = run.network.config
    found = run.accuracy_of_views() if views else None
    return {
        "test_accuracy": run.test_accuracy[-1],
        **({} if found is None else {VIEWS: found}),
        "train_accuracy": run.schedule.accuracy,
        "test_accuracy_per_epoch": run.test_accuracy,
        "seconds_per_epoch": statistics.fmean(run.seconds),
        "state_sha256": run.state_sha256,
        "epochs": run.schedule.epochs,
        "seed": config.seed,
        "engine": run.engine,
        "mode": config.mode,
        "dataset": run.data.dataset,
        "split": run.data.split.name,
        "config": config.model_dump(mode="json"),
        "versions": versions(),
    }
