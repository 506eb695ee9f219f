"""The other end of the link, and what it should answer."""

from collections.abc import Awaitable, Callable, Iterable

from amaranth.sim import SimulatorContext

from metabit.hdl.bundles import Space
from metabit.hdl.link.protocol import (
    LAST_SEQUENCE,
    MAX_PREDICTIONS,
    MAX_READ,
    MAX_WORDS,
    POSITIONS,
    WORD_BYTES,
    Operation,
    Status,
    limit,
)
from metabit.hdl.shape import SHAPES, Shape
from metabit.host.packets import Progress, Reply, Request, decode_reply, encode_request
from tests.hdl.link.fake_core import Diary, LinkAndFakeCore
from tests.hdl.streams import Pauses, get, put_all, simulate

SMALL, UP5K = SHAPES["small"], SHAPES["up5k"]


def words_of(data: bytes) -> list[int]:
    """Words that a request carries."""
    return [
        int.from_bytes(data[start : start + WORD_BYTES], "little")
        for start in range(0, len(data), WORD_BYTES)
    ]


def data_of(words: Iterable[int]) -> bytes:
    """The reverse."""
    return b"".join(word.to_bytes(WORD_BYTES, "little") for word in words)


def run_request(samples: int, **flags: int) -> Request:
    """RUN."""
    names = {"train": 24, "drain": 25, "annealing": 26, "damping": 28}
    word = samples | sum(flags[name] << start for name, start in names.items() if name in flags)
    return Request(Operation.RUN, data=data_of([word]))


def feed_request(position: int, words: Iterable[int], count: int = MAX_PREDICTIONS) -> Request:
    """FEED."""
    return Request(Operation.FEED, address=position % POSITIONS, count=count, data=data_of(words))


def write_request(space: Space, words: list[int], **place: int) -> Request:
    """WRITE."""
    return Request(Operation.WRITE, count=len(words), space=space, data=data_of(words), **place)


COLLECT = Request(Operation.COLLECT, count=MAX_PREDICTIONS)


def collected(result: bytes) -> tuple[bytes, Progress]:
    """Predictions and progress."""
    return result[:-1], Progress.of(result[-1])


def places(shape: Shape, request: Request) -> list[tuple[Space, int, int, int]]:
    """Space, element, part and address of every word of a READ or WRITE."""
    space, part, address = Space(request.space), request.part, request.address
    found = []
    for _ in range(request.count):
        found.append((space, request.element, part, address))
        if space is Space.COUNTERS and part != shape.parts - 1:
            part += 1
        else:
            address += 1
            part = 0 if space is Space.COUNTERS else part
    return found


def judge(shape: Shape, operation: int, request: Request) -> set[Status]:
    """Statuses that may answer a request while nothing runs: all that is wrong, else OK."""
    try:
        known = Operation(operation)
    except ValueError:
        return {Status.UNKNOWN_OPERATION}
    wrong = set()
    words, rest = divmod(len(request.data), WORD_BYTES)
    fits = {
        Operation.WRITE: words == request.count,
        Operation.RUN: words == 1,
        Operation.FEED: words > 0,
    }.get(known, words == 0)
    if rest or not fits:
        wrong.add(Status.BAD_LENGTH)
    if known in (Operation.READ, Operation.WRITE):
        fits = (
            1 <= request.count <= (MAX_READ if known is Operation.READ else MAX_WORDS)
            and request.space in [space.value for space in Space]
            and request.element < shape.elements
            and request.part < shape.parts
            and all(
                address < limit(space, shape) for space, _, _, address in places(shape, request)
            )
        )
        if not fits:
            wrong.add(Status.BAD_RANGE)
    if known in (Operation.FEED, Operation.COLLECT) and request.count > MAX_PREDICTIONS:
        wrong.add(Status.BAD_RANGE)
    return wrong or {Status.OK}


class Host:
    """The host, in a testbench."""

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

    async def request(self, sequence: int, request: Request) -> Reply:
        await self.send(encode_request(sequence, request))
        return await self.receive()

    async def stream(self, frames: list[bytes]) -> list[Reply]:
        """Replies to frames, the next of which is sent before the one before is answered."""
        replies = []
        for number, frame in enumerate(frames):
            await self.send(frame)
            if number:
                replies.append(await self.receive())
        return [*replies, await self.receive()]

    async def ask(self, sequence: int, request: Request) -> bytes:
        """Result of a request that is carried out."""
        reply = await self.request(sequence, request)
        assert reply == Reply(sequence, request.operation.value, Status.OK, reply.result)
        return reply.result

    async def refused(self, sequence: int, request: Request) -> Status:
        """Why a request is refused."""
        reply = await self.request(sequence, request)
        assert reply == Reply(sequence, request.operation.value, reply.status)
        assert reply.status is not Status.OK
        return reply.status

    async def reset(self, sequence: int = LAST_SEQUENCE) -> None:
        assert await self.ask(sequence, Request(Operation.RESET)) == b""

    def hold(self, value: int) -> None:
        self.ctx.set(self._dut.core.hold, value)


Bench = Callable[[Host, Diary, LinkAndFakeCore], Awaitable[None]]


def run(
    bench: Bench,
    *,
    seed: int | None = None,
    shape: Shape = SMALL,
    deadline: int = 50_000,
    **options: int,
) -> None:
    dut = LinkAndFakeCore(shape, **options)
    host, diary = Host(dut, seed), Diary(dut)

    async def main(ctx: SimulatorContext) -> None:
        host.ctx = ctx
        await bench(host, diary, dut)

    simulate(dut, main, background=[diary.watch], deadline=deadline)
