"""Tables of columns: files of text of the user's own, and those that scikit-learn ships."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .arrays import MAX_CLASSES
from .columns import Column, columns_of, split_header
from .features import categories_of, complete_rows, find_decimal, numbers_of
from .grids import Grid, read_grid
from .numbers import number
from .options import DataOptions
from .roles import check_classes, find_target, left_out, place_of
from .summary import Summary, title
from .unpacking import SUFFIXES as PACKED

SUFFIXES = (".csv", ".tsv", ".data", ".txt")
"""How the names of tables end, compressed or not."""


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
    summary : Summary or None
        How the file was understood; None of those that are shipped.
    options : DataOptions
        What reads the same file again in the same way, with nothing left to be found out.
    """

    columns: tuple[str, ...]
    numbers: int
    values: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    class_names: tuple[str, ...]
    summary: Summary | None = None
    options: DataOptions = field(default_factory=DataOptions)


def is_table(name: str) -> bool:
    """Whether a data set's name means a file of text, with a target or without."""
    path = name.partition("#")[0].lower()
    for suffix in PACKED:
        path = path.removesuffix(suffix)
    return path.endswith(SUFFIXES)


def load_csv(name: str, options: DataOptions | None = None) -> Table:
    """Load a table of text: comma-separated values and their kin.

    Commas, semicolons, tabs, bars or blanks separate columns. The first line is a header if it
    holds a target that was asked for, or if no cell of it is a number and some column is of
    numbers, or no cell of it is repeated in its column, or if its numbers count the columns. A
    column is of numbers if all its cells are; each value of another one is a category. The target
    is the column that is called so (:data:`~metabit.golden.data.columns.TARGETS`), else the last.
    Row numbers and columns that never change are left out. What is doubtful is refused.

    Parameters
    ----------
    name : str
        ``"file.csv"``, or ``"file.csv#target"`` with name or number (from 1) of the column of
        classes.
    options : DataOptions, optional
        What the user says.

    Raises
    ------
    DataError
        If the file is missing or its contents cannot be trained on.
    """
    path, _, target = name.partition("#")
    options = options or DataOptions()
    if target:
        options = replace(options, target=target)
    grid = read_grid(Path(path))
    header, columns = _below_header(path, grid, options)
    if len(columns[0]) < 2:
        raise DataError(
            f"{path} has too few rows of data: {len(columns[0])}; at least 2 are needed"
        )
    names = [column.name for column in columns]
    place = find_target(path, columns, options, header)
    dropped = left_out(path, columns, place, options)
    used = [column for i, column in enumerate(columns) if i != place and i not in dropped]
    first = 2 if header else 1
    rows = complete_rows(path, columns[place], used, options, first)
    answer = columns[place].rows(rows)
    check_classes(path, answer, automatic=options.automatic)
    labels, class_names = _classes(path, answer)
    reasons = [(columns[i].name, reason) for i, reason in dropped.items()]
    kept = [names[place_of(path, names, name, "--keep")] for name in options.keep]
    used, constant = _changing([column.rows(rows) for column in used], kept, options)
    reasons += [(column.name, f"always {column.texts[0]!r}") for column in constant]
    reasons.sort(key=lambda reason: names.index(reason[0]))
    if not used:
        left = ", ".join(f"{title(name)} is left out ({reason})" for name, reason in reasons)
        raise DataError(f"{path} has no column to learn from: {left}")
    decimal = find_decimal(path, grid.separator, used, options)
    numeric: list[tuple[str, npt.NDArray]] = []
    categories: list[tuple[str, npt.NDArray]] = []
    counts: list[tuple[str, int]] = []
    for column in used:
        values = numbers_of(path, column, decimal, options, rows + first)
        if values is not None:
            numeric.append((column.name, values))
        else:
            counts.append((column.name, len(column.texts)))
            categories += categories_of(path, column)
    return Table(
        tuple(name for name, _ in numeric + categories),
        len(numeric),
        np.stack([values for _, values in numeric + categories], axis=1),
        labels,
        class_names,
        Summary(
            names[place],
            class_names,
            tuple(name for name, _ in numeric),
            tuple(counts),
            tuple(reasons),
            len(rows),
            len(columns[0]) - len(rows),
            header,
            grid.separator,
            decimal,
            grid.notes,
        ),
        replace(
            options,
            target=_key(names, place),
            drop=tuple(_key(names, names.index(name)) for name, _ in reasons),
            keep=(),
            automatic=False,
        ),
    )


def _below_header(path: str, grid: Grid, options: DataOptions) -> tuple[bool, list[Column]]:
    """Return whether there is a header, and the columns below it."""
    wanted: str = options.header
    if grid.named:
        wanted = "yes"
    elif wanted == "auto" and not options.automatic:
        wanted = "before"
    header, columns = split_header(columns_of(grid.cells), wanted, options.target)
    if header is None:
        line = ",".join(column.text(0) for column in columns[:5])
        raise DataError(
            f"{path}: the first line, {line}, may number the columns or be a sample; "
            "say which with --header yes or --header no"
        )
    return header, columns


def _changing(
    columns: list[Column], kept: list[str], options: DataOptions
) -> tuple[list[Column], list[Column]]:
    """Divide columns into those that change and those that never do."""
    if not options.automatic or options.image_shape is not None:
        return columns, []
    constant = [len(c.texts) < 2 and c.name not in kept for c in columns]
    pairs = list(zip(columns, constant, strict=True))
    return [c for c, same in pairs if not same], [c for c, same in pairs if same]


def _key(names: list[str], place: int) -> str:
    """Return how an option names a column: by its number if others have its name."""
    return names[place] if names.count(names[place]) == 1 else str(place + 1)


def _classes(path: str, column: Column) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Return the classes of the samples, and their names: numbers in order, else by alphabet."""
    names = sorted(column.texts, key=lambda text: (number(text) is None, number(text) or 0, text))
    if not 2 <= len(names) <= MAX_CLASSES:
        raise DataError(
            f"{path}: column {title(column.name)} must hold 2 to {MAX_CLASSES} classes, "
            f"not {len(names)}; choose another column with --target"
        )
    places = np.array([names.index(text) for text in column.texts], np.int64)
    return places[column.places], tuple(names)


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
