"""Counters without their signs, in banks of block RAM."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..bundles import address_bits
from ..learn.step import planes_layout
from ..pipeline import OWN, delayed
from ..shape import LANES, Shape

BANK = 4
"""Elements that share a bank: enough to fill block RAM of 2,048 x 9 bits with 512 sign words."""

RAM_BITS = 9
"""Of a word of a block RAM of 2,048 words, as the counters take them."""

_ROWS = 4
"""Rows of block RAM of an LFE5U-85F, over which a bank is spread ..."""

_LEAST = 11
"""... as many of them as there are, if it fills no less of a row than this."""


LANES_NEAR = 16
"""Lanes that lie next to each other: about those of a part."""


def part_bits(shape: Shape) -> int:
    """Return the bits of a bank with addresses of their own: what lies in a row of block RAM."""
    rams = -(-LANES * (shape.counter_bits - 1) // RAM_BITS)
    return RAM_BITS * max(_LEAST, -(-rams // _ROWS))


class Place(data.StructLayout):
    """Where 64 weights lie: the sign word and the element."""

    def __init__(self, shape: Shape) -> None:
        super().__init__({"address": address_bits(shape), "element": ceil_log2(shape.elements)})


class CounterBanks(wiring.Component):
    """Bit planes of 64 counters at a time, one read and one write a cycle.

    A word keeps counter after counter, so that a block RAM holds all of a few lanes, and can lie
    beside what moves them.

    Every :func:`part_bits` bits of a bank are a memory with addresses of its own. What was read
    comes through a register a bank, which stands at zero unless the bank is meant, so that an OR
    selects. Four cycles of latency: address, block RAM, its register, the OR.

    A word must not be read from the cycle of its write's ``write_place`` up to the second after.

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
        Two cycles later.
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
        replaces = []  # for some lanes each
        for first in range(0, LANES, LANES_NEAR):
            replace = Signal.like(self.replace, name=f"replace_{first}", attrs={OWN: 1})
            m.d.sync += replace.eq(self.replace)
            replaces.append(replace)
        written = Cat(self.write_low[plane][lane] for lane in range(LANES) for plane in planes)
        # A cycle for the way to the banks, and another to their parts.
        address = delayed(m, self._address(self.write_place), 1, "write_address")
        sources = []
        for bank in range(-(-self._shape.elements // BANK)):
            # A write on its way needs no reset: it arrives, like that of the signs.
            write = Signal(name=f"write_{bank}", reset_less=True)
            m.d.sync += write.eq(self.write & (self.write_place.element[2:] == bank))
            sources.append(self._bank(m, bank, write, address, written))
        read = reduce(or_, sources)
        for plane in planes:
            merged = Signal(LANES, name=f"low_{plane}", reset_less=True)
            chosen = Cat(replace[plane].replicate(LANES_NEAR) for replace in replaces)
            fetched = read[plane :: len(planes)]
            m.d.sync += merged.eq((chosen & self.inject) | (~chosen & fetched))
            m.d.comb += self.low[plane].eq(merged)
        return m

    def _address(self, place: data.View) -> Value:
        """Return where the word of a place lies in its bank."""
        return Cat(place.address, place.element[:2])

    def _bank(self, m: Module, bank: int, write: Value, address: Value, written: Value) -> Value:
        """Keep the words of some elements; return what has been read, or 0 if it is not here."""
        members = min(BANK, self._shape.elements - BANK * bank)
        spacing = 1 << address_bits(self._shape)
        depth = (members - 1) * spacing + self._shape.depth
        part = part_bits(self._shape)
        return Cat(
            self._part(m, f"{bank}_{number}", bank, depth, write, address, written[at : at + part])
            for number, at in enumerate(range(0, len(written), part))
        )

    def _part(
        self,
        m: Module,
        name: str,
        bank: int,
        depth: int,
        write: Value,
        address: Value,
        written: Value,
    ) -> Value:
        """Keep a part of the words of a bank; return what has been read of it."""
        m.submodules[f"bank_{name}"] = memory = Memory(shape=len(written), depth=depth, init=[])
        read_port, write_port = memory.read_port(), memory.write_port()
        # Registers of its own, which synthesis must not share: its block RAMs are many, and those
        # of all parts lie all over the device.
        own = {"attrs": {OWN: 1}}
        bits = len(read_port.addr)
        read_place = Signal(bits, name=f"read_place_{name}", reset_less=True, **own)
        write_place = Signal(bits, name=f"write_place_{name}", reset_less=True, **own)
        # What only reads needs no reset.
        here = Signal(name=f"here_{name}", reset_less=True, **own)
        writing = Signal(name=f"writing_{name}", reset_less=True, **own)
        skipping = Signal(name=f"skipping_{name}", init=1, reset_less=True, **own)
        m.d.sync += [
            read_place.eq(self._address(self.read_place)),
            write_place.eq(address),
            here.eq(self.read & (self.read_place.element[2:] == bank)),
            writing.eq(write),
            skipping.eq(~here),
        ]
        m.d.comb += [
            read_port.addr.eq(read_place),
            read_port.en.eq(here),
            write_port.addr.eq(write_place),
            write_port.data.eq(written),
            write_port.en.eq(writing),
        ]
        taken = Signal(len(written), name=f"taken_{name}", reset_less=True)
        with m.If(skipping):
            m.d.sync += taken.eq(0)
        with m.Else():
            m.d.sync += taken.eq(read_port.data)
        return taken
