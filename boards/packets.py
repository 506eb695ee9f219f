"""Requests and replies as the host sees them: bytes of :mod:`metabit.hdl.v1.protocol`."""

import binascii
from dataclasses import dataclass
from enum import Enum

from cobs import cobs

from ..errors import MetabitError
from ..hdl.v1.protocol import (
    CRC_BYTES,
    MAX_BODY,
    MAX_DATA,
    REPLY_HEADER_BYTES,
    REQUEST_BYTES,
    UNSOLICITED,
    Operation,
    Request,
    Status,
)

DELIMITER = b"\0"
"""Ends a frame; one more of them drops whatever a receiver holds of a broken one."""

_FIELDS = {name: (field.offset, field.width) for name, field in Request()}


class DamagedReplyError(MetabitError):
    """What came from the device is no reply."""


@dataclass(frozen=True)
class Reply:
    """A reply whose CRC was right.

    Attributes
    ----------
    sequence : int
        That of the request, or ``UNSOLICITED``.
    status : Status
        How the request ended.
    result : bytes
        Empty unless the status is OK.
    """

    sequence: int
    status: Status
    result: bytes


def crc(body: bytes) -> bytes:
    """Return the CRC-16/IBM-3740 of a body as it follows it."""
    return binascii.crc_hqx(body, 0xFFFF).to_bytes(CRC_BYTES, "big")


def frame(body: bytes) -> bytes:
    """Return a body, to which the CRC is added, as a frame with its delimiter."""
    return cobs.encode(body + crc(body)) + DELIMITER


def encode_request(
    sequence: int,
    operation: Operation,
    *,
    sample: int = 0,
    count: int = 0,
    address: int = 0,
    data: bytes = b"",
) -> bytes:
    """Return a request as a frame with its delimiter.

    Parameters
    ----------
    sequence : int
        1 to 255.
    operation : Operation
        What the device shall do.
    sample, count, address : int
        Fields of the header, see :class:`metabit.hdl.v1.protocol.Operation`.
    data : bytes
        At most ``MAX_DATA``.

    Raises
    ------
    ValueError
        If a value does not fit its field.
    """
    values: dict[str, int | Operation] = {
        "sequence": sequence,
        "operation": operation,
        "sample": sample,
        "count": count,
        "address": address,
    }
    if sequence == UNSOLICITED:
        raise ValueError(f"sequence must be 1 to 255, not {sequence}")
    if len(data) > MAX_DATA:
        raise ValueError(f"data must be at most {MAX_DATA} bytes, not {len(data)}")
    header = 0
    for name, value in values.items():
        offset, width = _FIELDS[name]
        number = value.value if isinstance(value, Enum) else value
        if not 0 <= number < 1 << width:
            raise ValueError(f"{name} must be 0 to {(1 << width) - 1}, not {number}")
        header |= number << offset
    return frame(header.to_bytes(REQUEST_BYTES, "little") + data)


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
    if not REPLY_HEADER_BYTES + CRC_BYTES <= len(body) <= MAX_BODY:
        raise DamagedReplyError(
            f"reply must have {REPLY_HEADER_BYTES + CRC_BYTES} to {MAX_BODY} bytes, not {len(body)}"
        )
    content, received = body[:-CRC_BYTES], body[-CRC_BYTES:]
    if crc(content) != received:
        raise DamagedReplyError(
            f"reply has the CRC {received.hex()} where its bytes have {crc(content).hex()}"
        )
    sequence, code = content[:REPLY_HEADER_BYTES]
    try:
        status = Status(code)
    except ValueError as error:
        raise DamagedReplyError(f"reply has the unknown status {code}") from error
    return Reply(sequence, status, content[REPLY_HEADER_BYTES:])
