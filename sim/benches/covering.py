"""Functional coverage: what a bench has come upon, in bins, with cocotb-coverage.

A point is made where a bench is imported; calling it with a value counts the value's bin. What was
counted is written when the simulation ends, and read by the process that has started it.
"""

import atexit
import json
import os
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cocotb_coverage.coverage import CoverPoint, coverage_db

COVERAGE_VARIABLE = "METABIT_BENCH_COVERAGE"
"""Environment variable that names the file to write."""

Sample = Callable[[Any], None]


def point(name: str, bins: Iterable[Hashable]) -> Sample:
    """Return what counts a value of a point; a value that is in no bin is not counted.

    Parameters
    ----------
    name : str
        Bench and what is looked at, ``head.margin``.
    bins : iterable
        Values that must come.
    """

    @CoverPoint(name, xf=lambda value: value, bins=list(bins))
    def sample(value: Any) -> None:
        """Count it, which the decorator does."""

    return sample


def pauses(name: str) -> Sample:
    """Return a point for what a stream's neighbour does: wait, or not."""
    return point(name, ["at once", "after a pause"])


def about(name: str) -> Sample:
    """Return a point for a distance from a threshold, in steps of what can be."""
    return point(name, ["far below", "one below", "at", "one above", "far above"])


def place(distance: int) -> str:
    """Return the bin of a distance, 0 being the smallest value that reaches the threshold."""
    if abs(distance) > 1:
        return "far above" if distance > 0 else "far below"
    return ("one below", "at", "one above")[distance + 1]


@dataclass(frozen=True)
class Coverage:
    """What a bench has come upon.

    Attributes
    ----------
    hits : dict of str to dict
        Of each point: bins, and how often each came.
    """

    hits: dict[str, dict[str, int]]

    @classmethod
    def read(cls, path: Path, bench: str) -> "Coverage":
        """Return what a simulation has written of the points of a bench; nothing, if it has none.

        A bench may import another one, whose points are not for it.
        """
        found = json.loads(path.read_text()) if path.exists() else {}
        return cls({name: hits for name, hits in found.items() if name.startswith(f"{bench}.")})

    @property
    def bins(self) -> int:
        """Bins there are."""
        return sum(map(len, self.hits.values()))

    @property
    def missing(self) -> list[str]:
        """Bins that nothing came to, ``point: bin``."""
        return [
            f"{name}: {value}"
            for name, found in self.hits.items()
            for value, count in found.items()
            if not count
        ]


def _write() -> None:
    """Write what was counted."""
    if path := os.environ.get(COVERAGE_VARIABLE):
        found = {
            name: {str(value): count for value, count in item.detailed_coverage.items()}
            for name, item in coverage_db.items()
            if isinstance(item, CoverPoint)
        }
        Path(path).write_text(json.dumps(found, indent=1))


atexit.register(_write)
