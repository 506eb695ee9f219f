"""Reception of requests: from encoded bytes to a sound frame and its bytes."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from .cobs import CobsDecoder
from .crc import Crc
from .protocol import (
    CRC_BYTES,
    MAX_DATA,
    MAX_WORDS,
    REQUEST_BYTES,
    UNSOLICITED,
    WORD_BYTES,
    Operation,
)

_START = -(REQUEST_BYTES + CRC_BYTES) % 256
_OPERATION = _START + 1


class Received(data.StructLayout):
    """What has come in a frame.

    ``sound``: a request with a right CRC; if not, ``damaged`` says that it was the CRC.
    ``reset``: a sound RESET without data. ``words`` of data, and ``ragged`` if some bytes are left
    over.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "sound": 1,
                "damaged": 1,
                "reset": 1,
                "words": range(MAX_WORDS + 1),
                "ragged": 1,
            }
        )


class Receiver(wiring.Component):
    """Receiver of frames.

    Bytes are taken at one per cycle while a frame is being received; two cycles after its end,
    ``received`` is valid and reception waits until it is taken. The bytes of its header and its
    data can then be read from one half of the packet buffer, one per cycle, while the next frame
    arrives in the other. A zero byte that comes before it is taken makes it forgotten.

    Attributes
    ----------
    encoded : stream of 8 bits, in
        COBS-encoded bytes.
    received : stream of :class:`Received`, out
        One per frame. Not a stream by the letter: it may be withdrawn.
    data : stream of 8 bits, out
        The bytes of the frame that was taken last; what comes after them means nothing. Not a
        stream by the letter: the first comes a cycle after ``ready``.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "encoded": In(stream.Signature(8)),
                "received": Out(stream.Signature(Received())),
                "data": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.decoder = decoder = CobsDecoder()
        m.submodules.crc = crc = Crc()
        m.submodules.packets = packets = memory.Memory(shape=8, depth=512, init=[])
        write = packets.write_port()
        read = packets.read_port(transparent_for=())
        wiring.connect(m, wiring.flipped(self.encoded), decoder.encoded)
        item = decoder.decoded.payload
        received = self.received.payload

        # Starts below zero, so that at the end of a frame it is the number of data bytes.
        position = Signal(8, init=_START)
        too_short = Signal(init=1)
        too_long = Signal()
        half = Signal()
        numbered = Signal()
        is_reset = Signal()

        bad_frame = Signal()
        interrupted = Signal()
        word_bits = WORD_BYTES.bit_length() - 1
        m.d.comb += [
            bad_frame.eq(item.error | too_short | too_long | ~numbered),
            crc.data.eq(item.data),
            write.data.eq(item.data),
            write.addr.eq(Cat(position, half)),
            received.words.eq(position[word_bits:]),
            received.ragged.eq(position[:word_bits].any()),
            received.reset.eq(received.sound & is_reset & (position == 0)),
        ]
        begin = Signal()
        with m.FSM():
            with m.State("RECEIVE"):
                m.d.comb += decoder.decoded.ready.eq(1)
                m.d.sync += [
                    received.sound.eq(crc.zero & ~bad_frame),
                    received.damaged.eq(~crc.zero & ~bad_frame),
                ]
                with m.If(decoder.decoded.valid & item.end):
                    m.next = "OFFER"
                with m.Elif(decoder.decoded.valid & ~too_long):
                    m.d.comb += [crc.valid.eq(1), write.en.eq(1)]
                    m.d.sync += position.eq(position + 1)
                    with m.If(position.all()):
                        m.d.sync += too_short.eq(0)
                    with m.If(position == MAX_DATA):
                        m.d.sync += too_long.eq(1)
                    with m.If(position == _START):
                        m.d.sync += numbered.eq(item.data != UNSOLICITED)
                    with m.If(position == _OPERATION):
                        m.d.sync += is_reset.eq(item.data == Operation.RESET.value)
            with m.State("OFFER"):
                m.d.comb += self.received.valid.eq(1)
                with m.If(self.received.ready):
                    m.d.comb += begin.eq(1)
                    m.d.sync += half.eq(~half)
                with m.Elif(interrupted):
                    m.d.comb += begin.eq(1)
                m.d.sync += interrupted.eq(self.encoded.valid & (self.encoded.payload == 0))
                with m.If(begin):
                    m.d.sync += interrupted.eq(0)
                    m.next = "RECEIVE"
        m.d.comb += crc.start.eq(begin)
        with m.If(begin):
            m.d.sync += [position.eq(_START), too_short.eq(1), too_long.eq(0)]

        # The half that was received last is read from its start.
        address = Signal(8)
        fetched = Signal()
        m.d.comb += [
            read.addr.eq(Cat(address, ~half)),
            self.data.payload.eq(read.data),
            self.data.valid.eq(fetched),
            read.en.eq(self.data.ready),
        ]
        with m.If(self.received.ready):
            m.d.sync += [address.eq(_START), fetched.eq(0)]
        with m.Elif(read.en):
            m.d.sync += [address.eq(address + 1), fetched.eq(1)]
        return m
