"""The update engine's control: from jobs to beats of 64 weights."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..bundles import Job, Kind, address_bits
from ..select import select
from ..setup import NetworkSetup, layers_layout
from ..shape import LANES, Shape
from ..store.counters import Place
from ..store.ring import RecordPointer, SampleCursor, record_address_bits, slot_bits

_LANE_BITS = 6
WORD_BITS = 4
"""Of the number of a weight within a golden word of 16."""


class Rows(wiring.Component):
    """Walk along the rows of winners, 64 weights a cycle, and along the samples that they learn.

    A row of K weights takes ceil(K / 64) beats: elements of a visit, visit after visit, and as
    many words of the sample's inputs, in order. A beat waits while ``blocked``. Between rows lie
    at least one cycle without a beat, and as many as the pipeline needs if the row is so short
    that the next one, if it is the same, would read what is still on its way. After a TILE neither
    ROW nor TILE is begun until ``committed``. The next job waits in a register.

    Parameters
    ----------
    shape : Shape
    latency : int
        Cycles after a beat from which its weights may be read again.

    Attributes
    ----------
    jobs : In(stream of Job)
    network, layers : In
        Setups.
    start : In(1)
        A run begins.
    hold : In(1)
        Take no job.
    blocked : In(1)
        The inputs of ``column`` cannot be read in this cycle.
    begin : Out(1)
        A row begins, a cycle before its first beat or more.
    beat : Out(1)
        64 weights at ``place`` meet the inputs at ``address`` of ``column``; ``desired``.
    place, column, address, desired : Out
    end : Out(1)
        It is the last beat of its row; ``tail`` counts.
    tail : Out(6)
        Last valid lane of the last beat of a row.
    layer : Out
    shift : Out(5)
        Of the layer's reinforcement.
    row : Out(1)
        A row of layer ``layer`` at sign word ``row_address`` begins.
    row_address : Out
    slot, lap : Out
        Of the record in use; those before are free.
    tile : Out(1)
        A tile is over, and not committed.
    committed : In(1)
        Its signs have been read: go on.
    busy : Out(1)
        A row is in progress.
    still : Out(1)
        No job is in progress, and if ``hold``, none begins.
    idle : Out(1)
        No job is in progress, and none waits.
    """

    def __init__(self, shape: Shape, latency: int) -> None:
        self._shape = shape
        self._latency = latency
        super().__init__(
            {
                "jobs": In(stream.Signature(Job(shape))),
                "network": In(NetworkSetup(shape)),
                "layers": In(layers_layout(shape)),
                "start": In(1),
                "hold": In(1),
                "blocked": In(1),
                "begin": Out(1),
                "beat": Out(1),
                "place": Out(Place(shape)),
                "column": Out(ceil_log2(shape.samples)),
                "address": Out(record_address_bits(shape)),
                "desired": Out(1),
                "end": Out(1),
                "tail": Out(_LANE_BITS),
                "layer": Out(range(shape.layers)),
                "shift": Out(5),
                "row": Out(1),
                "row_address": Out(address_bits(shape)),
                "slot": Out(slot_bits(shape)),
                "lap": Out(1),
                "tile": Out(1),
                "committed": In(1),
                "busy": Out(1),
                "still": Out(1),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape = self._shape
        job, waits, takes = Signal(Job(shape), reset_less=True), Signal(), Signal()
        m.d.comb += self.jobs.ready.eq(~waits | takes)
        with m.If(self.jobs.ready):
            m.d.sync += [waits.eq(self.jobs.valid), job.eq(self.jobs.payload)]
        with m.If(self.committed):
            m.d.sync += self.tile.eq(0)
        m.submodules.cursor = cursor = SampleCursor(shape)
        m.submodules.record = record = RecordPointer(shape, first=1)
        m.d.comb += [
            cursor.network.eq(self.network),
            cursor.start.eq(self.start),
            record.network.eq(self.network),
            record.start.eq(self.start),
            self.column.eq(cursor.column),
            self.slot.eq(record.slot),
            self.lap.eq(record.lap),
        ]

        # What belongs to the layer follows `layer` by one cycle, `last_weight` by two, `short` by
        # three: it is needed when the first row is over.
        setup = Signal(self.layers.shape().elem_shape)
        last_weight, short = Signal.like(setup.fan_in), Signal()
        offset = Signal(record_address_bits(shape))  # of the layer's inputs in the record
        m.d.sync += [
            setup.eq(select([self.layers[n] for n in range(shape.layers)], self.layer)),
            last_weight.eq(setup.fan_in - 1),
            # Beats of a row: the next one follows two cycles after its last.
            short.eq(last_weight[_LANE_BITS:] < self._latency - 2),
        ]
        m.d.comb += [self.tail.eq(last_weight), self.shift.eq(setup.shift)]
        beats_left = Signal(len(setup.fan_in) - min(_LANE_BITS, len(setup.fan_in) - 1))
        m.d.comb += self.end.eq(beats_left == 0)

        waited = Signal(range(self._latency))
        with m.FSM(name="rows") as fsm:
            m.d.comb += [
                self.busy.eq(fsm.ongoing("Send beats")),
                self.still.eq(fsm.ongoing("Take job")),
                self.idle.eq(self.still & ~waits),
                self.row_address.eq(job.address),
            ]
            with m.State("Take job"):
                changes = (job.kind == Kind.ROW) | (job.kind == Kind.TILE)
                m.d.comb += takes.eq(waits & ~self.hold & ~(self.tile & changes))
                with m.If(takes):
                    with m.Switch(job.kind):
                        with m.Case(Kind.ROW):
                            m.d.comb += self.row.eq(1)
                            m.next = "Send beats"
                        with m.Case(Kind.LAYER):
                            m.d.sync += [
                                self.layer.eq(self.layer + 1),
                                offset.eq(offset + setup.region),
                            ]
                            m.next = "Look up layer"
                        with m.Case(Kind.SAMPLE):
                            m.d.comb += [cursor.advance.eq(1), record.advance.eq(cursor.last)]
                            m.d.sync += [self.layer.eq(0), offset.eq(0)]
                            with m.If(self.layer != 0):
                                m.next = "Look up layer"
                        with m.Case(Kind.TILE):
                            m.d.sync += self.tile.eq(1)
            with m.State("Look up layer"):
                m.next = "Prepare layer"
            with m.State("Prepare layer"):
                m.next = "Take job"
            with m.State("Send beats"):
                m.d.comb += self.beat.eq(~self.blocked)
                with m.If(self.beat & self.end):
                    m.next = "Take job"
                    with m.If(short):
                        m.next = "Await pipeline"
            with m.State("Await pipeline"):
                m.d.sync += waited.eq(waited + 1)
                with m.If(waited == self._latency - 3):
                    m.d.sync += waited.eq(0)
                    m.next = "Take job"
        with m.If(self.start):
            m.d.sync += [self.layer.eq(0), offset.eq(0)]

        m.d.sync += self.begin.eq(self.row)
        with m.If(self.row):
            m.d.sync += [
                self.place.address.eq(job.address),
                self.place.element.eq(0),
                self.address.eq(record.base + offset),
                self.desired.eq(job.desired),
                beats_left.eq(last_weight[_LANE_BITS:]),
            ]
        with m.Elif(self.beat):
            m.d.sync += [self.address.eq(self.address + 1), beats_left.eq(beats_left - 1)]
            with m.If(self.place.element == shape.elements - 1):
                m.d.sync += [
                    self.place.element.eq(0),
                    self.place.address.eq(self.place.address + setup.neurons),
                ]
            with m.Else():
                m.d.sync += self.place.element.eq(self.place.element + 1)
        return m


assert 1 << _LANE_BITS == LANES
