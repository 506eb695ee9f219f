"""`metabit bench campaign`: random networks, and a line that brings anything."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from metabit.errors import INTERRUPTED, MetabitError

from .. import options
from ..interrupt import interruptible
from ..options import check_folder, write_json

if TYPE_CHECKING:
    from metabit.campaign.run import Coverage

EPILOG = """
**Examples**

metabit bench campaign                                      1,000 networks, a million bytes

metabit bench campaign --networks 0 --bytes 10000000        the link alone

metabit bench campaign --networks 0 --bytes 0 --netlists 8  gates alone

metabit bench campaign --keep tests/sim/regressions.json    what fails is tried again by the tests
"""

_FIRST = 200
"""Most failures that are made smaller and kept."""


def campaign(
    networks: Annotated[
        int, typer.Option("--networks", metavar="N", min=0, help="Random networks.")
    ] = 1000,
    link_bytes: Annotated[
        int, typer.Option("--bytes", metavar="N", min=0, help="Bytes for the link.")
    ] = 1_000_000,
    netlists: Annotated[
        int,
        typer.Option("--netlists", metavar="N", min=0, help="Networks on each family's gates."),
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of all draws.")] = 1,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", metavar="N", min=1, help="Tasks at a time.  [default: cores]"),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep",
            metavar="FILE",
            help="Add what fails, made as small as it fails still.",
            show_default=False,
        ),
    ] = None,
    json: options.JsonOption = None,
) -> None:
    """Train random networks on small devices, and let their links receive anything.

    Networks are those of `metabit simulate --sweep`. A third of the bytes goes to the link frame by
    frame, each answer held against a model; a third floods it; a third comes as noise while
    networks are trained, which must end as golden does.
    """
    from metabit.campaign import regressions
    from metabit.campaign.run import Coverage, plan, run
    from metabit.campaign.tasks import shrunk

    check_folder("--json", json)
    check_folder("--keep", keep)
    if keep is not None:
        regressions.read(keep)
    console = Console()
    tasks = plan(networks, netlists, link_bytes, seed)
    if not tasks:
        raise MetabitError("--networks, --netlists and --bytes are all 0: there is nothing to do")
    coverage, start, count = Coverage(), time.perf_counter(), 0
    with interruptible() as pressed:
        results = run(tasks, jobs or os.cpu_count() or 1)
        for done in track(results, "tasks", len(tasks), console=console, transient=True):
            coverage.add(done)
            count += 1
            if done.error is not None:
                console.print(f"[red]{escape(f'{done.task}: {done.error}')}[/]", highlight=False)
            if pressed():
                break
    if json is not None:
        seconds = time.perf_counter() - start
        about = {"seed": seed, "seconds": seconds, "interrupted": count < len(tasks)}
        write_json(json, about | coverage.as_dict())
    _print(console, coverage)
    if keep is not None and coverage.failures:
        with console.status("make failures smaller"):
            smaller = [shrunk(done) for done in coverage.failures[:_FIRST]]
        regressions.add(keep, smaller)
        console.print(f"{len(smaller)} failures are in {keep}")
    if coverage.failures:
        raise MetabitError(f"{len(coverage.failures)} of {count} tasks failed (seed {seed})")
    if count < len(tasks):
        console.print(f"[yellow]interrupted after {count:,} of {len(tasks):,} tasks[/]")
        raise typer.Exit(INTERRUPTED)
    console.print("[green]nothing failed[/]")


def _print(console: Console, coverage: "Coverage") -> None:
    """Print what was covered."""
    table = Table("what", "how much", title="covered", show_header=False)
    table.columns[1].justify = "right"
    link = coverage.link
    for what, number in (
        ("random networks", coverage.networks),
        ("samples trained", coverage.samples),
        ("bytes at the link", coverage.link_bytes),
        ("sessions on it", coverage.sessions),
        ("replies to them", sum(link.replies.values())),
        ("words read and compared", link.compared),
        ("trainings over a noisy line", coverage.noisy_trainings),
        ("frames it has harmed", sum(coverage.noise.fates.values())),
        ("simulated cycles", coverage.cycles),
    ):
        table.add_row(what, f"{number:,}")
    console.print(table)
    for title, counts in (
        *((f"networks by {name.replace('_', ' ')}", by) for name, by in coverage.by.items()),
        ("pieces", link.kinds),
        ("replies", link.replies),
    ):
        if counts:
            text = ", ".join(f"{name} {number:,}" for name, number in sorted(counts.items()))
            console.print(f"{title}: {escape(text)}", highlight=False)
