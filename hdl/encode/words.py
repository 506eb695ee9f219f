"""Words of encoder programs, as :mod:`metabit.golden.encoding.program` defines them."""

from amaranth.hdl import Shape as BitShape
from amaranth.hdl import Value, signed, unsigned
from amaranth.lib import data

from ...golden.encoding.program import FIELDS, KIND_BITS, PIECE_BITS, Field, Kind


def field_of(kind: Kind, name: str) -> Field:
    """Return a field of a kind of words."""
    return next(field for field in FIELDS[kind] if field.name == name)


def shape_of(kind: Kind, name: str) -> BitShape:
    """Return the shape of a field."""
    field = field_of(kind, name)
    return signed(field.bits) if field.signed else unsigned(field.bits)


def view_of(kind: Kind, word: Value) -> data.View:
    """Return the fields of a word that is of this kind."""
    bits = PIECE_BITS if kind == Kind.PIECE else KIND_BITS
    members = {"kind": bits} | {field.name: shape_of(kind, field.name) for field in FIELDS[kind]}
    layout = data.StructLayout(members)
    return data.View(layout, word[: layout.size])


def is_kind(kind: Kind, word: Value) -> Value:
    """Return whether a word is of this kind."""
    if kind == Kind.PIECE:
        return word[:PIECE_BITS] == Kind.PIECE
    return word[:KIND_BITS] == kind
