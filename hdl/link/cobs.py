"""Consistent Overhead Byte Stuffing (COBS): frames that end in the only zero byte.

A block is a code byte ``n`` and ``n - 1`` bytes that are not zero; between two blocks stands a
zero that is not transmitted, unless the first is full (``n = 255``).
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

FULL = 0xFF
"""Code of a block that no zero follows."""

SCRATCH = 248
"""Where the short frames begin in the upper bank of :class:`CobsEncoder`."""

MAX_ENCODED_BODY = SCRATCH - 2
"""Longest body that :class:`CobsEncoder` takes; its block can not be full."""

MAX_SHORT_BODY = 256 - SCRATCH - 2
"""Longest body that goes to the short place."""


class Decoded(data.StructLayout):
    """A decoded byte, or the end of a frame and whether its last block was cut short."""

    def __init__(self) -> None:
        super().__init__({"data": 8, "end": 1, "error": 1})


class CobsDecoder(wiring.Component):
    """Decoder of a stream of frames.

    Every byte of input leads to at most one item of output, in the next cycle: one byte per cycle.
    Frames without any byte are passed over.

    Attributes
    ----------
    encoded : stream of 8 bits, in
        Encoded bytes; zero ends a frame.
    decoded : stream of :class:`Decoded`, out
        The bytes of a frame, then its end.
    """

    def __init__(self) -> None:
        super().__init__(
            {"encoded": In(stream.Signature(8)), "decoded": Out(stream.Signature(Decoded()))}
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        byte = self.encoded.payload

        left = Signal(8)  # bytes before the next code
        code = Signal(init=1)  # there are none
        first = Signal(init=1)  # the next byte is the first of a frame
        joined = Signal(init=1)  # no zero stands before the next block

        end = Signal()
        distance = Signal(8)
        m.d.comb += [
            end.eq(byte == 0),
            distance.eq(Mux(code, byte, left)),
            self.encoded.ready.eq(~self.decoded.valid | self.decoded.ready),
        ]
        with m.If(self.encoded.ready):
            m.d.sync += [
                self.decoded.payload.data.eq(Mux(code, 0, byte)),
                self.decoded.payload.end.eq(end),
                self.decoded.payload.error.eq(~code),
                self.decoded.valid.eq(self.encoded.valid & ~Mux(end, first, code & joined)),
            ]
            with m.If(self.encoded.valid):
                m.d.sync += [
                    first.eq(end),
                    left.eq(distance - 1),
                    code.eq(end | (distance == 1)),
                ]
                with m.If(code | end):
                    m.d.sync += joined.eq(end | (byte == FULL))
        return m


class Body(data.StructLayout):
    """A byte of a body and whether it is the last."""

    def __init__(self) -> None:
        super().__init__({"data": 8, "last": 1})


class CobsEncoder(wiring.Component):
    """Encoder of frames that keeps the last one of each of two banks in a block RAM.

    A code byte says where the next zero is, which is known only when it comes. So a body is
    encoded in place: a byte that is not zero is written behind the last one, a zero becomes the
    code byte of the block that it ends. Either is one write, so that a body is taken at one byte
    per cycle; four cycles later it is sent, at one byte per cycle too.

    The lower :data:`SCRATCH` bytes of each bank hold a frame of a body of up to
    :data:`MAX_ENCODED_BODY` bytes. What is left of the upper bank holds one of up to
    :data:`MAX_SHORT_BODY`, so that a short frame costs none of the kept ones.

    A byte of the memory is never written and read in the same cycle.

    Attributes
    ----------
    open : in
        While ``body`` is ready: begin a body, forget what was written of one. The two following
        say where, and are looked at only then.
    bank : in
    short : in
        To the short place; of the upper bank.
    repeat : in
        While ``body`` is ready, instead of a body: send the frame that stands at the open place.
    body : stream of :class:`Body`, in
        Taken while no frame is being sent.
    first : out
        First byte of the body that stands at the open place, if it is not zero; from three cycles
        after ``open`` until the first byte of a body comes.
    frame : stream of 8 bits, out
        Encoded frame with the zero that ends it.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "open": In(1),
                "bank": In(1),
                "short": In(1),
                "repeat": In(1),
                "body": In(stream.Signature(Body())),
                "first": Out(8),
                "frame": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        # Two banks of 256 bytes fill one block RAM of an iCE40.
        m.submodules.frames = frames = memory.Memory(shape=8, depth=512, init=[])
        write = frames.write_port()
        read = frames.read_port(transparent_for=())

        bank = Signal()
        short = Signal()
        position = Signal(8)  # next byte to write, or to read when sending
        code = Signal(8)  # where the code of the present block belongs
        length = Signal(8)  # of the present block, its code included
        fetched = Signal()

        zero = Signal()
        step = Signal()
        begin = Signal()
        m.d.comb += [
            zero.eq(self.body.payload.data == 0),
            write.addr.eq(Cat(Mux(zero, code, position), bank)),
            write.data.eq(Mux(zero, length, self.body.payload.data)),
            read.addr.eq(Cat(position, bank)),
            read.en.eq(step),
            self.first.eq(self.frame.payload),
        ]
        with m.If(step):
            m.d.sync += self.frame.payload.eq(read.data)
        with m.FSM():
            with m.State("WRITE"):
                m.d.comb += [self.body.ready.eq(1), step.eq(~self.body.valid)]
                with m.If(self.open):
                    m.d.sync += [
                        bank.eq(self.bank),
                        short.eq(self.short),
                        position.eq(Mux(self.short, SCRATCH, 0) | 1),
                        code.eq(Mux(self.short, SCRATCH, 0)),
                        length.eq(1),
                    ]
                with m.Elif(self.repeat):
                    m.d.comb += begin.eq(1)
                    m.next = "SEND"
                with m.Elif(self.body.valid):
                    m.d.comb += write.en.eq(1)
                    m.d.sync += [position.eq(position + 1), length.eq(length + 1)]
                    with m.If(zero):
                        m.d.sync += [code.eq(position), length.eq(1)]
                    with m.If(self.body.payload.last):
                        m.next = "CLOSE"
            with m.State("CLOSE"):
                m.d.comb += [
                    write.addr.eq(Cat(code, bank)),
                    write.data.eq(length),
                    write.en.eq(1),
                ]
                m.next = "TERMINATE"
            with m.State("TERMINATE"):
                m.d.comb += [
                    write.addr.eq(Cat(position, bank)),
                    write.data.eq(0),
                    write.en.eq(1),
                    begin.eq(1),
                ]
                m.next = "SEND"
            with m.State("SEND"):
                m.d.comb += step.eq(~self.frame.valid | self.frame.ready)
                with m.If(step):
                    m.d.sync += [
                        position.eq(position + 1),
                        fetched.eq(1),
                        self.frame.valid.eq(fetched),
                    ]
                with m.If(self.frame.valid & self.frame.ready & (self.frame.payload == 0)):
                    m.d.sync += self.frame.valid.eq(0)
                    m.next = "WRITE"
        with m.If(begin):
            m.d.sync += [position.eq(Mux(short, SCRATCH, 0)), fetched.eq(0)]
        return m
