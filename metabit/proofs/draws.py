"""The generator: its steps are golden's, each consumer gets its own draw, in order."""

from functools import partial, reduce
from operator import xor
from types import ModuleType

import numpy as np
from amaranth.hdl import Cat, Const, Mux, Value

from ..golden.generator import SHIFTS
from ..golden.generator import step as golden_step
from ..hdl.learn import draw, draws
from .harness import Harness, implies
from .proof import Proof, Twin

_PHASE_BITS = 3
_SETTLED = 3
"""Cycles after which a change of the setup counts."""


def _step(h: Harness, name: str, state: Value) -> Value:
    """Return the next state, by Marsaglia's three shifts."""
    left, right, left_again = SHIFTS
    first = h.named(f"{name}_1", (state ^ (state << left))[:32])
    second = h.named(f"{name}_2", (first ^ (first >> right))[:32])
    return h.named(f"{name}_3", (second ^ (second << left_again))[:32])


def _steps(state: Value, steps: int) -> Value:
    """Return a state some steps on: golden's steps are linear, so that single bits tell all.

    Written as three shifts, step after step, no solver would see it.
    """
    images = np.uint32(1) << np.arange(32, dtype=np.uint32)
    for _ in range(steps):
        images = golden_step(images)
    return Cat(
        reduce(xor, (state[n] for n in range(32) if int(images[n]) >> bit & 1)) for bit in range(32)
    )


def _low_zeros(state: Value, shift: Value, damping: Value) -> Value:
    """Return whether the low ``shift + damping`` bits are zero."""
    return (state & ((Const(1, 36) << (shift + damping)) - 1)[:32]) == 0


def _one(block: ModuleType) -> Harness:
    """Follow the generator that makes a draw at a time."""
    h = Harness()
    dut = block.Draw()
    h.place(dut, fixed=("shift", "damping", "reinforce"))
    h.assume(implies(dut.load, dut.value != 0))
    state, before = dut.state, h.past(dut.state, init=1)
    after = Mux(dut.load, dut.value, Mux(dut.step, _step(h, "step", state), state))
    hit = dut.reinforce & _low_zeros(before, dut.shift, dut.damping)
    h.claim(state != 0, h.first | (state == h.past(after)), h.first | (dut.reinforced == hit))
    return h


def _many(words: int, block: ModuleType) -> Harness:
    """Follow the generator that makes several draws a cycle, and what a row makes of them."""
    h = Harness()
    dut = block.Draws(words)
    h.place(dut, fixed=("annealing", "shift", "damping", "reinforce"))
    h.assume(
        dut.take <= words,
        implies(dut.begin, dut.take == 1),
        implies(dut.load, dut.value != 0),
    )
    drawn = [h.named(f"drawn_{n}", _steps(dut.state, n)) for n in range(words + 1)]
    after = Mux(dut.load, dut.value, dut.state)
    for steps in range(1, words + 1):
        after = Mux(dut.take == steps, drawn[steps], after)
    h.claim(h.first | (dut.state == h.past(after)))

    takes = h.named("takes", dut.take.any() & ~dut.begin)
    # Words since the row began, and its phase, as far as an exponent can tell.
    place = h.wire("place", _PHASE_BITS)
    count = h.register("row_place", _PHASE_BITS)
    h.m.d.comb += place.eq(count)
    with h.m.If(dut.begin):
        h.m.d.sync += count.eq(0)
    with h.m.Elif(takes):
        h.m.d.sync += count.eq(count + words)
    phase = h.kept("row_phase", drawn[1][:_PHASE_BITS], dut.begin)
    begun = h.past(dut.begin)
    settled = h.count("age", 1, _SETTLED) == _SETTLED
    exponent = ((Const(1, 4) << dut.annealing) - 1)[:_PHASE_BITS]
    for word in range(words):
        mine = h.past(takes & (dut.take > word), 2) & settled
        learns = (((place + word) ^ phase) & exponent) == 0
        h.claim(implies(mine, dut.touched[word] == h.past(learns, 2)))
        hit = dut.reinforce & _low_zeros(drawn[word + 1], dut.shift, dut.damping)
        h.claim(implies(mine, dut.reinforced[word] == h.past(hit, 2)))
    # What the block remembers of the row.
    beats = (_PHASE_BITS - (words - 1).bit_length()) or None
    held = h.variable(dut, "Draws._touch.phase")
    h.lemma(
        Mux(begun, dut.state[:_PHASE_BITS] == phase, held == phase) | h.first,
        h.variable(dut, "Draws._touch.next_beat") == count[(words - 1).bit_length() :]
        if beats
        else Const(1),
    )
    return h


PROOFS = [
    Proof(
        name="draw",
        source=draw,
        claim="A draw is golden's step of the last one, made when asked for; a word is reinforced "
        "if its low bits are zero.",
        sizes="all states, shifts and dampings",
        build=_one,
        twins=(
            Twin("second << left_again", "second << left"),
            Twin("with m.Elif(self.step):", "with m.Else():"),
            Twin("some = zeros[-1] |", "some ="),
        ),
    ),
    *(
        Proof(
            name=f"draws-{words}",
            source=draws,
            claim="Words that are taken get one golden draw each, in order, and nobody else does; "
            "a row's phase is its first draw, and says which words learn.",
            sizes=f"{words} words a cycle, rows of any length",
            build=partial(_many, words),
            twins=(
                Twin(
                    "start=1):\n                with m.Case",
                    "start=2):\n                with m.Case",
                ),
                Twin("m.d.sync += next_beat.eq(0)", "m.d.sync += next_beat.eq(1)"),
                Twin("draws = [*earlier, self.state]", "draws = [self.state, *earlier]"),
                Twin("zeros.eq(self.shift + self.damping)", "zeros.eq(self.shift)"),
            ),
            depth=4,
            twin_depth=7,
        )
        for words in (4,)
    ),
]
