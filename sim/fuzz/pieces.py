"""Pieces of what may come over a line: whole frames, broken ones, and noise."""

from dataclasses import dataclass

import numpy as np
from cobs import cobs

from ...hdl.bundles import Space
from ...hdl.link.protocol import (
    LAST_SEQUENCE,
    MAX_READ,
    MAX_REQUEST,
    MAX_WORDS,
    REQUEST_BYTES,
    WORD_BYTES,
    Operation,
    Status,
    limit,
)
from ...hdl.shape import Shape
from ...host.packets import CRC_BYTES, DELIMITER, Request, crc, encode_request, frame

_WRITTEN = (Space.COUNTERS, Space.SIGNS, Space.GENERATOR, Space.STATISTICS, Space.CODES)
_READ = (Space.COUNTERS, Space.CURRENT, Space.GENERATOR, Space.STATISTICS, Space.SETUP)

_LONGEST_NOISE = 600
_REMEMBERED = 16
"""Earlier frames, one of which may come again."""


@dataclass(frozen=True)
class Piece:
    """Some bytes in a row.

    Attributes
    ----------
    kind : str
        What they are, one of :data:`KINDS`.
    raw : bytes
    """

    kind: str
    raw: bytes


class Maker:
    """Draws pieces.

    Parameters
    ----------
    shape : Shape
        Device that they are for.
    rng : numpy.random.Generator
        Decides all of them.
    sound : bool
        Whether there are frames that a device executes. No RUN is ever among them.
    """

    def __init__(self, shape: Shape, rng: np.random.Generator, *, sound: bool = True) -> None:
        self._shape = shape
        self._rng = rng
        self._sound = sound
        self._sequence = 0
        self._earlier: list[bytes] = []

    def piece(self) -> Piece:
        """Return another piece."""
        while True:
            kind = KINDS[int(self._rng.integers(len(KINDS)))]
            raw = getattr(self, f"_{kind}")()
            if self._harmless(raw):
                return Piece(kind, raw)

    def _harmless(self, raw: bytes) -> bool:
        """Whether bytes hold no frame that must not be sent: what is random may pass its CRC."""
        for part in raw.split(DELIMITER):
            body = sound_body(part)
            if body is not None and (not self._sound or body[1] == Operation.RUN.value):
                return False
        return True

    def _below(self, end: int) -> int:
        return int(self._rng.integers(end))

    def _random_bytes(self, count: int) -> bytes:
        return self._rng.bytes(count)

    # Requests

    def _request(self) -> Request:
        """Return a request that a device executes, or refuses for what stands in it."""
        operation = Operation(self._rng.choice([1, 2, 3, 3, 3, 3, 4, 4, 4, 6, 7, 7]))
        if operation in (Operation.WRITE, Operation.READ):
            return self._transfer(operation)
        if operation is Operation.FEED:
            words = 1 + self._below(MAX_WORDS)
            data = self._random_bytes(words * WORD_BYTES)
            return Request(operation, self._below(120), address=self._below(2), data=data)
        return Request(operation, self._below(120))

    def _transfer(self, operation: Operation) -> Request:
        shape, writes = self._shape, operation is Operation.WRITE
        space = (_WRITTEN if writes else _READ)[self._below(5)]
        most = MAX_WORDS if writes else MAX_READ
        # One in some goes beyond the end of its space.
        count = 1 + self._below(min(most, limit(space, shape) + 1))
        parts = shape.parts if space is Space.COUNTERS else 1
        last = max(1, limit(space, shape) - count // parts + 1)
        return Request(
            operation,
            count,
            space,
            self._below(shape.elements),
            self._below(parts),
            self._below(last),
            self._random_bytes(count * WORD_BYTES) if writes else b"",
        )

    def _next_sequence(self) -> int:
        self._sequence = self._sequence % LAST_SEQUENCE + 1
        return self._sequence

    def _frame(self) -> bytes:
        """Return a whole frame with its delimiter."""
        raw = encode_request(self._next_sequence(), self._request())
        self._earlier = [*self._earlier[1 - _REMEMBERED :], raw]
        return raw

    # Kinds of pieces

    def _whole(self) -> bytes:
        return self._frame()

    def _impossible(self) -> bytes:
        """Return a sound frame with anything in it, of any length."""
        length = self._below(MAX_REQUEST + 8)
        body = self._random_bytes(length)
        if length >= REQUEST_BYTES and self._below(2):
            code = self._below(10)
            body = bytes([self._below(256), code, *body[2:]])
        return frame(body)

    def _padded(self) -> bytes:
        """Add zeros behind a body, which its CRC does not notice."""
        body = cobs.decode(self._frame()[:-1])
        return cobs.encode(body + bytes(1 + self._below(12))) + DELIMITER

    def _flipped(self) -> bytes:
        """Turn some bits."""
        raw = bytearray(self._frame())
        for _ in range(1 + self._below(3)):
            raw[self._below(len(raw))] ^= 1 << self._below(8)
        return bytes(raw)

    def _replaced(self) -> bytes:
        """Change a byte, leave it out, or put another one in."""
        raw = bytearray(self._frame())
        place = self._below(len(raw))
        new = self._random_bytes(1)
        raw[place : place + self._below(2)] = new[: self._below(2)]
        return bytes(raw)

    def _truncated(self) -> bytes:
        """Return the beginning of a frame or its end, with its delimiter or without."""
        raw = self._frame()
        place = self._below(len(raw))
        part = raw[place:] if self._below(2) else raw[:place]
        return part + DELIMITER * self._below(2)

    def _doubled(self) -> bytes:
        return self._frame() * (2 + self._below(2))

    def _reordered(self) -> bytes:
        frames = [self._frame() for _ in range(2 + self._below(3))]
        self._rng.shuffle(frames)
        return b"".join(frames)

    def _again(self) -> bytes:
        """Return a frame from before."""
        return self._earlier[self._below(len(self._earlier))] if self._earlier else self._frame()

    def _joined(self) -> bytes:
        """Return two frames without the delimiter between them."""
        return self._frame()[:-1] + self._frame()

    def _long(self) -> bytes:
        """Return a frame that is too long."""
        return frame(self._random_bytes(MAX_REQUEST + 1 + self._below(MAX_REQUEST)))

    def _noise(self) -> bytes:
        return self._random_bytes(1 + self._below(_LONGEST_NOISE))

    def _dense(self) -> bytes:
        """Noise with many delimiters and few other bytes."""
        count = 1 + self._below(_LONGEST_NOISE // 4)
        return bytes(self._rng.choice(np.arange(8, dtype=np.uint8), count))

    def _silence(self) -> bytes:
        return DELIMITER * (1 + self._below(8))


KINDS = (
    *("whole", "whole", "impossible", "padded", "flipped", "replaced", "truncated", "doubled"),
    *("reordered", "again", "joined", "long", "noise", "dense", "silence"),
)
"""What a piece may be."""


def damage_of(encoded: bytes) -> Status | None:
    """Return why a device takes a frame (without its delimiter) for no request; None: it does."""
    try:
        body = cobs.decode(encoded)
    except cobs.DecodeError:
        return Status.BAD_FRAME
    if not REQUEST_BYTES + CRC_BYTES <= len(body) <= MAX_REQUEST or not body[0]:
        return Status.BAD_FRAME
    return None if crc(body[:-CRC_BYTES]) == body[-CRC_BYTES:] else Status.BAD_CRC


def sound_body(encoded: bytes) -> bytes | None:
    """Return the body, without its CRC, of a frame that a device takes for a request, or None."""
    return cobs.decode(encoded)[:-CRC_BYTES] if damage_of(encoded) is None else None


def words_of(data: bytes) -> list[int]:
    """Return the words that a request carries."""
    return np.frombuffer(data, "<u8").tolist()
