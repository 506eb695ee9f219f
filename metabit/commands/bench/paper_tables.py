"""The published tables, measured and published side by side, in several forms."""

import csv
import io
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from metabit.golden.checkpoints.file import versions
from metabit.golden.studies.comparison import Comparison, RowComparison
from metabit.golden.studies.published import PublishedRow

TITLES = {
    "layers": "width and depth",
    "baseline": "baseline: single layer of Baldassi et al.",
    "group": "group size",
    "margin": "margin",
    "clip": "weight clip",
    "uci": "small data sets, 32 bits a column",
}
"""Titles of the tables."""

_COLORS = {"agrees": "green", "close": "green", "better": "yellow", "worse": "red"}
_KIND = ("published", "measured", "diff.", "verdict")
_COLUMNS = (
    "row",
    "seeds",
    *(f"test, {name}" for name in _KIND),
    *(f"training, {name}" for name in _KIND),
)


def _text(mean: float | None, std: float | None) -> str:
    """Return an accuracy, e.g. ``"85.68 ± 0.34"``."""
    if mean is None:
        return "-"
    return f"{mean:.2f}" if std is None else f"{mean:.2f} ± {std:.2f}"


def _cells(compared: Comparison) -> tuple[str, ...]:
    """Return what a line says of test or training; see :data:`_KIND`."""
    return (
        _text(compared.published, compared.published_std),
        _text(compared.mean, compared.std if len(compared.accuracies) > 1 else None),
        "-" if compared.published is None else f"{compared.difference:+.2f}",
        compared.verdict,
    )


def _name(row: PublishedRow) -> str:
    """Return what tells a row from the others of its table and data set."""
    return row.name.split("/", 2)[2]


def _line(compared: RowComparison) -> tuple[str, ...]:
    """Return a line of the table; see :data:`_COLUMNS`."""
    return (
        _name(compared.row),
        str(len(compared.results)),
        *_cells(compared.test),
        *_cells(compared.train),
    )


def _by_title(compared: list[RowComparison]) -> dict[str, list[RowComparison]]:
    """Return the rows of each table and data set."""
    tables: dict[str, list[RowComparison]] = {}
    for comparison in compared:
        title = f"{TITLES[comparison.row.table]}: {comparison.row.dataset}"
        tables.setdefault(title, []).append(comparison)
    return tables


def print_list(console: Console, rows: list[PublishedRow]) -> None:
    """Print the names of rows, and what was published.

    Parameters
    ----------
    console : Console
        Where to.
    rows : list of PublishedRow
        Rows.
    """
    for row in rows:
        late = "  (with --all)" if row.extra else ""
        console.print(f"{row.name:48} {_text(row.mean, row.std)}{late}", highlight=False)


def print_table(console: Console, compared: list[RowComparison]) -> None:
    """Print the tables.

    Parameters
    ----------
    console : Console
        Where to.
    compared : list of Comparison
        Rows that have results.
    """
    if not compared:
        console.print("no results yet")
    for title, rows in _by_title(compared).items():
        # Little space between columns, so that the longest row fits into 80 characters.
        table = Table(
            title=title,
            title_justify="left",
            box=box.SIMPLE_HEAD,
            padding=(0, 1, 0, 0),
            pad_edge=False,
        )
        for column in ("row", "", *_KIND, "seeds"):
            left = column in ("row", "", "verdict")
            table.add_column(column, justify="left" if left else "right", no_wrap=True)
        for comparison in rows:
            seeds = str(len(comparison.results))
            for what, figures in (("test", comparison.test), ("training", comparison.train)):
                if figures.published is None and what == "training":
                    continue
                *cells, verdict = _cells(figures)
                color = _COLORS.get(verdict)
                colored = f"[{color}]{verdict}[/]" if color else verdict
                table.add_row(
                    _name(comparison.row) if what == "test" else "",
                    what,
                    *cells,
                    colored,
                    seeds if what == "test" else "",
                )
        console.print(table)


def markdown_text(compared: list[RowComparison]) -> str:
    """Return the tables as Markdown.

    Parameters
    ----------
    compared : list of Comparison
        Rows that have results.
    """
    parts = []
    for title, rows in _by_title(compared).items():
        lines = [
            f"### {title[0].upper()}{title[1:]}",
            "",
            f"| {' | '.join(_COLUMNS)} |",
            f"|{'---|' * len(_COLUMNS)}",
            *(f"| {' | '.join(_line(comparison))} |" for comparison in rows),
        ]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def json_table(compared: list[RowComparison]) -> dict[str, Any]:
    """Return the tables as what goes into a JSON file.

    Parameters
    ----------
    compared : list of Comparison
        Rows that have results.
    """
    return {"rows": [_record(comparison) for comparison in compared], "versions": versions()}


def csv_text(compared: list[RowComparison]) -> str:
    """Return the tables as CSV, a line per row.

    Parameters
    ----------
    compared : list of Comparison
        Rows that have results.
    """
    text = io.StringIO()
    records = [_record(comparison) for comparison in compared]
    names = [name for name in records[0] if name != "runs"] if records else ["row"]
    writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


def _record(compared: RowComparison) -> dict[str, Any]:
    row = compared.row
    return {
        "row": row.name,
        "table": row.table,
        "dataset": row.dataset,
        "hidden": "-".join(map(str, row.hidden)),
        "group": row.group,
        "margin": row.margin,
        "weight_clip": row.weight_clip,
        "epochs": compared.results[0].epochs,
        "seeds": len(compared.results),
        **_figures("test", compared.test),
        **_figures("train", compared.train),
        "seconds_per_epoch": compared.seconds_per_epoch,
        "runs": [
            {
                "seed": result.seed,
                "test_accuracy": result.test_accuracy,
                "train_accuracy": result.train_accuracy,
                "state_sha256": result.state_sha256,
            }
            for result in compared.results
        ],
    }


def _figures(what: str, compared: Comparison) -> dict[str, Any]:
    known = compared.published is not None
    return {
        f"{what}_published_mean": compared.published,
        f"{what}_published_std": compared.published_std,
        f"{what}_measured_mean": round(compared.mean, 4),
        f"{what}_measured_std": round(compared.std, 4),
        f"{what}_difference": round(compared.difference, 4) if known else None,
        f"{what}_verdict": compared.verdict,
    }
