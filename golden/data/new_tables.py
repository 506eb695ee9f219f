"""Tables of new samples: their columns are matched with those that a network was trained on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .columns import TARGETS, Column, columns_of, split_header
from .features import find_decimal
from .grids import Grid, read_grid
from .numbers import numbers
from .options import DataOptions
from .summary import some, title
from .trained import Trained


@dataclass(frozen=True)
class NewTable:
    """Samples of a table.

    Attributes
    ----------
    values : ndarray of float64, shape (n, columns)
        Numbers, and 0 or 1 for categories, in the order of the training data.
    rows : ndarray of int
        Which rows of the file they are, from 0; others lack cells.
    count : int
        Rows of the file.
    notes : tuple of tuple of str and str
        What was found, a heading and a text each.
    """

    values: npt.NDArray[np.float64]
    rows: npt.NDArray[np.intp]
    count: int
    notes: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Source:
    """A column that the network was trained on; without categories, one of numbers."""

    name: str
    categories: tuple[str, ...] = ()


def read_columns(path: str, trained: Trained, options: DataOptions) -> NewTable:
    """Read the columns that a network was trained on from a table.

    They are found by their names, whatever their order; without names by their places, where the
    column of the classes may be missing. A column of the classes is ignored; so are columns that
    the network does not know. Nothing is learnt from the new table.

    Parameters
    ----------
    path : str
        The file.
    trained : Trained
        Names its columns.
    options : DataOptions
        How to read the file.

    Raises
    ------
    DataError
        If the file is damaged, a column is missing, or a number is none.
    """
    grid = read_grid(Path(path), least=1)
    first = columns_of(grid.cells)
    sources = _sources(trained, [column.text(0) for column in first])
    header, columns = _below_header(path, grid, first, sources, trained, options)
    names = [column.name for column in columns]
    if header:
        places = _by_name(path, names, sources)
    else:
        places = _by_place(path, len(columns), sources, trained)
    used = [columns[place] for place in places]
    rows, notes = _complete_rows(path, used, options, 2 if header else 1)
    decimal = find_decimal(path, grid.separator, [column.rows(rows) for column in used], options)
    parts = []
    for source, column in zip(sources, used, strict=True):
        chosen = column.rows(rows)
        if source.categories:
            values, unknown = _categories(chosen, source)
            notes += unknown
        else:
            values = _numbers(path, chosen, decimal, rows + (2 if header else 1), source.name)
        parts.append(values)
    rest = [title(name) for i, name in enumerate(names) if i not in places]
    target = trained.target
    others = [name for name in rest if not header or name != target]
    how = "columns by their names" if header else "no header, columns by their places"
    found = [("table", "; ".join([f"{len(columns[0])} rows, {how}", *grid.notes]))]
    if header and target in names and target not in [source.name for source in sources]:
        found.append(("labels", f"column {title(target)} is ignored"))
    if others and header:
        found.append(("not used", f"{len(others)}: {some(others)}"))
    elif others:
        found.append(("not used", f"columns {', '.join(others)}, the class among them"))
    values = np.concatenate(parts, axis=1)
    return NewTable(values, rows, len(columns[0]), tuple(found + notes))


def read_rows(path: str, width: int, trained: Trained, options: DataOptions) -> NewTable:
    """Read rows of so many numbers, such as pixels, from a table, in the order of its columns.

    What is left after the column of the classes and those that training left out must be so many.

    Raises
    ------
    DataError
        If the file is damaged, has other columns, or a number is none.
    """
    grid = read_grid(Path(path), least=1)
    found = columns_of(grid.cells)
    wanted = "yes" if grid.named else options.header
    header, columns = split_header(found, wanted, trained.target)
    if header is None:
        raise DataError(
            f"{path}: the first line may number the columns or be a sample; "
            "say which with --header yes or --header no"
        )
    names = [column.name for column in columns]
    first = 2 if header else 1
    places = list(range(len(names)))
    if len(names) > width:
        gone = {trained.target, *trained.options.drop} if trained.columns == () else set()
        places = [i for i in places if names[i] not in gone]
    if len(places) == width + 1:
        known = [i for i in places if names[i].casefold() in TARGETS]
        places = [i for i in places if i not in known[:1]]
    if len(places) != width:
        raise DataError(
            f"{path} has {len(names)} columns; the network needs {width}, or one more, called "
            f"{title(trained.target or 'label')}, which would be ignored"
        )
    used = [columns[place] for place in places]
    rows, notes = _complete_rows(path, used, options, first)
    used = [column.rows(rows) for column in used]
    decimal = find_decimal(path, grid.separator, used, options)
    values = np.concatenate(
        [_numbers(path, c, decimal, rows + first, c.name) for c in used], axis=1
    )
    how = "the first line names the columns" if header else "no header"
    lines = [("table", "; ".join([f"{len(columns[0])} rows, {how}", *grid.notes]))]
    gone_names = [title(names[i]) for i in range(len(names)) if i not in places]
    if gone_names:
        lines.append(("labels", f"column {', '.join(gone_names)} is ignored"))
    return NewTable(values, rows, len(columns[0]), tuple(lines + notes))


def _sources(trained: Trained, first: list[str]) -> list[_Source]:
    """Return the columns of the training table, categories put together again.

    Parameters
    ----------
    trained : Trained
        With its columns.
    first : list of str
        First row of the new file, which tells a column of the name ``a=b`` from category b of a.
    """
    found: dict[str, list[str]] = {}
    numeric = []
    for place, name in enumerate(trained.columns):
        known = trained.numbers
        if place < known if known is not None else ("=" not in name or name in first):
            numeric.append(_Source(name))
            continue
        cuts = [i for i, letter in enumerate(name) if letter == "="]
        cut = next((i for i in cuts if name[:i] in first), cuts[0] if cuts else len(name))
        found.setdefault(name[:cut], []).append(name[cut + 1 :])
    return numeric + [_Source(name, tuple(texts)) for name, texts in found.items()]


def _below_header(
    path: str,
    grid: Grid,
    columns: list[Column],
    sources: list[_Source],
    trained: Trained,
    options: DataOptions,
) -> tuple[bool, list[Column]]:
    """Return whether the first row names the columns, and the columns below it."""
    header = options.header == "yes" or grid.named
    if not header and options.header == "auto":
        first = {column.text(0) for column in columns}
        names = {source.name for source in sources}
        header = bool(first & names)
        if _numbered(sources, trained):
            # Numbers may be names or a sample; training has found no names.
            if header and names <= first:
                raise DataError(
                    f"{path}: the first line may number the columns or be a sample; "
                    "say which with --header yes or --header no"
                )
            header = False
        elif not header:
            raise DataError(
                f"{path}: the first line names none of the columns that the network was trained "
                f"on, {some(map(title, (source.name for source in sources)))}; "
                "add the line of names"
            )
    if not header:
        return False, columns
    if len(columns[0]) < 2:
        raise DataError(f"{path} has no rows but the line of names")
    return True, [replace(column.rows(slice(1, None)), name=column.text(0)) for column in columns]


def _numbered(sources: Iterable[_Source], trained: Trained) -> bool:
    """Whether columns have numbers in place of names: the training table had no header."""
    names = [source.name for source in sources]
    if trained.target is not None:
        names.append(trained.target)
    return all(name.isascii() and name.isdecimal() and int(name) >= 1 for name in names)


def _by_name(path: str, names: list[str], sources: Sequence[_Source]) -> list[int]:
    """Return where the columns are, by their names; the first of a name that occurs twice first."""
    places: list[int] = []
    missing: list[str] = []
    for source in sources:
        there = [i for i, name in enumerate(names) if name == source.name]
        needed = sum(other.name == source.name for other in sources)
        if len(there) > needed:
            raise DataError(f"{path} has {len(there)} columns of the name {source.name!r}")
        left = [i for i in there if i not in places]
        if left:
            places.append(left[0])
        else:
            missing.append(title(source.name))
    if missing:
        raise DataError(
            f"{path} lacks {'the columns' if len(missing) > 1 else 'the column'} {some(missing)}, "
            f"which the network was trained on; it has {some(map(title, names))}"
        )
    return places


def _by_place(path: str, width: int, sources: Sequence[_Source], trained: Trained) -> list[int]:
    """Return where the columns are, by their numbers; that of the classes may be missing."""
    if not _numbered(sources, trained):
        raise DataError(
            f"{path} has no line of names, and the network was trained on columns by name: "
            f"{some(map(title, (source.name for source in sources)))}"
        )
    numbers_ = [int(source.name) for source in sources]
    total = len(numbers_) + 1 + len(trained.options.drop)
    target = total if trained.target is None else int(trained.target)
    if width == total:
        return [number - 1 for number in numbers_]
    if width == total - 1:
        return [number - 1 - (number > target) for number in numbers_]
    if width == len(numbers_):
        order = sorted(numbers_)
        return [order.index(number) for number in numbers_]
    raise DataError(
        f"{path} has {width} columns and no names; the training table had {total}, with the "
        f"classes in column {target}: give these, or all but that one"
    )


def _complete_rows(
    path: str, used: Sequence[Column], options: DataOptions, first: int
) -> tuple[npt.NDArray[np.intp], list[tuple[str, str]]]:
    """Return the rows that lack no cell, and what to say about the others."""
    rows = np.arange(len(used[0]))
    missing = np.any([column.missing for column in used], axis=0)
    if options.missing == "keep" or not missing.any():
        return rows, []
    if options.missing == "error":
        row = int(np.argmax(missing))
        column = next(column for column in used if column.missing[row])
        raise DataError(
            f"{path}: column {title(column.name)} has {column.text(row)!r} in row {row + first}; "
            "fill it in, or leave such rows without a prediction with --missing drop "
            f"({int(missing.sum())} of {len(rows)} rows)"
        )
    if missing.all():
        raise DataError(f"{path}: no row is complete: each one lacks a cell")
    note = f"{int(missing.sum())} of {len(rows)} rows lack cells and get no prediction"
    return rows[~missing], [("missing", note)]


def _numbers(
    path: str, column: Column, decimal: str, rows: npt.NDArray[np.intp], name: str
) -> npt.NDArray[np.float64]:
    """Return a column's numbers, shape (n, 1)."""
    found = numbers(column.texts, decimal)
    if None in found:
        wrong = column.where([value is None for value in found])
        row = int(np.argmax(wrong))
        raise DataError(
            f"{path}: column {title(name)} held numbers in training, but row {rows[row]} has "
            f"{column.text(row)!r}; mend it"
        )
    return np.array(found, np.float64)[column.places][:, None]


def _categories(
    column: Column, source: _Source
) -> tuple[npt.NDArray[np.float64], list[tuple[str, str]]]:
    """Return 0 or 1 for each category of training, and what to say about new ones."""
    values = np.array([[text == known for known in source.categories] for text in column.texts])
    unknown = [text for text in column.texts if text not in source.categories]
    notes = []
    if unknown:
        count = int(column.where([text in unknown for text in column.texts]).sum())
        notes.append(
            (
                "new",
                f"column {title(source.name)} has texts that training did not know, "
                f"{some(list(map(repr, unknown)))} in {count} of {len(column)} rows: "
                "none of its bits is set there",
            )
        )
    return values.astype(np.float64)[column.places], notes
