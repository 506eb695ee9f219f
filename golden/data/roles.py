"""What the columns of a table are: classes, samples, or nothing that helps."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from ..errors import DataError
from .columns import TARGETS, Column
from .numbers import is_date, number
from .options import DataOptions
from .summary import some, title

_ENOUGH = 10
"""Rows from which on a pattern is no accident."""

_MANY = 20
"""Rows from which on a class for every other one is no class."""

_LARGE = 20
"""Numbers of a column from which on they rather are a quantity than classes."""

_INDEX = ("", "id", "index", "row", "rowid", "row_id", "rownames", "row.names", "unnamed: 0")
"""Names of columns of row numbers, in small letters."""


def place_of(path: str, names: list[str], wanted: str, option: str) -> int:
    """Return the column of a name or number.

    Raises
    ------
    DataError
        If there is none, or more than one of the name.
    """
    if names.count(wanted) > 1:
        raise DataError(f"{path} has {names.count(wanted)} columns of the name {wanted!r}")
    if wanted in names:
        return names.index(wanted)
    if wanted.isascii() and wanted.isdecimal() and 1 <= int(wanted) <= len(names):
        return int(wanted) - 1
    raise DataError(
        f"{path} has no column {wanted!r} for {option}; it has {', '.join(map(title, names))} "
        f"(or give a number, 1 to {len(names)})"
    )


def find_target(path: str, columns: list[Column], options: DataOptions, header: bool) -> int:
    """Return the column of the classes.

    Raises
    ------
    DataError
        If the one that was asked for does not exist, or it is not clear which it is.
    """
    names = [column.name for column in columns]
    if options.target is not None:
        return place_of(path, names, options.target, "--target")
    last = len(names) - 1
    if not options.automatic:
        return last
    left = [i for i, name in enumerate(names) if name not in options.drop]
    small = {names[i].casefold() for i in left}
    # Beside an x, y is no class but the other coordinate.
    known = [i for i in left if names[i].casefold() in TARGETS]
    if "x" in small:
        known = [i for i in known if names[i].casefold() != "y"]
    if len(known) > 1:
        _ask(path, (names[i] for i in known), "may be the classes")
    if known:
        return known[0]
    last = left[-1] if left else last
    column = columns[last]
    if _is_quantity(column):
        raise DataError(
            f"{path}: the last column, {title(column.name)}, holds {len(column.texts)} different "
            f"numbers (such as {column.filled[0]}), a quantity rather than classes; "
            "say with --target which column holds the classes"
        )
    if not header and left and _first_is_it(columns[left[0]], column):
        _ask(path, (names[left[0]], names[last]), "may be the classes")
    return last


def _ask(path: str, names: Iterable[str], what: str) -> None:
    names = list(names)
    raise DataError(
        f"{path}: the columns {', '.join(map(title, names))} {what}; "
        f"choose one: {' or '.join(f'--target {name}' for name in names)}"
    )


def _is_quantity(column: Column) -> bool:
    """Whether a column holds too many different numbers for classes."""
    if any(number(text) is None for text in column.filled):
        return False
    return len(column.filled) > _LARGE


def _first_is_it(first: Column, last: Column) -> bool:
    """Whether, without names, the first column looks like classes and the last like a pixel."""
    values, rest = first.whole, last.whole
    if values is None or rest is None or len(first) < 5 * len(values):
        return False
    alike = sorted(values) in (list(range(len(values))), list(range(1, len(values) + 1)))
    one = last.counts.max() > len(last) / 2 >= first.counts.max()
    return len(values) > 1 and alike and one and len(rest) != len(values)


def check_classes(path: str, column: Column, *, automatic: bool) -> None:
    """Check that the classes of samples are classes, and each one is written in one way.

    Raises
    ------
    DataError
        If they are missing, are a quantity, or differ in case or blanks only.
    """
    name, other = title(column.name), "choose another column with --target"
    if missing := int(column.missing.sum()):
        row = int(np.argmax(column.missing))
        raise DataError(
            f"{path}: the class is missing in {missing} rows (column {name}), first "
            f"{column.text(row)!r}; leave these rows out with --missing drop"
        )
    if not automatic:
        return
    values = [number(text) for text in column.texts]
    broken = [
        text
        for text, value in zip(column.texts, values, strict=True)
        if value is not None and value != int(value)
    ]
    if broken and None not in values:
        raise DataError(
            f"{path}: column {name} is continuous, {broken[0]} for example, and no class; {other}"
        )
    if len(column) >= _MANY and 2 * len(column.texts) > len(column):
        raise DataError(
            f"{path}: column {name} holds {len(column.texts)} different values in {len(column)} "
            f"rows, {some(sorted(column.texts)[:3])} for example: these are no classes; {other}"
        )
    alike = Counter(plain(text) for text in column.texts)
    for form, count in alike.items():
        if count > 1:
            same = [text for text in column.texts if plain(text) == form]
            raise DataError(
                f"{path}: column {name} writes a class in several ways, "
                f"{', '.join(map(repr, same))}; make them one in the file"
            )


def plain(text: str) -> str:
    """Return what is left of a class without case, blanks and ways to write a number."""
    value = number(text)
    return repr(value) if value is not None else "".join(text.split()).casefold()


def useless(column: Column) -> str | None:
    """Return why a column can tell nothing about classes, or None.

    Parameters
    ----------
    column : Column
        With all rows of the table.
    """
    if not column.filled:
        return "empty"
    whole = column.whole
    if len(column) < _ENOUGH or len(column.texts) < len(column):
        return None
    if whole is None:
        if any(number(text) is not None for text in column.texts):
            return None
        return None if all(map(is_date, column.texts)) else "another text in each row"
    steps = np.diff(np.array(whole, np.float64)[column.places])
    counting = whole[0] in (0, 1) and (steps == 1).all()
    if counting or column.name.casefold() in _INDEX:
        return "row numbers"
    return None


def left_out(path: str, columns: list[Column], target: int, options: DataOptions) -> dict[int, str]:
    """Return which columns are no part of a sample, and why.

    Parameters
    ----------
    path : str
        File, for messages.
    columns : list of Column
        All of the table.
    target : int
        The one of the classes.
    options : DataOptions
        What the user says.

    Raises
    ------
    DataError
        If a column that was named does not exist, or is the target.
    """
    names = [column.name for column in columns]
    found = {}
    for name in options.drop:
        # What a checkpoint leaves out need not be in another file.
        if options.automatic or name in names:
            place = place_of(path, names, name, "--drop")
            if place == target:
                raise DataError(
                    f"{path}: column {title(name)} holds the classes; it cannot be left out"
                )
            found[place] = "as asked"
    kept = {place_of(path, names, name, "--keep") for name in options.keep}
    if not options.automatic or options.image_shape is not None:
        return found
    for place, column in enumerate(columns):
        if place != target and place not in found and place not in kept:
            reason = useless(column)
            if reason is not None:
                found[place] = reason
    return found
