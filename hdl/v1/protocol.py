"""What host and device say to each other: requests, replies and their sizes.

Both directions carry frames: the bytes of a body, COBS-encoded and closed by a zero byte. A body
ends in the CRC-16/IBM-3740 of what stands before it, high byte first, so that the CRC over all of
it is zero. A request body is a :class:`Request` header and ``count`` units of data; a reply body is
a sequence number, a :class:`Status` and, if that is ``OK``, ``count`` units of result.
"""

from typing import TYPE_CHECKING

from amaranth.lib import data

from ...golden.config import Config
from .layout import Layout

if TYPE_CHECKING:
    # Type checkers know the standard library's enumerations, and only those.
    import enum
else:
    from amaranth.lib import enum

VERSION = 1
"""Version of this protocol; IDENTIFY reports it."""

MAX_BODY = 252
"""Longest body in bytes, CRC included: one COBS block, one block RAM."""

CRC_BYTES = 2
REPLY_HEADER_BYTES = 2
UNSOLICITED = 0
"""Sequence number of a reply to something that was no intelligible request."""


MAX_EXPONENT = 3
"""Largest annealing exponent and damping of TRAIN."""


class Operation(enum.Enum, shape=8):  # type: ignore[call-arg]
    """What a request asks for; the fields it uses are named in brackets."""

    IDENTIFY = 1
    """Result: configuration digest (8 bytes), protocol version (1 byte)."""
    RESET = 2
    """Abort whatever runs; draw classifier and counters anew [address: generator state]."""
    WRITE_INPUTS = 3
    """Store words of 16 encoded inputs [sample, address: word, count]."""
    TRAIN = 4
    """Train on a tile [address: annealing + 256 * damping, count; data: labels].

    Result: one prediction per sample."""
    INFER = 5
    """Forward passes only [count]; result: one prediction per sample."""
    READ_COUNTERS = 6
    """Words of 16 counters, packed, counter 0 in the low bits [address: word, count]."""
    WRITE_COUNTERS = 7
    """The reverse; the sign plane follows [address: word, count]."""
    READ_SIGNS = 8
    """Words of 16 signs, weights and classifier [address: word, count]."""
    READ_POPCOUNTS = 9
    """Popcounts of neurons and scores of a sample [sample, address, count]."""
    READ_STATISTICS = 10
    """32-bit counts, in the order of ``Layout.statistics`` [address, count]."""
    CLEAR_STATISTICS = 11
    """Set all of them to zero."""
    READ_GENERATOR = 12
    """Generator state, 32 bits [count: 1]."""
    WRITE_GENERATOR = 13
    """Set it [address: state]."""


class Status(enum.Enum, shape=8):  # type: ignore[call-arg]
    """How a request ended; anything but OK means that it changed nothing."""

    OK = 0
    BAD_CRC = 1
    BAD_FRAME = 2
    """Not COBS, too short, longer than MAX_BODY, or with a sequence number of zero."""
    UNKNOWN_OPERATION = 3
    BAD_LENGTH = 4
    """More or less data than ``count`` units."""
    BAD_RANGE = 5
    """Sample, address, count or label beyond what the configuration has, or a zero state."""
    NOT_INITIALISED = 6
    """Only IDENTIFY and RESET are answered before the first RESET."""


class Request(data.StructLayout):
    """Header of a request, 8 bytes, first member first on the wire, little-endian."""

    def __init__(self) -> None:
        super().__init__(
            {"sequence": 8, "operation": Operation, "sample": 8, "count": 8, "address": 32}
        )


class Command(data.StructLayout):
    """What the link hands to the core: a checked request without its sequence number."""

    def __init__(self) -> None:
        super().__init__({"operation": Operation, "sample": 8, "count": 8, "address": 32})


REQUEST_BYTES = Request().size // 8
MAX_DATA = MAX_BODY - REQUEST_BYTES - CRC_BYTES
"""Most bytes of data in a request."""
MAX_RESULT = MAX_BODY - REPLY_HEADER_BYTES - CRC_BYTES
"""Most bytes of result in a reply."""


def data_unit(operation: Operation, config: Config) -> int:
    """Bytes of data per unit of ``count`` that a request carries."""
    return {
        Operation.WRITE_INPUTS: 2,
        Operation.TRAIN: 1,
        Operation.WRITE_COUNTERS: 2 * config.counter_bits,
    }.get(operation, 0)


def result_unit(operation: Operation, config: Config) -> int:
    """Bytes of result per unit of ``count`` that a reply carries (IDENTIFY apart)."""
    return {
        Operation.TRAIN: 1,
        Operation.INFER: 1,
        Operation.READ_COUNTERS: 2 * config.counter_bits,
        Operation.READ_SIGNS: 2,
        Operation.READ_POPCOUNTS: 2,
        Operation.READ_STATISTICS: 4,
        Operation.READ_GENERATOR: 4,
    }.get(operation, 0)


def limit(operation: Operation, layout: Layout) -> int | None:
    """Value that ``address + count`` must not exceed, or None where address means else.

    TRAIN and INFER are limited by their count alone: 1 to the tile.
    """
    return {
        Operation.WRITE_INPUTS: layout.config.words[0],
        Operation.READ_COUNTERS: layout.counter_words,
        Operation.WRITE_COUNTERS: layout.counter_words,
        Operation.READ_SIGNS: layout.sign_words,
        Operation.READ_POPCOUNTS: layout.popcount_count,
        Operation.READ_STATISTICS: len(layout.statistics),
    }.get(operation)


def count_limit(operation: Operation, layout: Layout) -> int:
    """Largest ``count`` of one request; 0 where count means nothing, else the smallest is 1.

    Data and result must fit a packet, and neither may exceed what the configuration has.
    """
    config = layout.config
    bounds = []
    if unit := data_unit(operation, config):
        bounds.append(MAX_DATA // unit)
    if unit := result_unit(operation, config):
        bounds.append(MAX_RESULT // unit)
    if (end := limit(operation, layout)) is not None:
        bounds.append(end)
    if operation in (Operation.TRAIN, Operation.INFER):
        bounds.append(config.tile)
    if operation == Operation.READ_GENERATOR:
        bounds.append(1)
    return min(bounds, default=0)
