"""Two sign planes: that of the counters, and what of it is visible."""

from functools import reduce
from operator import or_

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..bundles import SignFetch, address_bits
from ..pipeline import delayed
from ..shape import LANES, Shape
from .counters import Place


class SignPlanes(wiring.Component):
    """Current signs F' move with the counters; a copy makes them visible in F.

    For every element two memories of ``depth`` words of 64 bits. A copy takes the word of one
    address in all elements at once, in three cycles, one a cycle. A read takes four, as that of
    the counters, with a register at zero for every element that is not meant.

    F must not be read in the cycle in which a copy writes it (what comes is not used: the array
    stands still), F' not from the cycle of its write's ``write_place`` up to the third after.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    signs : In(SignFetch)
    read : In(1)
    read_place : In(Place)
    replace : In(1)
        ``positive`` is ``inject`` instead of what has been read; both steady from ``read`` until
        ``positive``.
    inject : In(64)
    positive : Out(64)
        What has been read, four cycles later.
    write : In(1)
    write_place : In(Place)
    write_positive : In(64)
        Two cycles later. Signs go to the memories of all elements, and take one more for the way.
    copy : In(1)
        Copy the word at ``copy_address``; not together with ``read``.
    copy_address : In
    copy_elements : In(elements)
        Of these elements; steady from ``copy`` on while ``copying``.
    copying : Out(1)
        A copy is on its way.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        super().__init__(
            {
                "signs": In(SignFetch(shape)),
                "read": In(1),
                "read_place": In(Place(shape)),
                "replace": In(1),
                "inject": In(LANES),
                "positive": Out(LANES),
                "write": In(1),
                "write_place": In(Place(shape)),
                "write_positive": In(LANES),
                "copy": In(1),
                "copy_address": In(address_bits(shape)),
                "copy_elements": In(shape.elements),
                "copying": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        reading, replace = Signal(), Signal()
        copying = [Signal(name=f"copying_{cycle}") for cycle in range(1, 4)]
        addresses = [
            Signal(address_bits(self._shape), name=f"address_{cycle}", reset_less=True)
            for cycle in range(1, 4)
        ]
        element = Signal.like(self.read_place.element, reset_less=True)
        written = Signal(LANES, reset_less=True)
        # What is on its way to the memories needs no reset: it arrives, there as in the counters.
        write = delayed(m, self.write, 1, "write")
        write_place = delayed(m, self.write_place, 1, "write_place")
        waiting_address = delayed(m, write_place.address, 1, "waiting_address")
        write_address = Signal(address_bits(self._shape), reset_less=True)
        m.d.sync += [
            reading.eq(self.read),
            replace.eq(self.replace),
            element.eq(self.read_place.element),
            addresses[0].eq(Mux(self.copy, self.copy_address, self.read_place.address)),
            addresses[1].eq(addresses[0]),
            addresses[2].eq(addresses[1]),
            copying[0].eq(self.copy),
            copying[1].eq(copying[0]),
            copying[2].eq(copying[1]),
            write_address.eq(waiting_address),
            written.eq(self.write_positive),
        ]
        m.d.comb += self.copying.eq(copying[0] | copying[1] | copying[2])

        sources = []
        for e in range(self._shape.elements):
            depth = self._shape.depth
            m.submodules[f"current_{e}"] = current = Memory(shape=LANES, depth=depth, init=[])
            m.submodules[f"visible_{e}"] = visible = Memory(shape=LANES, depth=depth, init=[])
            fetch, copy = visible.read_port(), visible.write_port()
            read_port, write_port = current.read_port(), current.write_port()
            waiting = Signal(name=f"waiting_{e}", reset_less=True)
            writing = Signal(name=f"writing_{e}", reset_less=True)
            taking = Signal(name=f"taking_{e}", reset_less=True)
            copied = Signal(name=f"copied_{e}", reset_less=True)
            taken = Signal(LANES, name=f"taken_{e}", reset_less=True)
            m.d.sync += [
                waiting.eq(write & (write_place.element == e)),
                writing.eq(waiting),
                taking.eq(copying[0] | (reading & (element == e))),
                copied.eq(copying[1] & self.copy_elements[e]),
            ]
            with m.If(taking):
                m.d.sync += taken.eq(read_port.data)
            with m.Else():
                m.d.sync += taken.eq(0)
            sources.append(taken)
            m.d.comb += [
                fetch.addr.eq(self.signs.addresses[e]),
                self.signs.signs[e].eq(fetch.data),
                copy.addr.eq(addresses[2]),
                copy.data.eq(taken),
                copy.en.eq(copied),
                read_port.addr.eq(addresses[0]),
                read_port.en.eq(copying[0] | (reading & (element == e))),
                write_port.addr.eq(write_address),
                write_port.data.eq(written),
                write_port.en.eq(writing),
            ]
        merged = Signal(LANES, name="merged", reset_less=True)
        m.d.sync += merged.eq(Mux(replace, self.inject, reduce(or_, sources)))
        m.d.comb += self.positive.eq(merged)
        return m
