"""From pixels to bits: which exceed their neighbours, and whether these are enough."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...golden.encoding.program import MOST_COUNTED, Kind
from ..pipeline import delayed, delays
from .image import BYTE
from .sizes import Sizes
from .steps import Step
from .words import shape_of

_LATENCY = 3
"""Cycles from a step's addresses to its count: memory, difference, count."""


class Marks(wiring.Component):
    """Count the bytes of steps that exceed their neighbour, or nothing, by more than a threshold.

    A count starts at ``-marks - 1``, so that its sign says whether it was exceeded. A step a cycle;
    a bit comes four cycles after the addresses of its last step.

    Parameters
    ----------
    sizes : Sizes

    Attributes
    ----------
    valid, step : In
        A step, in the cycle of its addresses.
    pixels, neighbours : In(lanes x 8 bits)
        Its bytes, a cycle later.
    threshold : In(signed 9)
        Two cycles later.
    bit_valid, bit, word_ends : Out(1)
        A bit, and whether it is the last one of a word.
    """

    def __init__(self, sizes: Sizes) -> None:
        self._sizes = sizes
        lanes = data.ArrayLayout(BYTE, sizes.lanes)
        super().__init__(
            {
                "valid": In(1),
                "step": In(Step(sizes)),
                "pixels": In(lanes),
                "neighbours": In(lanes),
                "threshold": In(shape_of(Kind.MAP, "threshold")),
                "bit_valid": Out(1),
                "bit": Out(1),
                "word_ends": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        valid = delays(m, self.valid, _LATENCY, "valid")
        early, late = (
            data.View(Step(self._sizes), delayed(m, self.step.as_value(), cycles, name))
            for cycles, name in ((1, "early"), (2, "late"))
        )
        marked = []
        for lane in range(self._sizes.lanes):
            difference = Signal(signed(BYTE + 1), name=f"difference_{lane}", reset_less=True)
            other = Mux(early.alone, 0, self.neighbours[lane])
            m.d.sync += difference.eq(self.pixels[lane] - other)
            marked.append((difference > self.threshold) & late.mask[lane])
        count = Signal(range(-MOST_COUNTED, MOST_COUNTED), reset_less=True)
        start = Cat(~late.marks, 1).as_signed()  # -marks - 1
        so_far = Mux(late.first, start, count)
        with m.If(valid[2]):
            m.d.sync += count.eq(so_far + sum(marked[1:], marked[0]))
        last, ends = delayed(m, Cat(late.last, late.ends), 1, "ends")
        m.d.comb += [
            self.bit_valid.eq(valid[3] & last),
            self.bit.eq(~count[-1]),
            self.word_ends.eq(ends),
        ]
        return m
