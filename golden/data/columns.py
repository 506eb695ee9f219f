"""Columns of a table: their different texts, and where each stands."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .numbers import is_missing, number

if TYPE_CHECKING:
    import pandas

Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Column:
    """A column, told by its different texts, so that none is looked at twice.

    Attributes
    ----------
    name : str
        From the header, else its number from 1.
    texts : tuple of str
        Different texts, without blanks around them, in the order in which they come.
    places : ndarray of int, shape (rows,)
        Which of them stands in each row.
    """

    name: str
    texts: tuple[str, ...]
    places: Places

    def __len__(self) -> int:
        return len(self.places)

    def text(self, row: int) -> str:
        """Return what stands in a row."""
        return self.texts[self.places[row]]

    def rows(self, chosen: Places | npt.NDArray[np.bool_] | slice) -> "Column":
        """Return some rows of this column; texts that stand in none of them are forgotten."""
        places = self.places[chosen]
        used, first = np.unique(places, return_index=True)
        used = used[np.argsort(first)]
        new = np.zeros(len(self.texts), np.intp)
        new[used] = np.arange(len(used))
        return replace(self, texts=tuple(self.texts[i] for i in used), places=new[places])

    def where(self, marks: Sequence[bool]) -> npt.NDArray[np.bool_]:
        """Return in which rows a text stands that is marked.

        Parameters
        ----------
        marks : sequence of bool
            One for each of the texts.
        """
        return np.array(marks, bool)[self.places]

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """Rows without a value."""
        return self.where([is_missing(text) for text in self.texts])

    @property
    def filled(self) -> list[str]:
        """The texts that are values."""
        return [text for text in self.texts if not is_missing(text)]

    @property
    def counts(self) -> Places:
        """How often each text stands in the column."""
        return np.bincount(self.places, minlength=len(self.texts))

    @property
    def whole(self) -> list[int] | None:
        """The texts as whole numbers, None if some are not."""
        values = [number(text) for text in self.texts]
        if any(value is None or value != int(value) for value in values):
            return None
        return [int(value) for value in values if value is not None]


def columns_of(cells: "pandas.DataFrame") -> list[Column]:
    """Return the columns of a table, a header still in their first rows."""
    import pandas  # slow to import, and few commands need it

    found = []
    for number_, name in enumerate(cells.columns, 1):
        places, texts = pandas.factorize(cells[name].to_numpy())
        stripped = [str(text).strip() for text in texts]
        index = {text: place for place, text in enumerate(dict.fromkeys(stripped))}
        merged = np.array([index[text] for text in stripped], np.intp)
        found.append(Column(str(number_), tuple(index), merged[places]))
    return found


def split_header(
    columns: list[Column], header: str, target: str | None
) -> tuple[bool | None, list[Column]]:
    """Return whether there is a header, None if that is doubtful, and the columns below it.

    Parameters
    ----------
    columns : list of Column
        Of the whole table.
    header : {"auto", "yes", "no", "before"}
        What the user says; ``before``: as ``auto``, but numbers are never names.
    target : str or None
        Column that was asked for by the user.
    """
    found: bool | None = header == "yes"
    if header in ("auto", "before"):
        found = _has_header(columns, target, numeric=header == "auto")
    if not found:
        return found, columns
    return True, [replace(column.rows(slice(1, None)), name=column.text(0)) for column in columns]


TARGETS = ("label", "labels", "class", "target", "species", "y", "category", "outcome")
"""Names of columns of classes, in small letters."""


def _has_header(columns: list[Column], target: str | None, *, numeric: bool) -> bool | None:
    """Return whether the first row names the columns, None if that is doubtful."""
    first = [column.text(0) for column in columns]
    if target and target in first:
        return True
    again = [bool((column.places[1:] == column.places[0]).any()) for column in columns]
    if any(number(cell) is not None for cell in first):
        return _has_numeric_header(columns, first, again) if numeric else False
    below = [column.rows(slice(1, None)) for column in columns]
    if any(len(c) and all(number(text) is not None for text in c.texts) for c in below):
        return True
    return not any(again) and len(columns[0]) > 1


def _has_numeric_header(columns: list[Column], first: list[str], again: list[bool]) -> bool | None:
    """Return whether a first row with numbers is that of a table whose columns had numbers."""
    texts = [i for i, cell in enumerate(first) if number(cell) is None]
    if any(first[i].casefold() in TARGETS and not again[i] for i in texts):
        return True
    places = [i for i in range(len(first)) if i not in texts]
    starts = {int(first[i]) - i if first[i].isdecimal() else None for i in places}
    # 0, 1, 2, ... or 1, 2, 3, ..., with row numbers before them or without.
    if len(places) < 3 or len(starts) > 1 or not starts <= {-1, 0, 1}:
        return False
    if any(again[i] for i in texts):
        return False
    if texts or any("." in text for i in places for text in columns[i].texts):
        return True
    return None
