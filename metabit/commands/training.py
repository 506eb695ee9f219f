"""A training run on the screen: what commands that train have in common."""

import signal
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from metabit.errors import MetabitError
from metabit.golden.checkpoint import Checkpoint, load_checkpoint, save_checkpoint, versions
from metabit.golden.run import Run
from metabit.golden.state import network_sha256
from metabit.golden.training_data import TrainingData, prepare


def refuse_changes(given: dict[str, Any]) -> None:
    """Say that a run that goes on cannot become another one."""
    changed = [f"--{name.replace('_', '-')}" for name, value in given.items() if value is not None]
    if changed:
        raise MetabitError(
            f"{', '.join(changed)} cannot be given with --resume: "
            "the checkpoint determines the run; start a new one instead"
        )


def open_checkpoint(path: Path, data_dir: Path | None) -> tuple[Checkpoint, TrainingData]:
    """Return an unfinished checkpoint, and the data that it was trained on."""
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
    return checkpoint, data


def describe(console: Console, run: Run) -> None:
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


def train_to_end(
    console: Console,
    run: Run,
    path: Path | None,
    checkpoint_every: int,
    command: str = "metabit train",
) -> bool:
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
            f"go on with: {command} --resume {escape(str(path))}[/]",
            highlight=False,
        )
    return False


def results_of(run: Run) -> dict[str, Any]:
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


def summarise(console: Console, run: Run, path: Path | None) -> None:
    """Print how a run ended."""
    console.print(
        f"test accuracy [bold]{run.test_accuracy[-1] * 100:.2f} %[/] "
        f"({escape(run.data.dataset)}, split {run.data.split.name}, {len(run.data.test)} samples)",
        highlight=False,
    )
    console.print(f"state {network_sha256(run.network)}", highlight=False)
    if path is not None:
        console.print(f"saved {escape(str(path))}", highlight=False)
