"""JSON from files that may be anything: each way to mislead a reader is an error."""

import json
import re
from typing import Any

MAX_DEPTH = 32
"""Brackets within brackets; our own files have five."""

MAX_LENGTH = 1 << 26
"""Characters; the record of a checkpoint has some hundred for each epoch."""

_CONTROL = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_LARGEST = 2**63


def parse(text: str) -> Any:
    """Return what a JSON text says.

    Raises
    ------
    ValueError
        If it is no JSON, names a field twice, nests more than :data:`MAX_DEPTH` deep, holds an
        integer of more than 64 bits, NaN, or text with control characters or half characters.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"{len(text)} characters of JSON, more than {MAX_LENGTH}")
    _check_depth(text)
    value = json.loads(
        text, object_pairs_hook=_unique, parse_int=_integer, parse_constant=_constant
    )
    _check_texts(value)
    return value


def _check_depth(text: str) -> None:
    """Check how deep brackets nest, before anything recurses into them."""
    depth = 0
    for match in _STRUCTURE.finditer(text):
        if match[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(f"nested more than {MAX_DEPTH} deep at character {match.start()}")
        elif match[0] in "]}":
            depth -= 1


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"field {twice!r} is there twice")
    return fields


def _integer(text: str) -> int:
    # The length first: converting digits takes time that grows with their square.
    if len(text) > 20 or not -_LARGEST <= int(text) < _LARGEST:
        raise ValueError(f"integer {text[:20]}{'...' if len(text) > 20 else ''} exceeds 64 bits")
    return int(text)


def _constant(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _check_texts(value: Any) -> None:
    """Check all texts, names of fields included; what cannot be printed only misleads."""
    if isinstance(value, str) and (match := _CONTROL.search(value)):
        raise ValueError(f"text {value[:40]!r} holds the character {match[0]!r}")
    if isinstance(value, dict):
        for name in value:
            _check_texts(name)
        value = list(value.values())
    if isinstance(value, list):
        for entry in value:
            _check_texts(entry)
