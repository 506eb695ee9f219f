"""Consistent Overhead Byte Stuffing (COBS): frames that end in the only zero byte.

A block is a code byte ``n`` and ``n - 1`` bytes that are not zero; between two blocks stands a
zero that is not transmitted, unless the first is full (``n = 255``).
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from .arithmetic import counted

FULL = 0xFF
"""Code of a block that no zero follows."""

BANKS = 4
"""Frames that :class:`CobsEncoder` keeps."""

_BANK_BITS = (BANKS - 1).bit_length()

_FRAME_BITS = 9 - _BANK_BITS
"""Of an address in a bank: all of them fill one block RAM of an iCE40, 512 bytes."""

_SCRATCH_ZEROS = 3

SCRATCH = (1 << _FRAME_BITS) - (1 << _SCRATCH_ZEROS)
"""Where the short frames begin in the last bank of :class:`CobsEncoder`: at a one in every bit but
the lowest."""

MAX_ENCODED_BODY = SCRATCH - 2
"""Longest body that :class:`CobsEncoder` takes; its block can not be full."""

MAX_SHORT_BODY = (1 << _SCRATCH_ZEROS) - 2
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

        left = Signal(8)  # bytes to the next code, itself included
        code = Signal(init=1)  # this one
        first = Signal(init=1)  # the next byte is the first of a frame
        joined = Signal(init=1)  # no zero stands before the next block

        end = Signal()
        m.d.comb += [
            end.eq(byte == 0),
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
                    left.eq(counted(left, code, byte, down=True)),
                    code.eq(end | Mux(code, byte == 1, left == 2)),
                ]
                with m.If(code | end):
                    m.d.sync += joined.eq(end | (byte == FULL))
        return m


class Body(data.StructLayout):
    """A byte of a body and whether it is the last."""

    def __init__(self) -> None:
        super().__init__({"data": 8, "last": 1})


class CobsEncoder(wiring.Component):
    """Encoder of frames that keeps the last one of each of four banks in a block RAM.

    A code byte says where the next zero is, which is known only when it comes. So a body is
    encoded in place: a byte that is not zero is written behind the last one, a zero becomes the
    code byte of the block that it ends. Either is one write, so that a body is taken at one byte
    per cycle; four cycles later it is sent, at one byte per cycle too.

    The lower :data:`SCRATCH` bytes of each bank hold a frame of a body of up to
    :data:`MAX_ENCODED_BODY` bytes. What is left of the last bank holds one of up to
    :data:`MAX_SHORT_BODY`, so that a short frame costs none of the kept ones.

    A byte of the memory is never written and read in the same cycle.

    Attributes
    ----------
    open : in
        While ``body`` is ready: begin a body, forget what was written of one.
    bank : in
        Where; looked at with ``open`` only.
    short : in
        In the short place, which is in the last bank; likewise.
    repeat : in
        While ``body`` is ready and no byte comes: send the frame that stands at the open place.
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
                "bank": In(_BANK_BITS),
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
        depth = BANKS << _FRAME_BITS
        m.submodules.frames = frames = memory.Memory(shape=8, depth=depth, init=[])
        write = frames.write_port()
        read = frames.read_port(transparent_for=())
        body, frame = self.body, self.frame

        bank = Signal.like(self.bank)
        short = Signal()
        position = Signal(_FRAME_BITS)  # next byte to write, or to read when sending
        code = Signal(_FRAME_BITS)  # where the code of the present block belongs
        length = Signal(_FRAME_BITS)  # of the present block, its code included
        fetched = Signal()

        opening = Signal()
        written = Signal()
        zero = Signal()
        closing = Signal()
        terminating = Signal()
        rewind = Signal()
        step = Signal()
        here = Signal()  # the open place is the short one
        m.d.comb += [
            here.eq(Mux(opening, self.short, short)),
            zero.eq(body.payload.data == 0),
            write.addr.eq(Cat(Mux(closing | (written & zero), code, position), bank)),
            write.data.eq(Mux(terminating, 0, Mux(closing | zero, length, body.payload.data))),
            write.en.eq(written | closing | terminating),
            read.addr.eq(Cat(position, bank)),
            read.en.eq(step),
            self.first.eq(frame.payload),
        ]
        start = Cat(
            opening, Const(0, _SCRATCH_ZEROS - 1), here.replicate(_FRAME_BITS - _SCRATCH_ZEROS)
        )
        load = opening | rewind
        with m.If(load | written | (step & ~body.ready)):
            m.d.sync += position.eq(counted(position, load, start))
        with m.If(opening | (written & zero)):
            m.d.sync += code.eq(Mux(opening, start ^ opening, position))
            m.d.sync += length.eq(1)
        with m.Elif(written):
            m.d.sync += length.eq(length + 1)
        with m.If(opening):
            m.d.sync += [
                bank.eq(self.bank | self.short.replicate(_BANK_BITS)),
                short.eq(self.short),
            ]
        with m.If(step):
            m.d.sync += frame.payload.eq(read.data)

        with m.FSM():
            with m.State("WRITE"):
                m.d.comb += [
                    body.ready.eq(1),
                    opening.eq(self.open),
                    written.eq(body.valid & ~self.open),
                    step.eq(~body.valid),
                ]
                with m.If(self.repeat):
                    m.d.comb += rewind.eq(1)
                    m.next = "SEND"
                with m.If(written & body.payload.last):
                    m.next = "CLOSE"
            with m.State("CLOSE"):
                m.d.comb += closing.eq(1)
                m.next = "TERMINATE"
            with m.State("TERMINATE"):
                m.d.comb += [terminating.eq(1), rewind.eq(1)]
                m.next = "SEND"
            with m.State("SEND"):
                m.d.comb += step.eq(~frame.valid | frame.ready)
                with m.If(step):
                    m.d.sync += [fetched.eq(1), frame.valid.eq(fetched)]
                with m.If(frame.valid & frame.ready & (frame.payload == 0)):
                    m.d.sync += [fetched.eq(0), frame.valid.eq(0)]
                    m.next = "WRITE"
        return m
