"""From the words of a program to the pixels that are compared in each cycle."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from ...golden.encoding.program import WORD_BITS, Kind
from ..shape import LANES
from .sizes import Sizes
from .words import is_kind, shape_of, view_of

READ = 2
"""Cycles from a step to the bytes that it asks for."""


class Step(data.StructLayout):
    """What becomes of the pixels of a step.

    Attributes
    ----------
    mask : one bit a lane
        Bytes of these banks lie in the rectangle.
    alone : 1
        They are compared with the threshold, not with neighbours.
    first, last : 1
        A bit begins, ends with this step.
    ends : 1
        So does a word of bits.
    marks : unsigned
        That must be exceeded; with ``first``.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(
            {
                "mask": sizes.lanes,
                "alone": 1,
                "first": 1,
                "last": 1,
                "ends": 1,
                "marks": shape_of(Kind.PIECE, "marks"),
            }
        )


class Steps(wiring.Component):
    """Walk through the rectangles of a program, row by row, up to ``lanes`` pixels a cycle.

    The next piece follows without a pause. A MAP waits until the pixels before it have been read,
    as offset and threshold hold for all that are under way; it costs four cycles. After the last
    step of a word of bits, the next waits for the word to be taken.

    Parameters
    ----------
    sizes : Sizes

    Attributes
    ----------
    words : In(stream of 32 bits)
        From the word behind FRAME on; END is not taken.
    start : In(1)
        Begin; no step is made before the first ``taken``.
    pitch, origin : In
        Bytes from a row to the next, and what is added to all addresses.
    taken : In(1)
        A word of bits, or the label before them, has been taken.
    valid : Out(1)
        There is a step: ``pixel``, ``neighbour`` and ``step`` are its.
    pixel, neighbour : Out
        Addresses.
    step : Out(Step)
    threshold : Out(signed 9)
        Of the step whose bytes come now, two cycles after its addresses, or are being compared.
    ended : Out(1)
        All words have been taken; a cycle late, and until END is gone.
    """

    def __init__(self, sizes: Sizes) -> None:
        self._sizes = sizes
        super().__init__(
            {
                "words": In(stream.Signature(WORD_BITS)),
                "start": In(1),
                "pitch": In(sizes.address_bits),
                "origin": In(sizes.address_bits),
                "taken": In(1),
                "valid": Out(1),
                "pixel": Out(sizes.address_bits),
                "neighbour": Out(sizes.address_bits),
                "step": Out(Step(sizes)),
                "threshold": Out(shape_of(Kind.MAP, "threshold")),
                "ended": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        sizes, lanes = self._sizes, self._sizes.lanes
        word = self.words.payload
        piece, map_ = view_of(Kind.PIECE, word), view_of(Kind.MAP, word)
        active, hold = Signal(), Signal(init=1)
        at, row = (Signal(sizes.address_bits, name=name) for name in ("at", "row"))
        across, width = (
            Signal(shape_of(Kind.PIECE, "columns"), name=name) for name in ("across", "width")
        )
        down = Signal(shape_of(Kind.PIECE, "rows"))
        alone, more, begins = Signal(), Signal(), Signal(init=1)
        marks = Signal(shape_of(Kind.PIECE, "marks"))
        offset = Signal(shape_of(Kind.MAP, "offset"))

        # Whether a row ends with this step, and whether it is the last one, is known in the cycle
        # before: the address of the next step waits for it.
        row_ends, last_row = Signal(), Signal()
        go, piece_ends, bit_ends = Signal(), Signal(), Signal()
        m.d.comb += [
            go.eq(active & ~hold),
            piece_ends.eq(row_ends & last_row),
            bit_ends.eq(piece_ends & ~more),
        ]

        # The next piece, or the next step.
        load, reading, drained = Signal(), Signal(READ), Signal()
        m.d.sync += reading.eq(Cat(go, reading))
        m.d.comb += [
            drained.eq(~active & ~reading.any()),
            load.eq(self.words.valid & is_kind(Kind.PIECE, word) & (~active | (go & piece_ends))),
        ]
        m.d.sync += self.ended.eq(self.words.valid & is_kind(Kind.END, word) & drained & ~hold)
        base, further = Signal.like(at), Signal.like(at)
        m.d.comb += [
            base.eq(Mux(load, piece.address, Mux(row_ends, row, at))),
            further.eq(Mux(load, self.origin, Mux(row_ends, self.pitch, lanes))),
        ]
        with m.If(load | go):
            m.d.sync += [
                at.eq(base + further),
                across.eq(across - lanes),
                row_ends.eq(across < 2 * lanes),
            ]
            with m.If(load | row_ends):
                m.d.sync += [
                    row.eq(base + further),
                    across.eq(width),
                    row_ends.eq(width < lanes),
                    down.eq(down - 1),
                    last_row.eq(down == 1),
                ]
        with m.If(go & piece_ends):
            m.d.sync += active.eq(0)
        with m.If(load):
            m.d.comb += self.words.ready.eq(1)
            m.d.sync += [
                active.eq(1),
                across.eq(piece.columns),
                row_ends.eq(piece.columns < lanes),
                width.eq(piece.columns),
                down.eq(piece.rows),
                last_row.eq(piece.rows == 0),
                alone.eq(piece.alone),
                more.eq(piece.more),
                marks.eq(piece.marks),
            ]
        with m.If(self.words.valid & is_kind(Kind.MAP, word) & drained):
            m.d.comb += self.words.ready.eq(1)
            m.d.sync += [offset.eq(map_.offset), self.threshold.eq(map_.threshold)]

        # Words of bits.
        made = Signal(exact_log2(LANES))
        word_ends = bit_ends & made.all()
        with m.If(go):
            m.d.sync += begins.eq(bit_ends)
            with m.If(bit_ends):
                m.d.sync += made.eq(made + 1)
        with m.If(go & word_ends):
            m.d.sync += hold.eq(1)
        with m.Elif(self.taken):
            m.d.sync += hold.eq(0)
        with m.If(self.start):
            m.d.sync += [hold.eq(1), active.eq(0), begins.eq(1), made.eq(0)]

        # Addresses in registers of their own.
        m.d.sync += [
            self.valid.eq(go),
            self.pixel.eq(at),
            self.neighbour.eq(at + offset),
            self.step.alone.eq(alone),
            self.step.first.eq(begins),
            self.step.last.eq(bit_ends),
            self.step.ends.eq(word_ends),
            self.step.marks.eq(marks),
        ]
        for bank in range(lanes):
            # How many columns right of the first pixel the one of this bank lies.
            place = (bank - at)[: sizes.bank_bits]
            m.d.sync += self.step.mask[bank].eq(place <= across)
        return m
