"""Measured results against published ones, and the verdict."""

import math
import statistics
from dataclasses import dataclass

from .published import RUNS, PublishedRow
from .results import Result

TOLERANCE = 0.5
"""Points of accuracy that do not matter: about the spread between two splits."""


@dataclass(frozen=True)
class Comparison:
    """An accuracy, measured and published, in per cent.

    Attributes
    ----------
    accuracies : list of float
        What was measured, a run each.
    published, published_std : float or None
        Published mean and deviation; None: nothing was published.
    """

    accuracies: list[float]
    published: float | None
    published_std: float | None

    @property
    def mean(self) -> float:
        """Measured mean."""
        return statistics.fmean(self.accuracies)

    @property
    def std(self) -> float:
        """Measured sample standard deviation; 0 for a single run."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else 0.0

    @property
    def difference(self) -> float:
        """Measured mean minus published mean, in points."""
        return math.nan if self.published is None else self.mean - self.published

    @property
    def error(self) -> float:
        """Standard error of the difference, in points.

        From the pooled variance of both samples, as in Student's test: with few runs, their own
        spread alone says little. The published deviation is taken for a sample deviation.
        """
        runs = len(self.accuracies)
        variance = (runs - 1) * self.std**2 + (RUNS - 1) * (self.published_std or 0.0) ** 2
        return math.sqrt(variance / (runs + RUNS - 2) * (1 / runs + 1 / RUNS))

    @property
    def verdict(self) -> str:
        """Whether they agree.

        ``"agrees"``: the means differ by no more than 3 standard errors, so that chance explains
        it. ``"close"``: by more than that, but by no more than 0.5 points. ``"better"`` and
        ``"worse"``: neither. ``"-"``: nothing was published.
        """
        if self.published is None:
            return "-"
        if abs(self.difference) <= 3 * self.error:
            return "agrees"
        if abs(self.difference) <= TOLERANCE:
            return "close"
        return "better" if self.difference > 0 else "worse"


@dataclass(frozen=True)
class RowComparison:
    """A row, measured and published.

    Attributes
    ----------
    row : PublishedRow
        What was published.
    results : list of Result
        What was measured, a run each.
    """

    row: PublishedRow
    results: list[Result]

    @property
    def test(self) -> Comparison:
        """Accuracy on the test set after the last epoch."""
        measured = [100 * result.test_accuracy[-1] for result in self.results]
        return Comparison(measured, self.row.mean, self.row.std)

    @property
    def train(self) -> Comparison:
        """Accuracy on the training samples, counted online in the last epoch.

        It has no part in which samples were set aside for the test, and tells rules apart that
        the test cannot.
        """
        measured = [100 * result.train_accuracy[-1] for result in self.results]
        return Comparison(measured, self.row.train_mean, self.row.train_std)

    @property
    def seconds_per_epoch(self) -> float:
        """Mean over the runs."""
        return round(statistics.fmean(result.seconds_per_epoch for result in self.results), 4)
