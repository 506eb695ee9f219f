import random

import pytest
from amaranth.sim import SimulatorContext
from cobs import cobs
from hypothesis import given, settings
from hypothesis import strategies as st

from metabit.hdl.link.cobs import (
    BANKS,
    MAX_ENCODED_BODY,
    MAX_SHORT_BODY,
    CobsDecoder,
    CobsEncoder,
)
from tests.hdl.streams import Pauses, get, put, put_all, simulate


def decode(stream: bytes, seed: int | None = None) -> list[bytes | None]:
    """Frames that the decoder makes of a stream; None for one with an error."""
    dut = CobsDecoder()
    frames: list[bytes | None] = []

    async def feed(ctx: SimulatorContext) -> None:
        await put_all(ctx, dut.encoded, stream, Pauses(seed))
        await ctx.tick().repeat(50)

    async def collect(ctx: SimulatorContext) -> None:
        pauses = Pauses(None if seed is None else seed + 1)
        body = b""
        while True:
            await pauses.wait(ctx)
            item = await get(ctx, dut.decoded)
            if item.end:
                frames.append(None if item.error else body)
                body = b""
            else:
                body += bytes([item.data])

    simulate(dut, feed, background=[collect])
    return frames


async def begin(ctx: SimulatorContext, dut: CobsEncoder, bank: int = 0, short: int = 0) -> None:
    """Begin a body as soon as the encoder is ready."""
    while not ctx.get(dut.body.ready):
        await ctx.tick()
    ctx.set(dut.open, 1)
    ctx.set(dut.bank, bank)
    ctx.set(dut.short, short)
    await ctx.tick()
    ctx.set(dut.open, 0)
    # They are looked at only then.
    ctx.set(dut.bank, 1 - bank)
    ctx.set(dut.short, 1 - short)


def encode(bodies: list[bytes], seed: int | None = None) -> tuple[list[bytes], int]:
    """Frames (without their zero) that the encoder makes of bodies, and the cycles it took."""
    dut = CobsEncoder()
    frames = []
    cycles = 0

    async def feed(ctx: SimulatorContext) -> None:
        pauses = Pauses(seed)
        for body in bodies:
            await begin(ctx, dut)
            for index, byte in enumerate(body):
                await pauses.wait(ctx)
                await put(ctx, dut.body, {"data": byte, "last": index == len(body) - 1})

    async def collect(ctx: SimulatorContext) -> None:
        pauses = Pauses(None if seed is None else seed + 1)
        for _ in bodies:
            frame = b""
            while True:
                await pauses.wait(ctx)
                byte = await get(ctx, dut.frame)
                if not byte:
                    break
                frame += bytes([byte])
            frames.append(frame)

    async def count(ctx: SimulatorContext) -> None:
        nonlocal cycles
        while True:
            await ctx.tick()
            cycles += 1

    simulate(dut, feed, collect, background=[count])
    return frames, cycles


def bodies(longest: int) -> st.SearchStrategy[list[bytes]]:
    """Bodies rich in zeros and ones."""
    byte = st.one_of(st.sampled_from([0, 0, 1, 255]), st.integers(0, 255))
    return st.lists(st.lists(byte, min_size=1, max_size=longest).map(bytes), min_size=1, max_size=6)


@settings(max_examples=15, deadline=None)
@given(bodies(40), st.integers(0, 1000))
def test_decoder_inverts_cobs(bodies: list[bytes], seed: int) -> None:
    stream = b"".join(cobs.encode(body) + b"\0" for body in bodies)
    assert decode(stream, seed) == bodies


@pytest.mark.parametrize("length", [253, 254, 255, 508, 600])
def test_decoder_takes_full_blocks(length: int) -> None:
    body = random.Random(length).randbytes(length).replace(b"\0", b"\1")
    assert decode(cobs.encode(body) + b"\0" + cobs.encode(b"next") + b"\0") == [body, b"next"]


def test_decoder_takes_an_empty_body_and_passes_over_empty_frames() -> None:
    assert decode(b"\0\0\x01\0\0\x02\x07\0") == [b"", b"\x07"]


@pytest.mark.parametrize("cut", range(1, 8))
def test_decoder_reports_a_cut_block(cut: int) -> None:
    frame = cobs.encode(b"12345678")
    after = cobs.encode(b"\0ok")
    assert decode(frame[:cut] + b"\0" + after + b"\0") == [None, b"\0ok"]


@settings(max_examples=15, deadline=None)
@given(bodies(40), st.integers(0, 1000))
def test_encoder_equals_cobs(bodies: list[bytes], seed: int) -> None:
    assert encode(bodies, seed)[0] == [cobs.encode(body) for body in bodies]


@pytest.mark.parametrize("fill", [b"\0", b"\1", b"\1\0"])
def test_encoder_takes_the_longest_body_at_one_byte_per_cycle(fill: bytes) -> None:
    body = (fill * MAX_ENCODED_BODY)[:MAX_ENCODED_BODY]
    frames, cycles = encode([body])
    assert frames == [cobs.encode(body)]
    assert cycles <= 2 * len(body) + 8


async def send(ctx: SimulatorContext, dut: CobsEncoder, body: bytes, *, end: bool = True) -> None:
    for index, byte in enumerate(body):
        await put(ctx, dut.body, {"data": byte, "last": end and index == len(body) - 1})


async def receive(ctx: SimulatorContext, dut: CobsEncoder) -> bytes:
    frame = b""
    while byte := await get(ctx, dut.frame):
        frame += bytes([byte])
    return cobs.decode(frame)


async def repeat(ctx: SimulatorContext, dut: CobsEncoder, bank: int, short: int = 0) -> bytes:
    """Have the encoder send again what it keeps; check what it says of it before."""
    await begin(ctx, dut, bank, short)
    await ctx.tick().repeat(2)
    first = ctx.get(dut.first)
    ctx.set(dut.repeat, 1)
    await ctx.tick()
    ctx.set(dut.repeat, 0)
    body = await receive(ctx, dut)
    assert body[0] in (0, first)
    return body


def test_encoder_keeps_a_frame_per_bank_and_forgets_one_that_was_not_ended() -> None:
    dut = CobsEncoder()

    async def bench(ctx: SimulatorContext) -> None:
        await begin(ctx, dut, bank=0)
        await send(ctx, dut, b"first\0")
        assert await receive(ctx, dut) == b"first\0"
        await begin(ctx, dut, bank=1)
        await send(ctx, dut, b"\0second")
        assert await receive(ctx, dut) == b"\0second"
        assert await repeat(ctx, dut, bank=0) == b"first\0"
        await begin(ctx, dut, bank=0)
        await send(ctx, dut, b"half \0 of", end=False)
        await begin(ctx, dut, bank=0)
        await send(ctx, dut, b"whole")
        assert await receive(ctx, dut) == b"whole"
        assert await repeat(ctx, dut, bank=0) == b"whole"
        assert await repeat(ctx, dut, bank=1) == b"\0second"

    simulate(dut, bench)


def test_a_short_frame_costs_none_of_the_kept_ones() -> None:
    dut = CobsEncoder()
    longest = [bytes([bank + 1]) * MAX_ENCODED_BODY for bank in range(BANKS)]
    short = bytes(range(7, 7 + MAX_SHORT_BODY))

    async def bench(ctx: SimulatorContext) -> None:
        for bank, body in enumerate(longest):
            await begin(ctx, dut, bank)
            await send(ctx, dut, body)
            assert await receive(ctx, dut) == body
        for bank in range(BANKS):
            await begin(ctx, dut, bank, short=1)
            await send(ctx, dut, short)
            assert await receive(ctx, dut) == short
        for bank, body in enumerate(longest):
            assert await repeat(ctx, dut, bank) == body
        assert await repeat(ctx, dut, 1, short=1) == short

    simulate(dut, bench)
