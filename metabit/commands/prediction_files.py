"""Predictions as a table on the screen, or as a file: CSV, JSON or NumPy."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from metabit.errors import MetabitError

NONE = -1
"""Class of a sample that cannot be predicted, as it lacks cells."""

_SHOWN = 20


@dataclass(frozen=True)
class Predictions:
    """Classes of samples, in the order of their file.

    Attributes
    ----------
    classes : ndarray of int64, shape (n,)
        Predicted classes; :data:`NONE`: the sample lacks cells.
    scores : ndarray of int64, shape (n, C), or None
        Class scores, 0 where there is no prediction; None: not asked for.
    names : tuple of str
        Names of the classes; empty: they have none but their numbers.
    count : int
        Number of classes.
    files : tuple of str
        The file of each sample, if each has one.
    """

    classes: npt.NDArray[np.int64]
    scores: npt.NDArray[np.int64] | None
    names: tuple[str, ...]
    count: int
    files: tuple[str, ...] = ()

    def title(self, number: int) -> str:
        """Return what a class is called; nothing for no prediction."""
        if number == NONE:
            return ""
        return self.names[number] if self.names else str(number)

    def titles(self) -> list[str]:
        """Return what each prediction is called."""
        return [self.title(int(number)) for number in self.classes]

    def every_title(self) -> list[str]:
        """Return what each class is called."""
        return [self.title(number) for number in range(self.count)]

    def samples(self) -> Sequence[int | str]:
        """Return what tells each sample from the others: its file or its number, from 0."""
        return self.files or range(len(self.classes))

    def headings(self) -> list[str]:
        """Return what each column of the scores is called."""
        return [] if self.scores is None else [f"score {name}" for name in self.every_title()]


def check_out(path: Path, *, scores: bool) -> None:
    """Check, before anything is computed, that predictions can be written to a file of that name.

    Raises
    ------
    MetabitError
        If its ending means nothing, or its format cannot hold scores.
    """
    if path.suffix not in _WRITERS:
        raise MetabitError(
            f"--out must end in {', '.join(_WRITERS)}, which says how to write, not {path.name!r}"
        )
    if path.suffix == ".npy" and scores:
        raise MetabitError(
            f"--out {path}: an .npy file holds one array, the classes; for --scores take an .npz, "
            ".csv or .json file"
        )


def write_predictions(path: Path, found: Predictions, about: dict[str, Any]) -> None:
    """Write predictions as the ending of a file's name says.

    Parameters
    ----------
    path : Path
        The file, checked by :func:`check_out`.
    found : Predictions
        What to write.
    about : dict
        What else a JSON file says.

    Raises
    ------
    MetabitError
        If the file cannot be written.
    """
    try:
        path.write_bytes(_WRITERS[path.suffix](found, about))
    except OSError as error:
        raise MetabitError(f"cannot write {path}: {error.strerror}") from error


def _csv(found: Predictions, about: dict[str, Any]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["sample", "class", *found.headings()])
    for sample, (called, name) in enumerate(zip(found.samples(), found.titles(), strict=True)):
        row: list[Any] = [called, name]
        if found.scores is not None:
            row += found.scores[sample].tolist() if name else [""] * found.scores.shape[1]
        writer.writerow(row)
    return text.getvalue().encode()


def _json(found: Predictions, about: dict[str, Any]) -> bytes:
    names: list[Any] = [
        None if number == NONE else found.names[number] if found.names else int(number)
        for number in found.classes
    ]
    results = {**about, "predictions": names}
    if found.files:
        results["files"] = list(found.files)
    if found.scores is not None:
        results["scores"] = [
            None if name is None else row
            for name, row in zip(names, found.scores.tolist(), strict=True)
        ]
    return (json.dumps(results, indent=2) + "\n").encode()


def _array(found: Predictions) -> npt.NDArray:
    """Return predictions as names if there are some, else as numbers."""
    return np.array(found.titles(), np.str_) if found.names else found.classes


def _npy(found: Predictions, about: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, _array(found))
    return buffer.getvalue()


def _npz(found: Predictions, about: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {"predictions": _array(found), "classes": found.classes}
    if found.scores is not None:
        arrays["scores"] = found.scores
    np.savez(buffer, **arrays)
    return buffer.getvalue()


_WRITERS: dict[str, Callable[[Predictions, dict[str, Any]], bytes]] = {
    ".csv": _csv,
    ".json": _json,
    ".npy": _npy,
    ".npz": _npz,
}


def show_predictions(console: Console, found: Predictions) -> None:
    """Print predictions as a table; of very many the first."""
    table = Table()
    table.add_column("sample", justify="left" if found.files else "right")
    table.add_column("class", style="bold")
    for heading in found.headings():
        table.add_column(escape(heading), justify="right")
    shown = zip(found.samples()[:_SHOWN], found.titles()[:_SHOWN], strict=True)
    for sample, (called, name) in enumerate(shown):
        scores = [] if found.scores is None else map(str, found.scores[sample].tolist())
        cells = [escape(name), *scores] if name else ["-"] * (1 + len(found.headings()))
        table.add_row(escape(str(called)), *cells)
    console.print(table)
    if len(found.classes) > _SHOWN:
        console.print(
            f"{len(found.classes) - _SHOWN} more; --out FILE.csv writes all", highlight=False
        )


def count_predictions(found: Predictions) -> str:
    """Return how often each class was predicted, in words."""
    numbers, counts = np.unique(found.classes, return_counts=True)
    return ", ".join(
        f"{found.title(int(number)) or 'no prediction'} {count}"
        for number, count in zip(numbers, counts, strict=True)
    )
