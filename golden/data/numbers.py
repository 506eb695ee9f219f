"""Which texts are numbers, missing cells, or dates."""

import math
import re
from collections.abc import Sequence

MISSING = ("", "?", "na", "nan", "n/a", "#n/a", "<na>", "null")
"""What stands in a cell that has no value, in small letters."""

_THOUSANDS = {
    ".": re.compile(r"[+-]?\d{1,3}([, '\u00a0\u202f])\d{3}(\1\d{3})*(\.\d+)?"),
    ",": re.compile(r"[+-]?\d{1,3}([. '\u00a0\u202f])\d{3}(\1\d{3})*(,\d+)?"),
}
_COMMA = re.compile(r"[+-]?(\d+,\d*|,\d+|\d+)([eE][+-]?\d+)?")
_LIKE = re.compile(r"[^\w\s]{0,2}\s*\d[\d.,' \u00a0]*\s*\D{0,4}")
_DATE = re.compile(
    r"\d{4}([-/.])\d{1,2}(\1\d{1,2}([T ].*)?)?|\d{1,2}([-/.])\d{1,2}\4\d{2,4}( .*)?"
    r"|\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{2,4}|\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?"
)


def is_missing(text: str) -> bool:
    """Whether a cell has no value."""
    return text.casefold() in MISSING


def number(text: str, decimal: str = ".") -> float | None:
    """Return the number that a text says, or None.

    Parameters
    ----------
    text : str
        Without blanks around it.
    decimal : {".", ","}
        Sign before decimals; commas, points, blanks or apostrophes may divide thousands.
    """
    thousands = _THOUSANDS[decimal].fullmatch(text)
    if thousands:
        # 1,000 never is a float, but with a decimal comma 1.000 is a thousand as well.
        text = text.replace(thousands[1], "")
    if decimal == ",":
        if not _COMMA.fullmatch(text):
            return None
        text = text.replace(",", ".")
    try:
        # Python's own reading, the exact one; that of the table reader may be off by a bit.
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def numbers(texts: Sequence[str], decimal: str) -> list[float | None]:
    """Return the numbers of the different texts of a column; percentages if all are."""
    filled = [text for text in texts if not is_missing(text)]
    if filled and all(text.endswith("%") for text in filled):
        texts = [text.removesuffix("%").rstrip() for text in texts]
    return [number(text, decimal) for text in texts]


def looks_numeric(text: str) -> bool:
    """Whether a text is a number with something around it: ``$5``, ``12 kg``, ``<3``."""
    return bool(_LIKE.fullmatch(text))


def is_date(text: str) -> bool:
    """Whether a text is a date or a time."""
    return bool(_DATE.fullmatch(text)) and number(text) is None


def decimal_of(columns: Sequence[Sequence[str]]) -> str | None:
    """Return the sign before decimals that columns of numbers agree on, None if it is not clear.

    Parameters
    ----------
    columns : sequence of sequence of str
        Different texts of each column, in a file whose columns are not separated by commas.
    """
    commas = points = unclear = False
    for texts in columns:
        filled = [text.removesuffix("%").rstrip() for text in texts if not is_missing(text)]
        with_comma = [text for text in filled if "," in text]
        if not with_comma:
            points |= bool(filled) and any("." in t for t in filled) and _all(filled, ".")
        elif _all(filled, ","):
            if all(_THOUSANDS["."].fullmatch(text) for text in with_comma):
                unclear = unclear or not _all(filled, ".") or not any("." in t for t in filled)
            else:
                commas = True
    if commas and not points:
        return ","
    return None if unclear and not points and not commas else "."


def _all(texts: Sequence[str], decimal: str) -> bool:
    return all(number(text, decimal) is not None for text in texts)
