"""The receiver of the link against reference COBS and CRC: no frame with a wrong bit passes.

Every bit of some frames is turned, one after the other. A bit of a code byte moves all zeros of a
frame, one that makes a zero cuts it in two, and one of the zero at its end glues it to what
follows. None of it may look like a request of whole words, and the next sound frame must be
received as if nothing had been.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cocotb
import numpy as np
from amaranth.lib import wiring
from cobs import cobs
from cocotb.triggers import ReadOnly

from ...hdl.bundles import Space
from ...hdl.link.protocol import (
    CRC_BYTES,
    LAST_SEQUENCE,
    MAX_REQUEST,
    MAX_WORDS,
    REQUEST_BYTES,
    UNSOLICITED,
    WORD_BYTES,
    Operation,
)
from ...hdl.link.receive import Received, Receiver
from ...hdl.shape import SHAPES as DEVICES
from ...hdl.shape import Shape
from ...host.packets import DELIMITER, Request, crc, encode_request
from . import covering
from .driving import Pauses, Stream, cycle, generator, read, start, until

SHAPES = (DEVICES["small"],)

RESET = encode_request(LAST_SEQUENCE, Request(Operation.RESET))


_verdict = covering.point(
    "receiver.frame",
    ["sound", "sound and a reset", "bytes left over", "wrong CRC", "no frame of a request"],
)
_words = covering.point("receiver.words of a sound frame", [0, 2, MAX_WORDS])
_turned = covering.point(
    "receiver.bit turned in", ["code byte", "header", "data", "CRC", "delimiter"]
)
_pace = covering.pauses("receiver.bytes")
_taken_back = covering.point("receiver.frame taken back", ["without data", "with data"])


def _cover_turned(bit: int, length: int) -> None:
    """Count where a bit of a frame lies, its one code byte of zeros not told apart."""
    byte = bit // 8
    if byte in (0, length - 1):
        _turned("delimiter" if byte else "code byte")
    elif byte <= REQUEST_BYTES:
        _turned("header")
    else:
        _turned("CRC" if byte >= length - 1 - CRC_BYTES else "data")


def _cover_verdict(found: "Verdict") -> None:
    """Count what a frame was."""
    if not found.sound:
        _verdict("wrong CRC" if found.damaged else "no frame of a request")
        return
    _words(found.words)
    kind = "sound and a reset" if found.reset else "sound"
    _verdict("bytes left over" if found.ragged else kind)


def design(shape: Shape) -> wiring.Component:
    """Return what the bench is run on; it is the same for all devices."""
    return Receiver()


@dataclass(frozen=True)
class Verdict:
    """What the receiver must say of a frame.

    Attributes
    ----------
    sound, damaged, reset : bool
        As :class:`~metabit.hdl.link.receive.Received` tells.
    body : bytes
        Header and data of a sound one.
    """

    sound: bool = False
    damaged: bool = False
    reset: bool = False
    body: bytes = b""

    @property
    def words(self) -> int:
        """Whole words of data."""
        return (len(self.body) - REQUEST_BYTES) // WORD_BYTES

    @property
    def ragged(self) -> bool:
        """Some bytes are left over: no operation takes such data."""
        return (len(self.body) - REQUEST_BYTES) % WORD_BYTES > 0

    @property
    def accepted(self) -> bool:
        """It may be carried out."""
        return self.sound and not self.ragged


def verdict(encoded: bytes) -> Verdict:
    """Judge a frame, which has no delimiter."""
    try:
        body = cobs.decode(encoded)
    except cobs.DecodeError:
        return Verdict()
    if not REQUEST_BYTES + CRC_BYTES <= len(body) <= MAX_REQUEST or body[0] == UNSOLICITED:
        return Verdict()
    content = body[:-CRC_BYTES]
    if crc(content) != body[-CRC_BYTES:]:
        return Verdict(damaged=True)
    reset = content[1] == Operation.RESET.value and len(content) == REQUEST_BYTES
    return Verdict(sound=True, reset=reset, body=content)


class Line:
    """Sends bytes to the receiver, and takes what it makes of them.

    Parameters
    ----------
    dut : handle
    pause : float
        Probability of each further cycle of a pause.
    """

    def __init__(self, dut: Any, pause: float) -> None:
        self._dut = dut
        self._encoded = Stream(dut, "encoded", generator(1), pause)
        _pace("after a pause" if pause else "at once")
        self._pauses = Pauses(dut, generator(2), pause)

    async def send(self, raw: bytes) -> list[Verdict]:
        """Send bytes that end in a delimiter, and judge what comes; return the verdicts."""
        verdicts = []
        *frames, rest = raw.split(DELIMITER)
        assert not rest
        for encoded in frames:
            await self._encoded.put_all(encoded + DELIMITER)
            if encoded:
                verdicts.append(verdict(encoded))
                _cover_verdict(verdicts[-1])
                await self._check(verdicts[-1])
        return verdicts

    async def _check(self, expected: Verdict) -> None:
        """Take a frame, and compare its bytes if it is sound."""
        dut = self._dut
        await self._pauses.wait()
        dut.received__ready.value = 1
        await until(dut, dut.received__valid)
        received = Received().from_bits(read(dut.received__payload))
        await cycle(dut)
        dut.received__ready.value = 0
        found = bool(received.sound), bool(received.damaged), bool(received.reset)
        assert found == (expected.sound, expected.damaged, expected.reset)
        if not expected.sound:
            return
        assert (received.words, bool(received.ragged)) == (expected.words, expected.ragged)
        for byte in expected.body:
            await self._pauses.wait()
            await self._fetch(byte)

    async def _fetch(self, expected: int) -> None:
        """Read the next byte, which comes a cycle after it was asked for."""
        dut = self._dut
        dut.data__ready.value = 1
        await cycle(dut)
        dut.data__ready.value = 0
        await ReadOnly()
        assert read(dut.data__valid)
        assert read(dut.data__payload) == expected
        await cycle(dut)


def frames(rng: np.random.Generator) -> list[bytes]:
    """Return frames without data, with zeros and with other data."""
    words = rng.integers(1, 256, 2 * WORD_BYTES, np.uint8)
    words[rng.random(len(words)) < 0.2] = 0
    return [
        RESET,
        encode_request(7, Request(Operation.READ, count=3, space=Space.COUNTERS, address=258)),
        encode_request(8, Request(Operation.WRITE, count=2, space=Space.CODES, data=bytes(words))),
    ]


def turned(raw: bytes, bit: int) -> bytes:
    """Return bytes with one bit turned."""
    wrong = bytearray(raw)
    wrong[bit // 8] ^= 1 << bit % 8
    return bytes(wrong)


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def no_frame_with_a_wrong_bit_passes(dut: Any) -> None:
    """Turn every bit of short frames, their delimiters included."""
    await start(dut)
    line = Line(dut, pause=0)
    for sent in frames(generator()):
        assert [v.accepted for v in await line.send(sent)] == [True]
        for bit in range(8 * len(sent)):
            _cover_turned(bit, len(sent))
            # A delimiter that has become the code byte of an empty block adds a zero to the body,
            # which no CRC of this kind sees; but then a byte is left over.
            verdicts = await line.send(turned(sent, bit) + DELIMITER)
            assert verdicts
            assert not any(v.accepted for v in verdicts), f"bit {bit} makes another request"
        assert [v.reset for v in await line.send(RESET)] == [True]


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def random_bits_of_the_longest_frame(dut: Any) -> None:
    """Turn bits of frames as long as they may be, and one byte longer, with pauses."""
    await start(dut)
    rng = generator()
    line = Line(dut, pause=0.2)
    for _ in range(4):
        data = rng.bytes(MAX_WORDS * WORD_BYTES)
        sent = encode_request(9, Request(Operation.FEED, count=1, data=data))
        assert [v.accepted for v in await line.send(sent)] == [True]
        for bit in rng.integers(0, 8 * len(sent), 4):
            verdicts = await line.send(turned(sent, int(bit)) + DELIMITER)
            assert not any(v.accepted for v in verdicts)
    content = bytes([9, Operation.FEED.value]) + rng.bytes(MAX_REQUEST - CRC_BYTES - 1)
    long = cobs.encode(content + crc(content)) + DELIMITER
    assert [v.accepted for v in await line.send(long)] == [False]


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def a_zero_makes_it_forget_what_waits(dut: Any) -> None:
    """Take a frame back that nobody has taken yet, by an empty one."""
    await start(dut)
    line = Line(dut, pause=0)
    encoded = Stream(dut, "encoded", generator(1), 0)
    for first, second in pairwise([*frames(generator()), RESET]):
        _taken_back("with data" if verdict(first[:-1]).words else "without data")
        await encoded.put_all(first)
        await until(dut, dut.received__valid)
        await cycle(dut)
        await encoded.put_all(DELIMITER)
        await cycle(dut)
        assert not read(dut.received__valid)
        assert [v.accepted for v in await line.send(second)] == [True]
