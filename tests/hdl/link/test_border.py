"""Border: words and accesses cross in order, once, whatever either side does."""

import random

import pytest

from metabit.hdl.bundles import Space
from metabit.hdl.link import border
from metabit.hdl.link.border import Border
from metabit.hdl.shape import SHAPES
from tests.hdl.planted import plant
from tests.hdl.streams import Pauses, cycles, get, put, simulate

SHAPE = SHAPES["small"]


def words_cross(dut, seed):
    """Words of samples arrive as they were sent, and none is kept beyond a run."""
    rng = random.Random(seed)
    sent = [rng.getrandbits(64) for _ in range(40)]
    taken = []

    async def link(ctx):
        pauses = Pauses(seed or None)
        for word in sent:
            await pauses.wait(ctx)
            await put(ctx, dut.link.samples, word)

    async def core(ctx):
        pauses = Pauses(seed + 1 if seed else None)
        while len(taken) < len(sent):
            await pauses.wait(ctx)
            taken.append(await get(ctx, dut.core.samples))

    simulate(dut, core, background=[link])
    assert taken == sent


def accesses_cross(dut, seed):
    """Every access is made once, and answered to the one who asked."""
    rng = random.Random(seed)
    memory: dict[tuple[int, ...], int] = {}
    model: dict[tuple[int, ...], int] = {}
    made = []
    count = 60

    async def core(ctx):
        host = dut.core.host
        pauses = Pauses(seed + 1 if seed else None)
        while True:
            while not ctx.get(host.valid):
                await ctx.tick()
            await pauses.wait(ctx)
            place = tuple(ctx.get(getattr(host, n)) for n in ("element", "address", "part"))
            assert ctx.get(host.space) is Space.COUNTERS
            if ctx.get(host.write):
                memory[place] = ctx.get(host.write_data)
            made.append(place)
            ctx.set(host.read_data, memory.get(place, 0))
            ctx.set(host.ready, 1)
            await ctx.tick()
            ctx.set(host.ready, 0)
            ctx.set(host.read_data, rng.getrandbits(64))

    async def link(ctx):
        host = dut.link.host
        pauses = Pauses(seed or None)
        ctx.set(host.space, Space.COUNTERS)
        for _ in range(count):
            place = (rng.randrange(2), rng.randrange(3), rng.randrange(2))
            write, word = rng.getrandbits(1), rng.getrandbits(64)
            for name, value in zip(("element", "address", "part"), place, strict=True):
                ctx.set(getattr(host, name), value)
            ctx.set(host.write, write)
            ctx.set(host.write_data, word)
            ctx.set(host.valid, 1)
            while not ctx.get(host.ready):
                await ctx.tick()
            found = ctx.get(host.read_data)
            await ctx.tick()
            if rng.getrandbits(1):
                ctx.set(host.valid, 0)
                await pauses.wait(ctx)
            if write:
                model[place] = word
            else:
                assert found == model.get(place, 0)
        ctx.set(host.valid, 0)
        await cycles(ctx, 9)

    simulate(dut, link, background=[core])
    assert len(made) == count
    assert memory == model


@pytest.mark.parametrize("seed", range(6))
def test_words(seed):
    words_cross(Border(SHAPE), seed)


@pytest.mark.parametrize("seed", range(6))
def test_accesses(seed):
    accesses_cross(Border(SHAPE), seed)


def test_no_word_is_left_when_nothing_runs():
    dut = Border(SHAPE)

    async def bench(ctx):
        await put(ctx, dut.link.samples, 7)
        assert ctx.get(dut.core.samples.valid)
        ctx.set(dut.core.idle, 1)
        await cycles(ctx, 2)
        assert not ctx.get(dut.core.samples.valid)
        assert ctx.get(dut.link.idle)

    simulate(dut, bench)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("link.valid & ~ready", "link.valid"),
        ("link.ready.eq(~core.valid)", "link.ready.eq(1)"),
        ("Mux(full, ~core.ready, link.valid)", "Mux(full, 0, link.valid)"),
        ("read_data.eq(core.read_data)", "read_data.eq(link.read_data)"),
    ],
)
def test_planted_mistakes_are_noticed(right, wrong):
    planted = plant(border, (right, wrong)).Border

    def everything():
        for seed in range(4):
            words_cross(planted(SHAPE), seed)
            accesses_cross(planted(SHAPE), seed)

    with pytest.raises((AssertionError, TimeoutError)):
        everything()
