"""How many cycles an encoder takes for a sample."""

from ...golden.encoding.program import Kind, Program, unpack_word
from ..shape import LANES
from .steps import READ

_LOAD = 1
"""Cycles from a piece to its first step."""

_FIRST_WORD = 2
"""Cycles from a sample to FRAME."""

_DRAIN = READ + 1
"""Cycles from a step to a MAP."""

_WORD = 5
"""Cycles from the last step of a word to the cycle in which the word can be taken."""


def count_cycles(program: Program, lanes: int, *, keep: bool = False) -> int:
    """Return the cycles from a sample to its last word of bits, both included.

    Nobody waits: a pixel comes every cycle, and words are taken at once.

    Parameters
    ----------
    program : Program
    lanes : int
        Pixels that are compared in a cycle.
    keep : bool
        The image is there already.
    """
    # A word is taken a cycle after the one before it at the earliest.
    taken = _FIRST_WORD + (0 if keep else program.frame.bytes)
    step = taken - _DRAIN
    freed, made = 0, 0
    for word in program.words[1:]:
        kind, fields = unpack_word(word)
        if kind == Kind.MAP:
            taken = max(taken + 1, step + _DRAIN)
        elif kind == Kind.PIECE:
            taken = max(taken + 1, step)
            steps = (fields["rows"] + 1) * -(-(fields["columns"] + 1) // lanes)
            step = max(taken + _LOAD, freed) + steps - 1
            made += not fields["more"]
            if not fields["more"] and made % LANES == 0:
                freed = step + _WORD + 1
    return freed
