"""`metabit bench ablation`: what every choice of the hardware rule costs or brings."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from metabit.errors import MetabitError
from metabit.golden.checkpoints.file import versions
from metabit.golden.data.splits import SPLITS
from metabit.golden.errors import ConfigurationError
from metabit.golden.runs.training_run import VIEWS
from metabit.golden.studies.ablation import OF_IMAGES, TABLES, Summary, summarise, variants

from .. import options
from ..many_runs import conclude, limit, point_of, train_missing
from ..options import check_folder, write_json

DATASETS = ("fashion-mnist", "prototypes")

_USUAL = ",".join(name for name in TABLES if name != "views")
"""Tables of the same length of training."""

_HEADINGS = {
    "widths": "neurons and rule",
    "steps": "the row before, and",
    "changes": "the first row, but",
    "encoders": "network",
    "views": "network",
}

EPILOG = """
**Examples**

metabit bench ablation                                   all tables, hours on one core

metabit bench ablation --tables steps --seeds 2          from the paper's rule to the hardware's

metabit bench ablation --tables views --epochs 60        images moved by a pixel

metabit bench ablation --dataset prototypes --epochs 50  the paper's generated data
"""


def ablation(
    tables: Annotated[
        str,
        typer.Option("--tables", metavar="NAME[,NAME...]", help=f"Of {', '.join(TABLES)}."),
    ] = _USUAL,
    dataset: Annotated[
        str, typer.Option("--dataset", metavar="|".join(DATASETS), help="Data set.")
    ] = DATASETS[0],
    split: Annotated[
        str, typer.Option("--split", metavar="|".join(SPLITS), help="What to test on.")
    ] = "validation",
    seeds: Annotated[
        int, typer.Option("--seeds", metavar="N", min=1, help="Runs of each row.")
    ] = 5,
    epochs: Annotated[int, typer.Option("--epochs", metavar="N", min=1, help="Epochs.")] = 20,
    jobs: Annotated[
        int, typer.Option("--jobs", metavar="N", help="Runs at a time; -1: one for each core.")
    ] = -1,
    cache: Annotated[
        Path,
        typer.Option(
            "--cache", metavar="FOLDER", help="Finished runs, which are not run again; may be new."
        ),
    ] = Path("build/bench/ablation"),
    data_dir: options.DataDirOption = None,
    json: options.JsonOption = None,
    markdown: Annotated[
        Path | None,
        typer.Option(
            "--markdown", metavar="FILE", help="Write the tables as Markdown.", show_default=False
        ),
    ] = None,
) -> None:
    """Train variants of the rule with several seeds, and print what each is worth."""
    from metabit.sweep.ledger import Ledger

    check_folder("--json", json)
    check_folder("--markdown", markdown)
    names = tables.split(",")
    for name in names:
        if name not in TABLES:
            raise ConfigurationError(f"unknown table {name!r}; known: {', '.join(TABLES)}")
    if split not in SPLITS:
        raise ConfigurationError(f"--split must be one of {', '.join(SPLITS)}, not {split!r}")
    if dataset not in DATASETS:
        raise ConfigurationError(f"--dataset must be {' or '.join(DATASETS)}, not {dataset!r}")
    if dataset != DATASETS[0]:
        for name in OF_IMAGES & set(names):
            if tables != _USUAL:
                raise MetabitError(f"table {name} is about images, and {dataset} has none")
            names.remove(name)
    rows = {name: variants(name, dataset) for name in names}
    console = Console(soft_wrap=True)
    points = {
        (variant, seed): point_of(
            variant.plan(seed, epochs, split, data_dir),
            {"table": name, "row": variant.name},
            variant.variation,
        )
        for seed in range(seeds)
        for name, table in rows.items()
        for variant in table
    }
    runs = list(points.values())
    cache.mkdir(parents=True, exist_ok=True)
    with Ledger(cache / "runs.jsonl") as ledger:
        finished = train_missing(console, runs, ledger, jobs=limit(jobs))
        # A table is of all its runs.
        conclude(console, runs, ledger, finished=finished)
    accuracies = {which: _accuracy(ledger.lines[point.key]) for which, point in points.items()}
    results, texts = [], []
    for name, table in rows.items():
        summaries = summarise(table, accuracies)
        title = f"{name}: {dataset}, split {split}, {epochs} epochs, {seeds} seeds"
        console.print(_table(title, summaries))
        texts.append(_markdown(title, summaries))
        results += summaries
    if markdown is not None:
        markdown.write_text("\n".join(texts), encoding="utf-8")
    if json is not None:
        write_json(json, {"rows": [_row(summary) for summary in results], "versions": versions()})


def _accuracy(line: dict[str, Any]) -> float:
    """Return the test accuracy of a run, by all views if it has learnt some."""
    return line.get(VIEWS, line["test_accuracy"])


def _cells(summary: Summary, first: bool) -> tuple[str, str, str]:
    """Return a line of a table; the first row is compared with none."""
    compared = not (first or summary.variant.first)
    return (
        summary.variant.name,
        f"{summary.mean:.2f} ± {summary.std:.2f}",
        f"{summary.difference:+.2f} ± {summary.error:.2f}" if compared else "",
    )


def _columns(summaries: list[Summary]) -> tuple[str, str, str]:
    return _HEADINGS[summaries[0].variant.table], "test accuracy, %", "difference"


def _table(title: str, summaries: list[Summary]) -> Table:
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(_columns(summaries)):
        table.add_column(column, justify="right" if number else "left")
    for number, summary in enumerate(summaries):
        table.add_row(*_cells(summary, number == 0))
    return table


def _markdown(title: str, summaries: list[Summary]) -> str:
    lines = [
        title,
        "",
        f"| {' | '.join(_columns(summaries))} |",
        "|---|---|---|",
        *(
            f"| {' | '.join(_cells(summary, number == 0))} |"
            for number, summary in enumerate(summaries)
        ),
    ]
    return "\n".join(lines) + "\n"


def _row(summary: Summary) -> dict:
    """Return a row as --json reports it; accuracies are fractions."""
    return {
        "table": summary.variant.table,
        "name": summary.variant.name,
        "config": summary.variant.config.model_dump(mode="json"),
        "deviations": summary.variant.deviations,
        "alternative": summary.variant.alternative,
        "test_accuracy": [value / 100 for value in summary.accuracies],
        "difference": summary.difference / 100,
        "standard_error": summary.error / 100,
    }
