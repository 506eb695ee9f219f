"""Checkpoints of the runs of a sweep that are under way on boards, beside its ledger."""

import contextlib
from pathlib import Path
from typing import Self

from ..errors import MetabitError
from ..golden.checkpoints.hardware import Checkpoint, load_checkpoint
from .point import Point


class Parts:
    """Folder of checkpoints, one for each run that has begun and has no line in the ledger.

    Parameters
    ----------
    folder : Path
        Made when the first checkpoint is kept.
    verified : bool
        Whether golden trains alongside. What was trained without golden is nothing to go on from
        then, so that the two are kept apart.
    """

    def __init__(self, folder: Path, *, verified: bool) -> None:
        self.folder = folder
        self._suffix = ".verified.npz" if verified else ".npz"

    @classmethod
    def beside(cls, ledger: Path, *, verified: bool) -> Self:
        """Return the folder that belongs to a ledger."""
        return cls(ledger.with_suffix(".parts"), verified=verified)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{self._suffix}"

    def load(self, point: Point) -> Checkpoint | None:
        """Return where a run is to go on; None: at its beginning.

        Raises
        ------
        CheckpointError
            If the file is damaged; names it.
        """
        path = self._path(point.key)
        return load_checkpoint(path) if path.exists() else None

    def save(self, point: Point, checkpoint: Checkpoint) -> None:
        """Keep where a run is.

        Raises
        ------
        MetabitError
            If the folder cannot be made.
        """
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise MetabitError(f"cannot make folder {self.folder}: {error.strerror}") from error
        checkpoint.save(self._path(point.key))

    def remove(self, key: str) -> None:
        """Forget a run that has its line in the ledger, and the folder with the last of them."""
        self._path(key).unlink(missing_ok=True)
        # It is not there, or holds others.
        with contextlib.suppress(OSError):
            self.folder.rmdir()
