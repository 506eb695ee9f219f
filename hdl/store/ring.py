"""The ring of records: who stands in which record, and which column is next."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..setup import NetworkSetup
from ..shape import Shape


def record_address_bits(shape: Shape) -> int:
    """Bits of the address of a word of a column's memory."""
    return max(1, ceil_log2(shape.records))


def slot_bits(shape: Shape) -> int:
    """Bits of a number of records: the shortest has a label and a word for every element."""
    return max(1, (shape.records // (1 + shape.elements)).bit_length())


class RecordPointer(wiring.Component):
    """One of those that walk around the ring: the loader, the forward pass, the updates.

    ``base <- base + record``, back to the beginning after ``slots`` records. A lap bit turns with
    every lap, so that two pointers tell by :func:`level` and :func:`lapped` how they stand.
    Outputs follow ``advance`` and ``start`` by a cycle. An adder, a counter and a comparison; who
    reads every word in its order needs no ``base`` (then the adder goes), only ``last``.

    Parameters
    ----------
    shape : Shape
    first : int
        Word of a record that ``base`` points to.

    Attributes
    ----------
    network : In(NetworkSetup)
        Only ``record`` and ``slots`` count. Steady from a cycle before ``start`` on.
    start : In(1)
        Back to record 0, whatever ``advance`` says; to be given before the first.
    advance : In(1)
        Go to the next record.
    base : Out
        Address of word ``first`` of the record.
    slot, lap : Out
        Number of the record, and whether this is an odd lap.
    last : Out(1)
        This is the last slot: the next record lies at address 0.
    """

    def __init__(self, shape: Shape, first: int = 0) -> None:
        self._first = first
        super().__init__(
            {
                "network": In(NetworkSetup(shape)),
                "start": In(1),
                "advance": In(1),
                "base": Out(record_address_bits(shape), init=first),
                "slot": Out(slot_bits(shape)),
                "lap": Out(1),
                "last": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        following = Signal(len(self.slot) + 1)
        single = Signal()  # settled long before a run begins
        m.d.sync += single.eq(self.network.slots == 1)
        m.d.comb += following.eq(self.slot + 1)
        with m.If(self.advance):
            m.d.sync += [
                self.slot.eq(following),
                # Of the next slot, so that it stands in a register.
                self.last.eq(Mux(self.last, single, following + 1 == self.network.slots)),
                self.base.eq(self.base + self.network.record),
            ]
        with m.If(self.start | (self.advance & self.last)):
            m.d.sync += [self.slot.eq(0), self.base.eq(self._first)]
        with m.If(self.start):
            m.d.sync += [self.lap.eq(0), self.last.eq(single)]
        with m.Else():
            m.d.sync += self.lap.eq(self.lap ^ (self.advance & self.last))
        return m


def level(one: RecordPointer, other: RecordPointer) -> Value:
    """Both have gone equally far: nothing lies between them."""
    return (one.slot == other.slot) & (one.lap == other.lap)


def lapped(one: RecordPointer, other: RecordPointer) -> Value:
    """One is a whole lap ahead of the other: all records lie between them."""
    return (one.slot == other.slot) & (one.lap != other.lap)


class SampleCursor(wiring.Component):
    """Which column of its record a sample lies in, and whether it is the last there.

    Sample i of a tile lies in column ``i % S``; the last sample of a tile ends its record. With
    one column every sample is a record, and nothing is built.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    network : In(NetworkSetup)
        Only ``tile`` counts. Steady from a cycle before ``start`` on.
    start : In(1)
        Back to column 0 of a new tile, whatever ``advance`` says; to be given before the first.
    advance : In(1)
        Go to the next sample.
    column : Out(range(S))
    last : Out(1)
        The next sample lies in the next record.
    """

    def __init__(self, shape: Shape) -> None:
        self._columns = shape.samples
        super().__init__(
            {
                "network": In(NetworkSetup(shape)),
                "start": In(1),
                "advance": In(1),
                "column": Out(ceil_log2(shape.samples)),
                "last": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if self._columns == 1:
            m.d.comb += self.last.eq(1)
            return m
        network = self.network
        index = Signal(len(network.tile))
        following, ends_tile = Signal(len(index) + 1), Signal()
        single, will_end, will_fill = Signal(), Signal(), Signal()
        m.d.sync += single.eq(network.tile == 1)  # settled long before a run begins
        # Of the next sample, so that they stand in registers.
        m.d.comb += [
            following.eq(index + 1),
            will_end.eq(Mux(ends_tile, single, following + 1 == network.tile)),
            will_fill.eq(~self.last & (self.column == self._columns - 2)),
        ]
        with m.If(self.advance):
            m.d.sync += [
                index.eq(Mux(ends_tile, 0, following)),
                self.column.eq(Mux(self.last, 0, self.column + 1)),
                ends_tile.eq(will_end),
                self.last.eq(will_end | will_fill),
            ]
        with m.If(self.start):
            m.d.sync += [index.eq(0), self.column.eq(0), ends_tile.eq(single), self.last.eq(single)]
        return m
