"""What a device answers to any frame, byte by byte, while no run is on."""

from dataclasses import dataclass, field

from ...errors import MetabitError
from ...hdl.bundles import Space
from ...hdl.link.protocol import (
    MAX_PREDICTIONS,
    MAX_READ,
    MAX_WORDS,
    POSITIONS,
    REQUEST_BYTES,
    UNSOLICITED,
    VERSION,
    WINDOW,
    WORD_BYTES,
    Operation,
    Status,
    limit,
)
from ...hdl.shape import Shape
from ...host.packets import Reply, decode_reply
from .pieces import damage_of, sound_body, words_of

Place = tuple[Space, int, int, int]
"""Space, element, part and address of a word."""

_IDLE = 0x80
"""Progress of a device without a run; the words of a FEED that it has not taken are added."""

_LOW_HALF = 0xFFFF_FFFF
_NUMBERS = (Space.GENERATOR, Space.STATISTICS)
"""Spaces of whose words only the lower half counts."""

_OPERATIONS = 8
"""Numbers that a device tells apart before it refuses those that are none."""

_FORGOTTEN = (Space.GENERATOR, Space.STATISTICS)
"""Spaces whose words need not outlive a RESET."""


class WrongAnswerError(MetabitError):
    """A device has answered otherwise than its model."""


@dataclass(frozen=True)
class Header:
    """Fields of a request; see :class:`metabit.hdl.link.protocol.Request`."""

    sequence: int
    operation: int
    count: int
    space: int
    element: int
    part: int
    address: int
    data: bytes

    @classmethod
    def of(cls, body: bytes) -> "Header":
        """Return what a body without its CRC says."""
        sequence, operation, count, space, element, part = body[:6]
        address, data = int.from_bytes(body[6:8], "little"), body[REQUEST_BYTES:]
        return cls(sequence, operation, count, space, element, part, address, data)

    def places(self, shape: Shape) -> list[Place]:
        """Return the places of all words of a READ or WRITE."""
        space, part, address = Space(self.space), self.part, self.address
        found = []
        for _ in range(self.count):
            found.append((space, self.element, part, address))
            if space is Space.COUNTERS and part != shape.parts - 1:
                part += 1
            else:
                address += 1
                part = 0 if space is Space.COUNTERS else part
        return found


@dataclass
class LinkModel:
    """A device without a network, as it is after power-up.

    Words that nobody has written are not known; what is read first is believed, and must be
    there again.

    Attributes
    ----------
    shape : Shape
    words : dict
        Contents by place, as far as known.
    kept : dict of int to (int, bytes)
        Last sequence number and reply of each place for replies.
    """

    shape: Shape
    words: dict[Place, int] = field(default_factory=dict)
    kept: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    initialised: bool = False

    def check(self, frame: bytes, received: bytes) -> None:
        """Take a frame that the device has received, and look at its answer.

        Parameters
        ----------
        frame, received : bytes
            Both encoded, without delimiter, and not empty.

        Raises
        ------
        WrongAnswerError
            If the answer should have been another.
        """
        reply = decode_reply(received)
        body = sound_body(frame)
        if body is None:
            damage = damage_of(frame)
            assert damage is not None
            self._expect(reply, Reply(UNSOLICITED, 0, damage))
            return
        header = Header.of(body)
        # A device looks at the low bits: what is no operation may be refused in place of repeated.
        low = header.operation % _OPERATIONS
        always = low in (Operation.IDENTIFY.value, Operation.RESET.value)
        kept = self.kept.get(header.sequence % WINDOW)
        if kept is not None and kept[0] == header.sequence and not always:
            if received != kept[1]:
                raise WrongAnswerError(
                    f"request {header.sequence} was repeated, and answered with {received.hex()} "
                    f"instead of {kept[1].hex()}"
                )
            return
        status = self.judge(header)
        if status is not Status.OK:
            self._expect(reply, Reply(header.sequence, header.operation, status))
            return
        if always:
            self.kept.clear()
        self._execute(header, reply)
        self.kept[header.sequence % WINDOW] = header.sequence, received

    def judge(self, header: Header) -> Status:
        """Return the status of a sound request; the first that is wrong counts."""
        shape = self.shape
        if header.operation not in [each.value for each in Operation]:  # type: ignore[attr-defined]
            return Status.UNKNOWN_OPERATION
        operation = Operation(header.operation)
        if not self.initialised and operation not in (Operation.IDENTIFY, Operation.RESET):
            return Status.NOT_INITIALISED
        words, rest = divmod(len(header.data), WORD_BYTES)
        # A count that no request can have is cut before it is compared, and then out of range.
        count = header.count % (1 << MAX_WORDS.bit_length())
        wanted = {Operation.WRITE: count, Operation.RUN: 1}.get(operation, 0)
        if rest or (words == 0 if operation is Operation.FEED else words != wanted):
            return Status.BAD_LENGTH
        if operation in (Operation.READ, Operation.WRITE):
            most = MAX_READ if operation is Operation.READ else MAX_WORDS
            inside = (
                1 <= header.count <= most
                and header.space in [space.value for space in Space]  # type: ignore[attr-defined]
                and header.element < shape.elements
                and header.part < shape.parts
                and all(place[3] < limit(place[0], shape) for place in header.places(shape))
            )
            if not inside:
                return Status.BAD_RANGE
        predicts = operation in (Operation.FEED, Operation.COLLECT)
        if predicts and header.count > MAX_PREDICTIONS:
            return Status.BAD_RANGE
        if operation is Operation.FEED and header.address % POSITIONS:
            return Status.OUT_OF_ORDER
        return Status.OK

    def _execute(self, header: Header, reply: Reply) -> None:
        operation, result = Operation(header.operation), b""
        match operation:
            case Operation.IDENTIFY:
                result = self.shape.digest + bytes([VERSION])
            case Operation.RESET:
                self.initialised = True
                for place in [place for place in self.words if place[0] in _FORGOTTEN]:
                    del self.words[place]
            case Operation.READ:
                result = self._read(header, reply)
            case Operation.WRITE:
                for place, word in zip(
                    header.places(self.shape), words_of(header.data), strict=True
                ):
                    self.write(place, word)
            case Operation.FEED | Operation.COLLECT:
                result = bytes([_IDLE | len(header.data) // WORD_BYTES])
            case _:
                raise ValueError(f"{operation.name} is more than this model knows")
        self._expect(reply, Reply(header.sequence, header.operation, Status.OK, result))

    def write(self, place: Place, word: int) -> None:
        """Write a word."""
        space = place[0]
        if space is Space.STATISTICS:
            for address in range(limit(space, self.shape)):
                self.words[self.where((space, 0, 0, address))] = 0
            return
        self.words[self.where(place)] = self.masked(space, word)

    @staticmethod
    def masked(space: Space, word: int) -> int:
        """Return what counts of a word of a space."""
        return word & _LOW_HALF if space in _NUMBERS else word

    def where(self, place: Place) -> Place:
        """Return the place where a word really lies: some spaces know no elements or parts."""
        space, element, _, address = place
        if space in (Space.GENERATOR, Space.STATISTICS, Space.SETUP, Space.CODES):
            return space, 0, 0, address
        if space in (Space.SIGNS, Space.CURRENT):
            return Space.SIGNS, element, 0, address
        return place

    def _read(self, header: Header, reply: Reply) -> bytes:
        """Return what a READ should give, as far as it is known, and keep what was not."""
        found = words_of(reply.result) if len(reply.result) % WORD_BYTES == 0 else []
        if len(found) != header.count:
            return bytes(header.count * WORD_BYTES)
        expected = []
        for place, word in zip(header.places(self.shape), found, strict=True):
            space = place[0]
            if not self.means(space):
                expected.append(word)
                continue
            counts = self.masked(space, word)
            known = self.words.setdefault(self.where(place), counts) if self.readable(space) else 0
            # What stands above a number means nothing.
            expected.append(known | (word - counts))
        return b"".join(word.to_bytes(WORD_BYTES, "little") for word in expected)

    def means(self, space: Space) -> bool:
        """Whether what is read of a space is a word of it, or zero; if not, it is anything."""
        if self.shape.memory == "spram":
            return space in (Space.COUNTERS, *_NUMBERS)
        return space not in (Space.SETUP, Space.CODES)

    def readable(self, space: Space) -> bool:
        """Whether words of a space can be read; the others are zero."""
        if space is Space.CURRENT:
            return self.shape.memory == "block"
        return space in (Space.COUNTERS, *_NUMBERS)

    @staticmethod
    def _expect(found: Reply, expected: Reply) -> None:
        if found != expected:
            raise WrongAnswerError(f"the answer was {found}, and should have been {expected}")
