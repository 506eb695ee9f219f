"""`metabit bench ablation`: what every choice of the hardware rule costs or brings."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table

from metabit.errors import MetabitError
from metabit.golden import network
from metabit.golden.checkpoints.file import versions
from metabit.golden.data.splits import SPLITS
from metabit.golden.errors import ConfigurationError
from metabit.golden.paper import network as paper_network
from metabit.golden.studies.ablation import TABLES, Summary, Variant, summarise, variants
from metabit.golden.studies.alternatives import Alternative

from .. import options
from ..options import check_folder, write_json

DATASETS = ("fashion-mnist", "prototypes")

_HEADINGS = {
    "widths": "neurons and rule",
    "steps": "the row before, and",
    "changes": "the first row, but",
    "encoders": "network",
}

_Rule = tuple[int | None, Alternative | None, tuple[int, int]]
"""Deviations and alternative of a variant; versions of the hardware's rule and the paper's."""

EPILOG = """
**Examples**

metabit bench ablation                                   all tables, hours on one core

metabit bench ablation --tables steps --seeds 2          from the paper's rule to the hardware's

metabit bench ablation --dataset prototypes --epochs 50  the paper's generated data
"""


def ablation(
    tables: Annotated[
        str,
        typer.Option("--tables", metavar="NAME[,NAME...]", help=f"Of {', '.join(TABLES)}."),
    ] = ",".join(TABLES),
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
    if dataset != DATASETS[0] and "encoders" in names:
        if tables != ",".join(TABLES):
            raise MetabitError(f"table encoders is about images, and {dataset} has none")
        names.remove("encoders")
    rows = {name: variants(name, dataset) for name in names}
    accuracies = _run(
        [variant for table in rows.values() for variant in table],
        seeds,
        epochs,
        split,
        jobs,
        cache,
        data_dir,
    )
    console = Console(soft_wrap=True)
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


def _run(
    rows: list[Variant],
    seeds: int,
    epochs: int,
    split: str,
    jobs: int,
    cache: Path,
    data_dir: Path | None,
) -> dict[tuple[Variant, int], float]:
    """Train every row with every seed."""
    from joblib import Memory, Parallel, delayed

    # Rows that stand in two tables train once.
    accuracy = Memory(cache, verbose=0).cache(_accuracy, ignore=["data_dir"])

    def one(variant: Variant, seed: int) -> tuple[Variant, int, float]:
        # Results of an older version of either rule are not taken for new.
        versions_of_rules = network.RULE_VERSION, paper_network.RULE_VERSION
        rule = variant.deviations, variant.alternative, versions_of_rules
        fields = variant.config.model_dump(exclude={"name"})
        return variant, seed, accuracy(fields, rule, seed, epochs, split, data_dir)

    runs = [(variant, seed) for seed in range(seeds) for variant in rows]
    results = Parallel(n_jobs=jobs, return_as="generator_unordered")(
        delayed(one)(variant, seed) for variant, seed in runs
    )
    columns = BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        return {
            (variant, seed): value
            for variant, seed, value in progress.track(results, total=len(runs))
        }


def _accuracy(
    fields: dict, rule: _Rule, seed: int, epochs: int, split: str, data_dir: Path | None
) -> float:
    """Train: a function of values, by which joblib finds its result again."""
    from metabit.golden.configurations.named import make_config

    variant = Variant("", "", make_config(fields), *rule[:2])
    return variant.accuracy(seed, epochs, split, data_dir)


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
