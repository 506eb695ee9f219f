"""A check of stored samples: a CRC over a piece of memory."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..memory.signature import ADDRESS_BITS, Fetch
from .checksum import CRC_BITS, Checksum

_AT_ONCE = 1 << 11
"""Words of a request: long ones spare the memory commands."""


class Check(wiring.Component):
    """Fetch words of memory, and take their checksum.

    Attributes
    ----------
    start : In(1)
        Begin with ``words`` words from word ``base`` on.
    base, words : In(ADDRESS_BITS)
    fetch : Out(Fetch)
    crc : Out(32)
        Of all of them, once it is not ``busy`` any more.
    busy : Out(1)
        From the cycle after ``start`` on.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "start": In(1),
                "base": In(ADDRESS_BITS),
                "words": In(ADDRESS_BITS),
                "fetch": Out(Fetch()),
                "crc": Out(CRC_BITS),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.checksum = checksum = Checksum()
        wiring.connect(m, wiring.flipped(self.fetch.words), checksum.words)
        request = self.fetch.request
        left, to_come = Signal(ADDRESS_BITS), Signal(ADDRESS_BITS)
        long = Signal()
        m.d.sync += long.eq(left >= _AT_ONCE)
        m.d.comb += [
            self.crc.eq(checksum.crc),
            checksum.start.eq(self.start),
            request.payload.words.eq(Mux(long, _AT_ONCE, left)),
        ]
        with m.If(self.start):
            m.d.sync += to_come.eq(self.words)
        with m.Elif(checksum.words.valid & checksum.words.ready):
            m.d.sync += to_come.eq(to_come - 1)
        m.d.comb += self.busy.eq((to_come != 0) | checksum.busy)
        with m.FSM(name="check"):
            with m.State("Rest"):
                with m.If(self.start):
                    m.d.sync += [left.eq(self.words), request.payload.address.eq(self.base)]
                    m.next = "Look"
            with m.State("Look"):
                m.next = "Ask"
                with m.If(left == 0):
                    m.next = "Rest"
            with m.State("Ask"):
                m.d.comb += request.valid.eq(1)
                with m.If(request.ready):
                    m.d.sync += [
                        left.eq(left - request.payload.words),
                        request.payload.address.eq(request.payload.address + request.payload.words),
                    ]
                    m.next = "Look"
        return m
