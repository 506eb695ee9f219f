"""`metabit train`: train the golden model."""

import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from metabit.errors import INTERRUPTED, MetabitError
from metabit.golden.data.datasets import Dataset
from metabit.golden.data.options import DataOptions
from metabit.golden.modes.registry import DEFAULT, MODES
from metabit.golden.runs.plan import Plan, read_plan
from metabit.golden.runs.results import results_of
from metabit.golden.runs.stopping import Patience
from metabit.golden.runs.training_run import TrainingRun

from . import options
from .data_options import takes_data_options
from .network_options import takes_network_options
from .options import check_folder, choose_plan, write_json
from .overwriting import ForceOption, reserved
from .pictures import draw_run, prepare_folder
from .training import (
    VIEWS,
    back_to_best,
    describe,
    of_views,
    open_run,
    refuse_changes,
    summarise,
    train_to_end,
)

EPOCHS = MODES[DEFAULT].epochs
"""Epochs when none are asked for, in the hardware's mode."""

EPILOG = """
**Examples**

metabit train                                      the embedded digits, a few seconds

metabit train --plots plots                        and draw it: open plots/index.html

metabit train --config up5k --out run.npz          Fashion-MNIST, the network for a UP5K

metabit train --resume run.npz                     go on after an interruption

metabit train --resume run.npz --epochs 20         train on, after ten epochs for example

metabit train --resume run.npz --dataset new/mine.csv   the data have moved

metabit train --config ecp5 --epochs 30 --seeds 3  mean and deviation of three seeds

metabit train --dataset mine.npz --encoder median --hidden 128 --group 32

metabit train --dataset mine.csv --target class --hidden 55,55 --group 55

metabit train --config paper-135 --mode paper      the paper's own rule

metabit train --mode baldassi --layers 165 --group 11

metabit train --split validation --epochs 90 --patience 10 --out run.npz

metabit train --plan run.npz --seeds 5              what a checkpoint was trained as, five times
"""


@takes_data_options
@takes_network_options
def train(
    *,
    reading: DataOptions,
    changes: dict[str, Any],
    config: options.ConfigOption = None,
    mode: options.ModeOption = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs",
            metavar="N",
            min=1,
            help=f"Epochs; with --resume more than at first. "
            f"[default: {EPOCHS}; in the other modes 50, as in the paper]",
            show_default=False,
        ),
    ] = None,
    seed: options.SeedOption = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            "--seeds",
            metavar="N",
            min=1,
            help="Train with N seeds, one after the other, and report mean and deviation.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE.npz",
            help="Checkpoint to write. [default with --resume: the same file]",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            "--resume", metavar="FILE.npz", help="Checkpoint to go on from.", show_default=False
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            "--patience",
            metavar="N",
            min=1,
            help="End when N epochs in a row were no better on the test samples than the best one "
            "so far, and keep that one.",
            show_default=False,
        ),
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan",
            metavar="FILE",
            help="Train what a plan says, of metabit inspect --plan, or what a checkpoint's run "
            "was: the same network, bit for bit.",
            show_default=False,
        ),
    ] = None,
    force: ForceOption = False,
    checkpoint_every: Annotated[
        int,
        typer.Option("--checkpoint-every", metavar="N", min=1, help="Epochs between checkpoints."),
    ] = 1,
    engine: options.EngineOption = "auto",
    plots: Annotated[
        Path | None,
        typer.Option(
            "--plots",
            metavar="FOLDER",
            help="Draw the training and what it has learnt into a folder, and a page with all "
            "pictures. [with --seeds: into a folder for each seed]",
            show_default=False,
        ),
    ] = None,
    json: options.JsonOption = None,
    dataset: options.DatasetOption = None,
    split: options.SplitOption = None,
    data_dir: options.DataDirOption = None,
) -> None:
    """Train a binary neural network with the golden model, bit for bit as the hardware would.

    With --mode paper by the paper's own rule, with --mode baldassi by that of its baseline.
    """
    console = Console(soft_wrap=True)
    if out is not None and out.suffix != ".npz":
        raise MetabitError(f"--out must end in .npz, not {out.name!r}")
    # Hours of training must not end in a folder that does not exist.
    check_folder("--out", out)
    check_folder("--json", json)
    if plots is not None:
        prepare_folder(plots)
    fixed = {**changes, "config": config, "mode": mode, "split": split, **reading.given()}
    if resume is not None:
        refuse_changes("--resume", {**fixed, "plan": plan, "seed": seed, "seeds": seeds})
        runs: Iterator[tuple[TrainingRun, Path | None]] = iter(
            [(open_run(resume, data_dir, engine, dataset, epochs), out or resume)]
        )
    else:
        if plan is not None:
            refuse_changes("--plan", {**fixed, "epochs": epochs})
            planned = replace(read_plan(plan), engine=engine, data_dir=data_dir, source=dataset)
            planned = planned if seed is None else planned.with_seed(seed)
            loaded = planned.load()
        else:
            planned, loaded = choose_plan(
                config,
                mode=mode,
                epochs=epochs,
                split=split,
                engine=engine,
                dataset=dataset,
                data_dir=data_dir,
                reading=reading,
                seed=seed,
                **changes,
            )
        runs = (
            (run, out.with_stem(f"{out.stem}-{run.network.config.seed}") if out and seeds else out)
            for run in _starts(planned, loaded, seeds or 1)
        )
    results: list[dict[str, Any]] = []
    complete = False
    run: TrainingRun | None = None
    try:
        for run, path in _prepared(console, runs):
            with reserved(path, run, force=force, resumed=resume):
                describe(console, run)
                stop = None if patience is None else Patience(patience, run)
                if not train_to_end(console, run, path, checkpoint_every, patience=stop):
                    raise typer.Exit(INTERRUPTED)
                if stop is not None:
                    run = back_to_best(console, run, path, stop)
            results.append(results_of(run))
            if stop is not None:
                results[-1]["stopped_after"] = stop.last
            summarise(console, run, results[-1], path)
            if plots is not None:
                name = f"seed-{run.network.config.seed}"
                draw_run(console, run, plots / name if seeds else plots)
        complete = True
    finally:
        # What was computed before Ctrl-C, or before a file could not be written, is not lost.
        if not complete and not seeds and not results and run is not None and run.test_accuracy:
            results.append(results_of(run))
        if json is not None and results:
            whole = combine(results) if seeds else results[0]
            write_json(json, whole if complete else whole | {"interrupted": True})
    if seeds:
        _summarise_seeds(console, results)


def _prepared(
    console: Console, runs: Iterator[tuple[TrainingRun, Path | None]]
) -> Iterator[tuple[TrainingRun, Path | None]]:
    """Yield runs, and show that something is going on while one is prepared.

    Encoding takes a second, and compiling some, where that has not been done before.
    """
    while True:
        with console.status("preparing data and engine ..."):
            prepared = next(runs, None)
        if prepared is None:
            return
        yield prepared


def _starts(plan: Plan, dataset: Dataset, seeds: int) -> Iterator[TrainingRun]:
    """Yield the runs of so many seeds, counted from that of the plan."""
    for seed in range(plan.seed, plan.seed + seeds):
        seeded = plan.with_seed(seed)
        yield seeded.start(seeded.prepare(dataset))


def combine(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what --json reports of several seeds: means, the deviation, and every run."""
    accuracies = [result["test_accuracy"] for result in results]
    curves = zip(*(result["train_accuracy"] for result in results), strict=True)
    return {
        "test_accuracy": statistics.fmean(accuracies),
        "test_accuracy_std": statistics.stdev(accuracies) if len(results) > 1 else 0.0,
        **_combine_views(results),
        "train_accuracy": [statistics.fmean(epoch) for epoch in curves],
        "seconds_per_epoch": statistics.fmean(result["seconds_per_epoch"] for result in results),
        "seeds": [result["seed"] for result in results],
        "runs": results,
    }


def _combine_views(results: list[dict[str, Any]]) -> dict[str, float]:
    """Return mean and deviation of what all views together achieve, if there are some."""
    found = [result[VIEWS] for result in results if VIEWS in result]
    if not found:
        return {}
    deviation = statistics.stdev(found) if len(found) > 1 else 0.0
    return {VIEWS: statistics.fmean(found), f"{VIEWS}_std": deviation}


def _summarise_seeds(console: Console, results: list[dict[str, Any]]) -> None:
    """Print mean and sample standard deviation over seeds."""
    combined = combine(results)
    console.print(
        f"[bold]{combined['test_accuracy'] * 100:.2f} ± "
        f"{combined['test_accuracy_std'] * 100:.2f} %[/] test accuracy{of_views(combined)} "
        f"over {len(results)} seeds, {combined['seconds_per_epoch']:.2f} s an epoch",
        highlight=False,
    )
