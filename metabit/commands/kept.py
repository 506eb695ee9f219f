"""Trainings that a board keeps in its own flash, for `metabit run`."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from metabit.errors import MetabitError

from .training import open_checkpoint

if TYPE_CHECKING:
    from metabit.golden.checkpoints.hardware import Checkpoint
    from metabit.golden.data.training_data import TrainingData
    from metabit.host.driver import Driver
    from metabit.host.keeping import Keeper


def open_keeper(console: Console, driver: "Driver") -> "Keeper":
    """Look what a device keeps in its flash, and say what is in every slot.

    Raises
    ------
    DeviceError
        If it has no flash.
    """
    from metabit.host.keeping import Keeper

    def report(slot: str) -> None:
        console.print(f"kept in the flash: {slot}", highlight=False)

    with console.status("look what is kept in the flash"):
        keeper = Keeper(driver, report)
    for slot in keeper.slots:
        report(str(slot))
    return keeper


def open_kept(
    console: Console,
    driver: "Driver",
    data_dir: Path | None,
    dataset: str | None,
    epochs: int | None,
) -> "tuple[Checkpoint, TrainingData]":
    """Return the newest checkpoint that a device keeps, and the data that it was trained on.

    Parameters
    ----------
    console : Console
        Screen.
    driver : Driver
        The device; is closed.
    data_dir, dataset, epochs
        As in :func:`~.training.open_run`; the run may have come to its end.

    Raises
    ------
    MetabitError
        If none is kept that is whole, or the data are others.
    """
    from metabit.boards.kept import write_kept

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kept.npz"
        with driver:
            write_kept(open_keeper(console, driver), file)
        opened = open_checkpoint(file, data_dir, dataset, epochs)
    record = opened[0].record
    console.print(
        f"the board keeps a training of {record.epochs} epochs, in epoch {record.epoch}"
        if not record.finished
        else f"the board keeps a training of {record.epochs} epochs, which is done",
        highlight=False,
    )
    return opened


def refuse_without_flash(keep: int | None, plays: bool, stored: str) -> None:
    """Say that a state can only be kept by devices that play samples from a flash.

    Raises
    ------
    MetabitError
        If it was to be kept by another one, or in a training through the link.
    """
    if keep is not None and not (plays and stored == "flash"):
        raise MetabitError(
            "--keep-state is for trainings that play samples from the board's flash (device "
            "up5k-flash, --order strides); --out FILE.npz writes checkpoints of all others"
        )
