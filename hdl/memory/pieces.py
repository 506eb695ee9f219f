"""Requests, cut where rows of an SDRAM end."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .parts import BURST, SdramPart
from .signature import ADDRESS_BITS, COUNT_BITS, Request

BANK_BITS = 2


def word_bits(part: SdramPart) -> int:
    """Bits of the address of a word in a row."""
    return part.column_bits - ceil_log2(BURST)


class Place(data.StructLayout):
    """Where a word lies, from the low bits of its address up.

    Rows that follow each other lie in different banks: the next one can be activated while this
    one is read.
    """

    def __init__(self, part: SdramPart) -> None:
        super().__init__({"word": word_bits(part), "bank": BANK_BITS, "row": part.row_bits})


class Piece(data.StructLayout):
    """Words of one row: where the first one lies, and how many."""

    def __init__(self, part: SdramPart) -> None:
        super().__init__({"place": Place(part), "words": word_bits(part) + 1})


class Pieces(wiring.Component):
    """Cut requests where rows end.

    A piece a cycle, the first in the cycle after its request was taken; no cycle between requests.

    Parameters
    ----------
    part : SdramPart

    Attributes
    ----------
    requests : In(stream of Request)
    pieces : Out(stream of Piece)
    """

    def __init__(self, part: SdramPart) -> None:
        self._part = part
        super().__init__(
            {
                "requests": In(stream.Signature(Request())),
                "pieces": Out(stream.Signature(Piece(part))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        in_row = word_bits(self._part)
        place = Signal(ADDRESS_BITS)
        left = Signal(COUNT_BITS)
        room = Signal(in_row + 1)
        goes_on = Signal()
        m.d.comb += [
            room.eq((1 << in_row) - place[:in_row]),
            goes_on.eq(left > room),
            self.pieces.payload.place.eq(place),
            self.pieces.payload.words.eq(Mux(goes_on, room, left)),
            self.requests.ready.eq(~self.pieces.valid | (self.pieces.ready & ~goes_on)),
        ]
        with m.If(self.pieces.ready):
            m.d.sync += [
                place[:in_row].eq(0),
                place[in_row:].eq(place[in_row:] + 1),
                left.eq(left - room),
            ]
        with m.If(self.requests.ready):
            m.d.sync += [
                self.pieces.valid.eq(self.requests.valid),
                place.eq(self.requests.payload.address),
                left.eq(self.requests.payload.words),
            ]
        return m
