"""Single requests against a model of their rules."""

import random
from dataclasses import replace

import pytest

from metabit.hdl.bundles import Space
from metabit.hdl.link.protocol import (
    LAST_SEQUENCE,
    MAX_DATA,
    MAX_PREDICTIONS,
    MAX_READ,
    MAX_WORDS,
    VERSION,
    Operation,
    Status,
    limit,
)
from metabit.hdl.shape import SHAPES, Shape
from metabit.host.packets import Progress, Reply, Request, frame
from tests.hdl.link.fake_core import Diary, LinkAndFakeCore, stored
from tests.hdl.link.link_bench import (
    COLLECT,
    SMALL,
    UP5K,
    Host,
    collected,
    data_of,
    feed_request,
    judge,
    places,
    run,
    run_request,
    words_of,
    write_request,
)

ODD = Shape(
    name="odd",
    elements=1,
    counter_bits=2,
    depth=37,
    codes=1000,
    neurons=20,
    inputs=64,
    records=30,
    winners=9,
    layers=5,
)
ODD_SHAPES = [SMALL, UP5K, SHAPES["ecp5"], ODD]


def test_identify_is_answered_before_any_reset() -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        for sequence in (7, 7, 8):
            result = await host.ask(sequence, Request(Operation.IDENTIFY))
            assert result == SMALL.digest + bytes([VERSION])
        assert not diary.take()

    run(bench, seed=1)


def test_nothing_else_is_answered_before_the_first_reset() -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        requests = [
            write_request(Space.SETUP, [1]),
            Request(Operation.READ, count=1, space=Space.GENERATOR),
            run_request(1),
            feed_request(0, [1]),
            COLLECT,
        ]
        for sequence, request in enumerate(requests, start=1):
            assert await host.refused(sequence, request) is Status.NOT_INITIALISED
        assert not diary.take()
        await host.reset()
        assert diary.aborts == 1
        await host.ask(1, requests[0])
        assert diary.take() == [("write", Space.SETUP, 0, 0, 0, 1)]

    run(bench)


@pytest.mark.parametrize("shape", [*ODD_SHAPES, SHAPES["small-live"]], ids=lambda shape: shape.name)
@pytest.mark.parametrize("seed", [None, 3])
def test_the_last_places_of_every_space(shape: Shape, seed: int | None) -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        generator = random.Random(4)
        await host.reset()
        sequence = 0
        for space in Space:
            parts = shape.parts if space is Space.COUNTERS else 1
            every = [
                (space, shape.elements - 1, part, address)
                for address in range(limit(space, shape))
                for part in range(parts)
            ]
            part = every[-MAX_READ:]
            if not part:
                for request in (write_request(space, [1]), Request(Operation.READ, 1, space)):
                    assert await host.refused(sequence + 1, request) is Status.BAD_RANGE
                    assert not diary.take()
                continue
            _, element, first, address = part[0]
            where = {"element": element, "part": first, "address": address}
            words = [generator.getrandbits(64) for _ in part]
            assert await host.ask(sequence + 1, write_request(space, words, **where)) == b""
            assert diary.take() == [
                ("write", *place, word) for place, word in zip(part, words, strict=True)
            ]
            read = Request(Operation.READ, count=len(part), space=space, **where)
            assert words_of(await host.ask(sequence + 2, read)) == [
                stored(place[0].value, *place[1:]) for place in part
            ]
            assert diary.take() == [("read", *place) for place in part]
            if first < parts - 1:
                beyond = replace(read, part=first + 1)
            else:
                beyond = replace(read, part=0, address=address + 1)
            assert await host.refused(sequence + 3, beyond) is Status.BAD_RANGE
            assert not diary.take()
            sequence += 3

    run(bench, shape=shape, seed=seed)


@pytest.mark.parametrize("shape", ODD_SHAPES, ids=lambda shape: shape.name)
def test_random_requests_are_judged_as_the_model_does(shape: Shape) -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        generator = random.Random(5)
        await host.reset()
        seen = dict.fromkeys(Status, 0)
        for number in range(150):
            sequence = 1 + number % LAST_SEQUENCE
            operation = generator.choice([*range(8), 3, 3, 4, 4, 4])
            if not number % 10:
                operation = generator.randint(0, 255)
            if operation == Operation.RUN.value:
                continue  # would start one
            space = generator.choice(
                [*range(7), *range(7), 2, 2, 7, 8, 1 << generator.randrange(8)]
            )
            end = limit(Space(space), shape) if space < 7 else 1
            most = MAX_WORDS if operation in (3, 4) else MAX_PREDICTIONS
            bounds = [MAX_READ, MAX_READ + 1, most, most + 1]
            count = generator.choice([0, 1, 1, 2, 7, *bounds, generator.randrange(256)])
            words = min(MAX_WORDS, count) if operation == Operation.WRITE.value else 0
            if operation == Operation.FEED.value:
                words = generator.randrange(3)
            length = 8 * words
            if not number % 5:
                length = min(MAX_DATA, max(0, length + generator.choice([-8, -1, 1, 3, 8])))
            request = Request(
                Operation.IDENTIFY,
                count=count,
                space=space,
                element=generator.choice(
                    [0, shape.elements - 1, shape.elements - 1, shape.elements]
                ),
                part=generator.choice([0, shape.parts - 1, shape.parts - 1, shape.parts]),
                address=generator.choice(
                    [
                        *(0, 1, max(0, end - count), max(0, end - 1), end),
                        *(max(0, end - count // shape.parts), max(0, end - count) + 1),
                        *(1 << generator.randrange(16), generator.getrandbits(16)),
                    ]
                ),
                data=generator.randbytes(length),
            )
            if operation == Operation.FEED.value:
                request = replace(request, address=request.address & 0xFF00)
            body = bytes([sequence, operation, *bytearray(encode_body(request))[2:]])
            await host.send(frame(body))
            reply = await host.receive()
            assert (reply.sequence, reply.operation) == (sequence, operation)
            assert reply.status in judge(shape, operation, request)
            seen[reply.status] += 1
            expected = []
            if reply.status is Status.OK and operation == Operation.WRITE.value:
                data = words_of(request.data)
                expected = [
                    ("write", *place, word)
                    for place, word in zip(places(shape, request), data, strict=True)
                ]
            if reply.status is Status.OK and operation == Operation.READ.value:
                expected = [("read", *place) for place in places(shape, request)]
                assert len(reply.result) == 8 * count
            if reply.status is Status.OK and operation in (6, 7):
                predictions, progress = collected(reply.result)
                assert (predictions, progress.idle) == (b"", True)
                assert progress.left == len(request.data) // 8
            assert diary.take() == expected
        for status in (
            Status.OK,
            Status.BAD_RANGE,
            Status.BAD_LENGTH,
            Status.UNKNOWN_OPERATION,
        ):
            assert seen[status] > 2, seen

    run(bench, shape=shape)


def encode_body(request: Request) -> bytes:
    """Body of a request, with any sequence number and operation, without CRC."""
    fields = request.count, request.space, request.element, request.part
    return bytes([0, 0, *fields]) + request.address.to_bytes(2, "little") + request.data


def test_a_whole_write_is_refused_whatever_its_word_count() -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        await host.reset()
        for sequence, (count, words) in enumerate(
            [(1, 2), (2, 1), (0, 0), (0, 1), (1, 0), (33, 1), (30, 29), (255, 30)], start=1
        ):
            request = Request(
                Operation.WRITE, count=count, space=Space.CODES, data=data_of(range(words))
            )
            status = await host.refused(sequence, request)
            assert status in judge(SMALL, Operation.WRITE.value, request)
        assert not diary.take()

    run(bench)


def test_requests_that_no_run_allows() -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        await host.reset()
        await host.ask(1, run_request(1, train=1, annealing=2, damping=3))
        assert diary.take() == [("run", 1, 1, 0, 2, 3)]
        read = Request(Operation.READ, count=1, space=Space.STATISTICS)
        requests = [write_request(Space.CODES, [1]), read, run_request(1)]
        for sequence, request in enumerate(requests, start=2):
            assert await host.refused(sequence, request) is Status.BUSY
        # A run is over when its predictions have been collected.
        host.ctx.set(dut.core.mute, 1)
        assert collected(await host.ask(5, feed_request(0, [77, 0]))) == (b"", Progress(0, False))
        assert await host.refused(6, read) is Status.BUSY
        host.ctx.set(dut.core.mute, 0)
        assert await host.refused(7, read) is Status.BUSY
        assert collected(await host.ask(8, COLLECT)) == (b"\x4d", Progress(0, True))
        assert len(await host.ask(9, read)) == 8
        assert diary.take() == [
            *(("word", 77), ("word", 0)),
            ("read", Space.STATISTICS, 0, 0, 0),
        ]

    run(bench)


def test_refusals_cost_no_kept_reply() -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        await host.reset()
        first, second = write_request(Space.CODES, [5]), write_request(Space.CODES, [6, 7])
        await host.ask(1, first)
        await host.ask(2, second)
        assert len(diary.take()) == 3
        wrong = Request(Operation.READ, count=31)
        for sequence in (3, 4, 1, 2):
            reply = await host.request(sequence, wrong)
            if sequence > 2:
                assert reply == Reply(sequence, Operation.READ.value, Status.BAD_RANGE)
            else:
                assert reply == Reply(sequence, Operation.WRITE.value, Status.OK)
        await host.send(b"\x05noise\0")
        assert (await host.receive()).sequence == 0
        assert await host.ask(1, first) == b""
        assert await host.ask(2, second) == b""
        assert not diary.take()

    run(bench, seed=6)
