"""The update unit: saturating increments and decrements of 16 counters."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.config import WORD
from .layout import Layout
from .words import Word, WordWrite, positive


def _updated(m: Module, counter: Value, down: Value, reinforce: Value) -> Value:
    """Return a counter after its move and its reinforcement, in one saturating addition.

    With d = +-1 the move, reinforcement adds the sign s of v + d, so that the two add up to 2 d
    or cancel. Saturating once is the same as saturating twice: it could differ only if the move
    were cut off at an end of the range and reinforcement came back from there, but that moves
    away from zero.

    What is used bit by bit is a signal: an expression would be copied for every use, which
    synthesis merges again and simulation pays for.
    """
    width = len(counter)
    step, total, overflow = Signal(signed(3)), Signal(width + 1), Signal()
    # The sign of v + d is that of v, unless the move crosses between 0 and -1.
    negative = Mux(down, counter[-1] | ~counter.any(), counter[-1] & ~counter.all())
    once, twice = ~reinforce, reinforce & (negative == down)
    m.d.comb += [
        step.eq(Cat(once, twice | (once & down), down & (once | twice))),
        total.eq(counter.as_signed() + step),
        overflow.eq(total[-1] ^ total[-2]),
    ]
    clamped = (Mux(overflow, ~total[-1], bit) for bit in total[: width - 1])
    return Cat(*clamped, total[-1])


class Update(wiring.Component):
    """Move counters towards the desired activation, then reinforce them if a draw says so.

    ``v <- sat(v + desired * x)`` for every enabled lane; with ``reinforce`` set,
    ``v <- sat(v + sign(v))`` follows (paper, section 3.2; ``sign(0)`` counts as +1). One
    register, one word a cycle, held up only by ``write``.

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
        super().__init__(
            {
                "word": In(stream.Signature(Word(layout))),
                "write": Out(stream.Signature(WordWrite(layout))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        word, write = self.word.payload, self.write.payload
        m.d.comb += self.word.ready.eq(~self.write.valid | self.write.ready)
        counters = [Signal.like(word.counters[lane]) for lane in range(WORD)]
        for lane, updated in enumerate(counters):
            counter, enable = word.counters[lane], word.tag.enable[lane]
            down = word.tag.inputs[lane] ^ word.tag.desired
            after = _updated(m, counter, down, word.tag.reinforce)
            m.d.comb += updated.eq(Mux(enable, after, counter))
        with m.If(self.word.ready):
            m.d.sync += [
                self.write.valid.eq(self.word.valid),
                write.index.eq(word.index),
                write.counters.eq(Cat(counters)),
                write.flips.eq(positive(word.counters) != positive(counters)),
            ]
        return m
