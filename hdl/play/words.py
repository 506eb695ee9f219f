"""Words of 64 bits made of fields."""

from collections.abc import Mapping

from amaranth.hdl import Cat, Const, Value, ValueLike
from amaranth.lib import data

Fields = Mapping[str, tuple[int, int]]
"""First bit and width of each field of a word."""


def packed(fields: Fields, values: Mapping[str, ValueLike]) -> Value:
    """Return the word of these fields; those that are not given are zero."""
    parts: list[Value] = []
    for name, (start, width) in sorted(fields.items(), key=lambda item: item[1]):
        parts.append(Const(0, start - len(Cat(parts))))
        parts.append(Cat(Value.cast(values.get(name, 0)), Const(0, width))[:width])
    return Cat(parts)


def fields_layout(fields: Fields) -> data.StructLayout:
    """Return what holds the fields of a word that is written."""
    return data.StructLayout({name: width for name, (_, width) in fields.items() if name != "busy"})
