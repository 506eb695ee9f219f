"""Counters without their signs, in banks of block RAM."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..bundles import address_bits
from ..learn.step import planes_layout
from ..shape import LANES, Shape

BANK = 4
"""Elements that share a bank: enough to fill block RAM of 2,048 x 9 bits with 512 sign words."""


class Place(data.StructLayout):
    """Where 64 weights lie: the sign word and the element."""

    def __init__(self, shape: Shape) -> None:
        super().__init__({"address": address_bits(shape), "element": ceil_log2(shape.elements)})


class CounterBanks(wiring.Component):
    """Bit planes of 64 counters at a time, one read and one write a cycle.

    A word keeps counter after counter, so that a block RAM holds all of a few lanes, and can lie
    beside what moves them.

    What was read comes through a register a bank, which stands at zero unless the bank is meant,
    so that an OR selects. Four cycles of latency: address, block RAM, its register, the OR.

    A word must not be read from the cycle before its write's ``write_place`` up to the one after.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    read : In(1)
    read_place : In(Place)
    replace : In(b - 1)
        Planes that are ``inject`` instead of what has been read; both steady from ``read`` until
        ``low``.
    inject : In(64)
    low : Out
        What has been read, four cycles later.
    write : In(1)
    write_place : In(Place)
    write_low : In
        A cycle later.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        planes = planes_layout(shape.counter_bits, LANES)
        super().__init__(
            {
                "read": In(1),
                "read_place": In(Place(shape)),
                "replace": In(shape.counter_bits - 1),
                "inject": In(LANES),
                "low": Out(planes),
                "write": In(1),
                "write_place": In(Place(shape)),
                "write_low": In(planes),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        planes = range(self._shape.counter_bits - 1)
        replace = Signal.like(self.replace)
        m.d.sync += replace.eq(self.replace)
        sources = []
        for bank in range(-(-self._shape.elements // BANK)):
            memory = self._bank(m, bank)
            read_port, write_port = memory.read_port(), memory.write_port()
            # Addresses of its own, which change for this bank only: a bank's block RAMs are many.
            read_place = Signal(len(read_port.addr), name=f"read_place_{bank}", reset_less=True)
            write_place = Signal(len(write_port.addr), name=f"write_place_{bank}", reset_less=True)
            here, writing = Signal(name=f"here_{bank}"), Signal(name=f"writing_{bank}")
            reads = self.read & (self.read_place.element[2:] == bank)
            writes = self.write & (self.write_place.element[2:] == bank)
            m.d.sync += [here.eq(reads), writing.eq(writes)]
            with m.If(reads):
                m.d.sync += read_place.eq(Cat(self.read_place.address, self.read_place.element[:2]))
            with m.If(writes):
                m.d.sync += write_place.eq(
                    Cat(self.write_place.address, self.write_place.element[:2])
                )
            m.d.comb += [
                read_port.addr.eq(read_place),
                read_port.en.eq(here),
                write_port.addr.eq(write_place),
                write_port.data.eq(
                    Cat(self.write_low[plane][lane] for lane in range(LANES) for plane in planes)
                ),
                write_port.en.eq(writing),
            ]
            # A register of its own in front of many resets.
            skipping = Signal(name=f"skipping_{bank}", init=1)
            m.d.sync += skipping.eq(~here)
            source = [
                Signal(LANES, name=f"bank_{bank}_{plane}", reset_less=True) for plane in planes
            ]
            for plane, taken in enumerate(source):
                with m.If(skipping):
                    m.d.sync += taken.eq(0)
                with m.Else():
                    m.d.sync += taken.eq(read_port.data[plane :: len(planes)])
            sources.append(source)
        for plane in planes:
            merged = Signal(LANES, name=f"low_{plane}", reset_less=True)
            read = reduce(or_, (source[plane] for source in sources))
            m.d.sync += merged.eq(Mux(replace[plane], self.inject, read))
            m.d.comb += self.low[plane].eq(merged)
        return m

    def _bank(self, m: Module, bank: int) -> Memory:
        members = min(BANK, self._shape.elements - BANK * bank)
        spacing = 1 << address_bits(self._shape)
        depth = (members - 1) * spacing + self._shape.depth
        width = LANES * (self._shape.counter_bits - 1)
        m.submodules[f"bank_{bank}"] = memory = Memory(shape=width, depth=depth, init=[])
        return memory
