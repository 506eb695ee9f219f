"""From place to place of a stored data set: which record is fetched next."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..memory.signature import Request
from ..shape import Shape
from .registers import RECORD_BITS, address_bits, place_bits


class Strides(wiring.Component):
    """Ask for records in the order of :mod:`metabit.golden.strides`.

    ``place <- (place + stride) & mask``; places from ``samples`` on are passed over. A record takes
    12 cycles, 8 of them for the multiplication of its place, bit by bit, and 2 more for each place
    that is passed over: while the record before is fetched.

    Parameters
    ----------
    shape : Shape
        Says how wide places and addresses are.

    Attributes
    ----------
    base, words, samples, mask, stride : In
        Where records lie, words of each, their number, and the order; steady while at work.
    place : In
        The next place ...
    next_place : Out(self._place_bits)
        ... and the one behind it ...
    advance : Out(1)
        ... which is to be the next.
    start : In(1)
        Ask for ``count`` records; taken when there is none left to ask for.
    count : In
    request : Out(stream of Request)
    busy : Out(1)
        There are records to ask for.
    """

    def __init__(self, shape: Shape) -> None:
        self._place_bits, self._address_bits = place_bits(shape), address_bits(shape)
        super().__init__(
            {
                "base": In(self._address_bits),
                "words": In(RECORD_BITS),
                "samples": In(self._place_bits),
                "mask": In(self._place_bits),
                "stride": In(self._place_bits),
                "place": In(self._place_bits),
                "next_place": Out(self._place_bits),
                "advance": Out(1),
                "start": In(1),
                "count": In(self._place_bits),
                "request": Out(stream.Signature(Request())),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        left, none_left = Signal(self._place_bits), Signal()
        there = Signal()  # the place holds a sample
        factor, bits = (
            Signal(self._place_bits, reset_less=True),
            Signal(RECORD_BITS, reset_less=True),
        )
        product, step = Signal(self._address_bits, reset_less=True), Signal(range(RECORD_BITS))
        address = self.request.payload.address
        m.d.comb += [
            self.request.payload.words.eq(self.words),
            self.next_place.eq((self.place + self.stride) & self.mask),
        ]
        m.d.sync += [there.eq(self.place < self.samples), none_left.eq(left == 0)]
        with m.FSM(name="strides") as states:
            with m.State("Rest"):
                with m.If(self.start):
                    m.d.sync += left.eq(self.count)
                    m.next = "Look"
            with m.State("Look"):
                m.next = "Choose"
            with m.State("Choose"):
                with m.If(none_left):
                    m.next = "Rest"
                with m.Else():
                    m.d.comb += self.advance.eq(1)
                    m.d.sync += [
                        factor.eq(self.place),
                        bits.eq(self.words),
                        product.eq(0),
                        step.eq(RECORD_BITS - 1),
                    ]
                    m.next = "Look"
                    with m.If(there):
                        m.next = "Multiply"
            with m.State("Multiply"):
                m.d.sync += [
                    product.eq((product << 1) + Mux(bits[-1], factor, 0)),
                    bits.eq(bits << 1),
                    step.eq(step - 1),
                ]
                with m.If(step == 0):
                    m.next = "Locate"
            with m.State("Locate"):
                m.d.sync += [address.eq(self.base + product), left.eq(left - 1)]
                m.next = "Ask"
            with m.State("Ask"):
                m.d.comb += self.request.valid.eq(1)
                with m.If(self.request.ready):
                    m.next = "Look"
        m.d.comb += self.busy.eq(~states.ongoing("Rest"))
        return m
