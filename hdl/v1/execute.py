"""Execution of commands: transfers unit by unit, and the start of everything longer."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from . import protocol
from .layout import Layout
from .protocol import Operation
from .words import Index

_READS = (
    Operation.READ_COUNTERS,
    Operation.READ_SIGNS,
    Operation.READ_POPCOUNTS,
    Operation.READ_STATISTICS,
    Operation.READ_GENERATOR,
)


class Execute(wiring.Component):
    """Take commands one at a time.

    A write collects the bytes of a unit in the shifter and stores it; a read loads a unit into
    the shifter and sends its bytes. TRAIN collects its labels first.

    Parameters
    ----------
    layout : Layout

    Attributes
    ----------
    command, data, result, idle
        As of :class:`~metabit.hdl.v1.core.Core`; ``result`` carries reads only.
    operation : Out(Operation)
        Of the command in progress.
    sample, unit, remaining : Out
        Sample and address of the unit in progress, and units to come after it.
    annealing, damping : Out(2)
        Of the last TRAIN.
    samples : Out(7)
        Of the last TRAIN or INFER.
    shift : Out(1)
        Shift a byte of the shifter, in or out.
    byte : Out(8)
        The one to shift in.
    low_byte : In(8)
        The one that a shift sends.
    store : Out(1)
        A unit to write is complete in the shifter, or a label in ``byte``.
    stored : In(1)
        It has been taken.
    fetch : Out(1)
        Load the unit to read into the shifter.
    fetched : In(1)
        It is being loaded.
    clear, load, initialise, run : Out(1)
        Clear the statistics; load ``value`` into the generator; start to draw the initial state;
        start a tile.
    value : Out(32)
    running : In(1)
        What was started is under way.
    transferring : Out(1)
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__(
            {
                "command": In(stream.Signature(protocol.Command())),
                "data": In(stream.Signature(8)),
                "result": Out(stream.Signature(8)),
                "idle": Out(1),
                "operation": Out(Operation, init=Operation.IDENTIFY),
                "sample": Out(8),
                "unit": Out(max(Index(layout).size, ceil_log2(layout.popcount_count))),
                "remaining": Out(8),
                "annealing": Out(2),
                "damping": Out(2),
                "samples": Out(7),
                "shift": Out(1),
                "byte": Out(8),
                "low_byte": In(8),
                "store": Out(1),
                "stored": In(1),
                "fetch": Out(1),
                "fetched": In(1),
                "clear": Out(1),
                "load": Out(1),
                "value": Out(32),
                "initialise": Out(1),
                "run": Out(1),
                "running": In(1),
                "transferring": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        command = self.command.payload
        largest = max(
            protocol.data_unit(operation, self._layout.config)
            + protocol.result_unit(operation, self._layout.config)
            for operation in Operation
        )
        byte_count = Signal(range(largest + 1))

        m.d.comb += [
            self.value.eq(command.address),
            self.byte.eq(self.data.payload),
            self.result.payload.eq(self.low_byte),
        ]
        with m.FSM(name="execute") as fsm:
            m.d.comb += [
                self.idle.eq(fsm.ongoing("Idle")),
                self.transferring.eq(
                    fsm.ongoing("Receive")
                    | fsm.ongoing("Store")
                    | fsm.ongoing("Fetch")
                    | fsm.ongoing("Send")
                ),
            ]
            with m.State("Idle"):
                m.d.comb += self.command.ready.eq(1)
                m.d.sync += [
                    self.operation.eq(command.operation),
                    self.sample.eq(command.sample),
                    self.unit.eq(command.address),
                    self.remaining.eq(command.count - 1),
                    byte_count.eq(self._unit_bytes(command.operation) - 1),
                ]
                with m.If(self.command.valid):
                    self._dispatch(m)

            with m.State("Receive"):
                m.d.comb += [self.data.ready.eq(1), self.shift.eq(self.data.valid)]
                with m.If(self.data.valid):
                    m.d.sync += byte_count.eq(byte_count - 1)
                    with m.If(byte_count == 0):
                        m.next = "Store"
            with m.State("Store"):
                m.d.comb += self.store.eq(1)
                with m.If(self.stored):
                    self._end_unit(m, byte_count, "Receive")

            with m.State("Fetch"):
                m.d.comb += self.fetch.eq(1)
                with m.If(self.fetched):
                    m.next = "Send"
            with m.State("Send"):
                m.d.comb += [self.result.valid.eq(1), self.shift.eq(self.result.ready)]
                with m.If(self.result.ready):
                    m.d.sync += byte_count.eq(byte_count - 1)
                    with m.If(byte_count == 0):
                        self._end_unit(m, byte_count, "Fetch")

            with m.State("Initialise"):
                m.d.comb += self.initialise.eq(1)
                m.next = "Run"
            with m.State("Start tile"):
                m.d.comb += self.run.eq(1)
                m.next = "Run"
            with m.State("Run"):
                with m.If(~self.running):
                    m.next = "Idle"
        return m

    def _unit_bytes(self, operation: Value) -> Value:
        """Bytes of data or result per unit of an operation."""
        config = self._layout.config
        return Mux(
            (operation == Operation.READ_COUNTERS) | (operation == Operation.WRITE_COUNTERS),
            protocol.data_unit(Operation.WRITE_COUNTERS, config),
            Mux(
                (operation == Operation.READ_STATISTICS) | (operation == Operation.READ_GENERATOR),
                protocol.result_unit(Operation.READ_STATISTICS, config),
                Mux(
                    operation == Operation.TRAIN,
                    protocol.data_unit(Operation.TRAIN, config),
                    protocol.data_unit(Operation.WRITE_INPUTS, config),
                ),
            ),
        )

    def _dispatch(self, m: Module) -> None:
        """Begin the command that is offered."""
        command = self.command.payload
        with m.Switch(command.operation):
            with m.Case(Operation.RESET):
                m.d.comb += [self.load.eq(1), self.clear.eq(1)]
                m.next = "Initialise"
            with m.Case(Operation.WRITE_GENERATOR):
                m.d.comb += self.load.eq(1)
            with m.Case(Operation.CLEAR_STATISTICS):
                m.d.comb += self.clear.eq(1)
            with m.Case(Operation.TRAIN):
                m.d.sync += [
                    Cat(self.annealing, self.damping).eq(
                        Cat(command.address[:2], command.address[8:10])
                    ),
                    self.samples.eq(command.count),
                    self.unit.eq(0),
                ]
                m.next = "Receive"
            with m.Case(Operation.INFER):
                m.d.sync += self.samples.eq(command.count)
                m.next = "Start tile"
            with m.Case(Operation.WRITE_INPUTS, Operation.WRITE_COUNTERS):
                m.next = "Receive"
            with m.Case(*_READS):
                m.next = "Fetch"
            with m.Case():
                pass  # The link answers IDENTIFY itself and refuses what is no operation.

    def _end_unit(self, m: Module, byte_count: Signal, again: str) -> None:
        """Go on to the next unit, or finish."""
        m.d.sync += [
            self.unit.eq(self.unit + 1),
            self.remaining.eq(self.remaining - 1),
            byte_count.eq(self._unit_bytes(self.operation) - 1),
        ]
        m.next = again
        with m.If(self.remaining == 0):
            m.next = "Idle"
            if again == "Receive":
                with m.If(self.operation == Operation.TRAIN):
                    m.next = "Start tile"
