"""The whole device: a byte stream in, a byte stream out, the core between."""

from typing import Any

from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .core import Core
from .encode.frontend import Frontend
from .link.border import Border
from .link.link import Link
from .memory.signature import Fetch, Part, Store
from .pipeline import OWN
from .play.conductor import Conductor
from .play.player import Player
from .shape import LANES, Shape


class Device(wiring.Component):
    """Link and core. Simulation drives its streams; on a board they end in a UART.

    Parameters
    ----------
    shape : Shape
        What is built.
    supply : bool
        Add a second way in for samples, from memory beside the device.

    Attributes
    ----------
    rx, tx : streams of 8 bits, in and out
        Frames of :mod:`metabit.hdl.link.protocol` from and to the host.
    supplied : In(1)
        Only with ``supply``: samples come from ``samples`` and predictions go to ``predictions``
        instead of through the link; steady while a run is in progress.
    samples : In(stream of 64 bits)
    predictions : Out(stream of 8 bits)
    fetch, store : Out(Fetch), Out(Store)
        Only of shapes that play stored samples: the way to the controller of the memory; ``store``
        only where it can be written.
    instruct : Out(stream of Part)
        Only of shapes that keep something in a flash: instructions of the host to it.
    """

    def __init__(self, shape: Shape, *, supply: bool = False) -> None:
        self.shape = shape
        self._supply = supply
        members = {"rx": In(stream.Signature(8)), "tx": Out(stream.Signature(8))}
        if supply:
            members |= {
                "supplied": In(1),
                "samples": In(stream.Signature(LANES)),
                "predictions": Out(stream.Signature(8)),
            }
        if shape.stored != "none":
            members["fetch"] = Out(Fetch())
        if shape.writable:
            members["store"] = Out(Store())
        if shape.keeps:
            members["instruct"] = Out(stream.Signature(Part()))
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.link = link = Link(self.shape)
        m.submodules.core = core = Core(self.shape)
        # In a register, as it goes all over the core. Neither the rest of the link's reply nor a
        # request that follows gets to the core in the cycles that this takes.
        m.d.sync += core.abort.eq(link.abort)
        wiring.connect(m, wiring.flipped(self.rx), link.rx)
        wiring.connect(m, link.tx, wiring.flipped(self.tx))
        host: Any = link.core
        abort: Signal = core.abort
        if self.shape.memory == "block":
            # A large device.
            abort = Signal(attrs={OWN: 1})
            m.d.sync += abort.eq(core.abort)
        if self.shape.writable:
            # Where the memory is written through the link, whole trainings run from it.
            m.submodules.conductor = conductor = ResetInserter(abort)(Conductor(self.shape))
            wiring.connect(m, host, conductor.link)
            host = conductor.player
        if self.shape.memory == "block":
            border = Border(self.shape)
            m.submodules.border = ResetInserter(abort)(border)
            wiring.connect(m, host, border.link)
            host = border.core
        if self.shape.stored != "none":
            host = self._play(m, host, core, abort)
        inner: Any = core
        if self.shape.encodes is not None:
            inner = self._encode(m, core, abort)
        wiring.connect(m, host.run, inner.run)
        wiring.connect(m, host.host, inner.host)
        m.d.comb += host.idle.eq(inner.idle)
        if not self._supply:
            wiring.connect(m, host.samples, inner.samples)
            wiring.connect(m, inner.predictions, host.predictions)
            return m
        inside, beside = host.samples, self.samples
        # The store must see no word before a run has started; through the link none can come.
        begun, running = Signal(), Signal()
        m.d.sync += [begun.eq(~inner.idle), running.eq(begun & ~inner.idle)]
        m.d.comb += [
            host.predictions.payload.eq(inner.predictions.payload),
            self.predictions.payload.eq(inner.predictions.payload),
        ]
        with m.If(self.supplied):
            m.d.comb += [
                inner.samples.valid.eq(beside.valid & running),
                inner.samples.payload.eq(beside.payload),
                beside.ready.eq(inner.samples.ready & running),
                self.predictions.valid.eq(inner.predictions.valid),
                inner.predictions.ready.eq(self.predictions.ready),
            ]
        with m.Else():
            m.d.comb += [
                inner.samples.valid.eq(inside.valid),
                inner.samples.payload.eq(inside.payload),
                inside.ready.eq(inner.samples.ready),
                host.predictions.valid.eq(inner.predictions.valid),
                inner.predictions.ready.eq(host.predictions.ready),
            ]
        return m

    def _play(self, m: Module, host: Any, core: Core, abort: Signal) -> Any:
        """Put a player in front of the core, and return its side of the core."""
        m.submodules.player = player = Player(self.shape)
        wiring.connect(m, player.fetch, wiring.flipped(self.fetch))
        if self.shape.writable:
            wiring.connect(m, player.store, wiring.flipped(self.store))
        if self.shape.keeps:
            wiring.connect(m, player.instruct, wiring.flipped(self.instruct))
        wiring.connect(m, host, player.link)
        m.d.comb += player.abort.eq(abort)
        wiring.connect(m, core.outcome, player.outcome)
        return player.core

    def _encode(self, m: Module, core: Core, abort: Signal) -> Any:
        """Put a front end in front of the core, and return its side of the link."""
        frontend = Frontend(self.shape)
        m.submodules.frontend = ResetInserter(abort)(frontend)
        for name in ("run", "samples", "host"):
            wiring.connect(m, getattr(frontend.core, name), getattr(core, name))
        wiring.connect(m, core.predictions, frontend.core.predictions)
        m.d.comb += frontend.core.idle.eq(core.idle)
        return frontend.link
