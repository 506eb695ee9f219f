"""What stands where a checkpoint is to go, and whether it may be replaced."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from metabit.errors import MetabitError
from metabit.golden.errors import CheckpointError
from metabit.golden.modes.registry import load_any_checkpoint
from metabit.golden.runs.training_run import TrainingRun
from metabit.locking import only_writer

ForceOption = Annotated[
    bool,
    typer.Option("--force", help="Let --out replace the checkpoint of another training."),
]


@contextmanager
def reserved(
    path: Path | None, run: TrainingRun, *, force: bool, resumed: Path | None
) -> Iterator[None]:
    """Keep a file for the checkpoints of a run as long as it lasts.

    Parameters
    ----------
    path, run, force, resumed
        See :func:`check_replaceable`.

    Raises
    ------
    MetabitError
        If something else must not be replaced, or another run writes there at the moment.
    """
    check_replaceable(path, run, force=force, resumed=resumed)
    if path is None:
        yield
        return
    lock = path.with_name(f".{path.name}.lock")
    busy = f"another training writes {path} at the moment; choose another name with --out"
    with only_writer(lock, busy):
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def check_replaceable(
    path: Path | None, run: TrainingRun, *, force: bool, resumed: Path | None
) -> None:
    """Refuse to replace what this run would not come to itself.

    A training is the same on every machine: to repeat one into its own file loses nothing.

    Parameters
    ----------
    path : Path or None
        Where checkpoints go.
    run : Run or PaperRun
        Not begun yet, or resumed.
    force : bool
        Replace whatever is there.
    resumed : Path or None
        The checkpoint that it goes on from, which may be this one.

    Raises
    ------
    MetabitError
        If there is something else, or an unfinished training that would begin anew.
    """
    if path is None or force or not path.exists():
        return
    if resumed is not None and path.resolve() == resumed.resolve():
        return
    try:
        record = load_any_checkpoint(path).record
    except CheckpointError as error:
        raise MetabitError(
            f"--out {path} exists, and is no checkpoint that could be replaced ({error}); "
            "choose another name, or replace it with --force"
        ) from error
    data = run.data
    ours = (run.network.config, data.dataset, data.split.name, run.schedule.epochs)
    if ours != (record.config, record.dataset, record.split, record.epochs):
        raise MetabitError(
            f"--out {path} holds another training ({record.config.name}, {record.dataset}, seed "
            f"{record.config.seed}, {record.epochs} epochs); choose another name, or replace it "
            "with --force"
        )
    if record.epoch <= record.epochs and resumed is None:
        raise MetabitError(
            f"--out {path} holds this training, interrupted in epoch {record.epoch} of "
            f"{record.epochs}; go on with --resume {path}, or begin anew with --force"
        )
