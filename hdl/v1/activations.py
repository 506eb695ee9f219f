"""Inputs, activations and popcounts of a tile: one bank of memory per column of the array."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2, exact_log2

from ...golden.config import WORD
from .layout import Layout
from .select import select


class Slot(data.StructLayout):
    """Where a sample of the tile lives: the column of the array and the pass."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(
            {
                "column": exact_log2(layout.config.array.samples),
                "pass_": ceil_log2(layout.passes),
            }
        )


def activation_address(layout: Layout) -> int:
    """Bits of the address of an array word among a sample's activations."""
    return ceil_log2(layout.activation_count)


def popcount_address(layout: Layout) -> int:
    """Bits of the index of a popcount among a sample's popcounts."""
    return ceil_log2(layout.popcount_count)


class Activations(wiring.Component):
    """Bits of every sample of a tile, in array words.

    Parameters
    ----------
    layout : Layout

    Attributes
    ----------
    fetch : In(1)
        Read ``address`` of every column for the array.
    address : In
        Array word and pass.
    inputs : Out(samples x lanes)
        One cycle after ``fetch``; column s another s cycles later if the array is systolic.
    read : In(1)
        Read one chunk of 16; must not coincide with ``fetch``.
    read_slot, read_word, read_chunk : In
    chunk : Out(16)
        One cycle after ``read``; stays until the next read.
    write : In(samples x {enable per chunk, address, data})
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        shape = layout.config.array
        passes, words = ceil_log2(layout.passes), activation_address(layout)
        self._address = data.StructLayout({"word": words, "pass_": passes})
        super().__init__(
            {
                "fetch": In(1),
                "address": In(self._address),
                "inputs": Out(data.ArrayLayout(shape.lanes, shape.samples)),
                "read": In(1),
                "read_slot": In(Slot(layout)),
                "read_word": In(words),
                "read_chunk": In(exact_log2(layout.chunks)),
                "chunk": Out(WORD),
                "write": In(data.ArrayLayout(ActivationWrite(layout), shape.samples)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape = self._layout.config.array
        slot, chunk = Signal.like(self.read_slot), Signal.like(self.read_chunk)
        with m.If(self.read):
            m.d.sync += [slot.eq(self.read_slot), chunk.eq(self.read_chunk)]
        direct = Cat(self.read_word, self.read_slot.pass_)
        fetched, fetch = self.address.as_value(), self.fetch
        for s in range(shape.samples):
            m.submodules[f"bank_{s}"] = bank = Memory(
                shape=data.ArrayLayout(WORD, self._layout.chunks),
                depth=1 << self._address.size,
                init=[],
            )
            read_port, write_port = bank.read_port(), bank.write_port(granularity=1)
            if s and shape.systolic:
                behind, fetch_behind = Signal.like(fetched), Signal()
                m.d.sync += [behind.eq(fetched), fetch_behind.eq(fetch)]
                fetched, fetch = behind, fetch_behind
            m.d.comb += [
                read_port.addr.eq(Mux(self.read, direct, fetched)),
                read_port.en.eq(self.read | fetch),
                self.inputs[s].eq(read_port.data),
                write_port.addr.eq(Cat(self.write[s].word, self.write[s].pass_)),
                write_port.data.eq(self.write[s].data),
                write_port.en.eq(self.write[s].enable),
            ]
        chosen = select([self.inputs[s] for s in range(shape.samples)], slot.column)
        m.d.comb += self.chunk.eq(chosen.word_select(chunk, WORD))
        return m


class ActivationWrite(data.StructLayout):
    """A write to one bank: address, chunk enables, data."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(
            {
                "word": activation_address(layout),
                "pass_": ceil_log2(layout.passes),
                "enable": layout.chunks,
                "data": layout.config.array.lanes,
            }
        )


class Popcounts(wiring.Component):
    """Popcounts of every neuron and class score of a tile.

    Parameters
    ----------
    layout : Layout

    Attributes
    ----------
    read_slot, read_index : In
        What to read.
    count : Out(range(popcount_max + 1))
        ``latency`` cycles later.
    write : In(samples x {enable, address, data})
    """

    latency = 2

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__(
            {
                "read_slot": In(Slot(layout)),
                "read_index": In(popcount_address(layout)),
                "count": Out(range(layout.popcount_max + 1)),
                "write": In(data.ArrayLayout(PopcountWrite(layout), layout.config.array.samples)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        column = Signal.like(self.read_slot.column)
        m.d.sync += column.eq(self.read_slot.column)
        counts = []
        for s in range(self._layout.config.array.samples):
            write = self.write[s]
            address = Cat(self.read_index, self.read_slot.pass_)
            m.submodules[f"bank_{s}"] = bank = Memory(
                shape=self.count.shape(), depth=1 << len(address), init=[]
            )
            read_port, write_port = bank.read_port(), bank.write_port()
            m.d.comb += [
                read_port.addr.eq(address),
                write_port.addr.eq(Cat(write.index, write.pass_)),
                write_port.data.eq(write.data),
                write_port.en.eq(write.enable),
            ]
            counts.append(read_port.data)
        m.d.sync += self.count.eq(select(counts, column))
        return m


class PopcountWrite(data.StructLayout):
    """A write to one bank: index, pass, enable, data."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(
            {
                "index": popcount_address(layout),
                "pass_": ceil_log2(layout.passes),
                "enable": 1,
                "data": range(layout.popcount_max + 1),
            }
        )
