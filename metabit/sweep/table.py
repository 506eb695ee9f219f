"""What a sweep has found: runs that differ in nothing but the seed, put together."""

import csv
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import MetabitError
from ..golden.runs.training_run import VIEWS
from .point import Point

Line = dict[str, Any]

_MEASURED = ("test_accuracy", VIEWS, "train_accuracy", "seconds_per_epoch", "state_sha256")

_WHERE = ("board", "device")
"""What a line says of the board that it was trained on, if it was."""


@dataclass(frozen=True)
class Row:
    """All seeds of one configuration.

    Attributes
    ----------
    label : dict of str to str
        Heading and value of what tells it from other rows.
    done, failed : list of dict
        Lines of the ledger.
    missing : int
        Runs that have no line yet.
    """

    label: dict[str, str]
    done: list[Line]
    failed: list[Line]
    missing: int

    def mean(self, field: str) -> float | None:
        """Return the mean of a measured field; None: nothing was measured."""
        values = [line[field] for line in self.done if field in line]
        return statistics.fmean(values) if values else None

    @property
    def deviation(self) -> float | None:
        """Sample standard deviation of the test accuracy; None: there are not two runs."""
        return self.deviation_of("test_accuracy")

    def deviation_of(self, field: str) -> float | None:
        """Return the sample standard deviation of a measured field; None: there are not two."""
        values = [line[field] for line in self.done if field in line]
        return statistics.stdev(values) if len(values) > 1 else None

    def to_dict(self) -> dict[str, Any]:
        """Return the row as --json reports it."""
        return {
            "label": self.label,
            "seeds": [line["seed"] for line in self.done],
            "test_accuracy": self.mean("test_accuracy"),
            "test_accuracy_std": self.deviation,
            VIEWS: self.mean(VIEWS),
            f"{VIEWS}_std": self.deviation_of(VIEWS),
            "train_accuracy": self.mean("train_accuracy"),
            "seconds_per_epoch": self.mean("seconds_per_epoch"),
            "failed": len(self.failed),
            "missing": self.missing,
        }


def rows_of(points: Sequence[Point], lines: dict[str, Line]) -> list[Row]:
    """Return a row for each label, in the order of the points.

    Parameters
    ----------
    points : sequence of Point
        What was to be done.
    lines : dict of str to dict
        The ledger.
    """
    groups: dict[tuple[str, ...], list[Point]] = {}
    for point in points:
        groups.setdefault(tuple(point.label.values()), []).append(point)
    rows = []
    for members in groups.values():
        found = [lines[point.key] for point in members if point.key in lines]
        rows.append(
            Row(
                members[0].label,
                [line for line in found if line["status"] == "done"],
                [line for line in found if line["status"] == "failed"],
                len(members) - len(found),
            )
        )
    return rows


def write_csv(path: Path, points: Iterable[Point], lines: dict[str, Line]) -> None:
    """Write a line for every run.

    Parameters
    ----------
    path : Path
        File to write.
    points : iterable of Point
        What was to be done.
    lines : dict of str to dict
        The ledger.

    Raises
    ------
    MetabitError
        If the file cannot be written.
    """
    points = list(points)
    labels = list(points[0].label)
    shared = ["mode", "dataset", "split", "epochs", "seed"]
    columns = [name for name in labels if name not in shared] + shared
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*columns, "status", *_MEASURED, *_WHERE, "error"])
            for point in points:
                line = lines.get(point.key, {"status": "missing"})
                facts = {**point.describe(), **point.label}
                measured = [line.get(name, "") for name in (*_MEASURED, *_WHERE)]
                first = [facts[name] for name in columns]
                writer.writerow([*first, line["status"], *measured, line.get("error", "")])
    except OSError as error:
        raise MetabitError(f"cannot write {path}: {error.strerror}") from error
