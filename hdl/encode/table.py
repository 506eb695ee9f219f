"""The program of an encoder, played once for every sample."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.encoding.program import WORD_BITS
from .sizes import Sizes


class Table(wiring.Component):
    """A memory of words that are read in order, from the first one again when asked to.

    A word can be taken in every cycle, the first one two cycles after ``rewind``.

    Parameters
    ----------
    sizes : Sizes

    Attributes
    ----------
    write : In(1)
        Write ``write_data`` to ``write_address``, while no word is read.
    write_address, write_data : In
    look : In(1)
        Look at the word at ``write_address``, while none is read: it is ``looked`` a cycle later.
    looked : Out(32)
    rewind : In(1)
        The next word is the first one.
    words : Out(stream of 32 bits)
    """

    def __init__(self, sizes: Sizes) -> None:
        self._sizes = sizes
        super().__init__(
            {
                "write": In(1),
                "write_address": In(sizes.word_bits),
                "write_data": In(WORD_BITS),
                "look": In(1),
                "looked": Out(WORD_BITS),
                "rewind": In(1),
                "words": Out(stream.Signature(WORD_BITS)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.memory = kept = memory.Memory(
            shape=WORD_BITS, depth=self._sizes.words, init=[]
        )
        write, read = kept.write_port(), kept.read_port()
        m.d.comb += [
            write.en.eq(self.write),
            write.addr.eq(self.write_address),
            write.data.eq(self.write_data),
        ]
        following, valid = Signal(self._sizes.word_bits), Signal()
        m.d.comb += [
            read.addr.eq(Mux(self.look, self.write_address, following)),
            read.en.eq(~valid | self.words.ready),
            self.looked.eq(read.data),
            self.words.payload.eq(read.data),
            self.words.valid.eq(valid),
        ]
        with m.If(self.rewind):
            m.d.sync += [following.eq(0), valid.eq(0)]
        with m.Elif(read.en):
            m.d.sync += [following.eq(following + 1), valid.eq(1)]
        return m
