"""Many trainings on the screen, for every command that has them: one ledger, one policy."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from metabit.errors import INTERRUPTED

from .training import duration

if TYPE_CHECKING:
    from metabit.golden.runs.plan import Plan
    from metabit.golden.studies.variations import Variation
    from metabit.sweep.fleet import Fleet
    from metabit.sweep.ledger import Ledger
    from metabit.sweep.point import Point

    from .fleet_view import FleetView

Line = dict[str, Any]


def train_missing(
    console: Console,
    points: "Sequence[Point]",
    ledger: "Ledger",
    *,
    cluster: str | None = None,
    jobs: int | None = None,
    work: "Callable[[Point], Line] | None" = None,
    fleet: "Fleet | None" = None,
    view: "FleetView | None" = None,
) -> bool:
    """Train what the ledger has no result of; return whether it came to its end, or Ctrl-C.

    Parameters
    ----------
    console : Console
        Where to say what happens.
    points : sequence of Point
        What is to be there.
    ledger : Ledger
        Open; results are added as they come.
    cluster, jobs
        See :func:`~metabit.sweep.pool.workers`.
    work : callable, optional
        What workers do with a point; None: they train.
    fleet : Fleet, optional
        Boards that train in place of workers.
    view : FleetView, optional
        What shows the boards.

    Raises
    ------
    MetabitError
        If there is a run that no board holds; nothing is trained then.
    """
    if ledger.torn:
        console.print(
            f"[yellow]{escape(str(ledger.path))}: the last line was torn, and is left out[/]"
        )
    runs = _different(points)
    left = [point for point in runs if not ledger.done(point.key)]
    console.print(
        f"{len(runs)} runs, {len(runs) - len(left)} of them done already", highlight=False
    )
    if not left:
        return True
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
        transient=True,
    )
    with _lines(left, cluster, jobs, fleet, work) as (name, lines), progress:
        progress.console.print(f"on {escape(name)}", highlight=False)
        bar = progress.add_task("runs", total=len(left), note="")
        if view is not None:
            view.show(progress)
        start = time.monotonic()
        try:
            for number, line in enumerate(lines, 1):
                ledger.add(line)
                seconds = (time.monotonic() - start) / number * (len(left) - number)
                progress.update(bar, completed=number, note=f"{duration(seconds)} left")
                progress.console.print(f"{escape(_name(line))}: {_end(line)}", highlight=False)
        except KeyboardInterrupt:
            return False
    return True


@contextmanager
def _lines(
    left: "list[Point]",
    cluster: str | None,
    jobs: int | None,
    fleet: "Fleet | None",
    work: "Callable[[Point], Line] | None",
) -> "Iterator[tuple[str, Iterator[Line]]]":
    """Return who trains, and the lines of runs as they end."""
    from metabit.sweep.pool import run_all, workers

    if fleet is None:
        with workers(cluster, jobs) as found:
            given = {} if work is None else {"function": work}
            yield found.name, run_all(left, found, **given)
        return
    with closing(fleet.run_all(fleet.plan(left))) as lines:
        yield fleet.name, lines


def _end(line: "Line") -> str:
    """Say how a run has ended."""
    if line["status"] != "done":
        return f"[red]failed:[/] {escape(line['error'])}"
    end = f"{100 * line['test_accuracy']:.2f} %  {line['seconds_per_epoch']:.2f} s/epoch"
    if "board" in line:
        link = line["link"]
        end += f"  {link['samples_per_second']:,.0f} samples/s ({link['limit']})"
        return f"{end}  {line['device']} at {escape(line['board'])}"
    end += f"  {line['samples_per_second']:,.0f} samples/s"
    if "no_board" in line:
        end += f"  [yellow]on no board: {escape(line['no_board'])}[/]"
    return end


def conclude(
    console: Console, points: "Sequence[Point]", ledger: "Ledger", *, finished: bool
) -> None:
    """Say what has failed or is missing; if something is, end the command with a status for it.

    Parameters
    ----------
    console, points, ledger
        As in :func:`train_missing`.
    finished : bool
        What it returned.
    """
    runs = _different(points)
    lines = [ledger.lines[point.key] for point in runs if point.key in ledger.lines]
    failed = [line for line in lines if line["status"] == "failed"]
    where = escape(str(ledger.path))
    for line in failed:
        console.print(
            f"[red]failed:[/] {escape(_name(line))}: {escape(line['error'])}", highlight=False
        )
    if not finished:
        console.print(
            "[yellow]interrupted; the same command goes on with the rest, "
            f"and takes the others from {where}[/]"
        )
        raise typer.Exit(INTERRUPTED)
    if failed:
        console.print(
            f"[red]{len(failed)} of {len(runs)} runs failed[/]; tracebacks are in "
            f"{where}, and the same command tries again",
            highlight=False,
        )
    if missing := len(runs) - len(lines):
        console.print(
            f"[red]{missing} of {len(runs)} runs are missing[/]: no board is left that holds "
            "them; the same command goes on, on other boards or without --boards",
            highlight=False,
        )
    if failed or missing:
        raise typer.Exit(1)


def limit(jobs: int) -> int | None:
    """Return how many runs at a time `--jobs` means, where -1 stands for as many as there are."""
    if jobs == 0 or jobs < -1:
        raise typer.BadParameter(f"must be -1 or at least 1, not {jobs}", param_hint="--jobs")
    return None if jobs == -1 else jobs


def point_of(plan: "Plan", label: dict[str, str], variation: "Variation | None" = None) -> "Point":
    """Return the point of a plan whose data set is known by its name."""
    from metabit.sweep.point import Point

    sha256 = _sha256(plan.config.dataset, plan.data_dir)
    return Point(label, plan.elsewhere(), sha256, variation)


@cache
def _sha256(dataset: str, data_dir: Path | None) -> str:
    """Return the hash of a data set, which many plans have in common."""
    from metabit.golden.data.datasets import load_dataset
    from metabit.sweep.point import dataset_sha256

    return dataset_sha256(load_dataset(dataset, data_dir))


def _different(points: "Sequence[Point]") -> "list[Point]":
    """Return points without those that are others' equals: tables may have rows in common."""
    return list({point.key: point for point in points}.values())


def _name(line: dict[str, Any]) -> str:
    """Return what a run is called."""
    from metabit.sweep.point import name_of

    return name_of(line["label"], line["seed"])
