"""`metabit bench soft-errors`: what bits that turn over by themselves cost a training."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console
from rich.table import Table

from metabit.errors import MetabitError
from metabit.golden.config import Config
from metabit.golden.configurations.named import load_config
from metabit.golden.runs.plan import Plan
from metabit.golden.studies.soft_errors import SoftErrors

from .. import options
from ..many_runs import conclude, limit, point_of, train_missing
from ..options import check_folder, write_json

if TYPE_CHECKING:
    from metabit.soft_errors.curve import Row
    from metabit.soft_errors.in_device import Struck

EPILOG = """
**Examples**

metabit bench soft-errors                                     the digits, minutes

metabit bench soft-errors --config up5k --simulate 0          Fashion-MNIST

metabit bench soft-errors --config up5k --plot soft-errors.svg    from the same runs, a picture
"""

_RATES = "1e-4,1e-3,1e-2,3e-2,1e-1"

_DEVICES = ("small-spram", "small")
"""That have the same flips as golden; the second with counters of half as many bits."""


def soft_errors(
    config: Annotated[
        str, typer.Option("--config", metavar="NAME|PATH", help="What is trained.")
    ] = "tiny",
    rates: Annotated[
        str,
        typer.Option("--rates", metavar="P[,P...]", help="Flips per bit and epoch."),
    ] = _RATES,
    burst_after: Annotated[
        int,
        typer.Option(
            "--burst-after",
            metavar="EPOCH",
            min=0,
            help="Once, half of all bits get random values; 0: never.",
        ),
    ] = 5,
    epochs: Annotated[int, typer.Option("--epochs", metavar="N", min=1, help="Epochs.")] = 10,
    seeds: Annotated[
        int, typer.Option("--seeds", metavar="N", min=1, help="Runs of each rate.")
    ] = 3,
    simulate: Annotated[
        int,
        typer.Option(
            "--simulate",
            metavar="SAMPLES",
            min=0,
            help="Samples of `tiny` that simulated devices are trained on with each rate; 0: none.",
        ),
    ] = 1000,
    jobs: Annotated[
        int, typer.Option("--jobs", metavar="N", help="Runs at a time; -1: one for each core.")
    ] = -1,
    cache: Annotated[
        Path,
        typer.Option(
            "--cache", metavar="FOLDER", help="Finished runs, which are not run again; may be new."
        ),
    ] = Path("build/bench/soft-errors"),
    data_dir: options.DataDirOption = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw them: .svg or .png.", show_default=False),
    ] = None,
    json: options.JsonOption = None,
) -> None:
    """Turn bits of counters over while a network is trained, at several rates.

    The highest bit of a counter is its weight; every bit is as likely to turn over. Simulated
    devices get the same flips as the golden model does, and must agree with it in every bit.
    """
    from metabit.soft_errors.curve import Row, draw
    from metabit.soft_errors.work import work
    from metabit.sweep.ledger import Ledger

    for option, path in (("--json", json), ("--plot", plot)):
        check_folder(option, path)
    if plot is not None and plot.suffix not in (".svg", ".png"):
        raise MetabitError(f"--plot must be a .svg or .png file, not {plot.name!r}")
    if burst_after >= epochs:
        raise MetabitError(
            f"--burst-after must be less than --epochs, {epochs}, so that there is time to heal, "
            f"not {burst_after}; 0: no burst"
        )
    trained = load_config(config)
    errors = [SoftErrors(rate) for rate in (0.0, *_parse(rates))]
    if burst_after:
        errors.append(SoftErrors(0.0, burst_after))
    console = Console(soft_wrap=True)
    points = {
        (which, seed): point_of(
            Plan(trained.with_seed(seed), epochs, data_dir=data_dir), {"errors": str(which)}, which
        )
        for seed in range(seeds)
        for which in errors
    }
    cache.mkdir(parents=True, exist_ok=True)
    runs = list(points.values())
    with Ledger(cache / "runs.jsonl") as ledger:
        finished = train_missing(console, runs, ledger, jobs=limit(jobs), work=work)
        conclude(console, runs, ledger, finished=finished)
    rows = [
        Row.of(
            which.rate,
            which.burst_after,
            [ledger.lines[points[which, seed].key] for seed in range(seeds)],
        )
        for which in errors
    ]
    title = f"{trained.name}: {trained.dataset}, {epochs} epochs, {seeds} seeds"
    console.print(_table(title, rows))
    simulated = _simulate(console, [row.rate for row in rows if row.rate], simulate)
    if json is not None:
        write_json(
            json,
            {
                "config": trained.model_dump(mode="json"),
                "epochs": epochs,
                "rows": [asdict(row) for row in rows],
                "simulated": [asdict(one) for one in simulated],
            },
        )
    if plot is not None:
        draw(rows, title, plot)
        console.print(f"drew {plot}", highlight=False)


def _parse(text: str) -> list[float]:
    """Return rates, each above 0 and at most 1."""
    found = []
    for part in text.split(","):
        try:
            rate = float(part)
        except ValueError:
            rate = 0.0
        if not 0 < rate <= 1:
            raise MetabitError(f"--rates must be numbers above 0 and up to 1, not {part!r}")
        found.append(rate)
    return found


def _table(title: str, rows: "list[Row]") -> Table:
    table = Table(title=title, title_justify="left")
    for column in ("flips per bit and epoch", "test accuracy, %", "flips", "note"):
        table.add_column(column, justify="right" if column != "note" else "left")
    for row in rows:
        note = ""
        if row.burst_after:
            before, after, _ = row.burst_means()
            note = f"half of all bits after epoch {row.burst_after}: {before:.2f}, then {after:.2f}"
        accuracy = f"{row.mean:.2f} ± {row.deviation:.2f}"
        table.add_row(f"{row.rate:g}", accuracy, f"{row.flips:,.0f}", note)
    return table


def _simulate(console: Console, rates: list[float], samples: int) -> "list[Struck]":
    """Train devices with the same flips as golden, and say that they agree."""
    if not samples:
        return []
    from metabit.golden.configurations.named import override
    from metabit.golden.data.training_data import prepare
    from metabit.hdl.shape import find_shape
    from metabit.soft_errors.in_device import strike_both

    found = []
    for name in _DEVICES:
        shape = find_shape(name)
        tiny = override(cast(Config, load_config("tiny")), counter_bits=shape.counter_bits)
        data = prepare(tiny)
        for rate in rates:
            with console.status(f"device {name}, {rate:g} flips per bit and epoch"):
                found.append(strike_both(tiny, data, shape, rate, samples))
            struck = found[-1]
            console.print(
                f"device {name}, {rate:g}: {struck.samples:,} samples, {struck.flips:,} flips, "
                f"all state equal {struck.comparisons} times, {struck.state_sha256[:8]}…",
                highlight=False,
            )
    return found
