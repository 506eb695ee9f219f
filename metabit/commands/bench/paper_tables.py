"""The published tables, measured and published side by side, in several forms."""

import csv
import io
from typing import Any

from rich.console import Console
from rich.table import Table

from metabit.golden.checkpoint_file import versions
from metabit.golden.comparison import Comparison
from metabit.golden.published import PublishedRow

TITLES = {
    "layers": "width and depth",
    "baseline": "baseline: single layer of Baldassi et al.",
    "group": "group size",
    "margin": "margin",
    "clip": "weight clip",
    "uci": "small data sets, 32 bits a column",
}
"""Titles of the tables."""

_COLORS = {"agrees": "green", "close": "green", "better": "yellow", "worse": "red", "-": ""}
_COLUMNS = ("row", "published", "measured", "seeds", "difference", "verdict", "s/epoch")


def published_text(row: PublishedRow) -> str:
    """Return the published accuracy of a row, e.g. ``"85.68 +- 0.34"``.

    Parameters
    ----------
    row : PublishedRow
        The row.
    """
    return "-" if row.mean is None else f"{row.mean:.2f} +- {row.std:.2f}"


def _cells(compared: Comparison) -> tuple[str, ...]:
    """Return a line of the table."""
    row, runs = compared.row, len(compared.results)
    deviation = f" +- {compared.std:.2f}" if runs > 1 else ""
    return (
        row.name.partition("/")[2],
        published_text(row),
        f"{compared.mean:.2f}{deviation}",
        str(runs),
        "-" if row.mean is None else f"{compared.difference:+.2f}",
        compared.verdict,
        f"{compared.seconds_per_epoch:.2f}",
    )


def _by_table(compared: list[Comparison]) -> dict[str, list[Comparison]]:
    tables: dict[str, list[Comparison]] = {}
    for comparison in compared:
        tables.setdefault(comparison.row.table, []).append(comparison)
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
        console.print(f"{row.name:48} {published_text(row)}{late}", highlight=False)


def print_table(console: Console, compared: list[Comparison]) -> None:
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
    for name, rows in _by_table(compared).items():
        table = Table(title=TITLES[name], title_justify="left")
        for column in _COLUMNS:
            left = column in ("row", "verdict")
            table.add_column(column, justify="left" if left else "right", overflow="fold")
        for comparison in rows:
            *cells, verdict, seconds = _cells(comparison)
            color = _COLORS[verdict]
            table.add_row(*cells, f"[{color}]{verdict}[/]" if color else verdict, seconds)
        console.print(table)


def markdown_text(compared: list[Comparison]) -> str:
    """Return the tables as Markdown.

    Parameters
    ----------
    compared : list of Comparison
        Rows that have results.
    """
    parts = []
    for name, rows in _by_table(compared).items():
        lines = [
            f"### {TITLES[name][0].upper()}{TITLES[name][1:]}",
            "",
            f"| {' | '.join(_COLUMNS)} |",
            "|---|---|---|---|---|---|---|",
            *(f"| {' | '.join(_cells(comparison))} |" for comparison in rows),
        ]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def json_table(compared: list[Comparison]) -> dict[str, Any]:
    """Return the tables as what goes into a JSON file.

    Parameters
    ----------
    compared : list of Comparison
        Rows that have results.
    """
    return {"rows": [_record(comparison) for comparison in compared], "versions": versions()}


def csv_text(compared: list[Comparison]) -> str:
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


def _record(compared: Comparison) -> dict[str, Any]:
    row = compared.row
    return {
        "row": row.name,
        "table": row.table,
        "dataset": row.dataset,
        "hidden": "-".join(map(str, row.hidden)),
        "group": row.group,
        "margin": row.margin,
        "weight_clip": row.weight_clip,
        "published_mean": row.mean,
        "published_std": row.std,
        "measured_mean": round(compared.mean, 4),
        "measured_std": round(compared.std, 4),
        "seeds": len(compared.results),
        "epochs": compared.results[0].epochs,
        "difference": None if row.mean is None else round(compared.difference, 4),
        "verdict": compared.verdict,
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
