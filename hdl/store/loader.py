"""The loader: samples of a run, word by word, into the ring of records."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..setup import NetworkSetup
from ..shape import LANES, Shape
from .ring import RecordPointer, SampleCursor, record_address_bits, slot_bits
from .signature import COUNT_BITS


class Loader(wiring.Component):
    """Place the samples of a run in the columns of one record after the other.

    A sample is its label and the inputs of layer 0. The loader waits while all records are taken,
    and takes nothing between the last sample of a run and the next ``start``. A word a cycle, and
    a cycle between samples.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    network : In(NetworkSetup)
    region : In
        Words of the inputs of layer 0.
    start : In(1)
        Begin a run of ``count`` samples, at record 0.
    count : In(24)
    samples : In(stream.Signature(64))
    full : In(1)
        The record that ``slot`` and ``lap`` name is still in use.
    slot, lap : Out
        Of the record being filled; those before have been filled in all their columns.
    valid : Out(1)
        Write ``word`` to ``address`` of column ``column`` ...
    granted : In(1)
        ... if this is high in the same cycle; else the word waits.
    column, address, word : Out
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        setup = NetworkSetup(shape)
        super().__init__(
            {
                "network": In(setup),
                "region": In(record_address_bits(shape)),
                "start": In(1),
                "count": In(COUNT_BITS),
                "samples": In(stream.Signature(LANES)),
                "full": In(1),
                "slot": Out(slot_bits(shape)),
                "lap": Out(1),
                "valid": Out(1),
                "granted": In(1),
                "column": Out(ceil_log2(shape.samples)),
                "address": Out(record_address_bits(shape)),
                "word": Out(LANES),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.cursor = cursor = SampleCursor(self._shape)
        m.submodules.record = record = RecordPointer(self._shape)
        m.d.comb += [
            cursor.network.eq(self.network),
            cursor.start.eq(self.start),
            record.network.eq(self.network),
            record.start.eq(self.start),
            self.slot.eq(record.slot),
            self.lap.eq(record.lap),
            self.column.eq(cursor.column),
            self.word.eq(self.samples.payload),
        ]
        remaining = Signal(COUNT_BITS)
        left = Signal.like(self.region)
        # In registers, as much depends on them: samples and words to come.
        none, one, last_word = Signal(), Signal(), Signal()
        m.d.sync += one.eq(remaining == 1)
        with m.FSM(name="loader"):
            with m.State("Await run"):
                m.d.sync += [remaining.eq(self.count), none.eq(self.count == 0)]
                with m.If(self.start):
                    m.next = "Begin sample"
            with m.State("Begin sample"):
                m.d.sync += [
                    self.address.eq(record.base),
                    left.eq(self.region),
                    last_word.eq(self.region == 0),
                ]
                with m.If(none):
                    m.next = "Await run"
                with m.Elif(~self.full):
                    m.next = "Take words"
            with m.State("Take words"):
                m.d.comb += [
                    self.valid.eq(self.samples.valid),
                    self.samples.ready.eq(self.granted),
                ]
                with m.If(self.samples.valid & self.granted):
                    m.d.sync += [
                        self.address.eq(self.address + 1),
                        left.eq(left - 1),
                        last_word.eq(left == 1),
                    ]
                    with m.If(last_word):
                        m.d.sync += [remaining.eq(remaining - 1), none.eq(one)]
                        m.d.comb += [
                            cursor.advance.eq(1),
                            record.advance.eq(cursor.last | one),
                        ]
                        m.next = "Begin sample"
        return m
