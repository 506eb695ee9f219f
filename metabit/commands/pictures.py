"""Pictures that commands draw, and where they go."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from metabit.errors import MetabitError

if TYPE_CHECKING:
    from metabit.golden.runs.training_run import TrainingRun
    from metabit.plots.subject import Subject


def prepare_folder(folder: Path) -> None:
    """Make sure, before hours of training, that pictures can be drawn into a folder.

    Raises
    ------
    MetabitError
        If the folder cannot be made.
    ModuleNotFoundError
        If what draws is not installed.
    """
    import metabit.plots.write  # noqa: F401

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MetabitError(f"--plots {folder}: {error.strerror}") from error


def draw_run(console: Console, run: "TrainingRun", folder: Path) -> None:
    """Draw all pictures of a run, and say where they are."""
    from metabit.plots.subject import subject_of_run

    draw(console, subject_of_run(run), folder)


def draw(
    console: Console, subject: "Subject", folder: Path, neurons: Sequence[int] | None = None
) -> None:
    """Draw all pictures of a training, and say where they are."""
    from metabit.plots.write import PAGE, write_pictures

    pictures = write_pictures(subject, folder, neurons)
    names = ", ".join(path.stem for path in pictures)
    console.print(f"{len(pictures)} pictures: {names}", highlight=False)
    console.print(f"open {escape(str(folder / PAGE))}", highlight=False)
