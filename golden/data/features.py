"""From columns of texts to numbers and categories; what is doubtful is refused."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .columns import Column, Places
from .grids import BLANKS
from .numbers import decimal_of, is_date, is_missing, looks_numeric, number, numbers
from .options import DataOptions
from .summary import title

MAX_CATEGORIES = 256
"""Different values of a column of texts at most: each takes a bit."""

_QUANTITY = 16
"""Different texts from which on numbers with something around them are no categories."""

Named = tuple[str, npt.NDArray[np.float64]]


def complete_rows(
    path: str, target: Column, used: Sequence[Column], options: DataOptions, first: int
) -> Places:
    """Return the rows in which no cell is missing, or all if missing cells are to be kept.

    Parameters
    ----------
    path : str
        File, for messages.
    target : Column
        Classes.
    used : sequence of Column
        Columns that samples consist of.
    options : DataOptions
        What the user says.
    first : int
        Number of the first row of data in the file.

    Raises
    ------
    DataError
        If cells are missing, and nothing was said about that; or no row is complete.
    """
    rows = np.arange(len(target))
    if options.missing == "drop":
        missing = np.any([column.missing for column in (target, *used)], axis=0)
        if missing.all():
            counts = {title(c.name): int(c.missing.sum()) for c in used if c.missing.any()}
            raise DataError(
                f"{path}: no row is complete; cells are missing in "
                + ", ".join(f"{name} ({count})" for name, count in counts.items())
                + "; leave out columns with --drop"
            )
        return rows[~missing]
    for column in used:
        missing = column.missing
        if options.missing == "error" and missing.any():
            row = int(np.argmax(missing))
            name, text = title(column.name), column.text(row)
            numeric = all(number(text) is not None for text in column.filled)
            what = "holds numbers, but" if numeric else "lacks values:"
            fixes = ["fill it in", "leave such rows out with --missing drop"]
            fixes.append(f"leave the column out with --drop {column.name!r}")
            if not numeric:
                fixes.append("take it as a category with --missing keep")
            raise DataError(
                f"{path}: column {name} {what} row {row + first} has {text!r}; "
                f"{', or '.join(fixes)} ({int(missing.sum())} of {len(column)} cells)"
            )
    return rows


def find_decimal(path: str, separator: str, used: Sequence[Column], options: DataOptions) -> str:
    """Return the sign before decimals.

    Raises
    ------
    DataError
        If the numbers of the file can be read in two ways.
    """
    if options.decimal != "auto":
        return options.decimal
    if separator in (",", BLANKS):
        return "."
    decimal = decimal_of([column.texts for column in used])
    if decimal is None:
        cell = next(t for column in used for t in column.texts if "," in t and number(t))
        raise DataError(
            f"{path}: {cell} may be a thousand or have decimals; "
            "say which with --decimal . or --decimal ,"
        )
    return decimal


def numbers_of(
    path: str, column: Column, decimal: str, options: DataOptions, rows: Places
) -> npt.NDArray[np.float64] | None:
    """Return a column's numbers, or None if it is of texts.

    Parameters
    ----------
    path : str
        File, for messages.
    column : Column
        What to read.
    decimal : {".", ","}
        Sign before decimals.
    options : DataOptions
        What the user says.
    rows : ndarray of int
        Number of each row in the file.

    Raises
    ------
    DataError
        If it is almost of numbers, or of dates.
    """
    found = numbers(column.texts, decimal)
    if None not in found:
        return np.array(found, np.float64)[column.places]
    read = column.where([value is not None for value in found])
    missing = column.missing
    drop = f"or leave the column out with --drop {column.name!r}"
    # Otherwise a single odd cell would silently turn numbers into hundreds of categories.
    if 2 * read.sum() > len(read) or (options.automatic and read[~missing].all() and read.any()):
        row = int(np.argmin(read))
        text = column.text(row)
        hint = "fill it in or remove the row" if is_missing(text) else "mend it or remove the row"
        if number(text, "," if decimal == "." else ".") is not None:
            hint = f"say --decimal {',' if decimal == '.' else '.'} if that is its decimal sign"
        elif row == 0 and rows[0] == 1:
            hint = "say --header yes if this is the line of names"
        raise DataError(
            f"{path}: column {title(column.name)} holds numbers, but row {rows[row]} has {text!r}; "
            f"{hint}, {drop}"
        )
    if options.automatic:
        _check_texts(path, column, drop)
    return None


def _check_texts(path: str, column: Column, drop: str) -> None:
    """Check that texts are categories."""
    filled = column.filled
    if filled and all(is_date(text) for text in filled):
        raise DataError(
            f"{path}: column {title(column.name)} holds dates ({filled[0]}), which say nothing by "
            f"themselves; turn them into numbers, such as a month, {drop}"
        )
    like = [looks_numeric(text) for text in column.texts]
    if sum(like) > _QUANTITY and 2 * column.where(like).sum() > len(column):
        text = column.texts[like.index(True)]
        comma = number(text, ",") is not None
        hint = "say --decimal ," if comma else "write numbers only"
        raise DataError(
            f"{path}: column {title(column.name)} holds {len(filled)} different texts that are "
            f"almost numbers ({text!r}); {hint}, {drop}"
        )


def categories_of(path: str, column: Column) -> list[Named]:
    """Return a column of 0 and 1 for each category of a column of texts.

    Raises
    ------
    DataError
        If there are too many.
    """
    names = sorted(column.texts)
    if len(names) > MAX_CATEGORIES:
        raise DataError(
            f"{path}: column {title(column.name)} holds {len(names)} different texts, more than "
            f"{MAX_CATEGORIES}, each of which would take a bit; leave it out with "
            f"--drop {column.name!r}"
        )
    order = np.array([names.index(text) for text in column.texts], np.intp)
    places = order[column.places]
    return [(f"{column.name}={name}", (places == place) * 1.0) for place, name in enumerate(names)]
