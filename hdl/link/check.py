"""Which requests are carried out, and which are refused."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .protocol import MAX_PREDICTIONS, MAX_WORDS, POSITIONS, Operation, Request, Status


class Check(wiring.Component):
    """Check of a sound request against the shape and the state of the device.

    ``status`` follows its inputs by a cycle.

    Attributes
    ----------
    sound, damaged : in
        There is a request; if not, whether it was the CRC.
    header : :class:`Request`, in
    words, ragged : in
        Words of data that came with it, and whether that is not all.
    beyond : in
        A READ or WRITE ends beyond the device.
    fed : in
        Words of the run so far.
    initialised, idle : in
        State of the device.
    status : out
        ``OK`` if the request can be carried out.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "sound": In(1),
                "damaged": In(1),
                "header": In(Request()),
                "words": In(range(MAX_WORDS + 1)),
                "ragged": In(1),
                "beyond": In(1),
                "fed": In(range(POSITIONS)),
                "initialised": In(1),
                "idle": In(1),
                "status": Out(Status),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        header = self.header
        operation = header.operation.as_value()
        last = max(each.value for each in Operation)  # type: ignore[attr-defined]
        low = operation[: last.bit_length()]
        read, write = low == Operation.READ.value, low == Operation.WRITE.value
        run, feed = low == Operation.RUN.value, low == Operation.FEED.value
        identify, reset = low == Operation.IDENTIFY.value, low == Operation.RESET.value
        collect = low == Operation.COLLECT.value

        unknown = Signal()
        not_initialised = Signal()
        busy = Signal()
        bad_length = Signal()
        bad_range = Signal()
        out_of_order = Signal()
        m.d.sync += [
            unknown.eq((operation == 0) | (operation > last)),
            not_initialised.eq(~self.initialised & ~identify & ~reset),
            busy.eq(~self.idle & (read | write | run)),
            bad_length.eq(self.ragged),
            bad_range.eq(0),
            out_of_order.eq(feed & (header.address[: self.fed.shape().width] != self.fed)),
        ]
        with m.If(write):
            m.d.sync += bad_length.eq(self.ragged | (header.count != self.words))
        with m.Elif(run):
            m.d.sync += bad_length.eq(self.ragged | (self.words != 1))
        with m.Elif(feed):
            m.d.sync += bad_length.eq(self.ragged | (self.words == 0))
        with m.Else():
            m.d.sync += bad_length.eq(self.ragged | (self.words != 0))
        with m.If(read | write):
            too_many = header.count > MAX_WORDS
            m.d.sync += bad_range.eq(self.beyond | (header.count == 0) | too_many)
        with m.If(feed | collect):
            m.d.sync += bad_range.eq(header.count > MAX_PREDICTIONS)

        with m.If(~self.sound):
            m.d.comb += self.status.eq(Mux(self.damaged, Status.BAD_CRC, Status.BAD_FRAME))
        with m.Elif(unknown):
            m.d.comb += self.status.eq(Status.UNKNOWN_OPERATION)
        with m.Elif(not_initialised):
            m.d.comb += self.status.eq(Status.NOT_INITIALISED)
        with m.Elif(busy):
            m.d.comb += self.status.eq(Status.BUSY)
        with m.Elif(bad_length):
            m.d.comb += self.status.eq(Status.BAD_LENGTH)
        with m.Elif(bad_range):
            m.d.comb += self.status.eq(Status.BAD_RANGE)
        with m.Elif(out_of_order):
            m.d.comb += self.status.eq(Status.OUT_OF_ORDER)
        with m.Else():
            m.d.comb += self.status.eq(Status.OK)
        return m
