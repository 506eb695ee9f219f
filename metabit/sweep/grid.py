"""The grid of a sweep: every combination of the values that fields are to take."""

import itertools
from collections.abc import Mapping, Sequence

from ..errors import MetabitError


def parse_values(texts: Sequence[str], known: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the values that fields are to take.

    Parameters
    ----------
    texts : sequence of str
        ``"FIELD=VALUE VALUE ..."`` each.
    known : mapping of str to str
        Names that there are, and the field that each means.

    Raises
    ------
    MetabitError
        If a text is not of this form, or there is no such field, or one is given twice.
    """
    values: dict[str, list[str]] = {}
    for text in texts:
        name, equals, rest = text.partition("=")
        field = known.get(name.strip().lstrip("-").replace("-", "_"))
        if not equals or not rest.split():
            raise MetabitError(
                f'--vary must be a field and its values, e.g. "margin=0.1 0.25 0.5", not {text!r}'
            )
        if field is None:
            fields = ", ".join(dict.fromkeys(known.values()))
            raise MetabitError(f"--vary {name}: unknown field; known: {fields}")
        if field in values:
            raise MetabitError(f"--vary {field} is given twice; put all its values into one")
        values[field] = list(dict.fromkeys(rest.split()))
    return values


def combinations(values: dict[str, list[str]]) -> list[dict[str, str]]:
    """Return every combination of values, the last field changing fastest."""
    return [
        dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())
    ]
