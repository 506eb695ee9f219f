"""The link between a byte stream and the core: takes requests, executes them, replies."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..bundles import CoreSignature
from ..shape import LANES, Shape
from ..states import States
from .arithmetic import counted
from .check import Check, Kind
from .cobs import CobsEncoder
from .crc import Crc
from .place import Place
from .protocol import POSITIONS, VERSION, WINDOW, WORD_BYTES, Request, Status
from .receive import Receiver


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
        m.submodules.check = check = Check(self._shape)
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
        none_left = Signal()
        phase = Signal(range(WORD_BYTES))  # bytes in the word, or sent of it
        full = Signal()
        fed = Signal(range(POSITIONS))
        initialised = Signal()
        idle = Signal()
        status = Signal(Status)
        refused = Signal()
        bank = Signal(range(WINDOW))  # of the reply
        kept = Signal(WINDOW)  # banks that hold a complete reply
        chosen = Signal(WINDOW)  # the bank, a bit each
        repeated = Signal()
        preempted = Signal()
        next_waits = Signal()
        steady = Signal()  # the word is still needed

        kind = Signal(Kind())
        predicts = Signal()

        at = States(
            m,
            *("CHOOSE", "LOAD", "OPEN", "WALK", "BOUND", "CHECK", "COMPARE", "RECOGNISE"),
            *("SEQUENCE", "OPERATION", "STATUS"),
            *("ABORT", "EXECUTE", "START", "FETCH", "SEND", "TRAILER"),
            *("SETTLE", "CRC_HIGH", "TURN", "CRC_LOW"),
        )

        # The bytes of the reply; the CRC is a cycle behind.
        body = encoder.body
        byte = Signal(8)
        put = Signal()
        predicted = Signal()
        progress = Cat(words, Const(0, 7 - len(words)), idle)
        m.d.comb += [
            predicted.eq(core.predictions.valid & core.predictions.ready),
            put.eq(
                Cat(
                    *(at[state] for state in ("SEQUENCE", "OPERATION", "STATUS", "SEND")),
                    *(at[state] for state in ("TRAILER", "CRC_HIGH", "CRC_LOW")),
                    predicted,
                ).any()
            ),
            crc.data.eq(body.payload.data),
            crc.valid.eq(body.valid),
            crc.start.eq(at["OPEN"]),
        ]
        with m.If(at["EXECUTE"]):
            m.d.comb += byte.eq(core.predictions.payload)
        with m.Elif(at["CRC_HIGH"] | at["CRC_LOW"]):
            m.d.comb += byte.eq(crc.crc[8:])
        with m.Elif(at["STATUS"] | at["TRAILER"]):
            m.d.comb += byte.eq(
                Mux(at["STATUS"], status.as_value(), Mux(kind.identify, VERSION, progress))
            )
        with m.Else():
            m.d.comb += byte.eq(Mux(check.sound, low, 0))
        m.d.sync += [
            body.payload.data.eq(byte),
            body.payload.last.eq(at["CRC_LOW"]),
            body.valid.eq(put),
        ]

        # Header, data and results pass through the word. A word of data that is taken makes room
        # for the next one's first byte in the same cycle.
        last_byte = phase == WORD_BYTES - 1
        taken = Signal()
        waits = Signal()
        more = Signal()
        m.d.comb += [
            core.run.payload.eq(word),
            core.run.valid.eq(at["START"]),
            core.samples.payload.eq(word),
            core.samples.valid.eq(at["EXECUTE"] & full & kind.feed),
            host.valid.eq(at["FETCH"] | (at["EXECUTE"] & full & kind.write)),
            host.write.eq(kind.write),
            host.write_data.eq(word),
            more.eq((kind.feed & core.samples.ready) | (kind.write & host.ready)),
            taken.eq(at["EXECUTE"] & full & more),
            waits.eq(at["EXECUTE"] & full & ~more),
            source.ready.eq(at["LOAD"] | (at["EXECUTE"] & ~waits)),
        ]
        with m.If(~(steady | waits)):
            digest = int.from_bytes(self._shape.digest, "little")
            shifted = Cat(word[8:], source.payload)
            m.d.sync += word.eq(
                Mux(at["FETCH"], host.read_data, Mux(at["STATUS"] & kind.identify, digest, shifted))
            )
        arrived = source.valid & source.ready
        with m.If(at["CHOOSE"] | at["STATUS"] | at["FETCH"]):
            m.d.sync += phase.eq(0)
        with m.Elif(arrived | at["SEND"]):
            m.d.sync += phase.eq(phase + 1)
        with m.If(~at["EXECUTE"] | taken):
            m.d.sync += full.eq(0)
        with m.Elif(last_byte & ~waits):
            m.d.sync += full.eq(1)
        with m.If(at["CHOOSE"] | taken):
            given = received.payload.words
            m.d.sync += words.eq(counted(words, at["CHOOSE"], given, down=True))
        with m.If(at["START"]):
            m.d.sync += fed.eq(0)
        with m.Elif(taken & kind.feed):
            m.d.sync += fed.eq(fed + 1)

        # Places and predictions are counted by the same counter.
        fetched = at["FETCH"] & host.ready
        walk = at["WALK"] & (kind.read | kind.write) & (count[1:] != 0)
        load = at["OPEN"] | at["SEQUENCE"]
        with m.If(load | walk | fetched | predicted):
            m.d.sync += count.eq(counted(count, load, header.count, down=True))
        room = Signal()
        m.d.sync += [
            none_left.eq(count == 0),
            # Not while ``none_left`` is behind the count.
            room.eq((count != 0) & ~predicted),
        ]
        m.d.comb += [
            header.eq(word),
            core.predictions.ready.eq(at["EXECUTE"] & predicts & room),
            place.header.eq(header),
            place.load.eq(load),
            place.step.eq(walk | fetched | taken),
            host.space.eq(place.space),
            host.element.eq(place.element),
            host.address.eq(place.address),
            host.part.eq(place.part),
            self.abort.eq(at["ABORT"]),
        ]

        # Whether it is carried out.
        m.d.comb += [
            check.header.eq(header),
            check.kind.eq(kind),
            check.words.eq(words),
            check.beyond.eq(place.beyond),
            check.fed.eq(fed),
            check.initialised.eq(initialised),
            check.idle.eq(idle),
            encoder.open.eq(at["OPEN"] & body.ready & ~body.valid),
            encoder.bank.eq(low[: len(bank)]),
            chosen.eq(Const(1, WINDOW) << bank),
            encoder.short.eq(refused),
            encoder.repeat.eq(at["RECOGNISE"] & repeated),
            received.ready.eq(at["CHOOSE"]),
        ]
        m.d.sync += [
            idle.eq(core.idle),
            preempted.eq(received.valid & ~received.ready & received.payload.reset),
            next_waits.eq(received.valid & ~received.ready),
            repeated.eq(
                (encoder.first == low) & kept.bit_select(bank, 1) & check.sound & ~kind.always
            ),
        ]
        with at.at("CHOOSE"):
            m.d.sync += [
                check.sound.eq(received.payload.sound),
                check.damaged.eq(received.payload.damaged),
                check.ragged.eq(received.payload.ragged),
                refused.eq(0),
            ]
            with m.If(received.valid):
                at.go("LOAD")
        with at.at("LOAD"):
            with m.If(arrived & last_byte):
                m.d.sync += steady.eq(1)
                at.go("OPEN")
        with at.at("OPEN"):
            operation = header.operation.as_value()[:3]
            m.d.sync += [kind[name].eq(bit) for name, bit in Kind.of(operation).items()]
            m.d.sync += bank.eq(low[: len(bank)])
            with m.If(encoder.open):
                at.go("WALK")
                with m.If(refused):
                    m.d.sync += steady.eq(0)
                    at.go("SEQUENCE")
        # The check takes two cycles, and so does the first byte of a kept reply.
        with at.at("WALK"):
            m.d.sync += predicts.eq(kind.feed | kind.collect)
            with m.If(~walk):
                at.go("BOUND")
        with at.at("BOUND"):
            at.go("CHECK")
        with at.at("CHECK"):
            at.go("COMPARE")
        with at.at("COMPARE"):
            m.d.sync += status.eq(check.status)
            at.go("RECOGNISE")
        with at.at("RECOGNISE"):
            with m.If(repeated):
                m.d.sync += steady.eq(0)
                at.go("CHOOSE")
            with m.Elif(status != Status.OK):
                m.d.sync += refused.eq(1)
                at.go("OPEN")
            with m.Else():
                m.d.sync += steady.eq(0)
                at.go("SEQUENCE")

        # The reply, and what it is about.
        with at.at("SEQUENCE"):
            with m.If(~refused):
                m.d.sync += kept.eq(Mux(kind.always, 0, kept & ~chosen))
            at.go("OPERATION")
        with at.at("OPERATION"):
            at.go("STATUS")
        with at.at("STATUS"):
            at.go("EXECUTE")
            with m.If(kind.read):
                at.go("FETCH")
            with m.If(kind.identify):
                at.go("SEND")
            with m.If(kind.reset):
                at.go("ABORT")
            with m.If(refused):
                at.go("SETTLE")
        with at.at("ABORT"):
            m.d.sync += initialised.eq(1)
            at.go("SETTLE")
        none_to_come = Signal()
        m.d.sync += none_to_come.eq(words == 0)
        with at.at("EXECUTE"):
            with m.If(kind.write & none_to_come):
                at.go("SETTLE")
            with m.If(kind.run & full):
                m.d.sync += steady.eq(1)
                at.go("START")
            with m.If(
                (predicts & (idle | none_left))
                | (kind.feed & none_to_come)
                | (kind.collect & next_waits)
            ):
                at.go("TRAILER")
            with m.If(preempted):
                at.go("CHOOSE")
        with at.at("START"):
            with m.If(core.run.ready):
                m.d.sync += steady.eq(0)
                at.go("SETTLE")
            with m.If(preempted):
                m.d.sync += steady.eq(0)
                at.go("CHOOSE")
        with at.at("FETCH"):
            with m.If(host.ready):
                at.go("SEND")
            with m.If(preempted):
                at.go("CHOOSE")
        with at.at("SEND"):
            with m.If(last_byte):
                at.go("FETCH")
                with m.If(none_left):
                    at.go("SETTLE")
                with m.If(kind.identify):
                    at.go("TRAILER")
        with at.at("TRAILER"):
            at.go("SETTLE")
        with at.at("SETTLE"):
            at.go("CRC_HIGH")
        with at.at("CRC_HIGH"):
            at.go("TURN")
        # Taking its own high byte moves the low byte of the CRC to where that was.
        with at.at("TURN"):
            at.go("CRC_LOW")
        with at.at("CRC_LOW"):
            with m.If(~refused):
                m.d.sync += kept.eq(kept | chosen)
            at.go("CHOOSE")
        return m
