"""From the text of a table to its cells: encodings, comments, separators, footers."""

import codecs
import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DataError
from .unpacking import unpacked

if TYPE_CHECKING:
    import pandas

BLANKS = r"\s+"
"""Separator of columns with any number of blanks between them."""

_SEPARATORS = ",;\t|"
_SAMPLE = 50
_FOOTER = 5
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_COMMA_NUMBER = re.compile(r"[+-]?\d*(,\d+)?([eE][+-]?\d+)?")
_CONTROL = re.compile(r"[\0-\x08\x0e-\x19\x1b-\x1f]")


@dataclass(frozen=True)
class Grid:
    """Cells of a table, a header included.

    Attributes
    ----------
    cells : pandas.DataFrame of str
        A row for each record of the file, blanks around cells included.
    separator : str
        One character, or :data:`BLANKS`.
    named : bool
        Whether the first record is certainly a header, as it lacks a name for the row numbers.
    notes : tuple of str
        What was done to the text.
    """

    cells: "pandas.DataFrame"
    separator: str
    named: bool
    notes: tuple[str, ...]


def read_grid(path: Path, least: int = 2) -> Grid:
    """Read the cells of a file of text.

    Parameters
    ----------
    path : Path
        The file.
    least : int
        Columns that there must be: one of classes and one more, unless the classes are not there.

    Raises
    ------
    DataError
        If the file is missing, no table, or its rows are not equally long.
    """
    text, notes = _decoded(path, unpacked(path))
    lines = text.splitlines()
    separator = None
    if lines and (match := _SEP_LINE.fullmatch(lines[0])):
        separator, lines = match[1], lines[1:]
    filled = [line for line in lines if line.strip()]
    if not filled:
        raise DataError(f"{path} is empty")
    if separator is None or separator not in _SEPARATORS:
        separator = _separator([line for line in filled if not line.startswith("#")] or filled)
    lines, left_out = _without_comments(lines, separator)
    notes += left_out
    lines, left_out = _without_footer(lines, separator)
    notes += left_out
    if not lines:
        raise DataError(f"{path} is empty but for comments")
    try:
        sizes = _sizes(lines, separator, strict=True)
    except csv.Error as error:
        raise DataError(f"{path} is no CSV file: {error}") from error
    # R leaves out the name of its row numbers.
    named = len(sizes) > 2 and set(sizes[1:]) == {sizes[0] + 1}
    if named:
        lines[0] = f'""{" " if separator == BLANKS else separator}{lines[0]}'
    elif len(set(sizes)) > 1:
        number = next(i for i, size in enumerate(sizes) if size != sizes[0])
        raise DataError(
            f"{path}: row {number + 1} has {sizes[number]} columns, and the first row {sizes[0]}"
            + ("; is it a footer?" if number > 1 and number >= len(sizes) - 2 else "")
        )
    elif sizes[0] < least:
        raise DataError(f"{path} has a single column; classes and at least one more are needed")
    return Grid(_cells(path, lines, separator), separator, named, tuple(notes))


def _decoded(path: Path, raw: bytes) -> tuple[str, list[str]]:
    """Return the text of a file, and its encoding if that is worth a word."""
    encoding, note = "utf-8-sig", []
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding, note = "utf-16", ["in UTF-16"]
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-16":
            raise DataError(f"{path} cannot be read as UTF-16 text: {error}") from error
        # Any byte is a character of Latin-1: whether it is text, the control characters tell.
        text, note = raw.decode("latin-1"), ["no UTF-8, read as Latin-1"]
    if match := _CONTROL.search(text):
        raise DataError(
            f"{path} is no text: it holds the control character {ord(match[0]):#04x} at "
            f"{match.start()}; save it as CSV"
        )
    return text, note


def _separator(lines: list[str]) -> str:
    """Return what separates columns: the most frequent candidate that divides all lines alike."""
    lines = lines[:_SAMPLE]
    usual = max(_SEPARATORS, key=lines[0].count)
    even = [mark for mark in _SEPARATORS if _columns(lines, mark) > 1]
    if not even:
        if usual not in lines[0] and _columns(lines, BLANKS) > 1:
            return BLANKS
        # Nothing fits; the error will speak of the usual one, or of a single column.
        return usual
    for mark in even:
        # Commas that only stand in numbers are decimal commas.
        if mark != "," and "," in even and _only_in_numbers(lines, mark):
            return mark
    return usual if usual in even else max(even, key=lines[0].count)


def _columns(lines: list[str], separator: str) -> int:
    """Return the number of columns, 0 if lines differ; a header may lack the first name."""
    sizes = _sizes(lines, separator)
    if len(sizes) > 2 and set(sizes[1:]) == {sizes[0] + 1}:
        return sizes[1]
    return sizes[0] if len(set(sizes)) == 1 else 0


def _only_in_numbers(lines: list[str], separator: str) -> bool:
    """Whether commas stand in numbers only, if something else separates columns."""
    cells = [cell.strip() for line in lines for cell in line.split(separator) if "," in cell]
    return bool(cells) and all(_COMMA_NUMBER.fullmatch(cell) for cell in cells)


def _sizes(lines: list[str], separator: str, *, strict: bool = False) -> list[int]:
    """Return the number of cells of each record."""
    if not any('"' in line for line in lines):
        if separator == BLANKS:
            return [len(line.split()) for line in lines]
        return [line.count(separator) + 1 for line in lines]
    if separator == BLANKS:
        stripped = (line.strip().replace("\t", " ") for line in lines)
        reader = csv.reader(stripped, delimiter=" ", skipinitialspace=True, strict=strict)
    else:
        text = io.StringIO("\n".join(lines))
        skip = _quoted_after_blank(lines, separator)
        reader = csv.reader(text, delimiter=separator, strict=strict, skipinitialspace=skip)
    return [len(row) for row in reader]


def _quoted_after_blank(lines: list[str], separator: str) -> bool:
    """Whether blanks stand before quotes, which then are quotes nevertheless."""
    return any(f'{separator} "' in line for line in lines)


def _without_comments(lines: list[str], separator: str) -> tuple[list[str], list[str]]:
    """Leave out lines that begin with ``#`` and do not have the columns of the others."""
    marked = [i for i, line in enumerate(lines) if line.startswith("#")]
    others = [line for line in lines if line.strip() and not line.startswith("#")]
    if not marked or not others:
        return lines, []
    usual = Counter(_sizes(others[:_SAMPLE], separator)).most_common(1)[0][0]
    comments = {i for i in marked if _sizes([lines[i]], separator) != [usual]}
    notes = [f"{len(comments)} comment lines are left out"] if comments else []
    return [line for i, line in enumerate(lines) if i not in comments], notes


def _without_footer(lines: list[str], separator: str) -> tuple[list[str], list[str]]:
    """Leave out blank lines, and a few incomplete ones behind the last of them."""
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    blank = max((i for i, line in enumerate(lines) if not line.strip()), default=-1)
    head = [line for line in lines[: max(blank, 0)] if line.strip()]
    tail = lines[blank + 1 :]
    if len(head) > len(tail) and len(tail) <= _FOOTER:
        usual = _sizes(head[:1], separator)
        mark = None if separator == BLANKS else separator
        if all(_sizes([line], separator) != usual or "" in line.split(mark) for line in tail):
            return head, [f"a footer of {len(tail)} lines is left out ({tail[0][:40]!r})"]
    return [line for line in lines if line.strip()], []


def _cells(path: Path, lines: list[str], separator: str) -> "pandas.DataFrame":
    """Return the cells as texts; nothing is interpreted here."""
    import pandas  # slow to import, and few commands need it

    try:
        return pandas.read_csv(
            io.StringIO("\n".join(lines)),
            sep=separator,
            header=None,
            index_col=False,
            dtype=object,
            na_filter=False,
            keep_default_na=False,
            skipinitialspace=_quoted_after_blank(lines, separator),
        )
    except (pandas.errors.ParserError, pandas.errors.EmptyDataError, ValueError) as error:
        raise DataError(f"{path} is no CSV file: {str(error).strip()}") from error
