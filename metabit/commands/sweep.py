"""`metabit sweep`: many trainings, on all cores, on a cluster, or on boards."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from metabit.errors import MetabitError
from metabit.golden.data.options import DataOptions
from metabit.golden.modes.registry import DEFAULT, MODES
from metabit.golden.runs.training_run import VIEWS

from . import options
from .data_options import print_summary, takes_data_options
from .many_runs import conclude, train_missing
from .network_options import varied
from .options import check_folder, choose_plan, write_json

if TYPE_CHECKING:
    from metabit.sweep.point import Point
    from metabit.sweep.ports import Line
    from metabit.sweep.table import Row

EPOCHS, SEEDS = MODES[DEFAULT].epochs, 3
"""Epochs, in the hardware's mode, and seeds when none are asked for."""

_OWN = ("mode", "split", "epochs")
"""What --vary can change beside the fields of a configuration."""

EPILOG = """
**Examples**

metabit sweep --vary "margin=0.1 0.25 0.5"                     three seeds each, on all cores

metabit sweep --config up5k --config ecp5 --seeds 5 --out a.jsonl

metabit sweep --vary "hidden=64 128,64" --vary "tile=1 8 64"   all six combinations

metabit sweep --dataset digits --dataset mine.npz --encoder median

metabit sweep --config up5k --cluster tcp://head:8786          on the workers of a Dask scheduler

metabit sweep --config up5k --seeds 20 --boards auto           on all boards that are connected

metabit sweep --config up5k --boards /dev/ttyUSB1,/dev/ttyUSB3 --verify

The same command once more goes on where it was killed, and tries again what has failed.
"""


@takes_data_options
def sweep(
    *,
    reading: DataOptions,
    config: Annotated[
        list[str] | None,
        typer.Option(
            "--config",
            metavar="NAME|PATH",
            help="Configuration; may be given several times. [default: tiny]",
            show_default=False,
        ),
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            "--dataset",
            metavar="NAME|PATH",
            help="Data set; may be given several times. [default: the configuration's]",
            show_default=False,
        ),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar='"FIELD=V V ..."',
            help="Values of an option of train, divided by spaces; may be given several times, "
            "and all combinations are trained.",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option("--seeds", metavar="N", min=1, help="Seeds of each combination.")
    ] = SEEDS,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="The first of the seeds.")
    ] = 0,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs",
            metavar="N",
            min=1,
            help=f"Epochs. [default: {EPOCHS}; in modes other than hardware 50]",
            show_default=False,
        ),
    ] = None,
    mode: options.ModeOption = None,
    split: options.SplitOption = None,
    encoder: options.EncoderOption = None,
    data_dir: options.DataDirOption = None,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE.jsonl", help="Results, added line by line.")
    ] = Path("sweep.jsonl"),
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            metavar="N",
            min=1,
            help="Runs at a time. [default: all cores, or all of the cluster's]",
            show_default=False,
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster",
            metavar="ADDRESS",
            help="Existing cluster: a Dask scheduler (tcp://host:8786, scheduler.json, dask) or "
            "Ray (ray://host:10001, ray). [default: this machine]",
            show_default=False,
        ),
    ] = None,
    boards: Annotated[
        str | None,
        typer.Option(
            "--boards",
            metavar="PORT,...|auto",
            help="Train on boards: serial ports or patterns of their names, divided by commas, or "
            "auto, all whose USB chip is that of a known board. [default: on the host]",
            show_default=False,
        ),
    ] = None,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Train golden alongside boards; leave out those that differ."
        ),
    ] = False,
    baud: options.BaudOption = options.BAUD,
    timeout: options.TimeoutOption = 1.0,
    engine: options.EngineOption = "auto",
    json: options.JsonOption = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv", metavar="FILE", help="Write a line per run to a CSV file.", show_default=False
        ),
    ] = None,
) -> None:
    """Train many networks: configurations, data sets, values and seeds, all combinations."""
    from metabit.sweep.ledger import Ledger
    from metabit.sweep.ports import Line
    from metabit.sweep.table import rows_of, write_csv

    from .fleet_view import summary

    console = Console(soft_wrap=True)
    if boards is not None and (cluster is not None or jobs is not None):
        raise MetabitError(
            "--cluster and --jobs cannot be given with --boards: each board does a run at a time; "
            "workers of a cluster have boards of their own (METABIT_BOARD)"
        )
    if verify and boards is None and cluster is None:
        raise MetabitError("--verify is for boards; give --boards, too")
    for option, path in (("--out", out), ("--json", json), ("--csv", csv)):
        check_folder(option, path)
    fixed = {"mode": mode, "split": split, "epochs": epochs, "encoder": encoder}
    points = list(
        _plan(
            config or [None],
            dataset or [None],
            vary or [],
            fixed,
            range(seed, seed + seeds),
            data_dir,
            engine,
            reading,
            console,
        )
    )
    trainers = _trainers(console, boards, cluster, out, Line(baud, timeout), verify)
    fleet = trainers.get("fleet")
    with Ledger(out) as ledger:
        finished = train_missing(console, points, ledger, cluster=cluster, jobs=jobs, **trainers)
        rows = rows_of(points, ledger.lines)
        if json is not None:
            lines = [ledger.lines[point.key] for point in points if point.key in ledger.lines]
            done = {"table": [row.to_dict() for row in rows], "runs": lines}
            if fleet is not None:
                done["boards"] = [board.to_dict() for board in fleet.boards]
            write_json(json, done)
        if csv is not None:
            write_csv(csv, points, ledger.lines)
        console.print(_table(rows))
        if fleet is not None:
            for board in fleet.boards:
                console.print(summary(board), highlight=False)
        conclude(console, points, ledger, finished=finished)


def _trainers(
    console: Console,
    boards: str | None,
    cluster: str | None,
    out: Path,
    line: "Line",
    verify: bool,
) -> dict[str, Any]:
    """Return who trains, as :func:`.train_missing` takes it, and ask the boards who they are."""
    from metabit.sweep.fleet import Fleet
    from metabit.sweep.on_board import OnBoard, work_at_hand
    from metabit.sweep.parts import Parts
    from metabit.sweep.ports import ask, find_ports

    from .fleet_view import FleetView

    on_board = OnBoard(line, verify)
    if cluster is not None:
        return {"work": partial(work_at_hand, on_board)}
    if boards is None:
        return {}
    found = ask(find_ports(boards), line)
    for text in (*found.notices, *(f"left out: {error}" for error in found.silent)):
        console.print(f"[yellow]{escape(text)}[/]", highlight=False)
    view = FleetView(console, line.baud)
    parts = Parts.beside(out, verified=verify)
    return {"fleet": Fleet(found.devices, on_board, parts, view), "view": view}


def _plan(
    configs: list[Any],
    datasets: list[Any],
    vary: list[str],
    fixed: dict[str, Any],
    seeds: range,
    data_dir: Path | None,
    engine: str,
    reading: DataOptions,
    console: Console,
) -> "Iterator[Point]":
    """Yield all runs; every mistake in what was asked for shows here, before any training."""
    from metabit.golden.configurations.named import load_config
    from metabit.golden.data.datasets import Dataset, load_dataset
    from metabit.golden.data.splits import split as split_dataset
    from metabit.sweep.grid import combinations, parse_values
    from metabit.sweep.point import dataset_sha256

    values = parse_values(vary, varied() | {name: name for name in _OWN})
    for name in values:
        if fixed.get(name) is not None:
            raise MetabitError(f"--{name} and --vary {name} cannot both be given")
    loaded: dict[str, tuple[Dataset, str]] = {}
    for config in configs:
        for wanted in datasets:
            name = wanted or load_config(config or "tiny").dataset
            if name not in loaded:
                data = load_dataset(name, data_dir, reading)
                print_summary(console, data.summary)
                loaded[name] = data, dataset_sha256(data)
            for split in values.get("split", [fixed["split"]]):
                split_dataset(loaded[name][0], split, seeds[0])
            for chosen in combinations(values):
                label = {"config": config or "tiny"}
                if len(datasets) > 1:
                    label["dataset"] = name
                label |= chosen
                for seed in seeds:
                    asked = {**fixed, **chosen, "engine": engine, "data_dir": data_dir}
                    yield _point(config, *loaded[name], asked, seed, label)


def _point(
    config: str | None,
    data: Any,
    sha256: str,
    chosen: dict[str, Any],
    seed: int,
    label: dict[str, str],
) -> "Point":
    """Return the point that options describe."""
    from metabit.sweep.point import Point

    try:
        length = None if chosen["epochs"] is None else int(chosen["epochs"])
    except ValueError:
        raise MetabitError(f"epochs must be an integer, not {chosen['epochs']!r}") from None
    if length is not None and length < 1:
        raise MetabitError(f"epochs must be at least 1, not {length}")
    asked = {**chosen, "epochs": length}
    plan, _ = choose_plan(config, dataset=data, seed=seed, **asked)
    return Point(label, plan.elsewhere(), sha256)


def _table(rows: "list[Row]") -> Table:
    """Return mean and deviation of every combination."""
    table = Table(title="mean ± sample standard deviation over seeds")
    for heading in rows[0].label:
        table.add_column(heading)
    several = any(row.mean(VIEWS) is not None for row in rows)
    views = ("all views %",) if several else ()
    for heading in ("seeds", "test %", *views, "training %", "s/epoch"):
        table.add_column(heading, justify="right")
    for row in rows:
        count = str(len(row.done))
        if row.failed:
            count += f" ([red]{len(row.failed)} failed[/])"
        if row.missing:
            count += f" ({row.missing} missing)"
        test, train, seconds = (
            row.mean(name) for name in ("test_accuracy", "train_accuracy", "seconds_per_epoch")
        )
        if test is None or train is None or seconds is None:
            nothing = ["-"] * (3 + len(views))
            table.add_row(*map(escape, row.label.values()), count, *nothing)
            continue
        accuracies = [_accuracy(row, name) for name in ("test_accuracy", *(VIEWS for _ in views))]
        table.add_row(
            *map(escape, row.label.values()),
            *(count, *accuracies, f"{100 * train:.2f}", f"{seconds:.2f}"),
        )
    return table


def _accuracy(row: "Row", field: str) -> str:
    """Return mean and deviation of an accuracy, in per cent."""
    mean, deviation = row.mean(field), row.deviation_of(field)
    if mean is None:
        return "-"
    return f"{100 * mean:.2f}" + ("" if deviation is None else f" ± {100 * deviation:.2f}")
