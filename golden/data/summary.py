"""What was found in the user's own data, in words, so that a wrong guess is seen at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..codes import Bits

_BALANCED = (20, 80)
"""Per cent of ones between which a bit tells much."""

_SHOWN = 8
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", r"\s+": "blanks"}


@dataclass(frozen=True)
class Summary:
    """Roles of the columns of a table, and how its text was read.

    Attributes
    ----------
    target : str
        Name of the column of the classes.
    classes : tuple of str
        The classes.
    numeric : tuple of str
        Columns of numbers.
    categorical : tuple of tuple of str and int
        Columns of texts, and how many categories each has.
    dropped : tuple of tuple of str and str
        Columns that are left out, and why.
    rows, rows_dropped : int
        Samples, and rows that were left out for missing cells.
    header : bool
        Whether the first line names the columns.
    separator, decimal : str
        What stands between columns, and before decimals.
    notes : tuple of str
        Anything else that was done to the text.
    """

    target: str
    classes: tuple[str, ...]
    numeric: tuple[str, ...]
    categorical: tuple[tuple[str, int], ...]
    dropped: tuple[tuple[str, str], ...]
    rows: int
    rows_dropped: int
    header: bool
    separator: str
    decimal: str
    notes: tuple[str, ...] = ()

    def lines(self) -> list[tuple[str, str]]:
        """Return what to print: a heading and its text each."""
        text = f"{self.rows} rows"
        if self.rows_dropped:
            text += f" ({self.rows_dropped} more with missing cells are left out)"
        header = "the first line names the columns" if self.header else "no header"
        decimal = "point" if self.decimal == "." else "comma"
        text += f", {header}, {_SEPARATORS[self.separator]} between columns, decimal {decimal}"
        found = [
            ("table", "; ".join([text, *self.notes])),
            ("target", f"{title(self.target)}: {len(self.classes)} classes, {some(self.classes)}"),
        ]
        if self.numeric:
            found.append(("numbers", f"{len(self.numeric)}: {some(map(title, self.numeric))}"))
        if self.categorical:
            texts = [f"{title(name)} ({count})" for name, count in self.categorical]
            found.append(("categories", f"{len(texts)}: {some(texts)}"))
        if self.dropped:
            texts = [f"{title(name)} ({reason})" for name, reason in self.dropped]
            found.append(("left out", f"{len(texts)}: {some(texts)}"))
        return found


def balance(samples: Bits) -> str:
    """Return how balanced input bits are, in words.

    Parameters
    ----------
    samples : ndarray of bool, shape (n, bits)
        Encoded training samples.
    """
    count, bits = samples.shape
    ones = np.count_nonzero(samples, axis=0)
    constant = int(np.count_nonzero((ones == 0) | (ones == count)))
    low, high = _BALANCED
    even = int(np.count_nonzero((low * count <= 100 * ones) & (100 * ones <= high * count)))
    never = f"{constant} never change" if constant else "all of them change"
    return (
        f"{bits}, {never}, {even} balanced (1 for {low} to {high} % of the {count} training "
        f"samples), {100 * ones.mean() / count:.0f} % ones on average"
    )


def title(name: str) -> str:
    """Return how to write the name of a column that may have none."""
    return name or "(no name)"


def some(names: Sequence[str] | map) -> str:
    """Return the first of many names."""
    names = list(names)
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
