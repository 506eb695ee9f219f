"""Draws of a row: its phase, and which words of 16 weights learn and are reinforced."""

from functools import reduce
from operator import xor

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from ...golden.generator import SHIFTS

STATE_BITS = 32
_PHASE_BITS = 3
"""Of the largest annealing exponent."""


def _step(rows: list[int]) -> list[int]:
    """Advance a generator whose state bits are masks of bits of another state: a step is linear."""
    left, right, left_again = SHIFTS
    places = range(STATE_BITS)
    rows = [rows[n] ^ (rows[n - left] if n >= left else 0) for n in places]
    rows = [rows[n] ^ (rows[n + right] if n + right < STATE_BITS else 0) for n in places]
    return [rows[n] ^ (rows[n - left_again] if n >= left_again else 0) for n in places]


def jumps(state: Value, steps: int) -> list[Value]:
    """Return the states that follow after 1, 2 ... ``steps`` steps, each as XORs of ``state``."""
    rows = [1 << bit for bit in range(STATE_BITS)]
    following = []
    for _ in range(steps):
        rows = _step(rows)
        following.append(
            Cat(reduce(xor, (state[n] for n in range(STATE_BITS) if row >> n & 1)) for row in rows)
        )
    return following


def thermometer(value: Value, count: int) -> Value:
    """Return as many ones as ``value`` says, lowest first, of ``count`` bits.

    Comparisons with constants would do, but each would take a carry chain on ECP5.
    """
    return ~(Const(-1, count) << value)[:count]


class Draws(wiring.Component):
    """The generator, ``words`` steps a cycle, and what a row makes of them.

    A row takes a step with ``begin`` for its phase, the low q bits, then one for each of its words.
    Word w learns if ``w mod 2**q`` is the phase; it is reinforced if the low T + j bits of its draw
    are zero.

    ``touched`` and ``reinforced`` belong to the words taken two cycles before; they stand still
    while nothing is taken. About 400 LUT4 for the steps of four words, 21 a word for the
    comparison.

    Parameters
    ----------
    words : int
        Most steps a cycle; 1, 2, 4 or 8.

    Attributes
    ----------
    annealing : In(2)
        The exponent q.
    reinforce : In(1)
        There is reinforcement.
    shift, damping : In
        T and j; changes count from three cycles later on.
    begin : In(1)
        A row begins: take one step, for its phase.
    take : In(range(words + 1))
        Steps to take, as many as there are words. All but the last of a row take ``words``.
    load : In(1)
        Take ``value`` as the state, if nothing is taken.
    value : In(32)
    state : Out(32)
        The last value drawn.
    touched, reinforced : Out(words)
    """

    def __init__(self, words: int) -> None:
        self._words = words
        super().__init__(
            {
                "annealing": In(2),
                "reinforce": In(1),
                "shift": In(5),
                "damping": In(2),
                "begin": In(1),
                "take": In(range(words + 1)),
                "load": In(1),
                "value": In(STATE_BITS),
                "state": Out(STATE_BITS, init=1),
                "touched": Out(words),
                "reinforced": Out(words),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        following = jumps(self.state, self._words)
        with m.Switch(self.take):
            for steps, state in enumerate(following, start=1):
                with m.Case(steps):
                    m.d.sync += self.state.eq(state)
            with m.Default():
                with m.If(self.load):
                    m.d.sync += self.state.eq(self.value)

        # The draw of the last word, where there is one, is the new state.
        earlier = [
            Signal(STATE_BITS, name=f"draw_{word}", reset_less=True)
            for word in range(self._words - 1)
        ]
        with m.If(self.take.any()):
            m.d.sync += [draw.eq(state) for draw, state in zip(earlier, following, strict=False)]
        draws = [*earlier, self.state]
        self._touch(m)
        self._reinforce(m, draws)
        return m

    def _touch(self, m: Module) -> None:
        """Find out which words learn."""
        beats = _PHASE_BITS - exact_log2(self._words)
        next_beat, beat = Signal(beats), Signal(beats)
        begun, phase, exponent_mask = Signal(), Signal(_PHASE_BITS), Signal(_PHASE_BITS)
        m.d.sync += begun.eq(self.begin)
        with m.If(self.begin):
            m.d.sync += next_beat.eq(0)
        with m.Elif(self.take.any()):
            m.d.sync += [beat.eq(next_beat), next_beat.eq(next_beat + 1)]
        with m.If(begun):
            m.d.sync += phase.eq(self.state)
        m.d.comb += exponent_mask.eq(thermometer(self.annealing, _PHASE_BITS))
        for word in range(self._words):
            place = Cat(Const(word, _PHASE_BITS - beats), beat)
            m.d.sync += self.touched[word].eq(~((place ^ phase) & exponent_mask).any())

    def _reinforce(self, m: Module, draws: list[Signal]) -> None:
        """Find out which words are reinforced."""
        zeros, mask = Signal(range(STATE_BITS + 4)), Signal(STATE_BITS)
        m.d.sync += [
            zeros.eq(self.shift + self.damping),
            mask.eq(thermometer(zeros, STATE_BITS)),
        ]
        for word, draw in enumerate(draws):
            m.d.sync += self.reinforced[word].eq(self.reinforce & ~(draw & mask).any())
