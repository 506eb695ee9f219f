"""Runs over the link: samples in, predictions out, and no way to hang."""

import random

import pytest

from metabit.hdl.link.protocol import (
    MAX_PREDICTIONS,
    MAX_WORDS,
    POSITIONS,
    WINDOW,
    Operation,
    Status,
)
from metabit.host.packets import Progress, Request, encode_request
from tests.hdl.link.fake_core import Diary, LinkAndFakeCore
from tests.hdl.link.link_bench import (
    COLLECT,
    Host,
    collected,
    feed_request,
    run,
    run_request,
)
from tests.hdl.streams import cycles


@pytest.mark.parametrize("seed", [None, 1])
@pytest.mark.parametrize(("sample_words", "ring"), [(1, 1), (2, 8), (40, 2)])
def test_a_run_gives_a_prediction_a_sample(seed: int | None, sample_words: int, ring: int) -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        generator = random.Random(seed)
        await host.reset()
        sequence = 0
        for samples in (1, 7):
            sequence += 1
            assert await host.ask(sequence, run_request(samples, drain=1)) == b""
            assert diary.take() == [("run", samples, 0, 1, 0, 0)]
            words = [generator.getrandbits(64) for _ in range(samples * sample_words)]
            found = b""
            position = 0
            while position < len(words):
                part = words[position : position + generator.randint(1, MAX_WORDS)]
                sequence += 1
                result = await host.ask(sequence, feed_request(position, part))
                predictions, progress = collected(result)
                assert progress.left == 0
                found += predictions
                position += len(part)
            progress = Progress(0, False)
            while not progress.idle:
                sequence += 1
                predictions, progress = collected(await host.ask(sequence, COLLECT))
                found += predictions
            assert found == bytes(word & 255 for word in words[::sample_words])
            assert diary.take() == [("word", word) for word in words]

    run(bench, seed=seed, sample_words=sample_words, ring=ring)


def test_a_full_reply_ends_a_feed_and_says_what_it_has_left() -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        await host.reset()
        await host.ask(1, run_request(8))
        labels = list(range(11, 19))
        predictions, progress = collected(await host.ask(2, feed_request(0, labels, count=2)))
        assert predictions == b"\x0b\x0c"
        assert not progress.idle
        assert 0 < progress.left <= 6
        fed = 8 - progress.left
        # The next one has to go on from there.
        assert await host.refused(3, feed_request(8, [8])) is Status.OUT_OF_ORDER
        result = await host.ask(4, feed_request(fed, labels[fed:]))
        found, progress = collected(result)
        assert progress.left == 0
        more, progress = collected(await host.ask(5, COLLECT))
        assert progress.idle
        assert predictions + found + more == bytes(labels)
        assert diary.take()[1:] == [("word", label) for label in labels]

    run(bench, sample_words=1, ring=2)


def test_the_largest_reply() -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        await host.reset()
        labels = bytes(n % 251 for n in range(300))
        await host.ask(1, run_request(300))
        host.ctx.set(dut.core.mute, 1)
        for number in range(10):
            part = labels[30 * number : 30 * number + 30]
            result = await host.ask(2 + number, feed_request(30 * number, part))
            assert collected(result) == (b"", Progress(0, False))
        host.ctx.set(dut.core.mute, 0)
        first, progress = collected(await host.ask(12, COLLECT))
        assert (len(first), progress) == (MAX_PREDICTIONS, Progress(0, False))
        second, progress = collected(await host.ask(13, COLLECT))
        assert (len(second), progress) == (MAX_PREDICTIONS, Progress(0, False))
        rest, progress = collected(await host.ask(14, COLLECT))
        assert (first + second + rest, progress) == (labels, Progress(0, True))

    run(bench, sample_words=1, ring=400)


def test_a_feed_to_no_run_is_over_at_once() -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        await host.reset()
        predictions, progress = collected(await host.ask(1, feed_request(0, range(5))))
        assert (predictions, progress) == (b"", Progress(left=5, idle=True))
        assert collected(await host.ask(2, COLLECT)) == (b"", Progress(0, idle=True))
        await host.ask(3, run_request(2))
        predictions, progress = collected(await host.ask(4, feed_request(0, range(1, 10))))
        if not progress.idle:
            more, progress = collected(await host.ask(5, COLLECT))
            predictions += more
        assert predictions == b"\1\3"
        assert progress.idle
        assert len(diary.take()) == 1 + 4

    run(bench, sample_words=2)


def test_feeds_are_taken_in_order_only() -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        await host.reset()
        await host.ask(1, run_request(200))
        sequence, fed = 1, 0
        generator = random.Random(3)
        expected = []
        while fed < 300:
            for wrong in (fed + 1, fed - 1, fed + POSITIONS // 2, generator.randrange(POSITIONS)):
                if (wrong - fed) % POSITIONS:
                    sequence += 1
                    status = await host.refused(sequence, feed_request(wrong, [1]))
                    assert status is Status.OUT_OF_ORDER
            sequence += 1
            words = [generator.getrandbits(64) for _ in range(29)]
            await host.ask(sequence, feed_request(fed, words))
            expected += words
            fed += 29
        assert [entry[1] for entry in diary.take()[1:]] == expected
        await host.reset()
        await host.ask(1, run_request(1))
        assert await host.refused(2, feed_request(fed, [1])) is Status.OUT_OF_ORDER
        await host.ask(3, feed_request(0, [1]))

    run(bench)


def test_collect_waits_for_as_many_as_asked_or_for_another_request() -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        await host.reset()
        await host.ask(1, run_request(6))
        host.ctx.set(dut.core.mute, 1)
        await host.ask(2, feed_request(0, [1, 0, 2, 0, 3, 0, 4, 0]))
        host.ctx.set(dut.core.mute, 0)
        three = Request(Operation.COLLECT, count=3)
        assert collected(await host.ask(3, three)) == (b"\1\2\3", Progress(0, False))
        # There is only one more until the run goes on; a COLLECT for more waits ...
        await host.send(encode_request(4, three))
        await cycles(host.ctx, 100)
        assert not host.ctx.get(dut.tx.valid)
        # ... until something else is asked.
        await host.send(encode_request(5, feed_request(8, [5, 0, 6, 0])))
        reply = await host.receive()
        assert (reply.sequence, collected(reply.result)) == (4, (b"\4", Progress(0, False)))
        predictions, _ = collected((await host.receive()).result)
        more, progress = collected(await host.ask(6, COLLECT))
        assert (predictions + more, progress) == (b"\5\6", Progress(0, True))

    run(bench, sample_words=2)


def test_predictions_go_only_where_they_are_asked_for() -> None:
    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        await host.reset()
        await host.ask(1, run_request(2))
        host.ctx.set(dut.core.mute, 1)
        await host.ask(2, feed_request(0, [9, 0]))
        host.ctx.set(dut.core.mute, 0)
        assert len(await host.ask(3, Request(Operation.IDENTIFY))) == 9
        assert await host.refused(4, Request(Operation.READ, count=1)) is Status.BUSY
        none = Request(Operation.COLLECT)
        assert collected(await host.ask(5, none)) == (b"", Progress(0, False))
        one = Request(Operation.COLLECT, count=1)
        assert collected(await host.ask(6, one)) == (b"\x09", Progress(0, False))

    run(bench)


@pytest.mark.parametrize("seed", [5, 6, 7])
def test_a_window_of_requests_may_be_under_way(seed: int) -> None:
    """A lost reply to any is had again, and nothing is done twice."""

    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        generator = random.Random(seed)
        await host.reset()
        await host.ask(1, run_request(100))
        found = b""
        for number in range(0, 3 * WINDOW, WINDOW):
            window = [
                encode_request(
                    2 + number + k,
                    feed_request(10 * (number + k), [10 * (number + k) + n for n in range(10)]),
                )
                for k in range(WINDOW)
            ]
            replies = await host.stream(window)
            assert [reply.sequence for reply in replies] == [2 + number + k for k in range(WINDOW)]
            for again in generator.choices(range(WINDOW), k=2 * WINDOW):
                await host.send(window[again])
                assert await host.receive() == replies[again]
            found += b"".join(collected(reply.result)[0] for reply in replies)
        fed = list(range(30 * WINDOW))
        assert found == bytes(fed[::2])[: len(found)]
        assert len(found) > 10 * WINDOW
        assert [entry[1] for entry in diary.take()[1:]] == fed

    run(bench, seed=seed)


@pytest.mark.parametrize("lost", range(WINDOW))
def test_a_request_lost_from_a_window_leaves_those_behind_it_undone(lost: int) -> None:
    """FEEDs behind it are refused, and executed once when all is sent again."""

    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        await host.reset()
        await host.ask(1, run_request(100))
        window = [
            encode_request(2 + k, feed_request(30 * k, [30 * k + n for n in range(30)]))
            for k in range(WINDOW)
        ]
        damaged = bytearray(window[lost])
        damaged[20] ^= 0x55
        sent = [*window[:lost], bytes(damaged), *window[lost + 1 :]]
        statuses = [reply.status for reply in await host.stream(sent)]
        behind = WINDOW - 1 - lost
        assert statuses[:lost] == [Status.OK] * lost
        assert statuses[lost] in (Status.BAD_CRC, Status.BAD_FRAME)
        assert statuses[lost + 1 :] == [Status.OUT_OF_ORDER] * behind
        assert [entry[1] for entry in diary.take()[1:]] == list(range(30 * lost))
        again = [reply.status for reply in await host.stream(window)]
        assert again == [Status.OK] * WINDOW
        assert [entry[1] for entry in diary.take()] == list(range(30 * lost, 30 * WINDOW))

    run(bench, sample_words=2)


@pytest.mark.parametrize("sample_words", [2, 7, 25])
def test_feeds_without_pause_keep_the_line_busy(sample_words: int) -> None:
    """Bytes that the link takes while it could take one a cycle."""
    frames = 6

    async def bench(host: Host, diary: Diary, dut: LinkAndFakeCore) -> None:
        await host.reset()
        await host.ask(1, run_request(1000))
        generator = random.Random(6)
        words = [generator.getrandbits(64) for _ in range(frames * MAX_WORDS)]
        raw = b"".join(
            encode_request(
                2 + number,
                feed_request(number * MAX_WORDS, words[number * MAX_WORDS :][:MAX_WORDS]),
            )
            for number in range(frames)
        )
        spent = 0
        for byte in raw:
            host.ctx.set(dut.rx.payload, byte)
            host.ctx.set(dut.rx.valid, 1)
            host.ctx.set(dut.tx.ready, 1)
            while True:
                *_, taken = await host.ctx.tick().sample(dut.rx.ready)
                spent += 1
                if taken:
                    break
        host.ctx.set(dut.rx.valid, 0)
        assert len(raw) / spent > 0.9, len(raw) / spent
        print(f"line busy {len(raw) / spent:.3f}")
        await cycles(host.ctx, 700)
        assert [entry[1] for entry in diary.take()[1:]] == words

    run(bench, sample_words=sample_words)
