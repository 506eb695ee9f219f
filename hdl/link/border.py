"""Registers between link and core, where these may lie far apart."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..bundles import CoreSignature
from ..shape import Shape


class Border(wiring.Component):
    """Hand words and host accesses over through registers, in both directions.

    No path leads from one side through logic to the other, but for runs. A sample word and a
    prediction take two cycles, a host access two more than the core does. Costs a word of samples,
    a prediction, the request and answer of an access, and some look-up tables.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    link, core : Out(CoreSignature), In(CoreSignature)
        To be connected with the link, as the core would be, and with the core.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__({"link": Out(CoreSignature(shape)), "core": In(CoreSignature(shape))})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        link, core = self.link, self.core
        m.d.comb += [
            core.run.payload.eq(link.run.payload),
            core.run.valid.eq(link.run.valid),
            link.run.ready.eq(core.run.ready),
        ]
        self._samples(m)
        self._predictions(m)
        self._host(m)
        return m

    def _samples(self, m: Module) -> None:
        """Keep a word until the core takes it, or until the run is over."""
        link, core = self.link.samples, self.core.samples
        payload = Signal.like(core.payload, reset_less=True)
        m.d.comb += [core.payload.eq(payload), link.ready.eq(~core.valid)]
        full = Signal()
        m.d.comb += core.valid.eq(full)
        with m.If(~full):
            m.d.sync += payload.eq(link.payload)
        m.d.sync += full.eq(Mux(full, ~core.ready, link.valid) & ~self.core.idle)

    def _predictions(self, m: Module) -> None:
        """Keep a prediction until the link takes it; until then, the core is not idle for it."""
        link, core = self.link.predictions, self.core.predictions
        payload, full = Signal.like(core.payload, reset_less=True), Signal()
        m.d.comb += [
            link.payload.eq(payload),
            link.valid.eq(full),
            core.ready.eq(~full),
            self.link.idle.eq(self.core.idle & ~full),
        ]
        with m.If(~full):
            m.d.sync += payload.eq(core.payload)
        m.d.sync += full.eq(Mux(full, ~link.ready, core.valid))

    def _host(self, m: Module) -> None:
        """Hand a request over, and its answer back."""
        link, core = self.link.host, self.core.host
        asked = ("write", "space", "element", "address", "part", "write_data")
        for name in asked:
            there = getattr(core, name)
            kept = Signal(there.shape(), name=name, reset_less=True)
            m.d.comb += there.eq(kept)
            # The link's stands still for as long as this is needed.
            m.d.sync += kept.eq(getattr(link, name))
        valid, ready = Signal(), Signal()
        read_data = Signal.like(link.read_data, reset_less=True)
        m.d.comb += [
            core.valid.eq(valid),
            link.ready.eq(ready),
            link.read_data.eq(read_data),
        ]
        answered = valid & core.ready
        m.d.sync += [
            valid.eq(Mux(valid, ~core.ready, link.valid & ~ready)),
            ready.eq(answered),
            read_data.eq(core.read_data),
        ]
