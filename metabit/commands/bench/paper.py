"""`metabit bench paper`: the published tables, measured again."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from metabit.golden.studies.comparison import RowComparison
from metabit.golden.studies.published import TABLES, PublishedRow, select
from metabit.golden.studies.reproduction import Finished, reproduce
from metabit.golden.studies.results import Cache

from .. import options
from ..options import check_folder, write_json

EPILOG = """
**Examples**

metabit bench paper --list                                the rows, and what was published

metabit bench paper --rows 35-35,75-75 --seeds 2          two networks, both data sets

metabit bench paper --tables layers --dataset prototypes --seeds 10 --jobs -1

metabit bench paper --seeds 10 --markdown paper.md --plots plots
"""


def paper(
    tables: Annotated[
        str | None,
        typer.Option(
            "--tables",
            metavar="NAME[,NAME...]",
            help=f"Only these tables: {', '.join(TABLES)}. [default: all]",
            show_default=False,
        ),
    ] = None,
    rows: Annotated[
        str | None,
        typer.Option(
            "--rows",
            metavar="NAME[,NAME...]",
            help="Only these rows: their names, or parts of them between slashes, such as 35-35.",
            show_default=False,
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", metavar="NAME", help="Only this data set.", show_default=False),
    ] = None,
    extra: Annotated[
        bool,
        typer.Option("--all", help="Also the rows that take hours: 1035 neurons and more, ..."),
    ] = False,
    seeds: Annotated[
        int, typer.Option("--seeds", metavar="N", min=1, help="Runs of a row; the paper has 10.")
    ] = 3,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="First seed.")] = 0,
    epochs: Annotated[
        int, typer.Option("--epochs", metavar="N", min=1, help="Epochs; the paper has 50.")
    ] = 50,
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs", metavar="N", min=-1, help="Runs at a time; -1: as many as there are cores."
        ),
    ] = 1,
    cache: Annotated[
        Path,
        typer.Option(
            "--cache",
            metavar="FILE",
            help="Results of finished runs; what is there is not run again.",
        ),
    ] = Path("metabit-paper.jsonl"),
    report_only: Annotated[
        bool, typer.Option("--report-only", help="Run nothing, and report what the cache has.")
    ] = False,
    listed: Annotated[bool, typer.Option("--list", help="List the rows and stop.")] = False,
    json: options.JsonOption = None,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Write the table as CSV.", show_default=False),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(
            "--markdown", metavar="FILE", help="Write the table as Markdown.", show_default=False
        ),
    ] = None,
    plots: Annotated[
        Path | None,
        typer.Option(
            "--plots",
            metavar="FOLDER",
            help="Draw the tables into this folder.",
            show_default=False,
        ),
    ] = None,
    data_dir: options.DataDirOption = None,
) -> None:
    """Measure the published tables again, and compare with the authors' mean and deviation.

    Every run is kept in a file as soon as it is over, so that an interrupted benchmark goes on
    where it stopped, and more seeds add to those that are there.
    """
    from .paper_tables import csv_text, json_table, markdown_text, print_list, print_table

    console = Console(soft_wrap=True)
    for name, path in (("--json", json), ("--csv", csv), ("--markdown", markdown)):
        check_folder(name, path)
    check_folder("--cache", cache)
    check_folder("--plots", plots)
    if jobs == 0:
        raise typer.BadParameter("must be -1 or at least 1, not 0", param_hint="--jobs")
    chosen = select(tables, dataset, rows, extra)
    if listed:
        print_list(console, chosen)
        return
    results = Cache(cache)
    wanted = range(seed, seed + seeds)
    failed = 0
    if not report_only:
        failed = _run(console, chosen, wanted, epochs, results, data_dir, jobs)
    compared = [
        RowComparison(row, found)
        for row in chosen
        if (found := [r for s in wanted if (r := results.get(row.config(s, epochs))) is not None])
    ]
    for path, text in ((csv, csv_text), (markdown, markdown_text)):
        if path is not None:
            path.write_text(text(compared), encoding="utf-8")
    if json is not None:
        write_json(json, json_table(compared))
    print_table(console, compared)
    if plots is not None:
        from .paper_plots import draw

        for picture in draw(compared, plots):
            console.print(f"drew {picture}", highlight=False)
    if failed:
        raise typer.Exit(1)


def _run(
    console: Console,
    rows: list[PublishedRow],
    seeds: range,
    epochs: int,
    cache: Cache,
    data_dir: Path | None,
    jobs: int,
) -> int:
    """Run what is missing, and return how many runs failed."""
    total, failed = len(rows) * len(seeds), 0
    runs = reproduce(rows, seeds, epochs, cache, data_dir=data_dir, jobs=jobs)
    for done, finished in enumerate(runs, 1):
        failed += finished.result is None
        if not finished.cached or finished.result is None:
            console.print(f"[{done}/{total}] {_line(finished)}", highlight=False, markup=False)
    return failed


def _line(finished: Finished) -> str:
    """Return what is said of a run that is over."""
    name = f"{finished.row.name} seed {finished.seed}"
    if finished.result is None:
        return f"{name} FAILED: {finished.error}"
    result = finished.result
    return (
        f"{name}: {100 * result.test_accuracy[-1]:.2f} %  {result.seconds_per_epoch:.2f} s an epoch"
    )
