"""Single ones in the draws of a row: what a random training asks for once in a billion samples."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..golden.config import WORD, Config
from ..golden.generator import PERIOD, jump
from ..hdl.shape import LANES, Shape

_BITS = 32
_PHASES = 1
"""Draws of a row before those of its words."""

_NEURONS = 8
"""A group with one winner; a single neuron's margin would never be small enough to learn."""

_MOST_DAMPING = 3


@dataclass(frozen=True)
class Draw:
    """A training that begins with a chosen state.

    Attributes
    ----------
    state : int
        Of the generator.
    damping : int
        How many bits more are looked at; see :meth:`.Config.reinforcement_damping`.
    """

    state: int
    damping: int


def state_before(draw: int, steps: int) -> int:
    """Return the state of the generator whose draw number ``steps``, from 1, is a given one.

    Parameters
    ----------
    draw : int
        1 to ``2**32 - 1``.
    steps : int
    """
    back, state = PERIOD - steps, np.array([draw], np.uint32)
    for exponent in range(back.bit_length()):
        if back >> exponent & 1:
            state = jump(state, exponent)
    return int(state[0])


def network(shape: Shape) -> Config:
    """Return neurons, of as many words as are drawn for at once, that look at all bits of a draw.

    Parameters
    ----------
    shape : Shape
        Device that it is for.
    """
    shift = _BITS - _MOST_DAMPING
    return Config(
        name="draws",
        inputs=LANES,
        hidden=(_NEURONS,),
        classes=2,
        group=_NEURONS,
        counter_bits=shape.counter_bits,
        margin=1.0,
        reinforcement=2.0**-shift * math.sqrt(math.pi * LANES / 2),
        tile=1,
    )


def draws() -> Iterator[Draw]:
    """Yield trainings in which the draw of one word has a single one.

    With damping 2 all bits but the last are looked at, so that the last alone reinforces; with 3,
    none does.
    """
    for word in range(LANES // WORD):
        for bit in range(_BITS):
            state = state_before(1 << bit, _PHASES + word + 1)
            yield Draw(state, _MOST_DAMPING - 1)
        yield Draw(state, _MOST_DAMPING)
