"""What host and device say to each other: requests, replies and their sizes.

Both directions carry frames: the bytes of a body, COBS-encoded and closed by a zero byte. A body
ends in the CRC-16/IBM-3740 of what stands before it, high byte first, so that the CRC over all of
it is zero. A request is a :class:`Request` header and words of 64 bits; a reply is a
:class:`Reply` header and, if its status is ``OK``, a result. Everything is little-endian.

*Exactly once.* The device keeps the last :data:`WINDOW` replies, each in a place of its own that
the sequence number chooses, and answers a request with the number of a kept reply by just that.
Numbers go from 1 to :data:`LAST_SEQUENCE` and begin again, so that the places take turns, and a
host may have as many requests under way. IDENTIFY and RESET are always executed, and make the
device forget all replies. A request that is refused changes nothing; its reply is not kept.

*Pace.* One request is received while another waits and a third is executed or answered. Bytes of a
fourth are lost, and with it the one that waits; both are repeated then. A FEED is done sooner than
the next is received, so that :data:`WINDOW` of them may be under way. A READ is not, for its reply
is longer than its request: of those a host has :data:`READ_WINDOW` under way.

*Order.* A request waits while the one before it is executed; a RESET does not, but ends that one,
which then gets no reply. A zero byte that comes while a request waits, that is, an empty frame,
makes the device forget the waiting one. So two empty frames in front of a RESET always make room
for it, whatever the device is at.

*Runs.* RUN starts a run and is answered at once. FEED brings its samples, COLLECT waits for the
rest of its predictions. Both carry predictions back, at most ``count`` of them, and then a
:class:`Progress`. Neither can wait for ever on its own: a FEED ends when its words have been taken,
when the reply is full, or when the device is idle, for it takes no more words then; its progress
says how many words it has left, which are dropped. A host that always has fewer than
:data:`MAX_PREDICTIONS` predictions outstanding has none left. A COLLECT ends when the reply is
full, when the device is idle, or when another request waits.
"""

from typing import TYPE_CHECKING

from amaranth.lib import data

from ..bundles import Space
from ..play.registers import ADDRESSES
from ..setup import setup_addresses
from ..shape import Shape
from ..statistics import statistics_names
from .cobs import BANKS, MAX_ENCODED_BODY

if TYPE_CHECKING:
    # Type checkers know the standard library's enumerations, and only those.
    import enum
else:
    from amaranth.lib import enum

VERSION = 3
"""Version of this protocol; IDENTIFY reports it."""

UNSOLICITED = 0
"""Sequence number of a reply to something that was no intelligible request."""

WINDOW = BANKS
"""Requests that may be under way."""

READ_WINDOW = 2
"""READs that may be under way."""

LAST_SEQUENCE = 255 // WINDOW * WINDOW
"""Largest sequence number; the places of replies go on with the one that follows, 1."""


class Operation(enum.Enum, shape=8):  # type: ignore[call-arg]
    """What a request asks for; the fields it uses are named in brackets."""

    IDENTIFY = 1
    """Results in the shape's digest (8 bytes) and the protocol version (1 byte)."""
    RESET = 2
    """Abort whatever runs. All state must be loaded then."""
    WRITE = 3
    """Write ``count`` words, from a place on [count, space, element, part, address; data].

    In space COUNTERS ``part`` counts up to ``Shape.parts - 1``, then ``address``; in the others
    ``address`` alone counts."""
    READ = 4
    """Read words likewise [count, space, element, part, address]; result: these."""
    RUN = 5
    """Start a run [data: one word, :class:`~metabit.hdl.bundles.Run`]."""
    FEED = 6
    """Give words of samples to the run [count, address; data].

    ``address`` is the number of words of this run before these, modulo :data:`POSITIONS`, so that
    they are taken in order even if a frame is lost. ``count``: most predictions of the reply.
    Result: predictions, then :class:`Progress`."""
    COLLECT = 7
    """Wait for ``count`` predictions or the end of the run; result: as that of FEED."""


class Status(enum.Enum, shape=8):  # type: ignore[call-arg]
    """How a request ended; anything but OK means that it changed nothing."""

    OK = 0
    BAD_CRC = 1
    BAD_FRAME = 2
    """Not COBS, too short, longer than MAX_REQUEST, or with a sequence number of zero."""
    UNKNOWN_OPERATION = 3
    NOT_INITIALISED = 4
    """Only IDENTIFY and RESET are answered before the first RESET."""
    BUSY = 5
    """A run is on, or its predictions have not been collected: no RUN or WRITE, and READ in space
    PLAYER only."""
    BAD_LENGTH = 6
    """More or less data than the operation takes, or no whole number of words."""
    BAD_RANGE = 7
    """A count, or a place (the last word's, too) beyond what the shape has."""
    OUT_OF_ORDER = 8
    """A FEED that does not go on where the one before has ended."""


class Request(data.StructLayout):
    """Header of a request, 8 bytes, first member first on the wire."""

    def __init__(self) -> None:
        super().__init__(
            {
                "sequence": 8,
                "operation": Operation,
                "count": 8,
                "space": 8,
                "element": 8,
                "part": 8,
                "address": 16,
            }
        )


class Reply(data.StructLayout):
    """Header of a reply, 3 bytes: sequence number and operation of what it answers."""

    def __init__(self) -> None:
        super().__init__({"sequence": 8, "operation": Operation, "status": Status})


class Progress(data.StructLayout):
    """Last byte of the result of FEED and COLLECT.

    ``left``: words of a FEED that have not been taken. ``idle``: no run is on, and there are no
    more predictions to collect.
    """

    def __init__(self) -> None:
        super().__init__({"left": 7, "idle": 1})


WORD_BYTES = 8
CRC_BYTES = 2
REQUEST_BYTES = Request().size // 8
REPLY_BYTES = Reply().size // 8
PROGRESS_BYTES = Progress().size // 8

MAX_WORDS = 30
"""Most words of a request."""

MAX_DATA = MAX_WORDS * WORD_BYTES

MAX_READ = (MAX_ENCODED_BODY - REPLY_BYTES - CRC_BYTES - PROGRESS_BYTES) // WORD_BYTES
"""Most words of a reply."""

MAX_PREDICTIONS = MAX_READ * WORD_BYTES
"""Most predictions of a reply."""

MAX_RESULT = MAX_PREDICTIONS + PROGRESS_BYTES
"""Most bytes of result in a reply."""

MAX_REQUEST = REQUEST_BYTES + MAX_DATA + CRC_BYTES
"""Longest body of a request."""

MAX_REPLY = REPLY_BYTES + MAX_RESULT + CRC_BYTES
"""Longest body of a reply."""

POSITIONS = 128
"""Modulus of a FEED's ``address``; more than the words of all FEEDs that may be under way."""


def limit(space: Space, shape: Shape) -> int:
    """Return the number of addresses of a space."""
    return {
        Space.SETUP: setup_addresses(shape),
        Space.CODES: shape.codes,
        Space.COUNTERS: shape.depth,
        Space.SIGNS: shape.depth,
        Space.CURRENT: shape.depth,
        Space.GENERATOR: 1,
        Space.STATISTICS: len(statistics_names(shape)),
        Space.PLAYER: ADDRESSES[shape.stored],
    }[space]
