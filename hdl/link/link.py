"""The link between a byte stream and the core: takes requests, executes them, replies."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..bundles import CoreSignature
from ..shape import LANES, Shape
from .check import Check
from .cobs import CobsEncoder
from .crc import Crc
from .place import Place
from .protocol import POSITIONS, VERSION, WORD_BYTES, Operation, Request, Status
from .receive import Receiver
from .states import States


class Link(wiring.Component):
    """Server of the protocol in :mod:`metabit.hdl.link.protocol`.

    One shift register of 64 bits takes the header of a request, then its words one after the other,
    or the words that are read; the first bytes of a reply are the first of that header. The last
    place of a READ or WRITE is found by counting, before anything is done.

    Parameters
    ----------
    shape : Shape
        Identity of the device, and limits of requests.

    Attributes
    ----------
    rx, tx : streams of 8 bits, in and out
        Encoded frames from and to the host.
    core : In(CoreSignature)
        To be connected with the core; ``core.idle`` must be low in the cycle after a run was taken.
        Words and host accesses are withdrawn only before an abort, and words when the core is
        idle or gives a prediction for which there is no room.
    abort : out
        Resets the core for a cycle.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        super().__init__(
            {
                "rx": In(stream.Signature(8)),
                "tx": Out(stream.Signature(8)),
                "core": In(CoreSignature(shape)),
                "abort": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.receiver = receiver = Receiver()
        m.submodules.place = place = Place(self._shape)
        m.submodules.check = check = Check()
        m.submodules.encoder = encoder = CobsEncoder()
        m.submodules.crc = crc = Crc()
        wiring.connect(m, wiring.flipped(self.rx), receiver.encoded)
        wiring.connect(m, encoder.frame, wiring.flipped(self.tx))
        core, host = self.core, self.core.host
        received, source = receiver.received, receiver.data

        word = Signal(LANES)
        header = Signal(Request())
        low = word[:8]
        words = Signal.like(received.payload.words)  # of data that have not been taken
        count = Signal(8)  # units to come: words, or room for predictions
        phase = Signal(range(WORD_BYTES))  # bytes in the word, or sent of it
        full = Signal()
        fed = Signal(range(POSITIONS))
        initialised = Signal()
        idle = Signal()
        status = Signal(Status)
        odd = Signal()  # bank of the reply
        short = Signal()  # the reply is none to be kept
        kept = Signal(2)  # banks that hold a complete reply
        repeated = Signal()
        preempted = Signal()

        operation = Signal(3)
        is_ = {each: operation == each.value for each in Operation}  # type: ignore[attr-defined]
        identify, reset = is_[Operation.IDENTIFY], is_[Operation.RESET]
        read, write = is_[Operation.READ], is_[Operation.WRITE]
        feed = is_[Operation.FEED]
        gives_predictions = feed | is_[Operation.COLLECT]

        at = States(
            m,
            *("CHOOSE", "LOAD", "OPEN", "WALK", "CHECK", "COMPARE", "RECOGNISE"),
            *("SEQUENCE", "OPERATION", "STATUS"),
            *("ABORT", "EXECUTE", "FETCH", "SEND", "TRAILER"),
            *("CRC_HIGH", "CRC_LOW"),
        )
        taken = Signal()
        shift = Signal()
        last_byte = phase == WORD_BYTES - 1

        # The bytes of the reply.
        body = encoder.body
        byte = Signal(8)
        put = Signal()

        def chosen(value: Value, *states: str) -> Value:
            selected = Cat(at[state] for state in states).any()
            return Mux(selected, value, Const(0, 8))

        progress = Cat(words, Const(0, 7 - len(words)), idle)
        m.d.comb += [
            byte.eq(
                Mux(check.sound, chosen(low, "SEQUENCE", "OPERATION", "SEND"), 0)
                | chosen(status.as_value(), "STATUS")
                | chosen(core.predictions.payload, "EXECUTE")
                | chosen(Mux(identify, VERSION, progress), "TRAILER")
                | chosen(crc.crc[8:], "CRC_HIGH", "CRC_LOW")
            ),
            crc.data.eq(byte),
            crc.valid.eq(put),
            crc.start.eq(at["OPEN"]),
            put.eq(
                Cat(
                    *(at[state] for state in ("SEQUENCE", "OPERATION", "STATUS", "SEND")),
                    *(at[state] for state in ("TRAILER", "CRC_HIGH", "CRC_LOW")),
                    core.predictions.valid & core.predictions.ready,
                ).any()
            ),
        ]
        m.d.sync += [
            body.payload.data.eq(byte),
            body.payload.last.eq(at["CRC_LOW"]),
            body.valid.eq(put),
        ]

        # Header, data and results.
        digest = int.from_bytes(self._shape.digest, "little")
        fetched = at["FETCH"] & host.ready
        m.d.comb += [
            taken.eq(
                (core.run.valid & core.run.ready)
                | (core.samples.valid & core.samples.ready)
                | (at["EXECUTE"] & host.valid & host.ready)
            ),
            source.ready.eq(at["LOAD"] | (at["EXECUTE"] & (~full | taken))),
            shift.eq(source.valid & source.ready),
            header.eq(word),
            place.header.eq(header),
            place.load.eq(at["OPEN"] | at["SEQUENCE"]),
            host.valid.eq(at["FETCH"] | (at["EXECUTE"] & full & write)),
            host.write.eq(write),
            host.write_data.eq(word),
            host.space.eq(place.space),
            host.element.eq(place.element),
            host.address.eq(place.address),
            host.part.eq(place.part),
            core.run.payload.eq(word),
            core.run.valid.eq(at["EXECUTE"] & full & is_[Operation.RUN]),
            core.samples.payload.eq(word),
            core.samples.valid.eq(at["EXECUTE"] & full & feed),
            core.predictions.ready.eq(at["EXECUTE"] & gives_predictions & (count != 0)),
            self.abort.eq(at["ABORT"]),
        ]
        sent = at["SEQUENCE"] | at["OPERATION"] | at["SEND"]
        with m.If(shift | sent | fetched | at["STATUS"]):
            m.d.sync += word.eq(
                Mux(
                    at["STATUS"] & identify,
                    digest,
                    Mux(at["FETCH"], host.read_data, Cat(word[8:], source.payload)),
                )
            )
        with m.If(at["CHOOSE"] | at["STATUS"]):
            m.d.sync += phase.eq(0)
        with m.Elif(shift | at["SEND"]):
            m.d.sync += phase.eq(phase + 1)
        with m.If(at["STATUS"] | taken):
            m.d.sync += full.eq(0)
        with m.Elif(shift & last_byte):
            m.d.sync += full.eq(1)
        with m.If(at["CHOOSE"]):
            m.d.sync += words.eq(received.payload.words)
        with m.Elif(taken):
            m.d.sync += words.eq(words - 1)
        with m.If(taken):
            m.d.sync += fed.eq(Mux(feed, fed + 1, 0))
        walk = (read | write) & (count[1:] != 0)
        with m.If(at["OPEN"] | at["SEQUENCE"]):
            m.d.sync += count.eq(header.count)
        with m.Elif((at["WALK"] & walk) | fetched | (at["EXECUTE"] & put)):
            m.d.sync += count.eq(count - 1)
        m.d.comb += place.step.eq((at["WALK"] & walk) | fetched | taken)

        # Whether it is carried out.
        m.d.comb += [
            check.header.eq(header),
            check.words.eq(words),
            check.beyond.eq(place.beyond),
            check.fed.eq(fed),
            check.initialised.eq(initialised),
            check.idle.eq(idle),
            encoder.open.eq(at["OPEN"] & body.ready & ~body.valid),
            encoder.bank.eq(low[0] | short),
            encoder.short.eq(short),
            encoder.repeat.eq(at["RECOGNISE"] & repeated),
            received.ready.eq(at["CHOOSE"]),
        ]
        always = identify | reset
        m.d.sync += [
            idle.eq(core.idle),
            preempted.eq(received.valid & ~received.ready & received.payload.reset),
            repeated.eq((encoder.first == low) & kept.bit_select(odd, 1) & check.sound & ~always),
        ]
        with at.at("CHOOSE"):
            m.d.sync += [
                check.sound.eq(received.payload.sound),
                check.damaged.eq(received.payload.damaged),
                check.ragged.eq(received.payload.ragged),
                short.eq(0),
            ]
            with m.If(received.valid):
                at.go("LOAD")
        with at.at("LOAD"):
            with m.If(shift & last_byte):
                at.go("OPEN")
        with at.at("OPEN"):
            m.d.sync += [operation.eq(header.operation), odd.eq(low[0])]
            with m.If(encoder.open):
                at.go("WALK")
                with m.If(short):
                    at.go("SEQUENCE")
        # The check takes a cycle, and the first byte of a kept reply comes after two.
        with at.at("WALK"):
            with m.If(~walk):
                at.go("CHECK")
        with at.at("CHECK"):
            at.go("COMPARE")
        with at.at("COMPARE"):
            m.d.sync += status.eq(check.status)
            at.go("RECOGNISE")
        with at.at("RECOGNISE"):
            with m.If(repeated):
                at.go("CHOOSE")
            with m.Elif(status != Status.OK):
                m.d.sync += short.eq(1)
                at.go("OPEN")
            with m.Else():
                at.go("SEQUENCE")

        # The reply, and what it is about.
        with at.at("SEQUENCE"):
            with m.If(~short):
                m.d.sync += kept.eq(Mux(always, 0, Cat(kept[0] & odd, kept[1] & ~odd)))
            at.go("OPERATION")
        with at.at("OPERATION"):
            at.go("STATUS")
        with at.at("STATUS"):
            with m.If(short):
                at.go("CRC_HIGH")
            with m.Elif(reset):
                at.go("ABORT")
            with m.Elif(identify):
                at.go("SEND")
            with m.Elif(read):
                at.go("FETCH")
            with m.Else():
                at.go("EXECUTE")
        with at.at("ABORT"):
            m.d.sync += initialised.eq(1)
            at.go("CRC_HIGH")
        with at.at("EXECUTE"):
            over = (words == 0) & ~is_[Operation.COLLECT]
            ended = gives_predictions & (idle | (count == 0))
            disturbed = is_[Operation.COLLECT] & received.valid
            with m.If(preempted):
                at.go("CHOOSE")
            with m.Elif(over | ended | disturbed):
                at.go("CRC_HIGH")
                with m.If(gives_predictions):
                    at.go("TRAILER")
        with at.at("FETCH"):
            with m.If(preempted):
                at.go("CHOOSE")
            with m.Elif(host.ready):
                at.go("SEND")
        with at.at("SEND"):
            with m.If(last_byte):
                at.go("FETCH")
                with m.If(identify):
                    at.go("TRAILER")
                with m.Elif(count == 0):
                    at.go("CRC_HIGH")
        with at.at("TRAILER"):
            at.go("CRC_HIGH")
        with at.at("CRC_HIGH"):
            at.go("CRC_LOW")
        with at.at("CRC_LOW"):
            with m.If(~short):
                m.d.sync += kept.eq(kept | Cat(~odd, odd))
            at.go("CHOOSE")
        return m
