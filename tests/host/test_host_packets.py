import random

import pytest
from cobs import cobs
from hypothesis import given
from hypothesis import strategies as st

from metabit.hdl.link.protocol import (
    LAST_SEQUENCE,
    MAX_DATA,
    MAX_REQUEST,
    MAX_RESULT,
    Operation,
    Status,
)
from metabit.host.errors import DamagedReplyError
from metabit.host.packets import (
    Progress,
    Reply,
    Request,
    crc,
    decode_reply,
    encode_request,
    frame,
)


def test_crc_is_that_of_the_catalogue() -> None:
    assert crc(b"123456789") == b"\x29\xb1"
    assert crc(b"123456789" + crc(b"123456789")) == b"\0\0"


@given(
    st.integers(1, LAST_SEQUENCE),
    st.sampled_from(list(Operation)),
    *(st.integers(0, 255) for _ in range(4)),
    st.integers(0, 2**16 - 1),
    st.binary(max_size=MAX_DATA),
)
def test_request_has_its_fields_where_the_protocol_says(
    sequence: int,
    operation: Operation,
    count: int,
    space: int,
    element: int,
    part: int,
    address: int,
    data: bytes,
) -> None:
    request = Request(operation, count, space, element, part, address, data)
    encoded = encode_request(sequence, request)
    assert encoded.index(0) == len(encoded) - 1
    body = cobs.decode(encoded[:-1])
    assert len(body) <= MAX_REQUEST
    header = bytes([sequence, operation.value, count, space, element, part])
    header += address.to_bytes(2, "little")
    assert body == header + data + crc(header + data)


@pytest.mark.parametrize(
    ("sequence", "fields", "message"),
    [
        (0, {}, r"^sequence must be 1 to 252, not 0$"),
        (253, {}, r"^sequence must be 1 to 252, not 253$"),
        (1, {"count": -1}, r"^count must be 0 to 255, not -1$"),
        (1, {"element": 256}, r"^element must be 0 to 255, not 256$"),
        (1, {"address": 1 << 16}, r"^address must be 0 to 65535, not 65536$"),
        (1, {"data": bytes(MAX_DATA + 1)}, r"^data must be at most 240 bytes, not 241$"),
    ],
)
def test_request_refuses_what_does_not_fit(sequence: int, fields: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encode_request(sequence, Request(Operation.FEED, **fields))


@given(
    st.integers(0, 255),
    st.integers(0, 255),
    st.sampled_from(list(Status)),
    st.binary(max_size=MAX_RESULT),
)
def test_reply_is_decoded(sequence: int, operation: int, status: Status, result: bytes) -> None:
    encoded = frame(bytes([sequence, operation, status.value]) + result)[:-1]
    assert decode_reply(encoded) == Reply(sequence, operation, status, result)


@pytest.mark.parametrize(("byte", "left", "idle"), [(0, 0, False), (0x9E, 30, True), (1, 1, False)])
def test_progress(byte: int, left: int, idle: bool) -> None:
    assert Progress.of(byte) == Progress(left, idle)


def test_every_damaged_byte_of_a_reply_is_noticed() -> None:
    generator = random.Random(1)
    encoded = frame(bytes([3, 4, Status.OK.value]) + generator.randbytes(60))[:-1]
    for position in range(len(encoded)):
        for flip in (1, 0x80, generator.randint(1, 255)):
            damaged = bytearray(encoded)
            damaged[position] ^= flip
            with pytest.raises(DamagedReplyError):
                decode_reply(bytes(damaged))


@pytest.mark.parametrize("length", range(21))
def test_every_truncated_reply_is_noticed(length: int) -> None:
    encoded = frame(bytes([3, 4, Status.OK.value]) + bytes(range(16)))[:-1]
    with pytest.raises(DamagedReplyError):
        decode_reply(encoded[:length])


def test_reply_errors_say_what_is_wrong() -> None:
    with pytest.raises(DamagedReplyError, match=r"^reply must have 5 to 118 bytes, not 4$"):
        decode_reply(frame(b"\1\2")[:-1])
    with pytest.raises(DamagedReplyError, match=r"^reply must have 5 to 118 bytes, not 247$"):
        decode_reply(frame(bytes(245))[:-1])
    with pytest.raises(DamagedReplyError, match=r"^reply has the unknown status 77$"):
        decode_reply(frame(b"\1\2\x4d")[:-1])
    with pytest.raises(DamagedReplyError, match=r"^reply has the CRC 0000 where its bytes have"):
        decode_reply(cobs.encode(b"\1\2\0\0\0"))
    with pytest.raises(DamagedReplyError, match=r"^reply of 2 bytes is not COBS: "):
        decode_reply(b"\x09\1")
