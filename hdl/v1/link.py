"""The link between a byte stream and the core: takes requests, has them executed, replies."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.crc.catalog import CRC16_IBM_3740
from amaranth.lib.wiring import In, Out

from ...golden.config import Config
from .cobs import CobsEncoder
from .layout import Layout
from .link_receive import Receiver
from .protocol import UNSOLICITED, VERSION, Command, Operation, Status


class Link(wiring.Component):
    """Server of the protocol in :mod:`metabit.hdl.v1.protocol`.

    A request goes to the core once its frame has arrived and has been checked. While the core
    works, the next frame is received; if that is a RESET, it aborts the work, else it waits.
    Replies are encoded while their bytes come, so that a reply leaves the device three cycles after
    the core's last byte and its CRC.

    Parameters
    ----------
    config : Config
        Identity of the device and limits of requests.

    Attributes
    ----------
    rx, tx : streams of 8 bits, in and out
        Encoded frames from and to the host.
    command : stream of :class:`Command`, out
        Checked request. ``idle`` must be low in the cycle after it was taken.
    data : stream of 8 bits, out
        Its data: exactly what it announces.
    result : stream of 8 bits, in
        Its result: exactly what it asks for.
    idle : in
        The core has finished.
    abort : out
        Resets the core for a cycle; before every RESET command.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "rx": In(stream.Signature(8)),
                "tx": Out(stream.Signature(8)),
                "command": Out(stream.Signature(Command())),
                "data": Out(stream.Signature(8)),
                "result": In(stream.Signature(8)),
                "idle": In(1),
                "abort": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.receiver = receiver = Receiver(Layout(self._config))
        m.submodules.encoder = encoder = CobsEncoder()
        m.submodules.crc = crc16 = CRC16_IBM_3740().create()
        wiring.connect(m, wiring.flipped(self.rx), receiver.encoded)
        wiring.connect(m, encoder.frame, wiring.flipped(self.tx))
        request = receiver.request.payload
        header = request.header
        body = encoder.body

        kept = Signal(8, init=UNSOLICITED)  # sequence number of the reply in bank 0
        initialised = Signal()
        status = Signal(Status)
        left = Signal(8)  # bytes of result to come

        # Registers keep paths short; a header stands still for many cycles before it is offered.
        is_identify = Signal()
        is_reset = Signal()
        repeated = Signal()
        m.d.sync += [
            is_identify.eq(header.operation == Operation.IDENTIFY),
            is_reset.eq(header.operation == Operation.RESET),
            repeated.eq(request.sound & (header.sequence == kept) & ~is_identify & ~is_reset),
        ]
        m.d.comb += [
            self.command.payload.operation.eq(header.operation),
            self.command.payload.sample.eq(header.sample),
            self.command.payload.count.eq(header.count),
            self.command.payload.address.eq(header.address),
            self.data.payload.eq(receiver.data.payload),
        ]
        preempted = Signal()
        m.d.sync += preempted.eq(
            receiver.request.valid
            & ~receiver.request.ready
            & (request.status == Status.OK)
            & is_reset
        )
        identity = bytes([VERSION, *reversed(self._config.digest)])  # sent from the end

        # The encoder is always ready while a body is being written: see CHOOSE.
        byte = Signal(8)
        put = Signal()
        last = Signal()
        bank = Signal()
        m.d.comb += [crc16.data.eq(byte), crc16.valid.eq(put), encoder.bank.eq(bank)]
        m.d.sync += [body.payload.data.eq(byte), body.payload.last.eq(last), body.valid.eq(put)]
        with m.FSM():
            with m.State("CHOOSE"):
                m.d.comb += crc16.start.eq(1)
                m.d.sync += [bank.eq(~request.sound), status.eq(request.status)]
                with m.If(~initialised & (request.status == Status.OK)):
                    with m.If(~is_identify & ~is_reset):
                        m.d.sync += status.eq(Status.NOT_INITIALISED)
                with m.If(receiver.request.valid & body.ready & ~body.valid):
                    m.next = "RECOGNISE"
            with m.State("RECOGNISE"):
                with m.If(repeated):
                    m.d.comb += [encoder.repeat.eq(1), receiver.request.ready.eq(1)]
                    m.next = "CHOOSE"
                with m.Else():
                    m.next = "NUMBER"
            with m.State("NUMBER"):
                m.d.comb += put.eq(1)
                with m.If(~bank):
                    m.d.comb += byte.eq(header.sequence)
                    m.d.sync += kept.eq(header.sequence)
                m.next = "STATUS"
            with m.State("STATUS"):
                m.d.comb += [byte.eq(status), put.eq(1)]
                m.d.sync += left.eq(len(identity))
                with m.If(status != Status.OK):
                    m.d.comb += receiver.request.ready.eq(1)
                    m.next = "CRC_HIGH"
                with m.Elif(is_identify):
                    m.d.comb += receiver.request.ready.eq(1)
                    m.next = "IDENTITY"
                with m.Elif(is_reset):
                    m.next = "ABORT"
                with m.Else():
                    m.next = "COMMAND"
            with m.State("IDENTITY"):
                with m.Switch(left):
                    for index, constant in enumerate(identity, start=1):
                        with m.Case(index):
                            m.d.comb += byte.eq(constant)
                m.d.comb += put.eq(1)
                m.d.sync += left.eq(left - 1)
                with m.If(left == 1):
                    m.next = "CRC_HIGH"
            with m.State("ABORT"):
                m.d.comb += self.abort.eq(1)
                m.next = "COMMAND"
            with m.State("COMMAND"):
                m.d.comb += [
                    self.command.valid.eq(1),
                    receiver.request.ready.eq(self.command.ready),
                ]
                m.d.sync += left.eq(request.result_bytes)
                with m.If(self.command.ready):
                    m.d.sync += initialised.eq(initialised | is_reset)
                    m.next = "EXECUTE"
            with m.State("EXECUTE"):
                m.d.comb += [
                    self.data.valid.eq(receiver.data.valid),
                    receiver.data.ready.eq(self.data.ready),
                    byte.eq(self.result.payload),
                ]
                with m.If(preempted):
                    m.d.comb += encoder.restart.eq(1)
                    m.next = "CHOOSE"
                with m.Elif(left != 0):
                    m.d.comb += [self.result.ready.eq(1), put.eq(self.result.valid)]
                    with m.If(self.result.valid):
                        m.d.sync += left.eq(left - 1)
                with m.Elif(self.idle):
                    m.next = "CRC_HIGH"
            with m.State("CRC_HIGH"):
                m.d.comb += [byte.eq(crc16.crc[8:]), put.eq(1)]
                m.next = "CRC_LOW"
            with m.State("CRC_LOW"):
                # Taking its own high byte has moved the low byte of the CRC to where that was.
                m.d.comb += [byte.eq(crc16.crc[8:]), last.eq(1), put.eq(1)]
                m.next = "CHOOSE"
        return m
