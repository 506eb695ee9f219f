"""The link: frames are decoded and checked as defined, and only a sound one does anything."""

from types import ModuleType

from amaranth.hdl import Cat, Const, Mux, Value

from ..hdl.link import cobs, crc, link, receive
from ..hdl.link.protocol import CRC_BYTES, MAX_DATA, REQUEST_BYTES, UNSOLICITED, Operation, Status
from ..hdl.shape import SHAPES
from .harness import Harness, implies
from .proof import Proof, Twin

_POLYNOMIAL, _INITIAL = 0x1021, 0xFFFF
"""Of CRC-16/IBM-3740."""

_LEAST = REQUEST_BYTES + CRC_BYTES
_MOST = _LEAST + MAX_DATA


def _crc(state: Value, byte: Value) -> Value:
    """Return the CRC after another byte: bit by bit, the highest first, as it is defined."""
    bits = [state[n] for n in range(16)]
    for n in reversed(range(8)):
        turn = bits[15] ^ byte[n]
        bits = [Const(0), *bits[:15]]
        bits = [bit ^ turn if _POLYNOMIAL >> place & 1 else bit for place, bit in enumerate(bits)]
    return Cat(bits)


def _checksum(block: ModuleType) -> Harness:
    """Follow the CRC."""
    h = Harness()
    dut = block.Crc()
    h.place(dut)
    state = h.register("state", 16, _INITIAL)
    after = Mux(dut.valid, _crc(state, dut.data), state)
    h.m.d.sync += state.eq(Mux(dut.start, _INITIAL, after))
    h.claim(dut.crc == state, dut.zero == (state == 0))
    return h


def _burst(block: ModuleType) -> Harness:
    """Take the checksum of a frame twice; one of them has damage in one byte, or in two in a row.

    What comes before and behind it is alike, and of any length.
    """
    h = Harness()
    sound, damaged = block.Crc(), block.Crc()
    h.place(sound)
    h.place(damaged, wired=("start", "valid", "data"))
    first, second = h.fixed(8), h.fixed(8)
    h.assume((first | second) != 0)
    done = h.register("damaged_bytes", 2)
    hits = h.named("hits", (done == 1) | ((done == 0) & h.any(1)))
    turned = Mux(hits, Mux(done == 0, first, second), 0)
    h.m.d.comb += [
        damaged.start.eq(sound.start),
        damaged.valid.eq(sound.valid),
        damaged.data.eq(sound.data ^ turned),
    ]
    with h.m.If(sound.start):
        h.m.d.sync += done.eq(0)
    with h.m.Elif(sound.valid & hits):
        h.m.d.sync += done.eq(done + 1)
    difference = h.named("difference", sound.crc ^ damaged.crc)
    h.claim(implies(done == 2, ~(sound.zero & damaged.zero)))
    h.lemma(
        done != 3,
        implies(done == 0, difference == 0),
        implies(done == 1, difference == _crc(Const(0, 16), first)),
        implies(done == 2, difference != 0),
    )
    return h


def _two_bits(block: ModuleType) -> Harness:
    """Follow what one turned bit makes of the checksum; another must not take it back.

    Checksums are linear, so that what is sent does not matter.
    """
    h = Harness()
    difference, bit = h.register("difference", 16), h.fixed(3)
    begins = Mux(h.first, block.crc_step(Const(0, 16), Const(1, 8) << bit), difference)
    h.m.d.sync += difference.eq(Mux(h.first, begins, block.crc_step(difference, Const(0, 8))))
    others = [block.crc_step(difference, Const(1 << other, 8)) for other in range(8)]
    h.claim(h.first | Cat(after != 0 for after in others).all(), h.first | (difference != 0))
    return h


def _linear(block: ModuleType) -> Harness:
    """Add two checksums."""
    h = Harness()
    a, b, c, d = h.any(16), h.any(16), h.any(8), h.any(8)
    sums = block.crc_step(a, c) ^ block.crc_step(b, d)
    h.claim(block.crc_step(a ^ b, c ^ d) == sums)
    return h


def _decoding(block: ModuleType) -> Harness:
    """Decode by the definition: blocks, zeros between them, a zero at the end of a frame."""
    h = Harness()
    dut = block.CobsDecoder()
    h.place(dut)
    m, byte, item = h.m, dut.encoded.payload, dut.decoded.payload
    left, full, begun = (
        h.register("block_left", 8),
        h.register("block_full", 1),
        h.register("frame_begun", 1),
    )
    takes = h.named("takes", dut.encoded.valid & dut.encoded.ready)
    delimits, codes = byte == 0, left == 0
    with m.If(takes & delimits):
        m.d.sync += [left.eq(0), full.eq(0), begun.eq(0)]
    with m.Elif(takes & codes):
        m.d.sync += [left.eq(byte - 1), full.eq(byte == 0xFF), begun.eq(1)]
    with m.Elif(takes):
        m.d.sync += left.eq(left - 1)
    says = Mux(delimits, begun, ~codes | (begun & ~full))
    said = h.register("said", 1)
    with m.If(dut.encoded.ready):
        m.d.sync += said.eq(takes & says)
    value = h.kept("value", Mux(codes, 0, byte), takes)
    end, cut = h.kept("end", delimits, takes), h.kept("cut", left != 0, takes)
    h.claim(
        h.held(dut.decoded),
        dut.encoded.ready == (~dut.decoded.valid | dut.decoded.ready),
        dut.decoded.valid == said,
        implies(said, item.end == end),
        implies(said & end, item.error == cut),
        implies(said & ~end, item.data == value),
    )
    own = {
        n: h.variable(dut, f"CobsDecoder.elaborate.{n}")
        for n in ("left", "code", "first", "joined")
    }
    h.lemma(
        own["code"] == codes,
        implies(~codes, begun),
        implies(~codes, own["left"] == left + 1),
        own["first"] == ~begun,
        own["joined"] == (full | ~begun),
    )
    return h


def _reception(block: ModuleType) -> Harness:
    """Follow what the decoder says of a frame, and judge it by the definition."""
    h = Harness()
    dut = block.Receiver()
    h.place(dut)
    m = h.m
    decoder = h.variable(dut, "Receiver.elaborate.decoder")
    at = h.at(dut, "Receiver.elaborate", "fsm")
    item = decoder.decoded.payload
    comes = h.named("comes", decoder.decoded.valid & decoder.decoded.ready)
    received = dut.received.payload
    # Of the bytes of a frame: how many, the first ones, and their checksum.
    count, state = h.register("bytes", 9), h.register("checksum", 16, _INITIAL)
    number, operation = h.register("first_byte", 8), h.register("second_byte", 8)
    over, cut = h.register("over", 1), h.register("cut", 1)
    gone = h.variable(dut, "Receiver.elaborate.begin")
    byte = comes & ~item.end & (count <= _MOST)
    with m.If(gone):
        m.d.sync += [count.eq(0), state.eq(_INITIAL), over.eq(0)]
    with m.Elif(byte):
        m.d.sync += [count.eq(count + 1), state.eq(_crc(state, item.data))]
        with m.If(count == 0):
            m.d.sync += number.eq(item.data)
        with m.If(count == 1):
            m.d.sync += operation.eq(item.data)
    with m.Elif(comes & item.end):
        m.d.sync += [over.eq(1), cut.eq(item.error)]
    whole = ~cut & (count >= _LEAST) & (count <= _MOST) & (number != UNSOLICITED)
    sound = whole & (state == 0)
    data = h.named("data_bytes", (count - _LEAST)[:8])
    h.claim(
        dut.received.valid == over,
        implies(over, received.sound == sound),
        implies(over, received.damaged == (whole & (state != 0))),
        implies(over & sound, (received.words == data[3:]) & (received.ragged == data[:3].any())),
        implies(
            over,
            received.reset == (sound & (operation == Operation.RESET.value) & (count == _LEAST)),
        ),
    )
    own = {
        n: h.variable(dut, f"Receiver.elaborate.{n}")
        for n in ("position", "too_short", "too_long", "numbered", "is_reset")
    }
    checksum = h.variable(dut, "Receiver.elaborate.crc")
    h.lemma(
        at("OFFER") == over,
        checksum.crc == state,
        own["position"] == (count - _LEAST)[:8],
        own["too_short"] == (count < _LEAST),
        own["too_long"] == (count > _MOST),
        count <= _MOST + 1,
        implies(count > 0, own["numbered"] == (number != UNSOLICITED)),
        implies(count > 1, own["is_reset"] == (operation == Operation.RESET.value)),
    )
    return h


def _execution(block: ModuleType) -> Harness:
    """Follow whether a request may be carried out to whatever the link does to the core."""
    h = Harness()
    dut = block.Link(SHAPES["small"])
    h.place(dut)
    core = dut.core
    at, check, receiver = (
        h.variable(dut, f"Link.elaborate.{n}") for n in ("at", "check", "receiver")
    )
    status, refused = (h.variable(dut, f"Link.elaborate.{n}") for n in ("status", "refused"))
    states = [at[name] for name in at._numbers]
    sound = h.register("request_sound", 1)
    with h.m.If(at["CHOOSE"]):
        h.m.d.sync += sound.eq(receiver.received.payload.sound)
    passed = h.named("passed", sound & ~refused & (status.as_value() == Status.OK.value))
    acts = (
        core.run.valid | core.samples.valid | core.host.valid | core.predictions.ready | dut.abort
    )
    h.claim(implies(acts, passed))
    # Why: it is at one place, and has passed the check if it is at some.
    h.lemma(
        sum(states) == 1,
        check.sound == sound,
        implies(at["RECOGNISE"], sound | (status.as_value() != Status.OK.value)),
        implies(at["ABORT"] | at["EXECUTE"] | at["START"] | at["FETCH"], passed),
        implies(at["SEQUENCE"] | at["OPERATION"] | at["STATUS"], refused | passed),
        implies(at["SEND"], passed),
        implies(at["LOAD"] | at["WALK"] | at["BOUND"] | at["CHECK"], ~refused),
        implies(at["COMPARE"] | at["RECOGNISE"], ~refused),
    )
    return h


_CRC_SLIP = Twin("self.crc == 0", "self.crc[1:] == 0")
_CRC_SLIP_IN_RECEIVER = Twin("self.crc == 0", "self.crc[1:] == 0", crc)

PROOFS = [
    Proof(
        name="crc",
        source=crc,
        claim="The checksum is CRC-16/IBM-3740, bit by bit; zero means all its bits.",
        sizes="bytes of any number",
        build=_checksum,
        twins=(
            _CRC_SLIP,
            Twin("Cat(Const(0, 12), folded[:4])", "Cat(Const(0, 12), folded[:3])"),
            Twin("_INITIAL = 0xFFFF", "_INITIAL = 0"),
        ),
        twin_depth=4,
    ),
    Proof(
        name="crc-burst",
        source=crc,
        claim="Damage in one byte, or in two in a row, is always seen: every single bit, and every "
        "burst of up to 9.",
        sizes="frames of any length",
        build=_burst,
        twins=(
            Twin("high = crc[8:] ^ data", "high = crc[8:] ^ (data & 0x7F)"),
            Twin("^ folded)[:_BITS]", ")[:_BITS]"),
        ),
        twin_depth=5,
    ),
    Proof(
        name="crc-linear",
        source=crc,
        claim="The checksum of a sum is the sum of the checksums.",
        sizes="all states and bytes",
        build=_linear,
        twins=(Twin("crc[8:] ^ data", "crc[8:] | data"),),
        depth=1,
        bounded=True,
    ),
    Proof(
        name="crc-two-bits",
        source=crc,
        claim="Two turned bits are always seen, wherever they are.",
        sizes=f"frames of up to {_MOST} bytes, the longest that there are",
        build=_two_bits,
        twins=(Twin("Cat(Const(0, 5), folded, Const(0, 3))", "Cat(Const(0, 4), folded)"),),
        depth=_MOST + 1,
        bounded=True,
    ),
    Proof(
        name="cobs-decoder",
        source=cobs,
        claim="Every byte leads to what COBS defines and to no more, and stands until it is taken.",
        sizes="frames of any length, any pauses",
        build=_decoding,
        twins=(
            Twin("self.encoded.valid & ~Mux", "~Mux"),
            Twin("joined.eq(end | (byte == FULL))", "joined.eq(end | (byte == 2))"),
            Twin("~self.decoded.valid | self.decoded.ready", "~self.decoded.valid"),
            Twin("self.decoded.payload.error.eq(~code)", "self.decoded.payload.error.eq(0)"),
        ),
        twin_depth=5,
    ),
    Proof(
        name="receiver",
        source=receive,
        claim="A frame is called sound if and only if its length is possible, its number is one, "
        "no block is cut short and its checksum is right; its words are counted.",
        sizes="frames of any length, any pauses",
        build=_reception,
        twins=(
            _CRC_SLIP_IN_RECEIVER,
            Twin(
                "crc.zero & ~bad_frame),\n                    received.damaged",
                "~bad_frame),\n                    received.damaged",
            ),
            Twin("item.error | too_short", "too_short"),
            Twin("m.d.sync += too_short.eq(0)", "m.d.sync += too_short.eq(position[0])"),
        ),
        depth=3,
        twin_depth=18,
    ),
    Proof(
        name="link",
        source=link,
        claim="No run, word, access, prediction or reset goes to or comes from the core but for a "
        "request that was sound, and that the check has let through.",
        sizes="the link of small; requests of any length, any pauses",
        build=_execution,
        twins=(
            Twin("with m.Elif(status != Status.OK):", "with m.Elif(status == Status.BAD_RANGE):"),
            Twin(
                'with m.If(refused):\n                at.go("SETTLE")',
                'with m.If(0):\n                at.go("SETTLE")',
            ),
            Twin("check.sound.eq(received.payload.sound)", "check.sound.eq(1)"),
        ),
        depth=2,
        twin_depth=38,
    ),
]
