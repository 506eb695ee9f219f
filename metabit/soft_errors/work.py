"""What a worker does with a point: the data of a seed are prepared once for all rates."""

from dataclasses import replace
from typing import Any

from ..golden.data.training_data import TrainingData
from ..golden.studies.variations import start
from ..sweep.point import Point
from ..sweep.work import prepared, recorded, results_of

_last: dict[str, TrainingData] = {}


def work(point: Point) -> dict[str, Any]:
    """Train a point, and return its line of the ledger; see :func:`metabit.sweep.work.work`."""

    def train() -> dict[str, Any]:
        run = start(point.plan, _data(point), point.variation)
        run.finish()
        return results_of(run)

    return recorded(point, train)


def _data(point: Point) -> TrainingData:
    """Return the data of a point, which those before with its seed had, too."""
    key = replace(point, variation=None).key
    if key not in _last:
        _last.clear()
        _last[key] = prepared(point)
    return _last[key]
