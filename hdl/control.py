"""Control: the setup registers, the run in progress, and the host's way to the memories."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .bundles import HostAccess, Run, Space
from .setup import (
    LAYER_WORD,
    NETWORK_WORD,
    RECORD_WORD,
    NetworkSetup,
    RunSetup,
    layers_layout,
)
from .shape import Shape


class Control(wiring.Component):
    """Start runs, and let the host in while none is in progress.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    run : In(stream of Run)
        Taken while nothing runs.
    host : In(HostAccess)
    store_host : Out(HostAccess)
        What is the store's.
    network, layers, setup : Out
        Setups of network, layers and run.
    start : Out(1)
        A run begins, of ``count`` samples.
    count : Out(24)
    drain : Out(1)
    busy : In(1)
        Some block is at work.
    running : Out(1)
        A run is in progress.
    idle : Out(1)
        None is, and nothing is at work.
    codes_write : Out(1)
        Write the host's word to the code memory.
    statistics_clear : Out(1)
    statistics : In(32)
        Count at the host's address.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        super().__init__(
            {
                "run": In(stream.Signature(Run(encodes=shape.encodes is not None))),
                "host": In(HostAccess(shape)),
                "store_host": Out(HostAccess(shape)),
                "network": Out(NetworkSetup(shape)),
                "layers": Out(layers_layout(shape)),
                "setup": Out(RunSetup()),
                "start": Out(1),
                "count": Out(24),
                "drain": Out(1),
                "busy": In(1),
                "running": Out(1),
                "idle": Out(1),
                "codes_write": Out(1),
                "statistics_clear": Out(1),
                "statistics": In(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        run = self.run.payload
        m.d.sync += self.start.eq(0)
        with m.FSM(name="control"):
            with m.State("Idle"):
                m.d.comb += [self.run.ready.eq(1), self.idle.eq(~self.run.valid)]
                with m.If(self.run.valid):
                    m.d.sync += [
                        self.start.eq(1),
                        self.setup.train.eq(run.train),
                        self.setup.annealing.eq(run.annealing),
                        self.setup.damping.eq(run.damping),
                        self.drain.eq(run.drain),
                        self.count.eq(run.samples),
                    ]
                    m.next = "Start"
            with m.State("Start"):
                m.d.comb += self.running.eq(1)
                m.next = "Begin"
            with m.State("Begin"):
                # Every block is busy from the cycle after its start on.
                m.d.comb += self.running.eq(1)
                m.next = "Run"
            with m.State("Run"):
                m.d.comb += self.running.eq(1)
                with m.If(~self.busy):
                    m.next = "Idle"
        self._serve_host(m)
        return m

    def _serve_host(self, m: Module) -> None:
        """Write setups, and pass on what is for the memories."""
        host, store = self.host, self.store_host
        address, data = host.address, host.write_data
        # Registers on the way in and on the way out, so that no path leads from the link through
        # here into the memories, or back.
        allowed, done, counting, writes = Signal(), Signal(), Signal(), Signal()
        # Counts come two cycles later in large devices.
        counted: Value = allowed
        if self._shape.memory == "block":
            counted = Signal()
            m.d.sync += counted.eq(allowed & ~done)
        read_data = Signal.like(host.read_data, reset_less=True)
        m.d.sync += [
            allowed.eq(host.valid & self.idle & ~done & ~host.ready),
            host.ready.eq(done),
            read_data.eq(Mux(counting, self.statistics, store.read_data)),
            counting.eq(host.space == Space.STATISTICS),
        ]
        m.d.comb += [
            host.read_data.eq(read_data),
            store.write.eq(host.write),
            store.space.eq(host.space),
            store.element.eq(host.element),
            store.address.eq(address),
            store.part.eq(host.part),
            store.write_data.eq(data),
        ]
        with m.Switch(host.space):
            with m.Case(Space.SETUP):
                m.d.comb += done.eq(allowed)
                m.d.comb += writes.eq(allowed & host.write)
            with m.Case(Space.CODES):
                m.d.comb += [done.eq(allowed), self.codes_write.eq(allowed & host.write)]
            with m.Case(Space.STATISTICS):
                m.d.comb += [done.eq(counted), self.statistics_clear.eq(counted & host.write)]
            with m.Default():
                m.d.comb += [store.valid.eq(allowed), done.eq(allowed & store.ready)]
        self._write_setup(m, writes, address, data)

    def _write_setup(self, m: Module, writes: Signal, address: Signal, data: Signal) -> None:
        """Take a word, a cycle later than it is written: it goes to registers all over the core."""

        def take(fields: dict[str, tuple[int, int]], setup: object) -> None:
            for name, (start, width) in fields.items():
                m.d.sync += setup[name].eq(data[start : start + width])  # type: ignore[index]

        words = [(NETWORK_WORD, self.network), (RECORD_WORD, self.network)]
        words += [(LAYER_WORD, self.layers[layer]) for layer in range(self._shape.layers)]
        for number, (fields, setup) in enumerate(words):
            taken = Signal(name=f"taken_{number}")
            m.d.sync += taken.eq(writes & (address == number))
            with m.If(taken):
                take(fields, setup)
