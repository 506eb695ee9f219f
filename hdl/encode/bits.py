"""From bits to words of samples, the label first."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..shape import LANES

LABEL_BITS = 8


class Bits(wiring.Component):
    """Offer a label, then words of 64 bits, the first bit lowest.

    Attributes
    ----------
    begin : In(1)
        ``label`` is offered next.
    label : In(8)
    valid, bit, ends : In(1)
        A bit, and whether it is the last one of a word. None comes while a word is offered.
    words : Out(stream of 64 bits)
    """

    begin: In(1)
    label: In(LABEL_BITS)
    valid: In(1)
    bit: In(1)
    ends: In(1)
    words: Out(stream.Signature(LANES))

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        word = Signal(LANES, reset_less=True)
        m.d.comb += self.words.payload.eq(word)
        with m.If(self.begin):
            m.d.sync += [word.eq(self.label), self.words.valid.eq(1)]
        with m.Elif(self.valid):
            m.d.sync += [word.eq(Cat(word[1:], self.bit)), self.words.valid.eq(self.ends)]
        with m.Elif(self.words.ready):
            m.d.sync += self.words.valid.eq(0)
        return m
