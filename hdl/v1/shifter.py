"""The register through which words of counters enter and leave, a byte or a counter at a time."""

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...golden.config import WORD
from .layout import Layout


class Shifter(wiring.Component):
    """Shift right by a byte or by a counter; new bits enter at the top.

    Parameters
    ----------
    layout : Layout

    Attributes
    ----------
    load : In(1)
        Take ``value``.
    value : In(16 b)
    shift_byte : In(1)
        Shift ``byte`` in.
    byte : In(8)
    shift_counter : In(1)
        Shift ``counter`` in.
    counter : In(b)
    content : Out(16 b)
    """

    def __init__(self, layout: Layout) -> None:
        bits = layout.config.counter_bits
        width = WORD * bits  # at least 32: a statistic or the generator's state fits too
        super().__init__(
            {
                "load": In(1),
                "value": In(width),
                "shift_byte": In(1),
                "byte": In(8),
                "shift_counter": In(1),
                "counter": In(bits),
                "content": Out(width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        with m.If(self.load):
            m.d.sync += self.content.eq(self.value)
        with m.Elif(self.shift_byte):
            m.d.sync += self.content.eq(Cat(self.content[8:], self.byte))
        with m.Elif(self.shift_counter):
            m.d.sync += self.content.eq(Cat(self.content[len(self.counter) :], self.counter))
        return m
