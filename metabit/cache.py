"""The folder of what can be had again: downloads, compiled models."""

import os
from pathlib import Path

import pooch

from .errors import MetabitError

VARIABLE = "XDG_CACHE_HOME"
"""Environment variable that moves the folder."""


def cache_folder(*parts: str) -> Path:
    """Return a folder of the cache; everything in it may be deleted at any time.

    Parameters
    ----------
    *parts : str
        Folders inside.

    Raises
    ------
    MetabitError
        If the user has no home, and nothing says where else the cache is to be.
    """
    try:
        folder = Path(pooch.os_cache("metabit"))
    except RuntimeError:
        folder = Path()
    # Which of the two happens differs between versions of what looks for it.
    if not folder.is_absolute():
        raise MetabitError(
            f"there is no home folder to keep the cache in: set HOME, or {VARIABLE} to a folder "
            "that can be written"
        )
    return folder.joinpath(*parts)


def make_cache_folder(folder: Path) -> None:
    """Make a folder of the cache, if there is none, in which files can be written.

    Raises
    ------
    MetabitError
        If it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MetabitError(_refused(folder, str(error.strerror))) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise MetabitError(_refused(folder, "Permission denied"))


def _refused(folder: Path, reason: str) -> str:
    return (
        f"the cache {folder} cannot be written ({reason}); set {VARIABLE} to a folder "
        "that can be written"
    )
