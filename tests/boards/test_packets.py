import random

import pytest
from cobs import cobs
from hypothesis import given
from hypothesis import strategies as st

from metabit.boards.packets import (
    DamagedReplyError,
    Reply,
    crc,
    decode_reply,
    encode_request,
    frame,
)
from metabit.hdl.protocol import MAX_BODY, MAX_DATA, MAX_RESULT, Operation, Status


def test_crc_is_that_of_the_catalogue() -> None:
    assert crc(b"123456789") == b"\x29\xb1"
    assert crc(b"123456789" + crc(b"123456789")) == b"\0\0"


@given(
    st.integers(1, 255),
    st.sampled_from(list(Operation)),
    st.integers(0, 255),
    st.integers(0, 255),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=MAX_DATA),
)
def test_request_has_its_fields_where_the_protocol_says(
    sequence: int, operation: Operation, sample: int, count: int, address: int, data: bytes
) -> None:
    encoded = encode_request(
        sequence, operation, sample=sample, count=count, address=address, data=data
    )
    assert encoded.index(0) == len(encoded) - 1
    body = cobs.decode(encoded[:-1])
    assert len(body) <= MAX_BODY
    header = bytes([sequence, operation.value, sample, count]) + address.to_bytes(4, "little")
    assert body == header + data + crc(header + data)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sequence": 0}, r"^sequence must be 1 to 255, not 0$"),
        ({"sequence": 256}, r"^sequence must be 0 to 255, not 256$"),
        ({"sample": 256}, r"^sample must be 0 to 255, not 256$"),
        ({"count": -1}, r"^count must be 0 to 255, not -1$"),
        ({"address": 1 << 32}, r"^address must be 0 to 4294967295, not 4294967296$"),
        ({"data": bytes(MAX_DATA + 1)}, r"^data must be at most 242 bytes, not 243$"),
    ],
)
def test_request_refuses_what_does_not_fit(fields: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encode_request(**{"sequence": 1, "operation": Operation.INFER, **fields})


@given(st.integers(0, 255), st.sampled_from(list(Status)), st.binary(max_size=MAX_RESULT))
def test_reply_is_decoded(sequence: int, status: Status, result: bytes) -> None:
    encoded = frame(bytes([sequence, status.value]) + result)[:-1]
    assert decode_reply(encoded) == Reply(sequence, status, result)


def test_every_damaged_byte_of_a_reply_is_noticed() -> None:
    generator = random.Random(1)
    encoded = frame(bytes([3, Status.OK.value]) + generator.randbytes(60))[:-1]
    for position in range(len(encoded)):
        for flip in (1, 0x80, generator.randint(1, 255)):
            damaged = bytearray(encoded)
            damaged[position] ^= flip
            with pytest.raises(DamagedReplyError):
                decode_reply(bytes(damaged))


@pytest.mark.parametrize("length", range(20))
def test_every_truncated_reply_is_noticed(length: int) -> None:
    encoded = frame(bytes([3, Status.OK.value]) + bytes(range(16)))[:-1]
    with pytest.raises(DamagedReplyError):
        decode_reply(encoded[:length])


def test_reply_errors_say_what_is_wrong() -> None:
    with pytest.raises(DamagedReplyError, match=r"^reply must have 4 to 252 bytes, not 3$"):
        decode_reply(frame(b"\1")[:-1])
    with pytest.raises(DamagedReplyError, match=r"^reply must have 4 to 252 bytes, not 253$"):
        decode_reply(frame(bytes(251))[:-1])
    with pytest.raises(DamagedReplyError, match=r"^reply has the unknown status 77$"):
        decode_reply(frame(b"\1\x4d")[:-1])
    with pytest.raises(DamagedReplyError, match=r"^reply has the CRC 0000 where its bytes have"):
        decode_reply(cobs.encode(b"\1\0\0\0"))
    with pytest.raises(DamagedReplyError, match=r"^reply of 2 bytes is not COBS: "):
        decode_reply(b"\x09\1")
