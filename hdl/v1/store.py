"""Weight store in inferred block RAM: sign plane and counter memory side by side."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory

from ...golden.config import WORD
from .layout import Layout
from .select import select
from .words import StoreSignature, Word, positive


class BlockStore(wiring.Component):
    """Keep each counter's sign in the sign plane and its other bits in the counter memory.

    The sign plane is one memory per row and 16 lanes, so that the array reads all of them at a
    time and an update writes one. A read answers after two cycles; one read and one write are
    taken every cycle. A word must not be read while it is being written.

    Parameters
    ----------
    layout : Layout

    Attributes
    ----------
    See :class:`~metabit.hdl.v1.words.StoreSignature`.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__(StoreSignature(layout))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape = self._layout.config.array
        low_bits = self._layout.config.counter_bits - 1

        signs = [Signal(WORD, name=f"signs_{n}") for n in range(shape.rows * self._layout.chunks)]
        request, write = self.read.payload, self.write.payload
        m.d.comb += [self.read.ready.eq(~self.fetch), self.write.ready.eq(1)]
        row_address = self.address
        for r in range(shape.rows):
            if r and shape.systolic:
                behind = Signal.like(self.address, name=f"address_{r}")
                m.d.sync += behind.eq(row_address)
                row_address = behind
            address = Mux(self.fetch, self.address, request.index.address)
            if shape.systolic:
                address = Mux(self.read.valid, request.index.address, row_address)
            for c in range(self._layout.chunks):
                memory = Memory(shape=WORD, depth=self._layout.sign_depth, init=[])
                m.submodules[f"signs_{r}_{c}"] = memory
                write_port, read_port = memory.write_port(), memory.read_port()
                m.d.comb += [
                    read_port.addr.eq(address),
                    signs[r * self._layout.chunks + c].eq(read_port.data),
                    write_port.addr.eq(write.index.address),
                    write_port.data.eq(positive(write.counters)),
                    write_port.en.eq(
                        self.write.valid & (write.index.row == r) & (write.index.chunk == c)
                    ),
                ]
        m.d.comb += self.signs.eq(Cat(signs))

        m.submodules.counters = counters = Memory(
            shape=low_bits * WORD, depth=self._layout.counter_words, init=[]
        )
        write_port, read_port = counters.write_port(), counters.read_port()
        m.d.comb += [
            read_port.addr.eq(request.index),
            write_port.addr.eq(write.index),
            write_port.data.eq(Cat(write.counters[lane][:-1] for lane in range(WORD))),
            write_port.en.eq(self.write.valid & ~write.signs_only),
        ]

        pending, pending_valid = Signal(self.read.payload.shape()), Signal()
        word = Signal(Word(self._layout))
        row_signs = Signal(WORD)
        m.d.comb += row_signs.eq(select(signs, Cat(pending.index.chunk, pending.index.row)))
        m.d.sync += [
            pending.eq(request),
            pending_valid.eq(self.read.valid & self.read.ready),
            self.word.valid.eq(pending_valid),
            word.index.eq(pending.index),
            word.signs.eq(row_signs),
            word.tag.eq(pending.tag),
        ]
        for lane in range(WORD):
            low = read_port.data.word_select(lane, low_bits)
            m.d.sync += word.counters[lane].eq(Cat(low, ~row_signs[lane]))
        m.d.comb += self.word.payload.eq(word)
        return m
