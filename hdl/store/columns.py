"""Samples of all columns: who reads and who writes their memories."""

from functools import reduce
from operator import or_

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..bundles import ActivationWrite
from ..pipeline import delayed, delays
from ..select import select
from ..shape import LANES, Shape
from .ring import record_address_bits


class Columns(wiring.Component):
    """A memory of 64-bit words for every column, with one read and one write port.

    Fetches for the array come first: column s reads what column 0 has read s cycles before. The
    update engine reads in the other cycles of its column; what it reads comes through registers
    that stand at zero for the other columns, so that an OR selects. Activations are written first,
    the loader in the other cycles.

    Words for the array come three cycles after their address, those for the update engine after
    five. No word is read while it is written: a record is filled before it is read.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    fetch_read, fetch_label : In(1)
    fetch_lead : In(1)
    fetch_address : In
        Of :class:`~metabit.hdl.store.fetch.Fetch`.
    load : Out(1)
        A visit's first word stands on ``words[0]``.
    words, labels : Out
        See :class:`~metabit.hdl.bundles.InputFetch`.
    column : In(range(S))
        Column that the update engine reads ...
    blocked : Out(1)
        ... if this is low: else the array does.
    read : In(1)
        It reads the word at ``address``.
    address : In
    invert : In(1)
        Four cycles later: give its complement.
    wanted : Out(64)
        The word, five cycles later.
    load_valid, load_column, load_address, load_word, load_granted
        Of :class:`~metabit.hdl.store.loader.Loader`. ``load_granted`` comes from a register: the
        column is steady from a cycle before the first word on.
    sample_words : In
        Words of a sample; activations follow them in a record.
    activations : In(ActivationWrite)
        If the shape has several layers. Written two cycles later.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        address = record_address_bits(shape)
        column = ceil_log2(shape.samples)
        members = {
            "fetch_read": In(1),
            "fetch_label": In(1),
            "fetch_lead": In(1),
            "fetch_address": In(address),
            "load": Out(1),
            "words": Out(data.ArrayLayout(LANES, shape.samples)),
            "labels": Out(data.ArrayLayout(8, shape.samples)),
            "column": In(column),
            "blocked": Out(1),
            "read": In(1),
            "address": In(address),
            "invert": In(1),
            "wanted": Out(LANES),
            "load_valid": In(1),
            "load_column": In(column),
            "load_address": In(address),
            "load_word": In(LANES),
            "load_granted": Out(1),
            "sample_words": In(address),
        }
        if shape.layers > 1:
            members["activations"] = In(ActivationWrite(shape))
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        samples = self._shape.samples
        reads = delays(m, self.fetch_read, samples - 1, "fetch_read")
        labels = delays(m, self.fetch_label, samples, "fetch_label")
        addresses = delays(m, self.fetch_address, samples - 1, "fetch_address")
        m.d.comb += [
            self.blocked.eq(select(reads, self.column)),
            # Element 0's word is read a cycle after `lead` and comes three cycles later.
            self.load.eq(delays(m, self.fetch_lead, 4, "lead")[-1]),
        ]
        # Where a record's activations begin is known a cycle after its label has been read.
        first_activation = Signal.like(self.fetch_address, reset_less=True)
        m.d.sync += first_activation.eq(self.fetch_address + self.sample_words)
        first_activations = delays(m, first_activation, samples - 1, "first_activation")
        sources = []
        for s in range(samples):
            m.submodules[f"column_{s}"] = memory = Memory(
                shape=LANES,
                depth=self._shape.records,
                init=[],
                attrs=self._shape.small_memory_attributes,
            )
            port = memory.read_port()
            mine = Signal(name=f"mine_{s}", reset_less=True)
            reading = Signal(name=f"reading_{s}", reset_less=True)
            address = Signal.like(port.addr, name=f"address_{s}", reset_less=True)
            word = Signal(LANES, name=f"word_{s}", reset_less=True)
            taken = Signal(LANES, name=f"taken_{s}", reset_less=True)
            wanted = delayed(m, mine, 2, f"wanted_{s}")
            m.d.sync += [
                address.eq(Mux(reads[s], addresses[s], self.address)),
                mine.eq(self.read & (self.column == s)),
                reading.eq(reads[s] | (self.read & (self.column == s))),
                word.eq(port.data),
            ]
            with m.If(wanted):
                m.d.sync += taken.eq(word)
            with m.Else():
                m.d.sync += taken.eq(0)
            sources.append(taken)
            m.d.comb += [port.addr.eq(address), port.en.eq(reading), self.words[s].eq(word)]
            with m.If(delays(m, labels[s], 3, f"label_{s}")[-1]):
                m.d.sync += self.labels[s].eq(word)
            self._write(m, s, memory, labels[s + 1], first_activations[s])
        if self._shape.layers == 1:
            m.d.comb += self.load_granted.eq(1)
        else:
            # Known a cycle ahead, as activations take one cycle more.
            coming = [self.activations.valid[s] for s in range(samples)]
            m.d.sync += self.load_granted.eq(~select(coming, self.load_column))
        merged = Signal(LANES, reset_less=True)
        m.d.sync += merged.eq(reduce(or_, sources) ^ self.invert.replicate(LANES))
        m.d.comb += self.wanted.eq(merged)
        return m

    def _write(
        self, m: Module, s: int, memory: Memory, begins: Value, first_activation: Value
    ) -> None:
        """Add what writes a column."""
        port = memory.write_port()
        writing = Signal(name=f"writing_{s}", reset_less=True)
        address = Signal.like(port.addr, name=f"write_address_{s}", reset_less=True)
        word = Signal(LANES, name=f"write_word_{s}", reset_less=True)
        m.d.comb += [port.addr.eq(address), port.data.eq(word), port.en.eq(writing)]
        loading = self.load_valid & (self.load_column == s)
        m.d.sync += [writing.eq(loading), address.eq(self.load_address), word.eq(self.load_word)]
        if self._shape.layers == 1:
            return
        activating = Signal(name=f"activating_{s}")
        activations = delayed(m, self.activations.data[s], 1, f"activations_{s}")
        m.d.sync += activating.eq(self.activations.valid[s])
        next_address = Signal.like(address, name=f"activation_address_{s}")
        with m.If(activating):
            m.d.sync += [
                writing.eq(1),
                address.eq(next_address),
                word.eq(activations),
                next_address.eq(next_address + 1),
            ]
        with m.If(begins):
            m.d.sync += next_address.eq(first_activation)
