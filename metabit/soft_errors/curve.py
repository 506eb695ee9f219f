"""Accuracy over the rate of soft errors: figures of all runs, and a picture."""

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Row:
    """All seeds of a rate.

    Attributes
    ----------
    rate : float
        Flips per bit and epoch.
    burst_after : int
        Epoch after which half of all bits got random values; 0: none.
    test_accuracy : tuple of float
        At the end, of each seed, fractions.
    per_epoch : tuple of tuple of float
        After each epoch, of each seed.
    after_burst : tuple of float
        Just after the burst, of each seed.
    flips : float
        On average.
    """

    rate: float
    burst_after: int
    test_accuracy: tuple[float, ...]
    per_epoch: tuple[tuple[float, ...], ...]
    after_burst: tuple[float, ...]
    flips: float

    @classmethod
    def of(cls, rate: float, burst_after: int, lines: list[dict[str, Any]]) -> "Row":
        """Return the row of the lines of a ledger."""
        after = [line["accuracy_after_burst"] for line in lines]
        return cls(
            rate,
            burst_after,
            tuple(line["test_accuracy"] for line in lines),
            tuple(tuple(line["test_accuracy_per_epoch"]) for line in lines),
            tuple(value for value in after if value is not None),
            statistics.mean(line["flips"] for line in lines),
        )

    @property
    def mean(self) -> float:
        """Mean test accuracy in percent."""
        return 100 * statistics.mean(self.test_accuracy)

    @property
    def deviation(self) -> float:
        """Sample standard deviation in percent; 0 of a single seed."""
        many = len(self.test_accuracy) > 1
        return 100 * statistics.stdev(self.test_accuracy) if many else 0.0

    def burst_means(self) -> tuple[float, float, float]:
        """Return the mean accuracies before the burst, just after it, and at the end, in percent.

        Raises
        ------
        ValueError
            If there was none.
        """
        if not self.burst_after:
            raise ValueError("no burst in this row")
        before = statistics.mean(epochs[self.burst_after - 1] for epochs in self.per_epoch)
        return 100 * before, 100 * statistics.mean(self.after_burst), self.mean


def draw(rows: list[Row], subtitle: str, path: Path) -> None:
    """Draw accuracy over rate, and the course of a training with a burst.

    Parameters
    ----------
    rows : list of Row
        One without errors, some with; perhaps one with a burst.
    subtitle : str
        What was trained.
    path : Path
        File, .svg or .png.
    """
    from matplotlib import rc_context

    from ..plots import style

    burst = [row for row in rows if row.burst_after]
    clean = next(row for row in rows if not row.rate and not row.burst_after)
    struck = [row for row in rows if row.rate]
    # Fixed identifiers: the same results give the same file.
    with rc_context({"svg.hashsalt": "metabit", "svg.fonttype": "none"}):
        figure, grid = style.panels(
            1, 1 + bool(burst), 5.0 * (1 + bool(burst)), 3.6, "Training under soft errors", subtitle
        )
        axes = grid[0][0]
        style.name(axes, "Accuracy at the end", "flips per bit and epoch", "test accuracy, %")
        axes.grid(axis="y", color=style.GRID)
        axes.axhline(clean.mean, color=style.FAINT, linewidth=1, linestyle="--")
        axes.annotate(
            "without",
            (0, clean.mean),
            xycoords=("axes fraction", "data"),
            xytext=(4, 4),
            textcoords="offset points",
            color=style.FAINT,
            fontsize=9,
        )
        axes.errorbar(
            [row.rate for row in struck],
            [row.mean for row in struck],
            [row.deviation for row in struck],
            color=style.ACCENT,
            marker="o",
            markersize=4,
            linewidth=2,
            capsize=2,
        )
        axes.set_xscale("log")
        if burst:
            _draw_burst(grid[0][1], burst[0], clean)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _draw_burst(axes: Any, row: Row, clean: Row) -> None:
    """Draw the epochs of a training with a burst beside those of one without."""
    from ..plots import style

    epochs = range(1, len(row.per_epoch[0]) + 1)
    style.name(axes, f"Half of all bits random after epoch {row.burst_after}", "epoch")
    style.over_epochs(axes, len(epochs))
    for which, colour in ((clean, style.FAINT), (row, style.SECOND)):
        means = [100 * statistics.mean(values) for values in zip(*which.per_epoch, strict=True)]
        style.curve(axes, list(epochs), means, colour)
    before, after, _ = row.burst_means()
    axes.plot([row.burst_after] * 2, [before, after], color=style.BAD, linewidth=1.5, linestyle=":")
    axes.plot([row.burst_after], [after], color=style.BAD, marker="v", markersize=6)
