"""Tables of columns: CSV files of the user's own, and those that scikit-learn ships."""

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .arrays import MAX_CLASSES

MAX_CATEGORIES = 256
"""Different values of a column of texts at most: each takes a bit."""

SUFFIX = ".csv"

_SEPARATORS = ",;\t"


@dataclass(frozen=True)
class Table:
    """Samples with named columns.

    Attributes
    ----------
    columns : tuple of str
        Names of the columns: those of numbers, then one for each category of those of texts, as
        in ``"colour=red"``.
    numbers : int
        How many are of numbers.
    values : ndarray of float64, shape (n, columns)
        Numbers, and 0 or 1 for categories.
    labels : ndarray of int64, shape (n,)
        Classes.
    class_names : tuple of str
        What the classes are called.
    """

    columns: tuple[str, ...]
    numbers: int
    values: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    class_names: tuple[str, ...]


def is_table(name: str) -> bool:
    """Whether a data set's name means a CSV file, with a target or without."""
    return name.partition("#")[0].lower().endswith(SUFFIX)


def load_csv(name: str) -> Table:
    """Load a CSV file.

    Commas, semicolons or tabs separate columns. The first line is a header if it holds a target
    that was asked for, or if no cell of it is a number and some column is of numbers, or no cell
    of it is repeated in its column. A column is of numbers if all its cells are; each value of
    another one is a category.

    Parameters
    ----------
    name : str
        ``"file.csv"``, or ``"file.csv#target"`` with name or number (from 1) of the column of
        classes; else it is the last one.

    Raises
    ------
    DataError
        If the file is missing or its contents cannot be trained on.
    """
    path, _, target = name.partition("#")
    rows = _read(Path(path))
    header, rows, first = _split_header(rows, target)
    if len(rows) < 2:
        raise DataError(f"{path} has too few rows of data: {len(rows)}; at least 2 are needed")
    names = header or [str(number) for number in range(1, len(rows[0]) + 1)]
    place = _target(path, names, target)
    labels, class_names = _classes(path, names[place], [row[place] for row in rows])
    numbers: list[tuple[str, npt.NDArray]] = []
    categories: list[tuple[str, npt.NDArray]] = []
    for column, title in enumerate(names):
        if column != place:
            cells = [row[column] for row in rows]
            values = _numbers(path, title, cells, first)
            if values is not None:
                numbers.append((title, values))
            else:
                categories += _categories(path, title, cells)
    columns = numbers + categories
    return Table(
        tuple(title for title, _ in columns),
        len(numbers),
        np.stack([values for _, values in columns], axis=1),
        labels,
        class_names,
    )


def _read(path: Path) -> list[list[str]]:
    """Return the cells of a file, without blanks around them; all rows have the same length."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as UTF-8 text: {error}") from error
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise DataError(f"{path} is empty")
    separator = max(_SEPARATORS, key=lines[0].count)
    try:
        rows = [
            [cell.strip() for cell in row]
            for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=separator, strict=True)
        ]
    except csv.Error as error:
        raise DataError(f"{path} is no CSV file: {error}") from error
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise DataError(
                f"{path}: row {number} has {len(row)} columns, and the first row {len(rows[0])}"
            )
    if len(rows[0]) < 2:
        raise DataError(f"{path} has a single column; classes and at least one more are needed")
    return rows


def _number(cell: str) -> float | None:
    """Return the number that a cell holds, or None."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _split_header(
    rows: list[list[str]], target: str
) -> tuple[list[str] | None, list[list[str]], int]:
    """Return header, rows of data, and the number of the first of them in the file."""
    first, rest = rows[0], rows[1:]
    named = bool(target) and target in first
    if not named:
        if any(_number(cell) is not None for cell in first):
            return None, rows, 1
        columns = list(zip(*rest, strict=True))
        numbers = any(all(_number(cell) is not None for cell in cells) for cells in columns)
        repeated = any(cell in cells for cell, cells in zip(first, columns, strict=False))
        if not numbers and (repeated or not rest):
            return None, rows, 1
    return first, rest, 2


def _target(path: str, names: list[str], target: str) -> int:
    """Return the column of the classes."""
    if not target:
        return len(names) - 1
    if names.count(target) > 1:
        raise DataError(f"{path} has {names.count(target)} columns of the name {target!r}")
    if target in names:
        return names.index(target)
    if target.isascii() and target.isdecimal() and 1 <= int(target) <= len(names):
        return int(target) - 1
    raise DataError(
        f"{path} has no column {target!r} for --target; it has {', '.join(names)} "
        f"(or give a number, 1 to {len(names)})"
    )


def _classes(
    path: str, title: str, cells: list[str]
) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Return the classes of the samples, and their names: numbers in order, else by alphabet."""
    if "" in cells:
        raise DataError(f"{path}: the class is missing in {cells.count('')} rows (column {title})")
    names = sorted(set(cells), key=lambda cell: (_number(cell) is None, _number(cell) or 0, cell))
    if not 2 <= len(names) <= MAX_CLASSES:
        raise DataError(
            f"{path}: column {title} must hold 2 to {MAX_CLASSES} classes, not {len(names)}; "
            "choose another column with --target"
        )
    places = {name: place for place, name in enumerate(names)}
    return np.array([places[cell] for cell in cells], np.int64), tuple(names)


def _numbers(path: str, title: str, cells: list[str], first: int) -> npt.NDArray[np.float64] | None:
    """Return a column's numbers, or None if it is of texts."""
    values = [_number(cell) for cell in cells]
    found = [value for value in values if value is not None]
    if len(found) == len(cells):
        return np.array(found, np.float64)
    if 2 * len(found) > len(cells):
        row = values.index(None)
        raise DataError(
            f"{path}: column {title} holds numbers, but row {row + first} has {cells[row]!r}; "
            "fill it in or remove the row"
        )
    return None


def _categories(path: str, title: str, cells: list[str]) -> list[tuple[str, npt.NDArray]]:
    """Return a column of 0 and 1 for each category of a column of texts."""
    names = sorted(set(cells))
    if len(names) > MAX_CATEGORIES:
        raise DataError(
            f"{path}: column {title} holds {len(names)} different texts, more than "
            f"{MAX_CATEGORIES}, each of which would take a bit; remove it"
        )
    places = np.array([names.index(cell) for cell in cells])
    return [(f"{title}={name}", (places == place) * 1.0) for place, name in enumerate(names)]


def load_shipped(name: str) -> Table:
    """Return a table that scikit-learn ships.

    Parameters
    ----------
    name : {"breast-cancer", "iris", "wine"}
        Its name.
    """
    from sklearn import datasets  # slow to import, and few commands need it

    load = {
        "breast-cancer": datasets.load_breast_cancer,
        "iris": datasets.load_iris,
        "wine": datasets.load_wine,
    }[name]
    bunch = load()
    return Table(
        tuple(map(str, bunch.feature_names)),
        bunch.data.shape[1],
        bunch.data.astype(np.float64),
        bunch.target.astype(np.int64),
        tuple(map(str, bunch.target_names)),
    )
