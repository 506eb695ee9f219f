"""Requests and replies as the host sees them: bytes of :mod:`metabit.hdl.link.protocol`."""

import binascii
from dataclasses import dataclass
from enum import Enum

from cobs import cobs

from ..hdl.bundles import Space
from ..hdl.link import protocol
from ..hdl.link.protocol import (
    CRC_BYTES,
    LAST_SEQUENCE,
    MAX_DATA,
    MAX_REPLY,
    REPLY_BYTES,
    REQUEST_BYTES,
    Operation,
    Status,
)
from .errors import DamagedReplyError

DELIMITER = b"\0"
"""Ends a frame; one more of them drops whatever a receiver holds of a broken one."""

_FIELDS = {name: (field.offset, field.width) for name, field in protocol.Request()}
_PROGRESS = {name: (field.offset, field.width) for name, field in protocol.Progress()}


@dataclass(frozen=True)
class Request:
    """What is asked of a device, without its sequence number.

    Attributes
    ----------
    operation : Operation
    count, space, element, part, address
        Fields of the header, see :class:`metabit.hdl.link.protocol.Operation`.
    data : bytes
        At most ``MAX_DATA``.
    """

    operation: Operation
    count: int = 0
    space: Space | int = 0
    element: int = 0
    part: int = 0
    address: int = 0
    data: bytes = b""


@dataclass(frozen=True)
class Reply:
    """A reply whose CRC was right.

    Attributes
    ----------
    sequence : int
        That of the request, or ``UNSOLICITED``.
    operation : int
        That of the request, as a number: what was refused may be none.
    status : Status
        How the request ended.
    result : bytes
        Empty unless the status is OK.
    """

    sequence: int
    operation: int
    status: Status
    result: bytes = b""


@dataclass(frozen=True)
class Progress:
    """The end of a result of FEED or COLLECT; see :class:`metabit.hdl.link.protocol.Progress`."""

    left: int
    idle: bool

    @classmethod
    def of(cls, byte: int) -> "Progress":
        """Return what a byte says."""
        left, idle = (
            byte >> offset & ((1 << width) - 1)
            for offset, width in (_PROGRESS["left"], _PROGRESS["idle"])
        )
        return cls(left, bool(idle))


def crc(body: bytes) -> bytes:
    """Return the CRC-16/IBM-3740 of a body as it follows it."""
    return binascii.crc_hqx(body, 0xFFFF).to_bytes(CRC_BYTES, "big")


def frame(body: bytes) -> bytes:
    """Return a body, to which the CRC is added, as a frame with its delimiter."""
    return cobs.encode(body + crc(body)) + DELIMITER


def encode_request(sequence: int, request: Request) -> bytes:
    """Return a request as a frame with its delimiter.

    Parameters
    ----------
    sequence : int
        1 to ``LAST_SEQUENCE``.
    request : Request

    Raises
    ------
    ValueError
        If a value does not fit its field.
    """
    if not 1 <= sequence <= LAST_SEQUENCE:
        raise ValueError(f"sequence must be 1 to {LAST_SEQUENCE}, not {sequence}")
    if len(request.data) > MAX_DATA:
        raise ValueError(f"data must be at most {MAX_DATA} bytes, not {len(request.data)}")
    header = 0
    for name, (offset, width) in _FIELDS.items():
        value = sequence if name == "sequence" else getattr(request, name)
        number = value.value if isinstance(value, Enum) else int(value)
        if not 0 <= number < 1 << width:
            raise ValueError(f"{name} must be 0 to {(1 << width) - 1}, not {number}")
        header |= number << offset
    return frame(header.to_bytes(REQUEST_BYTES, "little") + request.data)


def decode_reply(encoded: bytes) -> Reply:
    """Return the reply that a frame (without its delimiter) carries.

    Raises
    ------
    DamagedReplyError
        If it is not COBS, too short, too long, fails its CRC or has an unknown status.
    """
    try:
        body = cobs.decode(encoded)
    except cobs.DecodeError as error:
        raise DamagedReplyError(f"reply of {len(encoded)} bytes is not COBS: {error}") from error
    shortest = REPLY_BYTES + CRC_BYTES
    if not shortest <= len(body) <= MAX_REPLY:
        raise DamagedReplyError(f"reply must have {shortest} to {MAX_REPLY} bytes, not {len(body)}")
    content, received = body[:-CRC_BYTES], body[-CRC_BYTES:]
    if crc(content) != received:
        raise DamagedReplyError(
            f"reply has the CRC {received.hex()} where its bytes have {crc(content).hex()}"
        )
    sequence, operation, code = content[:REPLY_BYTES]
    try:
        status = Status(code)
    except ValueError as error:
        raise DamagedReplyError(f"reply has the unknown status {code}") from error
    return Reply(sequence, operation, status, content[REPLY_BYTES:])
