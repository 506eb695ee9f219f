"""`metabit bench paper`: the published tables, measured again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from metabit.golden.runs.plan import Plan
from metabit.golden.studies.comparison import RowComparison
from metabit.golden.studies.published import TABLES, PublishedRow, select
from metabit.golden.studies.results import Result, former_key

from .. import options
from ..many_runs import conclude, limit, point_of, train_missing
from ..options import check_folder, write_json

if TYPE_CHECKING:
    from metabit.sweep.point import Point

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
    from metabit.sweep.ledger import Ledger

    from .paper_tables import csv_text, json_table, markdown_text, print_list, print_table

    console = Console(soft_wrap=True)
    for name, path in (("--json", json), ("--csv", csv), ("--markdown", markdown)):
        check_folder(name, path)
    check_folder("--cache", cache)
    check_folder("--plots", plots)
    at_once = limit(jobs)
    chosen = select(tables, dataset, rows, extra)
    if listed:
        print_list(console, chosen)
        return
    wanted = range(seed, seed + seeds)
    points = {(row, s): _point(row, s, epochs, data_dir) for row in chosen for s in wanted}
    if report_only:
        lines, finished = Ledger.read(cache), True
    else:
        with Ledger(cache) as ledger:
            missing = [p for p in points.values() if former_key(p.plan.config) not in ledger.lines]
            finished = train_missing(console, missing, ledger, jobs=at_once)
            lines = ledger.lines
    compared = [
        RowComparison(row, found)
        for row in chosen
        if (found := [r for s in wanted if (r := _result(points[row, s], lines)) is not None])
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
    if not report_only:
        conclude(console, missing, ledger, finished=finished)


def _point(row: PublishedRow, seed: int, epochs: int, data_dir: Path | None) -> "Point":
    """Return what a run of a row is."""
    plan = Plan(row.config(seed, epochs), epochs, "paper", data_dir=data_dir)
    return point_of(plan, {"row": row.name})


def _result(point: "Point", lines: dict[str, dict[str, Any]]) -> Result | None:
    """Return the result of a run, which an earlier version may have kept; None: there is none."""
    for key in (point.key, former_key(point.plan.config)):
        if key in lines and lines[key]["status"] == "done":
            return Result.of(lines[key])
    return None
