"""Consistent Overhead Byte Stuffing (COBS): frames that end in the only zero byte.

A block is a code byte ``n`` and ``n - 1`` bytes that are not zero; between two blocks stands a
zero that is not transmitted, unless the first is full (``n = 255``).
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

FULL = 0xFF
"""Code of a block that no zero follows."""

MAX_ENCODED_BODY = FULL - 2
"""Longest body that :class:`CobsEncoder` takes: its block can not be full."""


class Decoded(data.StructLayout):
    """A decoded byte, or the end of a frame and whether its last block was cut short."""

    def __init__(self) -> None:
        super().__init__({"data": 8, "end": 1, "error": 1})


class CobsDecoder(wiring.Component):
    """Decoder of a stream of frames.

    Every byte of input leads to at most one of output in the same cycle: latency 0, one byte per
    cycle. Frames without any byte are passed over.

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
        first = Signal(init=1)  # the next byte is the first of a frame
        joined = Signal(init=1)  # no zero stands before the next block

        end = Signal()
        code = Signal()
        silent = Signal()
        m.d.comb += [
            end.eq(byte == 0),
            code.eq(left == 0),
            silent.eq(Mux(end, first, code & joined)),
            self.decoded.payload.data.eq(Mux(code, 0, byte)),
            self.decoded.payload.end.eq(end),
            self.decoded.payload.error.eq(~code),
            self.decoded.valid.eq(self.encoded.valid & ~silent),
            self.encoded.ready.eq(self.decoded.ready | silent),
        ]
        with m.If(self.encoded.valid & self.encoded.ready):
            m.d.sync += [first.eq(end), left.eq(Mux(code, byte, left) - 1)]
            with m.If(code):
                m.d.sync += joined.eq(byte == FULL)
            with m.If(end):
                m.d.sync += [left.eq(0), joined.eq(1)]
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
    per cycle; two cycles later it is sent, at one byte per cycle too.

    Bodies are 1 to :data:`MAX_ENCODED_BODY` bytes.

    Attributes
    ----------
    body : stream of :class:`Body`, in
        Taken while no frame is being sent.
    bank : in
        Bank to write and send; constant from before the first byte until ``body`` is ready again.
    restart : in
        While ``body`` is ready: forget what was written of a body.
    repeat : in
        While ``body`` is ready: send the frame that the bank holds.
    frame : stream of 8 bits, out
        Encoded frame with the zero that ends it.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "body": In(stream.Signature(Body())),
                "bank": In(1),
                "restart": In(1),
                "repeat": In(1),
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

        position = Signal(8, init=1)  # next byte to write, or to read when sending
        code = Signal(8)  # where the code of the present block belongs
        length = Signal(8, init=1)  # of the present block, its code included
        fetched = Signal()

        zero = Signal()
        begin = Signal()
        m.d.comb += [
            zero.eq(self.body.payload.data == 0),
            write.addr.eq(Cat(Mux(zero, code, position), self.bank)),
            write.data.eq(Mux(zero, length, self.body.payload.data)),
            read.addr.eq(Cat(position, self.bank)),
            self.frame.payload.eq(read.data),
            self.frame.valid.eq(fetched),
        ]
        with m.FSM():
            with m.State("WRITE"):
                m.d.comb += self.body.ready.eq(1)
                with m.If(self.restart):
                    m.d.comb += begin.eq(1)
                with m.Elif(self.repeat):
                    m.d.sync += position.eq(0)
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
                    write.addr.eq(Cat(code, self.bank)),
                    write.data.eq(length),
                    write.en.eq(1),
                ]
                m.next = "TERMINATE"
            with m.State("TERMINATE"):
                m.d.comb += [
                    write.addr.eq(Cat(position, self.bank)),
                    write.data.eq(0),
                    write.en.eq(1),
                ]
                m.d.sync += position.eq(0)
                m.next = "SEND"
            with m.State("SEND"):
                m.d.comb += read.en.eq(~fetched | self.frame.ready)
                with m.If(read.en):
                    m.d.sync += [position.eq(position + 1), fetched.eq(1)]
                with m.If(fetched & self.frame.ready & (read.data == 0)):
                    m.d.sync += fetched.eq(0)
                    m.d.comb += begin.eq(1)
                    m.next = "WRITE"
        with m.If(begin):
            m.d.sync += [position.eq(1), code.eq(0), length.eq(1)]
        return m
