"""A core without a network: takes samples, gives their labels back, and keeps a diary."""

from amaranth.hdl import Cat, Const, Module, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out
from amaranth.sim import SimulatorContext

from metabit.hdl.bundles import CoreSignature, Space
from metabit.hdl.link.link import Link
from metabit.hdl.shape import Shape

PATTERN = 0x5EED


def stored(space: int, element: int, part: int, address: int) -> int:
    """Word that the fake core gives for a place."""
    return address | part << 16 | element << 20 | space << 28 | PATTERN << 32


class FakeCore(wiring.Component):
    """Stands in for the core: the prediction of a sample is the low byte of its first word.

    Parameters
    ----------
    shape : Shape
    sample_words : int
        Words of a sample.
    ring : int
        Samples that it takes before their predictions have been taken.
    latency : int
        Cycles of a host access.

    Attributes
    ----------
    hold : in
        Stops it, host accesses and predictions, too.
    mute : in
        Stops predictions.
    """

    def __init__(
        self, shape: Shape, *, sample_words: int = 2, ring: int = 8, latency: int = 1
    ) -> None:
        self._sample_words = sample_words
        self._ring = ring
        self._latency = latency
        members = dict(CoreSignature(shape).members)
        super().__init__({**members, "hold": In(1), "mute": In(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.fifo = fifo = SyncFIFO(width=8, depth=self._ring)
        left = Signal(24)
        word = Signal(range(self._sample_words))
        label = Signal(8)
        running = Signal()
        last = word == self._sample_words - 1
        m.d.comb += [
            self.idle.eq(~running),
            self.run.ready.eq(~running & ~self.hold),
            self.samples.ready.eq(running & ~self.hold & (left != 0) & (fifo.w_rdy | ~last)),
            fifo.w_data.eq(self.samples.payload[:8] if self._sample_words == 1 else label),
            fifo.w_en.eq(self.samples.valid & self.samples.ready & last),
            self.predictions.payload.eq(fifo.r_data),
            self.predictions.valid.eq(fifo.r_rdy & ~self.hold & ~self.mute),
            fifo.r_en.eq(self.predictions.valid & self.predictions.ready),
        ]
        with m.If(self.run.valid & self.run.ready):
            m.d.sync += [running.eq(1), left.eq(self.run.payload.samples), word.eq(0)]
        with m.Elif((left == 0) & (fifo.level == 0) & ~self.hold):
            m.d.sync += running.eq(0)
        with m.If(self.samples.valid & self.samples.ready):
            m.d.sync += word.eq(word + 1)
            with m.If(word == 0):
                m.d.sync += label.eq(self.samples.payload)
            with m.If(last):
                m.d.sync += [word.eq(0), left.eq(left - 1)]

        wait = Signal(range(self._latency + 1), init=self._latency)
        host = self.host
        m.d.comb += [
            host.ready.eq(host.valid & ~self.hold & self.idle & (wait == 0)),
            host.read_data.eq(
                host.address
                | host.part.shift_left(16)
                | host.element.shift_left(20)
                | host.space.as_value().shift_left(28)
                | (PATTERN << 32)
            ),
        ]
        with m.If(~host.valid | host.ready):
            m.d.sync += wait.eq(self._latency)
        with m.Elif(wait != 0):
            m.d.sync += wait.eq(wait - 1)
        return m


class LinkAndFakeCore(wiring.Component):
    """A device with a fake core."""

    def __init__(self, shape: Shape, **options: int) -> None:
        super().__init__({"rx": In(stream.Signature(8)), "tx": Out(stream.Signature(8))})
        self.link = Link(shape)
        self.core = FakeCore(shape, **options)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.link = link = self.link
        m.submodules.core = ResetInserter(link.abort)(self.core)
        core = self.core
        wiring.connect(m, wiring.flipped(self.rx), link.rx)
        wiring.connect(m, link.tx, wiring.flipped(self.tx))
        wiring.connect(m, link.core.run, core.run)
        wiring.connect(m, link.core.samples, core.samples)
        wiring.connect(m, link.core.predictions, core.predictions)
        wiring.connect(m, link.core.host, core.host)
        m.d.comb += link.core.idle.eq(core.idle)
        return m


class Diary:
    """What the core saw.

    Attributes
    ----------
    entries : list
        ``("run", samples, train, drain, annealing, damping)``, ``("word", value)``,
        ``("write", space, element, part, address, data)``, ``("read", space, ...)``.
    aborts : int
        Resets of the core.
    """

    def __init__(self, dut: LinkAndFakeCore) -> None:
        self._dut = dut
        self.entries: list[tuple] = []
        self.aborts = 0

    async def watch(self, ctx: SimulatorContext) -> None:
        """Background testbench that writes the diary."""
        core, host = self._dut.core, self._dut.core.host
        while True:
            *_, abort, run, started, word, taken, access, place, data = await ctx.tick().sample(
                self._dut.link.abort,
                core.run.payload.as_value(),
                core.run.valid & core.run.ready,
                core.samples.payload,
                core.samples.valid & core.samples.ready,
                Cat(host.valid & host.ready, host.write),
                Cat(
                    Const(0, 8) | host.space.as_value(),
                    Const(0, 8) | host.element,
                    Const(0, 8) | host.part,
                    host.address,
                ),
                host.write_data,
            )
            self.aborts += abort
            if started:
                fields = (run & 0xFFFFFF, run >> 24 & 1, run >> 25 & 1, run >> 26 & 3, run >> 28)
                self.entries.append(("run", *fields))
            if taken:
                self.entries.append(("word", word))
            if access & 1:
                where = (Space(place & 255), place >> 8 & 255, place >> 16 & 255, place >> 24)
                if access & 2:
                    self.entries.append(("write", *where, data))
                else:
                    self.entries.append(("read", *where))

    def take(self) -> list[tuple]:
        """Return all entries, and forget them."""
        entries, self.entries = self.entries, []
        return entries
