"""The link against a model of its rules, with a core that only counts bytes."""

import random
from collections.abc import Awaitable, Callable, Iterable

import pytest
from amaranth.sim import SimulatorContext
from cobs import cobs

from metabit.boards.packets import Reply, crc, decode_reply, encode_request, frame
from metabit.golden.config import Config
from metabit.hdl.v1.layout import Layout
from metabit.hdl.v1.link_check import SAMPLE_OPERATIONS, STATE_OPERATIONS
from metabit.hdl.v1.protocol import (
    MAX_BODY,
    MAX_DATA,
    REQUEST_BYTES,
    UNSOLICITED,
    VERSION,
    Operation,
    Status,
    count_limit,
    data_unit,
    limit,
    result_unit,
)
from tests.hdl.fake_core import Diary, LinkAndFakeCore, result_byte
from tests.hdl.streams import Pauses, cycles, get, put_all, simulate

CONFIG = Config(inputs=70, hidden=(9, 5), classes=5, group=4, counter_bits=5, tile=6)
LAYOUT = Layout(CONFIG)
LARGE = Config(
    inputs=2000, hidden=(300, 200), classes=256, group=60, counter_bits=16, tile=64, head_offset=9
)


class Host:
    """The other end of the link, in a testbench."""

    def __init__(self, dut: LinkAndFakeCore, seed: int | None = None) -> None:
        self._dut = dut
        self._put_pauses = Pauses(seed)
        self._get_pauses = Pauses(None if seed is None else seed + 1)
        self.ctx: SimulatorContext

    async def send(self, raw: Iterable[int]) -> None:
        await put_all(self.ctx, self._dut.rx, raw, self._put_pauses)

    async def receive(self) -> Reply:
        encoded = b""
        while True:
            await self._get_pauses.wait(self.ctx)
            byte = await get(self.ctx, self._dut.tx)
            if not byte:
                return decode_reply(encoded)
            encoded += bytes([byte])

    async def request(self, sequence: int, operation: Operation, **fields: object) -> Reply:
        await self.send(encode_request(sequence, operation, **fields))
        return await self.receive()

    async def reset(self, sequence: int = 255) -> None:
        reply = await self.request(sequence, Operation.RESET, address=1)
        assert reply == Reply(sequence, Status.OK, b"")


def run(
    bench: Callable[[Host, Diary, LinkAndFakeCore], Awaitable[None]],
    *,
    seed: int | None = None,
    config: Config = CONFIG,
    deadline: int = 50_000,
) -> None:
    dut = LinkAndFakeCore(config)
    host, diary = Host(dut, seed), Diary(dut)

    async def main(ctx: SimulatorContext) -> None:
        host.ctx = ctx
        await bench(host, diary, dut)

    simulate(dut, main, background=[diary.watch], deadline=deadline)


def data_for(operation: Operation, count: int, generator: random.Random) -> bytes:
    """Right amount of data of a request; labels are classes."""
    if operation is Operation.TRAIN:
        return bytes(generator.randrange(CONFIG.classes) for _ in range(count))
    return generator.randbytes(count * data_unit(operation, CONFIG))


def judge(
    layout: Layout, operation: int, sample: int, count: int, address: int, data: bytes
) -> set[Status]:
    """Statuses that may answer a request after a reset: all that is wrong with it, else OK."""
    config = layout.config
    try:
        known = Operation(operation)
    except ValueError:
        return {Status.UNKNOWN_OPERATION}
    wrong = set()
    most, end = count_limit(known, layout), limit(known, layout)
    if len(data) != count * data_unit(known, config):
        wrong.add(Status.BAD_LENGTH)
    annealing, damping, rest = address & 255, address >> 8 & 255, address >> 16
    if (
        (most and not 1 <= count <= most)
        or (end is not None and address + count > end)
        or (known in SAMPLE_OPERATIONS and sample >= config.tile)
        or (known in STATE_OPERATIONS and address == 0)
        or (known is Operation.TRAIN and (annealing > 3 or damping > 3 or rest))
        or (known is Operation.TRAIN and any(label >= config.classes for label in data))
    ):
        wrong.add(Status.BAD_RANGE)
    return wrong or {Status.OK}


def test_identify_is_answered_by_the_link_before_any_reset() -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        for sequence in (7, 7, 8):
            reply = await host.request(sequence, Operation.IDENTIFY)
            assert reply == Reply(sequence, Status.OK, CONFIG.digest + bytes([VERSION]))
        assert not diary.entries

    run(bench, seed=1)


def test_nothing_else_is_answered_before_the_first_reset() -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        generator = random.Random(2)
        for sequence, operation in enumerate(Operation, start=1):
            if operation in (Operation.IDENTIFY, Operation.RESET):
                continue
            count = min(1, count_limit(operation, LAYOUT))
            data = data_for(operation, count, generator)
            address = operation in STATE_OPERATIONS
            reply = await host.request(
                sequence, operation, count=count, data=data, address=int(address)
            )
            assert reply == Reply(sequence, Status.NOT_INITIALISED, b"")
        assert not diary.entries
        await host.reset()
        assert diary.entries == [[Operation.RESET, 0, 0, 1, b""]]

    run(bench)


@pytest.mark.parametrize("seed", [None, 3])
def test_every_operation_with_the_largest_packet(seed: int | None) -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        generator = random.Random(4)
        await host.reset()
        for sequence, operation in enumerate(Operation, start=1):
            if operation is Operation.IDENTIFY:
                continue
            count = count_limit(operation, LAYOUT)
            end = limit(operation, LAYOUT)
            address = end - count if end is not None else 0x0303
            sample = CONFIG.tile - 1
            data = data_for(operation, count, generator)
            reply = await host.request(
                sequence, operation, sample=sample, count=count, address=address, data=data
            )
            length = count * result_unit(operation, CONFIG)
            result = bytes(result_byte(address, index) for index in range(length))
            assert reply == Reply(sequence, Status.OK, result)
            assert diary.entries[-1] == [operation, sample, count, address, data]
        assert len(diary.entries) == len(Operation)

    run(bench, seed=seed)


@pytest.mark.parametrize("config", [CONFIG, LARGE])
def test_random_requests_are_judged_as_the_model_does(config: Config) -> None:
    layout = Layout(config)

    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        generator = random.Random(5)
        await host.reset()
        seen = dict.fromkeys(Status, 0)
        for number in range(150):
            sequence = 1 + number % 255
            operation = generator.randint(0, 15) if number % 10 else generator.randint(0, 255)
            known = Operation(operation) if operation in range(1, 14) else Operation.IDENTIFY
            end = limit(known, layout) or 0
            most = max(1, count_limit(known, layout))
            count = generator.choice([0, 1, most, most, most + 1, generator.randrange(256)])
            sample = generator.choice([0, config.tile - 1, config.tile, 255])
            address = generator.choice(
                [
                    *(0, 1, max(0, end - count), max(0, end - count) + 1),
                    *(0x0303, 0x0202, 0x0400, 4, 1 << 16),
                    *(1 << generator.randrange(32), generator.getrandbits(32)),
                ]
            )
            fitting = min(MAX_DATA, count * data_unit(known, config))
            length = fitting if number % 5 else min(MAX_DATA, fitting + generator.randrange(3))
            data = bytes(generator.randrange(config.classes) for _ in range(length))
            if data and generator.random() < 0.2:
                data = data[:-1] + bytes([config.classes % 256])
            header = bytes([sequence, operation, sample, count]) + address.to_bytes(4, "little")
            commands = len(diary.entries)
            await host.send(frame(header + data))
            reply = await host.receive()
            assert reply.sequence == sequence
            assert reply.status in judge(layout, operation, sample, count, address, data)
            seen[reply.status] += 1
            executed = reply.status is Status.OK and operation != Operation.IDENTIFY.value
            assert len(diary.entries) == commands + executed
            if executed:
                assert diary.entries[-1] == [Operation(operation), sample, count, address, data]
                assert len(reply.result) == count * result_unit(known, config)
        for status in (
            Status.OK,
            Status.BAD_RANGE,
            Status.BAD_LENGTH,
            Status.UNKNOWN_OPERATION,
        ):
            assert seen[status] > 2, seen

    run(bench, config=config)


@pytest.mark.parametrize("position", range(6))
def test_a_label_that_is_no_class_is_refused_wherever_it_stands(position: int) -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        await host.reset()
        labels = bytearray(CONFIG.classes - 1 for _ in range(CONFIG.tile))
        labels[position] += 1
        reply = await host.request(1, Operation.TRAIN, count=CONFIG.tile, data=bytes(labels))
        assert reply == Reply(1, Status.BAD_RANGE, b"")
        labels[position] -= 1
        reply = await host.request(2, Operation.TRAIN, count=CONFIG.tile, data=bytes(labels))
        assert reply.status is Status.OK
        assert [entry[0] for entry in diary.entries] == [Operation.RESET, Operation.TRAIN]

    run(bench)


def test_a_frame_with_any_byte_damaged_is_reported_and_not_executed() -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        generator = random.Random(6)
        await host.reset()
        good = encode_request(
            9, Operation.WRITE_INPUTS, sample=2, count=3, address=1, data=b"\1\0\2\3\0\4"
        )
        for index in range(len(good) - 1):
            damaged = bytearray(good)
            damaged[index] ^= generator.randint(1, 255)
            await host.send(damaged)
            # A byte that becomes zero makes two frames of one, both damaged.
            for _ in range(1 + (damaged[index] == 0 and 0 < index < len(good) - 2)):
                reply = await host.receive()
                assert reply.sequence == UNSOLICITED
                assert reply.status in (Status.BAD_CRC, Status.BAD_FRAME)
        assert len(diary.entries) == 1
        await host.send(good)
        assert await host.receive() == Reply(9, Status.OK, b"")
        assert diary.entries[1] == [Operation.WRITE_INPUTS, 2, 3, 1, b"\1\0\2\3\0\4"]

    run(bench, seed=7)


@pytest.mark.parametrize("seed", [None, 8])
def test_truncated_frames_are_reported(seed: int | None) -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        good = encode_request(9, Operation.RESET, address=0x01020304)
        for length in range(1, len(good) - 1):
            await host.send(good[:length] + b"\0")
            reply = await host.receive()
            assert reply == Reply(UNSOLICITED, Status.BAD_FRAME, b"")
        assert not diary.entries
        await host.send(b"\0\0" + good)  # empty frames are not answered
        assert await host.receive() == Reply(9, Status.OK, b"")

    run(bench, seed=seed)


def test_short_bodies_with_a_right_crc_are_reported() -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        body = bytes([5, Operation.RESET.value, 0, 0, 1, 0, 0, 0])
        for length in range(REQUEST_BYTES):
            await host.send(frame(body[:length]))
            assert await host.receive() == Reply(UNSOLICITED, Status.BAD_FRAME, b"")
        await host.send(frame(bytes([0]) + body[1:]))
        assert await host.receive() == Reply(UNSOLICITED, Status.BAD_FRAME, b"")
        assert not diary.entries
        await host.send(frame(body))
        assert await host.receive() == Reply(5, Status.OK, b"")

    run(bench)


@pytest.mark.parametrize("length", [MAX_BODY + 1, MAX_BODY + 2, 256, 509, 2000])
def test_oversized_frames_are_skipped_and_reported(length: int) -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        # A sound request in front, so that a wrapped counter would find one.
        body = cobs.decode(encode_request(5, Operation.RESET, address=1)[:-1])
        body += random.Random(length).randbytes(length - len(body) - 2)
        await host.send(cobs.encode(body + crc(body)) + b"\0")
        assert await host.receive() == Reply(UNSOLICITED, Status.BAD_FRAME, b"")
        assert not diary.entries
        await host.reset()
        assert len(diary.entries) == 1

    run(bench)


def test_the_longest_body_is_not_oversized() -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        await host.reset()
        reply = await host.request(1, Operation.CLEAR_STATISTICS, data=bytes(range(1, 243)))
        assert reply == Reply(1, Status.BAD_LENGTH, b"")

    run(bench)


def test_a_repeated_request_gets_the_kept_reply() -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        await host.reset()
        train = encode_request(1, Operation.TRAIN, count=2, address=1, data=b"\1\2")
        kept = Reply(1, Status.OK, bytes([1, 2]))
        for _ in range(3):
            await host.send(train)
            assert await host.receive() == kept
        # Noise in between is answered, and does not cost the kept reply.
        await host.send(b"\x05noise\0")
        assert (await host.receive()).sequence == UNSOLICITED
        await host.send(train)
        assert await host.receive() == kept
        assert [entry[0] for entry in diary.entries] == [Operation.RESET, Operation.TRAIN]
        assert (await host.request(2, Operation.INFER, count=1)).status is Status.OK
        await host.send(train)
        assert await host.receive() == kept
        assert len(diary.entries) == 4
        await host.reset(9)
        await host.reset(9)
        assert len(diary.entries) == 6

    run(bench, seed=9)


@pytest.mark.parametrize(
    ("operation", "wait"),
    [
        (Operation.TRAIN, 0),
        (Operation.TRAIN, 40),
        (Operation.READ_COUNTERS, 40),
        (Operation.WRITE_COUNTERS, 1),
        (Operation.CLEAR_STATISTICS, 3),
    ],
)
def test_reset_aborts_what_runs(operation: Operation, wait: int) -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        await host.reset()
        aborts = diary.aborts
        count = min(4, count_limit(operation, LAYOUT))
        data = data_for(operation, count, random.Random(10))
        await host.send(encode_request(1, operation, count=count, data=data))
        await cycles(host.ctx, wait)
        host.ctx.set(dut.core.hold, 1)
        await host.send(encode_request(2, Operation.RESET, address=0))  # refused: aborts nothing
        await cycles(host.ctx, 60)
        assert diary.aborts == aborts
        host.ctx.set(dut.core.hold, 0)
        assert (await host.receive()).sequence == 1
        assert await host.receive() == Reply(2, Status.BAD_RANGE, b"")

        host.ctx.set(dut.core.hold, 1)
        await host.send(encode_request(3, operation, count=count, data=data))
        await cycles(host.ctx, 50)
        await host.send(encode_request(4, Operation.RESET, address=0xCAFE))
        await cycles(host.ctx, 50)
        assert diary.entries[-1] == [Operation.RESET, 0, 0, 0xCAFE, b""]
        assert diary.aborts == aborts + 1
        host.ctx.set(dut.core.hold, 0)
        assert await host.receive() == Reply(4, Status.OK, b"")
        reply = await host.request(5, operation, count=count, data=data)
        assert reply.status is Status.OK
        assert diary.entries[-1] == [operation, 0, count, 0, data]

    run(bench)


def test_the_next_request_is_received_while_one_is_executed() -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        await host.reset()
        host.ctx.set(dut.core.hold, 1)
        await host.send(encode_request(1, Operation.TRAIN, count=3, data=b"\1\2\3"))
        await host.send(encode_request(2, Operation.WRITE_INPUTS, count=2, data=b"abcd"))
        await cycles(host.ctx, 40)
        assert len(diary.entries) == 2
        host.ctx.set(dut.core.hold, 0)
        assert await host.receive() == Reply(1, Status.OK, bytes([0, 1, 2]))
        assert await host.receive() == Reply(2, Status.OK, b"")
        assert diary.entries[1:] == [
            [Operation.TRAIN, 0, 3, 0, b"\1\2\3"],
            [Operation.WRITE_INPUTS, 0, 2, 0, b"abcd"],
        ]

    run(bench)


def test_a_request_of_the_largest_size_takes_about_a_cycle_per_byte() -> None:
    config = Config(inputs=1568, hidden=(8,), group=4)

    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        await host.reset()
        raw = encode_request(1, Operation.WRITE_INPUTS, count=98, data=bytes(range(196)))
        await host.send(raw)
        waiting = 0
        host.ctx.set(dut.tx.ready, 1)
        while not (await host.ctx.tick().sample(dut.tx.valid))[-1]:
            waiting += 1
        # Check, the data on its way into the core, the start of the reply.
        assert waiting < 196 + 50
        assert diary.entries[-1][-1] == bytes(range(196))

    run(bench, config=config, deadline=1500)
