"""Inputs for the array: which word of the records is read when."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..setup import NetworkSetup
from ..shape import Shape
from .ring import RecordPointer, record_address_bits, slot_bits


class Fetch(wiring.Component):
    """Walk through the records, a visit's words at a time.

    A request taken in cycle 0 reads a label in cycle 1, if it is the first of a record, and the
    words of all elements from cycle 2 on, back to back; column 0 at once, column s s cycles later.
    Requests are taken ``elements + 1`` cycles apart or more.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    network : In(NetworkSetup)
    start : In(1)
        Begin with record 0.
    valid, first : In(1)
    ready : Out(1)
        See :class:`~metabit.hdl.bundles.InputFetch`.
    loaded : In(1)
        The record that ``slot`` and ``lap`` name has been filled.
    slot, lap : Out
        The next record.
    read : Out(1)
        Column 0 reads the word at ``address``.
    label : Out(1)
        It is a label.
    lead : Out(1)
        The next one is element 0's.
    address : Out
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        super().__init__(
            {
                "network": In(NetworkSetup(shape)),
                "start": In(1),
                "valid": In(1),
                "first": In(1),
                "ready": Out(1),
                "loaded": In(1),
                "slot": Out(slot_bits(shape)),
                "lap": Out(1),
                "read": Out(1),
                "label": Out(1),
                "lead": Out(1),
                "address": Out(record_address_bits(shape)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.record = record = RecordPointer(self._shape)
        left = Signal(range(self._shape.elements + 1))
        taken = Signal()
        m.d.comb += [
            record.network.eq(self.network),
            record.start.eq(self.start),
            record.advance.eq(taken & self.first),
            self.slot.eq(record.slot),
            self.lap.eq(record.lap),
            self.ready.eq(~self.lead & (left <= 1) & (self.loaded | ~self.first)),
            taken.eq(self.valid & self.ready),
            self.read.eq(self.label | (left != 0)),
        ]
        m.d.sync += [self.lead.eq(taken), self.label.eq(taken & self.first)]
        with m.If(self.lead):
            m.d.sync += left.eq(self._shape.elements)
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        with m.If(taken & self.first):
            m.d.sync += self.address.eq(record.base)
        with m.Elif(self.read):
            m.d.sync += self.address.eq(self.address + 1)
        return m
