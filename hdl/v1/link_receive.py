"""Reception of requests: from encoded bytes to a checked request and its data."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.crc.catalog import CRC16_IBM_3740
from amaranth.lib.wiring import In, Out

from .cobs import CobsDecoder
from .layout import Layout
from .link_check import RequestCheck
from .protocol import CRC_BYTES, MAX_DATA, REQUEST_BYTES, UNSOLICITED, Request, Status

_START = -(REQUEST_BYTES + CRC_BYTES) % 256
_DATA_START = -CRC_BYTES % 256


class Received(data.StructLayout):
    """A request, or what came instead of one.

    ``sound`` says whether ``header`` means anything; if not, ``status`` says what is wrong.
    """

    def __init__(self) -> None:
        super().__init__({"sound": 1, "status": Status, "header": Request(), "result_bytes": 8})


class Receiver(wiring.Component):
    """Receiver of requests.

    Bytes are taken at one per cycle while a request is being received; 3 cycles after the end of
    a damaged frame and 20 after that of a sound one, ``request`` is valid and reception waits
    until it is taken. Its data can then be read from one half of the packet buffer, one byte per
    cycle, while the next request arrives in the other.

    Parameters
    ----------
    layout : Layout
        Of the device, for the checks.

    Attributes
    ----------
    encoded : stream of 8 bits, in
        COBS-encoded bytes.
    request : stream of :class:`Received`, out
        One per frame.
    data : stream of 8 bits, out
        Data of the request that was taken last.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__(
            {
                "encoded": In(stream.Signature(8)),
                "request": Out(stream.Signature(Received())),
                "data": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.decoder = decoder = CobsDecoder()
        m.submodules.crc = crc16 = CRC16_IBM_3740().create()
        m.submodules.check = check = RequestCheck(self._layout)
        m.submodules.packets = packets = memory.Memory(shape=8, depth=512, init=[])
        write = packets.write_port()
        read = packets.read_port(transparent_for=())
        wiring.connect(m, wiring.flipped(self.encoded), decoder.encoded)
        item = decoder.decoded.payload

        # Starts below zero, so that at the end of a frame it is the number of data bytes.
        position = Signal(8, init=_START)
        header = Signal(Request())
        half = Signal()
        status = Signal(Status)
        sound = Signal()
        bad_label = Signal()

        too_short = Signal()
        too_long = Signal()
        in_header = Signal()
        m.d.comb += [
            too_short.eq(position >= _START),
            too_long.eq(position == MAX_DATA + 1),
            in_header.eq(too_short & (position < _DATA_START)),
            crc16.data.eq(item.data),
            write.data.eq(item.data),
            write.addr.eq(Cat(position, half)),
            check.header.eq(header),
            check.data_bytes.eq(position),
            check.bad_label.eq(bad_label),
            self.request.payload.sound.eq(sound),
            self.request.payload.header.eq(header),
            self.request.payload.result_bytes.eq(check.result_bytes),
        ]

        with m.FSM():
            with m.State("RECEIVE"):
                m.d.comb += decoder.decoded.ready.eq(1)
                with m.If(decoder.decoded.valid & item.end):
                    m.d.sync += [status.eq(Status.BAD_FRAME), sound.eq(0)]
                    with m.If(item.error | too_short | too_long):
                        m.next = "OFFER"
                    with m.Elif(~crc16.match_detected):
                        m.d.sync += status.eq(Status.BAD_CRC)
                        m.next = "OFFER"
                    with m.Elif(header.sequence == UNSOLICITED):
                        m.next = "OFFER"
                    with m.Else():
                        m.d.sync += sound.eq(1)
                        m.d.comb += check.start.eq(1)
                        m.next = "CHECK"
                with m.Elif(decoder.decoded.valid & ~too_long):
                    m.d.comb += [crc16.valid.eq(1), write.en.eq(1)]
                    m.d.sync += position.eq(position + 1)
                    with m.If(in_header):
                        m.d.sync += header.eq(Cat(header.as_value()[8:], item.data))
            with m.State("CHECK"):
                m.d.sync += status.eq(check.status)
                with m.If(check.done):
                    m.next = "OFFER"
            with m.State("OFFER"):
                m.d.comb += self.request.valid.eq(1)
                with m.If(self.request.ready):
                    m.d.comb += crc16.start.eq(1)
                    m.d.sync += [position.eq(_START), half.eq(~half)]
                    m.next = "RECEIVE"
        m.d.comb += self.request.payload.status.eq(status)

        # Labels are looked at two bytes late, because the last two bytes are the CRC.
        classes = self._layout.config.classes
        late = Signal(CRC_BYTES)
        with m.If(crc16.valid):
            m.d.sync += [
                late.eq(Cat(late[1:], ~in_header & (item.data >= classes))),
                bad_label.eq(bad_label | late[0]),
            ]
        with m.If(crc16.start):
            m.d.sync += [late.eq(0), bad_label.eq(0)]

        # Reading out the half that was received last, up to the end of its data.
        address = Signal(8)
        stop = Signal(8)
        fetched = Signal()
        m.d.comb += [
            read.addr.eq(Cat(address, ~half)),
            self.data.payload.eq(read.data),
            self.data.valid.eq(fetched),
            read.en.eq(~fetched | self.data.ready),
        ]
        with m.If(self.request.valid & self.request.ready):
            m.d.sync += [
                address.eq(_DATA_START),
                stop.eq(position + _DATA_START),
                fetched.eq(0),
            ]
        with m.Elif(read.en):
            m.d.sync += fetched.eq(address != stop)
            with m.If(address != stop):
                m.d.sync += address.eq(address + 1)
        return m
