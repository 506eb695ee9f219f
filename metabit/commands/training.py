"""A training run on the screen: what commands that train have in common."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from metabit.errors import MetabitError
from metabit.golden.checkpoints.again import data_of, dataset_of, with_epochs
from metabit.golden.checkpoints.hardware import Checkpoint, load_checkpoint
from metabit.golden.checkpoints.layers import Saved
from metabit.golden.checkpoints.record import RunRecord
from metabit.golden.data.training_data import TrainingData, changing
from metabit.golden.engines import choose_engine
from metabit.golden.modes.registry import load_any_checkpoint, mode_of
from metabit.golden.runs.longer import explain
from metabit.golden.runs.stopping import Patience
from metabit.golden.runs.training_run import VIEWS, TrainingRun

from .data_options import print_summary
from .interrupt import interruptible

if TYPE_CHECKING:
    from metabit.boards.run import DeviceRun
    from metabit.host.requester import LinkCounts
    from metabit.planning.line import SpeedOf


def refuse_changes(option: str, given: dict[str, Any]) -> None:
    """Say that a run that an option determines cannot become another one.

    Parameters
    ----------
    option : str
        `--resume` or `--plan`.
    given : dict
        Values of options, by their names; None: not given.
    """
    changed = [f"--{name.replace('_', '-')}" for name, value in given.items() if value is not None]
    if changed:
        raise MetabitError(
            f"{', '.join(changed)} cannot be given with {option}: "
            "that determines the run; start a new one instead"
        )


def one_checkpoint(checkpoint: Path | None, resume: Path | None) -> Path | None:
    """Return the checkpoint that is meant, by its place or by `--resume`.

    Raises
    ------
    MetabitError
        If there are two.
    """
    if checkpoint is not None and resume is not None:
        raise MetabitError(f"--resume {resume} cannot be given beside {checkpoint}: one is enough")
    return checkpoint or resume


def refuse_finished(path: Path, record: RunRecord) -> None:
    """Say that a run that has come to its end cannot go on, unless it is made longer."""
    if record.finished:
        done = record.epochs
        raise MetabitError(
            f"{path} has finished its {done} epochs; see metabit evaluate {path}, "
            f"or train on with --epochs {2 * done}"
        )


def open_checkpoint(
    path: Path, data_dir: Path | None, dataset: str | None = None, epochs: int | None = None
) -> tuple[Checkpoint, TrainingData]:
    """Return a checkpoint of hardware mode, and the data that it was trained on.

    Parameters
    ----------
    path, data_dir, dataset, epochs
        As in :func:`open_run`; the run may have come to its end.
    """
    loaded = load_checkpoint(path)
    checkpoint = replace(loaded, record=with_epochs(path, loaded.record, epochs))
    return checkpoint, _data_of(checkpoint, dataset, data_dir)


def open_run(
    path: Path,
    data_dir: Path | None,
    engine: str = "auto",
    dataset: str | None = None,
    epochs: int | None = None,
) -> TrainingRun:
    """Return a run at the position of an unfinished checkpoint of any mode.

    Parameters
    ----------
    path : Path
        The checkpoint.
    data_dir : Path or None
        Folder with the IDX files of `mnist` or `fashion-mnist`.
    engine : str
        The option `--engine`.
    dataset : str, optional
        Where the data set is now; None: where it was.
    epochs : int, optional
        Length of the run; None: as planned.

    Raises
    ------
    MetabitError
        If the data are others, or the run has come to its end.
    """
    checkpoint = _longer(path, epochs)
    refuse_finished(path, checkpoint.record)
    return _resumed(checkpoint, data_dir, engine, dataset)


def open_any_run(
    path: Path,
    data_dir: Path | None,
    engine: str = "auto",
    dataset: str | None = None,
    epochs: int | None = None,
) -> TrainingRun:
    """Return a run at the position of a checkpoint of any mode, be it at its end.

    Parameters
    ----------
    path, data_dir, engine, dataset, epochs
        As in :func:`open_run`.
    """
    return _resumed(_longer(path, epochs), data_dir, engine, dataset)


def _longer(path: Path, epochs: int | None) -> Saved:
    """Return a checkpoint, with its run made longer."""
    loaded = load_any_checkpoint(path)
    return replace(loaded, record=with_epochs(path, loaded.record, epochs))


def _resumed(
    checkpoint: Saved, data_dir: Path | None, engine: str, dataset: str | None
) -> TrainingRun:
    """Return a run at the position of a checkpoint."""
    data = _data_of(checkpoint, dataset, data_dir)
    chosen = choose_engine(engine, checkpoint.record.samples * checkpoint.record.epochs)
    return mode_of(checkpoint.config).resume(checkpoint, data, engine=chosen)


def _data_of(checkpoint: Saved, dataset: str | None, data_dir: Path | None) -> TrainingData:
    """Return the data of a checkpoint, which must be the same as ever."""
    record = checkpoint.record
    data = data_of(record, dataset_of(record, dataset, data_dir))
    data.check_same(record.data_sha256)
    return data


def describe(console: Console, run: TrainingRun) -> None:
    """Print what is about to be trained."""
    config, data = run.network.config, run.data
    print_summary(console, data.summary)
    layers = "-".join(map(str, (config.inputs, *config.hidden)))
    console.print(
        f"[bold]{config.name}[/]  {layers}-{config.classes}  group {config.group}  "
        f"{config.particulars}  encoder {config.encoder}  seed {config.seed}",
        highlight=False,
    )
    console.print(
        f"{escape(data.dataset)}, split {data.split.name}: {data.samples} training samples, "
        f"{len(data.test)} test samples",
        highlight=False,
    )
    if "quantiles:" in config.encoder and data.encoder.thresholds is not None:
        found = ", ".join(f"{threshold:g}" for threshold in data.encoder.thresholds[0])
        console.print(f"thresholds from the training data: {found}", highlight=False)
    varying = changing(data.train[: data.samples])
    if 2 * varying < data.train.shape[1]:
        console.print(
            f"[yellow]only {varying} of {data.train.shape[1]} input bits differ between training "
            "samples[/]; would another --encoder tell more?",
            highlight=False,
        )
    schedule = run.schedule
    if run.plans:
        text = explain(config, run.plans, schedule.epochs, schedule.epoch)
        console.print(text, highlight=False)
    if (run.schedule.history or run.schedule.sample) and not run.schedule.done:
        console.print(
            f"resuming in epoch {run.schedule.epoch} after {run.schedule.sample} samples",
            highlight=False,
        )
        said = mode_of(config).going_on(config)
        if said is not None:
            console.print(said, highlight=False)


def train_to_end(
    console: Console,
    run: TrainingRun,
    path: Path | None,
    checkpoint_every: int,
    command: str = "metabit train",
    note: Callable[[], str] = lambda: "",
    patience: Patience | None = None,
    keep: Callable[[], None] | None = None,
) -> bool:
    """Train to the end and return True, or until Ctrl-C and return False.

    ``note`` is called after every span; what it returns stands beside the bar. The end may come
    earlier, when ``patience`` is exhausted. ``keep`` is called when a checkpoint is written, or
    would be if there were a ``path``.
    """

    def save() -> None:
        if path is not None:
            run.checkpoint().save(path)
        if keep is not None:
            keep()

    schedule = run.schedule
    progress = Progress(
        TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}  {task.fields[accuracy]:.2%}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
        transient=True,
    )
    # Threads of BLAS, which wait for each other by spinning, cost more than such products gain.
    from threadpoolctl import threadpool_limits

    console.print("epoch  train %  test %  annealing  damping  updates/sample  seconds")
    updates = sum(run.network.statistics.updates)
    with interruptible() as interrupted, progress, threadpool_limits(1, "blas"):
        bar = progress.add_task(
            "",
            total=schedule.samples,
            epoch=schedule.epoch,
            epochs=schedule.epochs,
            accuracy=0.0,
            note="",
        )
        for result in run.spans():
            if result.step.last:
                updated, updates = updates, sum(run.network.statistics.updates)
                a_sample = f"{(updates - updated) / schedule.samples:.3f}" if run.readable else "-"
                progress.console.print(
                    f"{result.step.epoch:5}{schedule.accuracy[-1] * 100:9.2f}"
                    f"{run.test_accuracy[-1] * 100:8.2f}{result.step.annealing:11}"
                    f"{result.step.damping:9}{a_sample:>16}"
                    f"{run.seconds[-1]:9.2f}",
                    highlight=False,
                )
                if schedule.done or (schedule.epoch - 1) % checkpoint_every == 0:
                    save()
                if patience is not None and patience.exhausted(run):
                    return True
            else:
                accuracy = 1 - schedule.errors / schedule.sample
                progress.update(
                    bar, completed=schedule.sample, epoch=schedule.epoch, accuracy=accuracy
                )
            progress.update(bar, note=note())
            if interrupted() and not schedule.done:
                break
    if schedule.done:
        return True
    if path is None and keep is not None:
        keep()
        console.print(
            f"[yellow]interrupted in epoch {schedule.epoch} and kept in the board's flash; "
            f"go on with: {command} --kept[/]",
            highlight=False,
        )
    elif path is None:
        console.print("[yellow]interrupted; nothing was saved (--out FILE.npz does that)[/]")
    else:
        save()
        console.print(
            f"[yellow]interrupted in epoch {schedule.epoch} and saved; "
            f"go on with: {command} --resume {escape(str(path))}[/]",
            highlight=False,
        )
    return False


def back_to_best(
    console: Console, run: TrainingRun, path: Path | None, patience: Patience
) -> TrainingRun:
    """Return a run as it was after its best epoch, say which one that is, and save it."""
    best = patience.best(run)
    epoch, accuracy = len(best.test_accuracy), best.test_accuracy[-1]
    console.print(
        f"epoch {epoch} of {patience.last} was the best, {100 * accuracy:.2f} %, and is kept",
        highlight=False,
    )
    if run.data.split.name != "validation":
        console.print(
            "[yellow]the test set has chosen the epoch, which flatters its accuracy[/]; "
            "--split validation sets samples apart for that",
            highlight=False,
        )
    if path is not None and best is not run:
        best.checkpoint().save(path)
    return best


def samples_left(run: TrainingRun) -> int:
    """Return the samples to come until the end: of training, and of the tests after each epoch."""
    schedule, data = run.schedule, run.data
    epochs = schedule.epochs - schedule.epoch + 1
    return max(0, epochs * (len(data.train) + len(data.test)) - schedule.sample)


def pace(run: "DeviceRun", speed: "SpeedOf") -> str:
    """Say how fast a run on a board is, why, and how long it will take; empty at its beginning."""
    now = speed.of(run.driver.traffic)
    if not now.measured:
        return ""
    left = duration(samples_left(run) / now.measured)
    return f"{now.measured:,.0f} samples/s ({now.limit}), {left} left"


def link_line(link: "LinkCounts") -> str:
    """Say how the line has served."""
    found = f"link: {link.answered:,} requests"
    if not link.errors:
        return f"{found}, no errors"
    return (
        f"[yellow]{found}, {link.errors:,} errors ({link.damaged:,} damaged, {link.silent:,} "
        f"without an answer in time, {link.overtaken:,} lost), {link.resent:,} frames sent again[/]"
    )


def duration(seconds: float) -> str:
    """Return a time as one reads it: ``45 s``, ``12 min``, ``3 h 5 min``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def summarise(
    console: Console, run: TrainingRun, results: dict[str, Any], path: Path | None
) -> None:
    """Print how a run ended; ``results`` are those of :mod:`metabit.golden.runs.results`."""
    tested = (
        f"{escape(run.data.dataset)}, split {run.data.split.name}, {len(run.data.test)} samples"
    )
    both = of_views(results)
    console.print(
        f"test accuracy [bold]{results['test_accuracy'] * 100:.2f} %[/]{both} ({tested})",
        highlight=False,
    )
    console.print(f"state {run.state_sha256}", highlight=False)
    if path is not None:
        console.print(f"saved {escape(str(path))}", highlight=False)


def of_views(results: dict[str, Any]) -> str:
    """Return what the views together achieve, to be said behind what one view does."""
    if VIEWS not in results:
        return ""
    deviation = f" ± {results[f'{VIEWS}_std'] * 100:.2f}" if f"{VIEWS}_std" in results else ""
    return f", [bold]{results[VIEWS] * 100:.2f}{deviation} %[/] by all views"
