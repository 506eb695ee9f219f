"""Sessions with a device behind a line that brings anything; each follows from its number."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ...errors import MetabitError
from ...hdl.bundles import Space
from ...hdl.link.protocol import LAST_SEQUENCE, UNSOLICITED, Operation, Status, limit
from ...hdl.shape import Shape
from ...host.packets import DELIMITER, Reply, Request, decode_reply, encode_request
from ..model import SimulatedDevice
from ..transport import patience
from .link_model import Header, LinkModel, Place, WrongAnswerError
from .pieces import Maker, Piece, sound_body, words_of

Kind = Literal["paced", "flood"]

_STALL = 0.5
_BURST = 40
"""Pieces that come in one go in a flood."""

_DAMAGED = {Status.BAD_CRC, Status.BAD_FRAME}


@dataclass(frozen=True)
class Script:
    """What is sent in a session.

    Attributes
    ----------
    kind : {"paced", "flood"}
        Paced: the answer to every frame is awaited, and must be that of a model. Flood: all comes
        as fast as the device takes it or faster, with streams that stall; what was not written is
        unchanged then, what was is one of the words that were sent to that place, and every reply
        belongs to something that was asked.
    pieces : tuple of Piece
    stall : tuple of (int, float, float)
        Seed, and odds of receive and transmit; see :meth:`.SimulatedDevice.stall`.
    """

    kind: Kind
    pieces: tuple[Piece, ...]
    stall: tuple[int, float, float] = (0, 0.0, 0.0)

    @property
    def bytes(self) -> int:
        """Bytes that are sent."""
        return sum(len(piece.raw) for piece in self.pieces)


@dataclass
class Tally:
    """What sessions came to.

    Attributes
    ----------
    sent : int
        Bytes of pieces.
    kinds : Counter of str
        Pieces by kind.
    replies : Counter of str
        Replies by status.
    compared : int
        Words that were read and compared.
    """

    sent: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    replies: Counter[str] = field(default_factory=Counter)
    compared: int = 0

    def add(self, other: "Tally") -> None:
        """Add what another has."""
        self.sent += other.sent
        self.kinds += other.kinds
        self.replies += other.replies
        self.compared += other.compared


class HangError(MetabitError):
    """A device does not answer any more."""


def script(kind: Kind, size: int, shape: Shape, seed: int, number: int) -> Script:
    """Draw a session of so many bytes, or a little more.

    Parameters
    ----------
    kind : {"paced", "flood"}
        See :class:`Script`.
    size : int
        Bytes.
    shape : Shape
        Device.
    seed, number : int
        Decide all of it.
    """
    rng = np.random.default_rng([seed, number])
    maker = Maker(shape, rng)
    pieces, sent = [], 0
    while sent < size:
        pieces.append(maker.piece())
        sent += len(pieces[-1].raw)
    odds = _STALL * rng.random(2) * (rng.random() < 0.5)
    return Script(kind, tuple(pieces), (number, *odds.tolist()))


def play(device: SimulatedDevice, shape: Shape, script: Script) -> Tally:
    """Have a session with a device, which is reset first.

    Raises
    ------
    WrongAnswerError, DamagedReplyError
        If an answer is wrong.
    HangError
        If none comes.
    """
    device.reset()
    session = (_Paced if script.kind == "paced" else _Flood)(device, shape)
    device.stall(*script.stall)
    session.begin()
    for start in range(0, len(script.pieces), _BURST):
        session.burst(script.pieces[start : start + _BURST])
    session.end()
    session.tally.sent = script.bytes
    session.tally.kinds.update(piece.kind for piece in script.pieces)
    return session.tally


class _Session:
    """What both kinds of sessions have in common."""

    def __init__(self, device: SimulatedDevice, shape: Shape) -> None:
        self.device = device
        self.shape = shape
        self.tally = Tally()
        self._model = LinkModel(shape)
        self._patience = patience(shape)

    def begin(self) -> None:
        """Come from power-up to where a session begins."""

    def burst(self, pieces: tuple[Piece, ...]) -> None:
        """Send pieces."""
        raise NotImplementedError

    def end(self) -> None:
        """Look at all that can be read."""
        raise NotImplementedError

    def _await(self) -> bytes:
        """Return the next reply, without its delimiter."""
        while True:
            if not self.device.run_until_frame(self._patience):
                raise HangError(f"no answer in {self._patience} cycles")
            received = self.device.receive()
            if received != DELIMITER:
                return received[: -len(DELIMITER)]

    def _counted(self, received: bytes) -> Reply:
        reply = decode_reply(received)
        self.tally.replies[reply.status.name] += 1
        return reply

    def _reads(self) -> list[Request]:
        """Return requests that read all that can be read."""
        shape, found = self.shape, []
        spaces = [(Space.COUNTERS, shape.parts), (Space.GENERATOR, 1), (Space.STATISTICS, 1)]
        if shape.memory == "block":
            spaces.append((Space.CURRENT, 1))
        for space, parts in spaces:
            per_element = space in (Space.COUNTERS, Space.CURRENT)
            step = 1 if space is Space.COUNTERS else 8
            for element in range(shape.elements if per_element else 1):
                for address in range(0, limit(space, shape), step):
                    count = min(step, limit(space, shape) - address) * parts
                    found.append(Request(Operation.READ, count, space, element, 0, address))
        return found


class _Paced(_Session):
    """Every frame is answered before the next is sent."""

    def __init__(self, device: SimulatedDevice, shape: Shape) -> None:
        super().__init__(device, shape)
        self._partial = b""
        self._sequence = 0

    def burst(self, pieces: tuple[Piece, ...]) -> None:
        for piece in pieces:
            *frames, rest = piece.raw.split(DELIMITER)
            for frame in frames:
                self._ask(frame)
            self.device.send(rest)
            self._partial += rest

    def _ask(self, part: bytes) -> None:
        """Send the end of a frame, and look at the answer, if there is to be one."""
        self.device.send(part + DELIMITER)
        frame, self._partial = self._partial + part, b""
        if not frame:
            return
        received = self._await()
        self._counted(received)
        self._model.check(frame, received)

    def end(self) -> None:
        self._ask(b"")
        for number, request in enumerate([Request(Operation.RESET), *self._reads()]):
            # A RESET has made the device forget what it would only repeat.
            self._ask(encode_request(1 + number % LAST_SEQUENCE, request)[:-1])
            self.tally.compared += request.count


class _Flood(_Session):
    """Nothing is waited for."""

    def __init__(self, device: SimulatedDevice, shape: Shape) -> None:
        super().__init__(device, shape)
        self._words: dict[Place, set[int]] = {}

    def begin(self) -> None:
        self._settle(Request(Operation.RESET))
        # Numbers are known from here on; what else there is is read.
        self._words = {place: {word} for place, word in self._all().items()}

    def burst(self, pieces: tuple[Piece, ...]) -> None:
        raw = b"".join(piece.raw for piece in pieces)
        asked = {UNSOLICITED}
        # What the burst leaves open is a frame, too: the delimiters that follow end it.
        for frame in raw.split(DELIMITER):
            body = sound_body(frame)
            if body is not None:
                header = Header.of(body)
                asked.add(header.sequence)
                self._allow(header)
        self.device.send(raw)
        if not self.device.run_until_sent(self._patience):
            raise HangError(f"no byte taken in {self._patience} cycles")
        # Whatever it is at ends; then it must be there again.
        self._settle(Request(Operation.IDENTIFY), asked)

    def _settle(self, request: Request, asked: Collection[int] = (UNSOLICITED,)) -> None:
        """Resynchronise with a request; all replies before its own must be to what was asked.

        Their operation may be another: a request with a sequence number whose reply is kept gets
        that.
        """
        self.device.send(2 * DELIMITER + encode_request(LAST_SEQUENCE, request))
        own = (LAST_SEQUENCE, request.operation.value)
        while True:
            reply = self._counted(self._await())
            if (reply.sequence, reply.operation) == own and not self._more():
                break
            if reply.sequence not in (*asked, LAST_SEQUENCE):
                raise WrongAnswerError(f"{reply} is the answer to nothing that was asked")
        if reply.status is not Status.OK:
            raise WrongAnswerError(f"{request.operation.name} was answered with {reply}")

    def _more(self) -> bool:
        """Whether another reply comes."""
        return self.device.run_until_frame(_QUIET)

    def _allow(self, header: Header) -> None:
        """Keep in mind what a sound request may write."""
        if header.operation != Operation.WRITE.value:
            return
        model = LinkModel(self.shape, initialised=True)
        if model.judge(header) is not Status.OK:
            return
        for place, word in zip(header.places(self.shape), words_of(header.data), strict=True):
            model.write(place, word)
        for place, word in model.words.items():
            self._words.setdefault(place, set()).add(word)

    def _all(self) -> dict[Place, int]:
        """Read all that can be read."""
        found: dict[Place, int] = {}
        for number, request in enumerate(self._reads()):
            self.device.send(encode_request(1 + number % (LAST_SEQUENCE - 1), request))
            reply = self._counted(self._await())
            if reply.status is not Status.OK:
                raise WrongAnswerError(f"{request} was answered with {reply}")
            header = Header(0, 0, request.count, *_place_of(request), b"")
            for place, word in zip(header.places(self.shape), words_of(reply.result), strict=True):
                found[self._model.where(place)] = self._model.masked(place[0], word)
        return found

    def end(self) -> None:
        for place, word in self._all().items():
            self.tally.compared += 1
            if word not in self._words[place]:
                raise WrongAnswerError(f"{place} holds {word:#x}, which nobody has sent there")


_QUIET = 5_000
"""Cycles without a byte after which no reply is on its way."""


def _place_of(request: Request) -> tuple[int, int, int, int]:
    return Space(request.space).value, request.element, request.part, request.address
