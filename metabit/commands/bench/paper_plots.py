"""The published tables as pictures: measured and published, with deviations."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from metabit.golden.studies.comparison import RowComparison

_MEASURED = {"color": "#1f5fa8", "marker": "o"}
_PUBLISHED = {"color": "#c0532b", "marker": "s", "linestyle": "--"}
_BASELINE = {"color": "#6b8e23", "marker": "^"}
_BASELINE_PUBLISHED = {"color": "#b8a03c", "marker": "v", "linestyle": "--"}


def draw(compared: list[RowComparison], folder: Path) -> list[Path]:
    """Draw what there are at least two points for, one file per table and data set.

    Parameters
    ----------
    compared : list of Comparison
        Rows that have results.
    folder : Path
        Is made if it is not there.

    Returns
    -------
    list of Path
        Files, SVG.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    folder.mkdir(exist_ok=True)
    paths = []
    # Fixed identifiers: the same results give the same file.
    with rc_context({"svg.hashsalt": "metabit", "font.size": 9, "svg.fonttype": "none"}):
        for name, rows, paint in _pictures(compared):
            figure = Figure(figsize=(5.2, 3.4), layout="constrained")
            axes = figure.subplots()
            paint(axes, rows)
            axes.set_ylabel("test accuracy, %")
            axes.set_title(rows[0].row.dataset, fontsize=9)
            axes.grid(alpha=0.3)
            axes.legend(frameon=False, fontsize=8)
            paths.append(folder / f"{name}.svg")
            figure.savefig(paths[-1], metadata={"Date": None})
    return paths


_Painter = Callable[[Any, list[RowComparison]], None]


def _pictures(compared: list[RowComparison]) -> list[tuple[str, list[RowComparison], _Painter]]:
    """Return name, rows and painter of every picture."""
    pictures: list[tuple[str, list[RowComparison], _Painter]] = []
    groups: dict[tuple[str, str], list[RowComparison]] = {}
    for comparison in compared:
        row = comparison.row
        table = "width" if row.table in ("layers", "baseline") else row.table
        if row.mean is not None:
            groups.setdefault((table, row.dataset), []).append(comparison)
    painters: dict[str, _Painter] = {
        "width": _width,
        "group": _group,
        "margin": _margin,
        "clip": _clip,
    }
    for (table, dataset), rows in groups.items():
        if len(rows) > 1:
            pictures.append((f"{table}-{dataset}", rows, painters[table]))
    return pictures


def _curve(
    axes: Any,
    rows: list[RowComparison],
    x: Callable[[RowComparison], float],
    label: str,
    styles: tuple[dict[str, Any], dict[str, Any]] = (_MEASURED, _PUBLISHED),
) -> None:
    """Draw a pair of curves."""
    rows = sorted(rows, key=x)
    positions = [x(comparison) for comparison in rows]
    common: dict[str, Any] = {"capsize": 2, "markersize": 4, "linewidth": 1.2}
    axes.errorbar(
        positions,
        [comparison.test.mean for comparison in rows],
        [comparison.test.std for comparison in rows],
        label=f"{label}measured",
        **styles[0],
        **common,
    )
    axes.errorbar(
        positions,
        [comparison.row.mean for comparison in rows],
        [comparison.row.std for comparison in rows],
        label=f"{label}published",
        **styles[1],
        **common,
    )


def weights(comparison: RowComparison) -> int:
    """Return the number of weights of a row's network.

    Parameters
    ----------
    comparison : RowComparison
        The row.
    """
    config = comparison.row.config(0, 1)
    return sum(width * fan_in for width, fan_in in config.shapes)


def _width(axes: Any, rows: list[RowComparison]) -> None:
    """Accuracy against the number of weights: networks of two layers, and the baseline."""
    two = [c for c in rows if c.row.table == "layers" and len(c.row.hidden) == 2]
    single = [c for c in rows if c.row.table == "baseline" and c.row.group == 11]
    if two:
        _curve(axes, two, weights, "two layers, ")
    if single:
        _curve(axes, single, weights, "baseline, ", (_BASELINE, _BASELINE_PUBLISHED))
    thousands = [20, 50, 100, 200, 500, 1000, 2000]
    _log_ticks(axes, [1000 * number for number in thousands], unit=1000)
    axes.set_xlabel("binary weights, thousands")


def _group(axes: Any, rows: list[RowComparison]) -> None:
    """Accuracy against group size, a pair of curves per width."""
    _by_width(axes, rows, lambda comparison: comparison.row.group)
    _log_ticks(axes, sorted({comparison.row.group for comparison in rows}))
    axes.set_xlabel("neurons in a group")


def _margin(axes: Any, rows: list[RowComparison]) -> None:
    """Accuracy against margin, a pair of curves per width."""
    _by_width(axes, rows, lambda comparison: comparison.row.margin)
    axes.set_xlabel("margin r")


def _clip(axes: Any, rows: list[RowComparison]) -> None:
    """Accuracy against the limit of hidden weights."""
    _curve(axes, rows, lambda comparison: comparison.row.weight_clip, "")
    _log_ticks(axes, sorted({comparison.row.weight_clip for comparison in rows}))
    axes.set_xlabel("limit of hidden weights")


def _log_ticks(axes: Any, values: list[int], unit: int = 1) -> None:
    """Set a logarithmic scale, with ticks at those of the values that are in view, in units."""
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    shown = [value for value in values if low <= value <= high]
    axes.set_xticks(shown, [f"{value // unit:,}" for value in shown])
    axes.set_xticks([], minor=True)


def _by_width(axes: Any, rows: list[RowComparison], x: Callable[[RowComparison], float]) -> None:
    from matplotlib import colormaps

    widths = sorted({comparison.row.hidden for comparison in rows})
    for number, hidden in enumerate(widths):
        color = colormaps["viridis"](0.85 * number / max(1, len(widths) - 1))
        styles: tuple[dict[str, Any], dict[str, Any]] = (
            {**_MEASURED, "color": color},
            {**_PUBLISHED, "color": color},
        )
        chosen = [comparison for comparison in rows if comparison.row.hidden == hidden]
        _curve(axes, chosen, x, f"{'-'.join(map(str, hidden))}, ", styles)
