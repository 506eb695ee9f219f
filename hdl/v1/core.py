"""The training core: all blocks of the datapath, wired together."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from ...golden.config import WORD, Config
from . import protocol
from .activations import Activations, Popcounts, Slot
from .array import Array
from .collector import Collector
from .execute import Execute
from .forward import Forward
from .generator import Generator
from .initialise import Initialise
from .layout import Layout
from .learn import Learn
from .protocol import Operation
from .row import Row
from .shifter import Shifter
from .spram import SpramStore
from .statistics import Statistics
from .store import BlockStore
from .update import Update


class Core(wiring.Component):
    """Train or infer one tile at a time, and give the host access to all state.

    Commands must be valid (the link checks them). A command that comes with data takes
    ``count * data_unit`` bytes of it; one that has a result gives ``count * result_unit`` bytes.
    Memories keep their contents over a reset; a RESET command defines them.

    Parameters
    ----------
    config : Config

    Attributes
    ----------
    command : In(stream.Signature(protocol.Command))
    data : In(stream.Signature(8))
    result : Out(stream.Signature(8))
    idle : Out(1)
        No command is in progress.
    """

    def __init__(self, config: Config) -> None:
        self._layout = Layout(config)
        super().__init__(
            {
                "command": In(stream.Signature(protocol.Command())),
                "data": In(stream.Signature(8)),
                "result": Out(stream.Signature(8)),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layout = self._layout
        memory = layout.config.array.memory
        store_type = SpramStore if memory == "spram" else BlockStore
        m.submodules.array = self._array = Array(layout)
        m.submodules.collector = self._collector = Collector(layout)
        m.submodules.activations = self._activations = Activations(layout)
        m.submodules.popcounts = self._popcounts = Popcounts(layout)
        m.submodules.store = self._store = store_type(layout)
        m.submodules.forward = self._forward = Forward(
            layout,
            interval=self._array.interval,
            settle=self._array.settle + self._collector.latency,
        )
        m.submodules.learn = self._learn = Learn(layout)
        m.submodules.row = self._row = Row(layout)
        m.submodules.update = self._update = Update(layout)
        m.submodules.generator = self._generator = Generator()
        m.submodules.initialise = self._initialise = Initialise(layout)
        m.submodules.shifter = self._shifter = Shifter(layout)
        m.submodules.statistics = self._statistics = Statistics(layout)
        m.submodules.execute = self._execute = Execute(layout)

        self._wire_forward(m)
        self._wire_learn(m)
        self._wire_store(m)
        self._wire_initialise(m)
        self._wire_host(m)
        self._wire_tile(m)
        return m

    def _wire_forward(self, m: Module) -> None:
        """Connect sequencer, memories, array and collector."""
        forward, array, collector = self._forward, self._array, self._collector
        m.d.comb += [
            self._store.fetch.eq(forward.fetch),
            self._store.address.eq(forward.sign_address),
            self._activations.fetch.eq(forward.fetch),
            self._activations.address.word.eq(forward.word),
            self._activations.address.pass_.eq(forward.pass_),
            array.flags.eq(forward.flags),
            array.signs.eq(self._store.signs),
            array.inputs.eq(self._activations.inputs),
            collector.valid.eq(array.valid),
            collector.totals.eq(array.totals),
            collector.restart.eq(forward.restart),
            collector.layer.eq(forward.layer),
            collector.scores.eq(forward.scores),
            collector.pass_.eq(forward.pass_),
            collector.flush.eq(forward.flush),
            collector.plane.eq(forward.plane),
            self._activations.write.eq(collector.activations),
            self._popcounts.write.eq(collector.popcounts),
        ]

    def _wire_learn(self, m: Module) -> None:
        """Connect head and winner to the row update."""
        learn, row, generator, execute = self._learn, self._row, self._generator, self._execute
        in_flight = Signal(range(8))
        requested = row.read.valid & row.read.ready
        written = self._update.write.valid & self._update.write.ready
        m.d.sync += in_flight.eq(in_flight + requested - written)
        m.d.comb += [
            learn.training.eq(execute.operation == Operation.TRAIN),
            learn.samples.eq(execute.samples),
            learn.count.eq(self._popcounts.count),
            learn.word.valid.eq(self._store.word.valid),
            learn.word.payload.eq(self._store.word.payload),
            learn.row_busy.eq(row.busy | (in_flight != 0)),
            row.start.eq(learn.row_start),
            row.location.eq(learn.winner),
            row.layer.eq(learn.layer),
            row.slot.eq(learn.slot),
            row.desired.eq(learn.desired),
            row.annealing.eq(execute.annealing),
            row.damping.eq(execute.damping),
            row.draw.eq(generator.state),
            row.inputs.eq(self._activations.chunk),
            self._activations.read.eq(row.fetch),
            self._activations.read_slot.eq(learn.slot),
            self._activations.read_word.eq(row.word),
            self._activations.read_chunk.eq(row.chunk),
            self._statistics.events.eq(learn.events),
            self._statistics.layer.eq(learn.layer),
        ]

        m.submodules.labels = labels = Memory(shape=8, depth=self._layout.config.tile, init=[])
        write_port, read_port = labels.write_port(), labels.read_port()
        m.d.comb += [
            read_port.addr.eq(learn.slot),
            learn.label.eq(read_port.data),
            write_port.addr.eq(execute.unit),
            write_port.data.eq(self._shifter.content[-8:]),
            write_port.en.eq(execute.store & (execute.operation == Operation.TRAIN)),
        ]

    def _wire_store(self, m: Module) -> None:
        """Share the store's word ports; the phases that use them exclude each other."""
        store, execute, learn, row = self._store, self._execute, self._learn, self._row
        update, initialise = self._update, self._initialise

        signs_only = execute.operation == Operation.READ_SIGNS
        word_read = execute.fetch & (signs_only | (execute.operation == Operation.READ_COUNTERS))
        asked = Signal()
        with m.If(~word_read | store.word.valid):
            m.d.sync += asked.eq(0)
        with m.Elif(store.read.ready):
            m.d.sync += asked.eq(1)
        with m.If(learn.updating):
            m.d.comb += [
                store.read.valid.eq(row.read.valid),
                store.read.payload.eq(row.read.payload),
                row.read.ready.eq(store.read.ready),
            ]
        with m.Elif(learn.busy):
            m.d.comb += [
                store.read.valid.eq(learn.read.valid),
                store.read.payload.eq(learn.read.payload),
                learn.read.ready.eq(store.read.ready),
            ]
        with m.Else():
            m.d.comb += [
                store.read.valid.eq(word_read & ~asked),
                store.read.payload.index.eq(execute.unit),
                store.read.payload.signs_only.eq(signs_only),
            ]

        m.d.comb += [
            update.word.valid.eq(store.word.valid & learn.updating),
            update.word.payload.eq(store.word.payload),
            store.write.valid.eq(
                Mux(learn.updating, update.write.valid, initialise.write)
                | (execute.store & (execute.operation == Operation.WRITE_COUNTERS))
            ),
            store.write.payload.eq(update.write.payload),
            update.write.ready.eq(learn.updating & store.write.ready),
            initialise.written.eq(store.write.ready),
        ]
        with m.If(~learn.updating):
            m.d.comb += [
                store.write.payload.counters.eq(self._shifter.content),
                store.write.payload.flips.eq(1),
                store.write.payload.signs_only.eq(initialise.write & initialise.signs_only),
                store.write.payload.index.eq(
                    Mux(initialise.write, initialise.index.as_value(), execute.unit)
                ),
            ]

    def _wire_initialise(self, m: Module) -> None:
        """Connect generator and shifter to the drawing of the initial state."""
        generator, initialise, execute = self._generator, self._initialise, self._execute
        m.d.comb += [
            generator.load.eq(execute.load),
            generator.value.eq(execute.value),
            generator.step.eq(self._row.step | initialise.step),
            initialise.start.eq(execute.initialise),
            initialise.draw.eq(generator.state),
            self._shifter.shift_counter.eq(initialise.shift_counter),
            self._shifter.counter.eq(initialise.counter),
        ]

    def _wire_host(self, m: Module) -> None:
        """Connect the command streams, and what commands read and write."""
        execute, shifter, learn = self._execute, self._shifter, self._learn
        layout = self._layout
        wiring.connect(m, wiring.flipped(self.command), execute.command)
        wiring.connect(m, wiring.flipped(self.data), execute.data)
        m.d.comb += [
            self.idle.eq(execute.idle),
            self.result.valid.eq(execute.result.valid | learn.prediction.valid),
            self.result.payload.eq(
                Mux(learn.busy, learn.prediction.payload, execute.result.payload)
            ),
            execute.result.ready.eq(self.result.ready),
            learn.prediction.ready.eq(self.result.ready),
            shifter.shift_byte.eq(execute.shift),
            shifter.byte.eq(execute.byte),
            execute.low_byte.eq(shifter.content),
        ]

        # Writes: a unit of two bytes has just entered at the top of the shifter.
        chunk_bits = exact_log2(layout.chunks)
        slot = Signal(Slot(layout))
        m.d.comb += [slot.eq(execute.sample), execute.stored.eq(1)]
        with m.If(execute.operation == Operation.WRITE_COUNTERS):
            m.d.comb += execute.stored.eq(self._store.write.ready)
        with m.If(execute.store & (execute.operation == Operation.WRITE_INPUTS)):
            for s in range(layout.config.array.samples):
                write = self._activations.write[s]
                m.d.comb += [
                    write.word.eq(execute.unit >> chunk_bits),
                    write.pass_.eq(slot.pass_),
                    write.data.eq(shifter.content[-WORD:].replicate(layout.chunks)),
                ]
                for c in range(layout.chunks):
                    here = (slot.column == s) & (execute.unit[:chunk_bits] == c)
                    m.d.comb += write.enable[c].eq(here)

        # Reads: the popcounts answer some cycles after the request, the others at once.
        waited = Signal(range(Popcounts.latency + 1))
        m.d.sync += waited.eq(Mux(execute.fetch & ~execute.fetched, waited + 1, 0))
        m.d.comb += [
            self._popcounts.read_slot.eq(Mux(learn.busy, learn.slot, slot.as_value())),
            self._popcounts.read_index.eq(Mux(learn.busy, learn.index, execute.unit)),
            self._statistics.address.eq(execute.unit),
            self._statistics.clear.eq(execute.clear),
            shifter.load.eq(execute.fetched & execute.fetch),
        ]
        word = self._store.word.payload
        with m.Switch(execute.operation):
            with m.Case(Operation.READ_COUNTERS):
                m.d.comb += shifter.value.eq(word.counters)
            with m.Case(Operation.READ_SIGNS):
                m.d.comb += shifter.value.eq(word.signs)
            with m.Case(Operation.READ_POPCOUNTS):
                m.d.comb += shifter.value.eq(self._popcounts.count)
            with m.Case(Operation.READ_STATISTICS):
                m.d.comb += shifter.value.eq(self._statistics.count)
            with m.Default():
                m.d.comb += shifter.value.eq(self._generator.state)
        with m.Switch(execute.operation):
            with m.Case(Operation.READ_COUNTERS, Operation.READ_SIGNS):
                m.d.comb += execute.fetched.eq(self._store.word.valid)
            with m.Default():
                m.d.comb += execute.fetched.eq(waited == Popcounts.latency)

    def _wire_tile(self, m: Module) -> None:
        """Run the forward pass of a tile, then its learning pass."""
        forward, learn, execute = self._forward, self._learn, self._execute
        was_forward = Signal()
        m.d.sync += was_forward.eq(forward.busy)
        m.d.comb += [
            forward.start.eq(execute.run),
            forward.samples.eq(execute.samples),
            learn.start.eq(was_forward & ~forward.busy),
            execute.running.eq(forward.busy | was_forward | learn.busy | self._initialise.busy),
            Cat(
                self._statistics.phases.forward,
                self._statistics.phases.select,
                self._statistics.phases.update,
                self._statistics.phases.transfer,
            ).eq(
                Cat(
                    forward.busy,
                    learn.busy & ~learn.updating,
                    learn.updating,
                    execute.transferring,
                )
            ),
        ]
