"""The walk through a row, golden word by golden word."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ...golden.config import WORD
from ..bundles import address_bits
from ..setup import LayerSetup
from ..shape import LANES, Shape
from .words import inputs_index

_WORD_BITS = (LANES // WORD - 1).bit_length()
"""Bits of the place of a golden word in a sign word."""

_PHASE_BITS = 3
"""Of the largest annealing exponent."""


class Place(data.StructLayout):
    """Where a word of 16 weights lies: in part ``word`` of element ``element`` at ``address``."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(
            {
                "word": _WORD_BITS,
                "address": address_bits(shape),
                "element": ceil_log2(shape.elements),
            }
        )


class Walk(wiring.Component):
    """Walk through the ceil(K / 16) golden words of a row.

    Four words an element, ``elements`` a visit, and a visit N addresses further on, until K
    weights have passed. All outputs belong to the word that it stands at.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    layer : In(LayerSetup)
    start : In(1)
        Go to word 0 of the row at ``address``.
    address : In
    annealing : In(2)
        q: words w with ``w mod 2**q == phase mod 2**q`` learn.
    begin : In(1)
        Take ``phase``; at word 0.
    phase : In(3)
        Low bits of the row's first draw.
    advance : In(1)
        Go to the next word.
    place : Out(Place)
    inputs : Out
        Which word of 64 inputs it sees.
    touched : Out(1)
        The word learns, if it is one.
    skipped : Out(1)
        It is one that does not learn. Low for a cycle where ``inputs`` has just changed.
    over : Out(1)
        It has gone beyond the last word; comes a cycle late where ``inputs`` has changed.
    partial : Out(1)
        Only the first ``K mod 16`` lanes have weights.
    next_inputs : Out(1)
        The next word sees other inputs.
    next_visit : Out(1)
        The next word lies at another address.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        super().__init__(
            {
                "layer": In(LayerSetup(shape)),
                "start": In(1),
                "address": In(address_bits(shape)),
                "annealing": In(2),
                "begin": In(1),
                "phase": In(_PHASE_BITS),
                "advance": In(1),
                "place": Out(Place(shape)),
                "inputs": Out(inputs_index(shape)),
                "touched": Out(1),
                "skipped": Out(1),
                "over": Out(1),
                "partial": Out(1),
                "next_inputs": Out(1),
                "next_visit": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        place = self.place
        remainder, words = self.layer.fan_in % WORD, self.layer.fan_in // WORD
        mask = Cat(self.annealing > n for n in range(_PHASE_BITS))
        skip = Signal(_PHASE_BITS)  # words that do not learn before the next one that does
        known = Signal()  # `over` and `partial` are right
        # After this cycle it stands where whole words have passed. Wrong if it goes to other
        # inputs, but then it is right a cycle later, before it can go on.
        at_end = Signal()
        m.d.comb += [
            at_end.eq(
                (self.inputs == words[_WORD_BITS:])
                & (words[:_WORD_BITS] == (place.word + self.advance)[:_WORD_BITS])
            ),
            self.skipped.eq(~self.touched & known & ~self.over),
            self.next_inputs.eq(place.word.all()),
            self.next_visit.eq(self.next_inputs & (place.element == self._shape.elements - 1)),
        ]
        m.d.sync += [
            known.eq(~(self.advance & self.next_inputs)),
            self.partial.eq(at_end & remainder.any()),
            self.over.eq(self.over | (at_end & ~remainder.any()) | (self.advance & self.partial)),
        ]
        next_skip = Signal.like(skip)
        with m.If(self.begin):
            m.d.comb += next_skip.eq(self.phase & mask)
        with m.Else():
            m.d.comb += next_skip.eq(Mux(self.touched, mask, skip - 1))
        with m.If(self.begin | self.advance):
            m.d.sync += [skip.eq(next_skip), self.touched.eq(~next_skip.any())]
        with m.If(self.advance):
            m.d.sync += [
                place.word.eq(place.word + 1),
                self.inputs.eq(self.inputs + self.next_inputs),
                place.element.eq(place.element + self.next_inputs),
            ]
            with m.If(self.next_visit):
                m.d.sync += [
                    place.element.eq(0),
                    place.address.eq(place.address + self.layer.neurons),
                ]
        with m.If(self.start):
            m.d.sync += [
                self.over.eq(0),
                self.inputs.eq(0),
                place.word.eq(0),
                place.element.eq(0),
                place.address.eq(self.address),
            ]
        return m
