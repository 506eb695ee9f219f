"""The update unit: saturating increments and decrements of 16 counters."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..golden.config import WORD
from .layout import Layout
from .words import Tag, Word, WordWrite, counters_layout, positive


def _step(m: Module, counter: Value, down: Value, go: Value) -> Value:
    """Return the counter one step up or down, or unchanged at its end of the range."""
    width = len(counter)
    top, rest = counter[-1], counter[:-1]
    # Largest value going up (0111..) or smallest going down (1000..).
    stuck = (top == down) & Mux(down, ~rest.any(), rest.all())
    move = Signal()
    m.d.comb += move.eq(go & ~stuck)
    return (counter + Cat(move, (down & move).replicate(width - 1)))[:width]


class Update(wiring.Component):
    """Move counters towards the desired activation, then reinforce them if a draw says so.

    ``v <- sat(v + desired * x)`` for every enabled lane; with ``reinforce`` set,
    ``v <- sat(v + sign(v))`` follows (paper, section 3.2; ``sign(0)`` counts as +1). Two
    pipeline stages, one word a cycle, stalled only by ``write``.

    Parameters
    ----------
    layout : Layout

    Attributes
    ----------
    word : In(stream.Signature(Word))
        Counters, and in their tag the inputs, enabled lanes, desired bit and reinforcement.
    write : Out(stream.Signature(WordWrite))
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__(
            {
                "word": In(stream.Signature(Word(layout))),
                "write": Out(stream.Signature(WordWrite(layout))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        word, write = self.word.payload, self.write.payload
        moved = Signal(counters_layout(self._layout))
        moved_index = Signal.like(word.index)
        moved_tag = Signal(Tag())
        moved_valid = Signal()
        before, moved_before = Signal(WORD), Signal(WORD)
        advance, accept = Signal(), Signal()
        m.d.comb += [
            advance.eq(~self.write.valid | self.write.ready),
            accept.eq(~moved_valid | advance),
            self.word.ready.eq(accept),
            before.eq(positive(word.counters)),
        ]

        with m.If(accept):
            m.d.sync += [
                moved_valid.eq(self.word.valid),
                moved_index.eq(word.index),
                moved_tag.eq(word.tag),
                moved_before.eq(before),
            ]
            for lane in range(WORD):
                down = word.tag.inputs[lane] ^ word.tag.desired
                m.d.sync += moved[lane].eq(
                    _step(m, word.counters[lane], down, word.tag.enable[lane])
                )
        with m.If(advance):
            m.d.sync += [self.write.valid.eq(moved_valid), write.index.eq(moved_index)]
            for lane in range(WORD):
                go = moved_tag.reinforce & moved_tag.enable[lane]
                m.d.sync += write.counters[lane].eq(_step(m, moved[lane], moved[lane][-1], go))
            # Reinforcement moves away from zero and never flips a sign.
            m.d.sync += write.flips.eq(positive(moved) != moved_before)
        return m
