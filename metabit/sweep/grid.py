"""The grid of a sweep: every combination of the values that fields are to take."""

import itertools
from collections.abc import Sequence

from ..errors import MetabitError

_ALIASES = {"layers": "hidden"}


def parse_values(texts: Sequence[str], known: Sequence[str]) -> dict[str, list[str]]:
    """Return the values that fields are to take.

    Parameters
    ----------
    texts : sequence of str
        ``"FIELD=VALUE VALUE ..."`` each.
    known : sequence of str
        Fields that there are.

    Raises
    ------
    MetabitError
        If a text is not of this form, or there is no such field, or one is given twice.
    """
    values: dict[str, list[str]] = {}
    for text in texts:
        name, equals, rest = text.partition("=")
        field = name.strip().lstrip("-").replace("-", "_")
        field = _ALIASES.get(field, field)
        if not equals or not rest.split():
            raise MetabitError(
                f'--vary must be a field and its values, e.g. "margin=0.1 0.25 0.5", not {text!r}'
            )
        if field not in known:
            raise MetabitError(f"--vary {name}: unknown field; known: {', '.join(known)}")
        if field in values:
            raise MetabitError(f"--vary {field} is given twice; put all its values into one")
        values[field] = list(dict.fromkeys(rest.split()))
    return values


def combinations(values: dict[str, list[str]]) -> list[dict[str, str]]:
    """Return every combination of values, the last field changing fastest."""
    return [
        dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())
    ]
