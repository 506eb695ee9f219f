"""`metabit train`: train the golden model."""

import signal
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from metabit.errors import MetabitError
from metabit.golden.checkpoint import load_checkpoint, save_checkpoint, versions
from metabit.golden.named import override
from metabit.golden.run import Run
from metabit.golden.state import network_sha256
from metabit.golden.training_data import prepare

from . import options
from .options import check_folder, choose, write_json

EPOCHS = 10
"""Epochs when none are asked for."""

EPILOG = """
**Examples**

metabit train                                      the embedded digits, a few seconds

metabit train --config up5k --out run.npz          Fashion-MNIST, the network for a UP5K

metabit train --resume run.npz                     go on after an interruption

metabit train --config ecp5 --epochs 30 --seeds 3  mean and deviation of three seeds

metabit train --dataset mine.npz --encoder median --hidden 128 --group 32
"""


def train(
    config: options.ConfigOption = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs", metavar="N", min=1, help=f"Epochs. [default: {EPOCHS}]", show_default=False
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
    checkpoint_every: Annotated[
        int,
        typer.Option("--checkpoint-every", metavar="N", min=1, help="Epochs between checkpoints."),
    ] = 1,
    json: options.JsonOption = None,
    dataset: options.DatasetOption = None,
    split: options.SplitOption = None,
    data_dir: options.DataDirOption = None,
    encoder: options.EncoderOption = None,
    hidden: options.HiddenOption = None,
    group: options.GroupOption = None,
    counter_bits: options.CounterBitsOption = None,
    margin: options.MarginOption = None,
    rival_selection: options.RivalOption = None,
    annealing: options.AnnealingOption = None,
    reinforcement: options.ReinforcementOption = None,
    head_offset: options.HeadOffsetOption = None,
    tile: options.TileOption = None,
) -> None:
    """Train a binary neural network with the golden model, bit for bit as the hardware would."""
    console = Console(soft_wrap=True)
    network_options: dict[str, Any] = {
        "encoder": encoder,
        "hidden": hidden,
        "group": group,
        "counter_bits": counter_bits,
        "margin": margin,
        "rival_selection": rival_selection,
        "annealing": annealing,
        "reinforcement": reinforcement,
        "head_offset": head_offset,
        "tile": tile,
    }
    if out is not None and out.suffix != ".npz":
        raise MetabitError(f"--out must end in .npz, not {out.name!r}")
    # Hours of training must not end in a folder that does not exist.
    check_folder("--out", out)
    check_folder("--json", json)
    if resume is not None:
        given = {
            **network_options,
            "config": config,
            "epochs": epochs,
            "seed": seed,
            "seeds": seeds,
            "dataset": dataset,
            "split": split,
        }
        _refuse_changes(given)
        runs: Iterator[tuple[Run, Path | None]] = iter(
            [(_resumed(resume, data_dir), out or resume)]
        )
    else:
        chosen = choose(config, dataset=dataset, data_dir=data_dir, seed=seed, **network_options)

        networks = [
            override(chosen.config, seed=chosen.config.seed + number)
            for number in range(seeds or 1)
        ]

        def start() -> Iterator[tuple[Run, Path | None]]:
            for network in networks:
                data = prepare(network, dataset=chosen.dataset, split_name=split)
                path = out.with_stem(f"{out.stem}-{network.seed}") if out and seeds else out
                yield Run.start(network, data, epochs or EPOCHS), path

        runs = start()
    results = []
    for run, path in runs:
        _describe(console, run)
        if not _train(console, run, path, checkpoint_every):
            raise typer.Exit(130)
        results.append(_results(run))
        _summarise(console, run, path)
    if seeds:
        _summarise_seeds(console, results)
    if json is not None:
        write_json(json, _combine(results) if seeds else results[0])


def _refuse_changes(given: dict[str, Any]) -> None:
    """Say that a run that goes on cannot become another one."""
    changed = [f"--{name.replace('_', '-')}" for name, value in given.items() if value is not None]
    if changed:
        raise MetabitError(
            f"{', '.join(changed)} cannot be given with --resume: "
            "the checkpoint determines the run; start a new one instead"
        )


def _resumed(path: Path, data_dir: Path | None) -> Run:
    """Return the run of a checkpoint."""
    checkpoint = load_checkpoint(path)
    record = checkpoint.record
    if record.epoch > record.epochs:
        raise MetabitError(
            f"{path} has finished its {record.epochs} epochs; see metabit evaluate {path}"
        )
    data = prepare(
        record.config.model_copy(update={"dataset": record.dataset}),
        split_name=record.split,
        data_dir=data_dir,
        median=record.median,
    )
    return Run.resume(checkpoint, data)


def _describe(console: Console, run: Run) -> None:
    """Print what is about to be trained."""
    config, data = run.network.config, run.data
    layers = "-".join(map(str, (config.inputs, *config.hidden)))
    console.print(
        f"[bold]{config.name}[/]  {layers}-{config.classes}  group {config.group}  "
        f"{config.counter_bits} bits  encoder {config.encoder}  tile {config.tile}  "
        f"seed {config.seed}",
        highlight=False,
    )
    console.print(
        f"{escape(data.dataset)}, split {data.split.name}: {len(data.train)} training samples, "
        f"{len(data.test)} test samples",
        highlight=False,
    )
    if run.schedule.history or run.schedule.sample:
        console.print(
            f"resuming in epoch {run.schedule.epoch} after {run.schedule.sample} samples",
            highlight=False,
        )
    console.print("epoch  train %  test %  annealing  damping  updates/sample  seconds")


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into a flag, so that training stops between two tiles."""
    pressed = False

    def handle(number: int, frame: object) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, previous)


def _train(console: Console, run: Run, path: Path | None, checkpoint_every: int) -> bool:
    """Train to the end and return True, or until Ctrl-C and return False."""
    schedule = run.schedule
    progress = Progress(
        TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}  {task.fields[accuracy]:.2%}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    updates = sum(run.network.statistics.updates)
    with _interruptible() as interrupted, progress:
        bar = progress.add_task(
            "", total=schedule.samples, epoch=schedule.epoch, epochs=schedule.epochs, accuracy=0.0
        )
        for result in run.tiles():
            if result.step.last:
                updated, updates = updates, sum(run.network.statistics.updates)
                progress.console.print(
                    f"{result.step.epoch:5}{schedule.accuracy[-1] * 100:9.2f}"
                    f"{run.test_accuracy[-1] * 100:8.2f}{result.step.annealing:11}"
                    f"{result.step.damping:9}{(updates - updated) / schedule.samples:16.3f}"
                    f"{run.seconds[-1]:9.2f}",
                    highlight=False,
                )
                if path is not None and (
                    schedule.done or (schedule.epoch - 1) % checkpoint_every == 0
                ):
                    save_checkpoint(path, run.checkpoint())
            elif result.step.tile % 64 == 0:
                progress.update(
                    bar,
                    completed=schedule.sample,
                    epoch=schedule.epoch,
                    accuracy=1 - schedule.errors / schedule.sample,
                )
            if interrupted() and not schedule.done:
                break
    if schedule.done:
        return True
    if path is None:
        console.print("[yellow]interrupted; nothing was saved (--out FILE.npz does that)[/]")
    else:
        save_checkpoint(path, run.checkpoint())
        console.print(
            f"[yellow]interrupted in epoch {schedule.epoch} and saved; "
            f"go on with: metabit train --resume {escape(str(path))}[/]",
            highlight=False,
        )
    return False


def _results(run: Run) -> dict[str, Any]:
    """Return what --json reports of a run."""
    config = run.network.config
    return {
        "test_accuracy": run.test_accuracy[-1],
        "train_accuracy": run.schedule.accuracy,
        "test_accuracy_per_epoch": run.test_accuracy,
        "seconds_per_epoch": statistics.fmean(run.seconds),
        "state_sha256": network_sha256(run.network),
        "epochs": run.schedule.epochs,
        "seed": config.seed,
        "dataset": run.data.dataset,
        "split": run.data.split.name,
        "config": config.model_dump(mode="json"),
        "versions": versions(),
    }


def _combine(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what --json reports of several seeds: means, the deviation, and every run."""
    accuracies = [result["test_accuracy"] for result in results]
    curves = zip(*(result["train_accuracy"] for result in results), strict=True)
    return {
        "test_accuracy": statistics.fmean(accuracies),
        "test_accuracy_std": statistics.stdev(accuracies) if len(results) > 1 else 0.0,
        "train_accuracy": [statistics.fmean(epoch) for epoch in curves],
        "seconds_per_epoch": statistics.fmean(result["seconds_per_epoch"] for result in results),
        "seeds": [result["seed"] for result in results],
        "runs": results,
    }


def _summarise(console: Console, run: Run, path: Path | None) -> None:
    """Print how a run ended."""
    console.print(
        f"test accuracy [bold]{run.test_accuracy[-1] * 100:.2f} %[/] "
        f"({escape(run.data.dataset)}, split {run.data.split.name}, {len(run.data.test)} samples)",
        highlight=False,
    )
    console.print(f"state {network_sha256(run.network)}", highlight=False)
    if path is not None:
        console.print(f"saved {escape(str(path))}", highlight=False)


def _summarise_seeds(console: Console, results: list[dict[str, Any]]) -> None:
    """Print mean and sample standard deviation over seeds."""
    combined = _combine(results)
    console.print(
        f"[bold]{combined['test_accuracy'] * 100:.2f} +- "
        f"{combined['test_accuracy_std'] * 100:.2f} %[/] test accuracy "
        f"over {len(results)} seeds, {combined['seconds_per_epoch']:.2f} s an epoch",
        highlight=False,
    )
