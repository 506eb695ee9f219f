"""Beats of an SDRAM, gathered to words that wait to be taken."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from ..shape import LANES
from .parts import BURST

BEAT = LANES // BURST
"""Bits of a beat."""

DEPTH = 4
"""Words that find room. From a READ to the cycle in which its word can have been taken 11 cycles
pass with a CAS latency of 3, fewer than four bursts take: reading never waits for who is always
ready."""


class Gather(wiring.Component):
    """Put beats together, the first in the low bits, and keep words until they are taken.

    A word is valid in the cycle after its last beat. There is no back-pressure on beats: who asks
    for a word says so by ``claim``, and may if there is ``room``.

    Attributes
    ----------
    claim : In(1)
        A word will come.
    room : Out(1)
        There is room for one word more than have been claimed.
    valid : In(1)
        ``beat`` is one.
    beat : In(16)
    words : Out(stream of 64 bits)
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "claim": In(1),
                "room": Out(1, init=1),
                "valid": In(1),
                "beat": In(BEAT),
                "words": Out(stream.Signature(LANES)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.kept = kept = fifo.SyncFIFO(width=LANES, depth=DEPTH)
        begun = Signal(LANES - BEAT)
        number = Signal(range(BURST))
        word = Cat(begun, self.beat)
        with m.If(self.valid):
            m.d.sync += [begun.eq(word[BEAT:]), number.eq(number + 1)]
        m.d.comb += [
            kept.w_data.eq(word),
            kept.w_en.eq(self.valid & (number == BURST - 1)),
            self.words.payload.eq(kept.r_data),
            self.words.valid.eq(kept.r_rdy),
            kept.r_en.eq(self.words.ready),
        ]
        free = Signal(range(DEPTH + 1), init=DEPTH)
        following = Signal.like(free)
        taken = self.words.valid & self.words.ready
        m.d.comb += following.eq(free + taken - self.claim)
        m.d.sync += [free.eq(following), self.room.eq(following != 0)]
        return m
