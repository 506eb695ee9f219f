"""The host's way to counters and generator."""

from amaranth.hdl import Cat, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..bundles import HostAccess, Space
from ..learn.draw import STATE_BITS
from ..shape import LANES, Shape


class Access(wiring.Component):
    """Serve the host, while nothing else happens.

    Counters take a slot of the port and five cycles, everything else is done at once. Whatever is
    not there is not read as zero but as the RAMs' output.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    host : In(HostAccess)
    slot : Out(1)
        Wants the next slot of the port; the address has been there for a cycle.
    ready : In(1)
        Gets it.
    writes : Out(1)
        The host's word goes into the RAMs in this cycle.
    read_data : In(64)
        Of the RAMs.
    state : In(32)
        Of the generator.
    load : Out(1)
        The generator takes the host's word.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__(
            {
                "host": In(HostAccess(shape)),
                "slot": Out(1),
                "ready": In(1),
                "writes": Out(1),
                "read_data": In(LANES),
                "state": In(STATE_BITS),
                "load": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        host, bits = self.host, len(self.state)
        generator = host.space == Space.GENERATOR
        low = Mux(generator, self.state, self.read_data[:bits])
        m.d.comb += [
            self.load.eq(host.valid & host.write & generator),
            host.read_data.eq(Cat(low, self.read_data[bits:])),
        ]
        m.d.sync += self.writes.eq(self.slot & self.ready & host.write)
        with m.FSM(name="access"):
            with m.State("Await host"):
                with m.If(host.space != Space.COUNTERS):
                    m.d.comb += host.ready.eq(1)
                with m.Elif(host.valid):
                    m.next = "Ask"
            with m.State("Ask"):
                m.d.comb += self.slot.eq(1)
                with m.If(self.ready):
                    m.next = "Access"
            with m.State("Access"):
                m.next = "Answer"
            with m.State("Answer"):
                m.d.comb += host.ready.eq(1)
                m.next = "Await host"
        return m
