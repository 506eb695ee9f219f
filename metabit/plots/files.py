"""Files with a single picture."""

from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from ..errors import MetabitError

_DATED = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}


def save(figure: Figure, path: Path, option: str) -> None:
    """Write a picture, the same bytes for the same picture.

    Parameters
    ----------
    figure : Figure
    path : Path
        Its suffix says the format.
    option : str
        What the path was given with, for messages.

    Raises
    ------
    MetabitError
        If the format is unknown or the file cannot be written.
    """
    try:
        with rc_context({"svg.hashsalt": "metabit"}):
            figure.savefig(path, metadata=_DATED.get(path.suffix))
    except OSError as error:
        raise MetabitError(f"cannot write {path}: {error.strerror}") from error
    except ValueError as error:
        raise MetabitError(f"{option} {path}: {error}") from error
