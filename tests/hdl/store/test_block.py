"""The store in block RAM against golden's rule: what it keeps, shows and hands out."""

import random

import pytest
from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import SimulatorContext

from metabit.golden.config import Config
from metabit.golden.generator import PERIOD
from metabit.hdl.bundles import Space
from metabit.hdl.shape import SHAPES, Shape
from metabit.hdl.store import block, commit
from metabit.hdl.store.block import BlockStore
from tests.hdl.planted import plant
from tests.hdl.store.block_bench import Row, StoreBench
from tests.hdl.streams import cycles, simulate

SMALL = SHAPES["small"]
DEADLINE = 30_000

NETWORK = {
    "inputs": 150,
    "hidden": (4, 3, 2),
    "classes": 4,
    "group": 2,
    "counter_bits": 4,
    "tile": 3,
    "reinforcement": 1.0,
}


def bench_of(
    seed: int = 0, shape: Shape = SMALL, *, calm: bool = False, **fields: object
) -> StoreBench:
    """Return a bench around a store for a small network."""
    config = Config.model_validate(NETWORK | {"seed": seed} | fields)
    return StoreBench(config, shape, BlockStore(shape), seed, calm=calm)


def check(bench: StoreBench, *runs: dict[str, object], most: int = 3) -> None:
    """Let runs follow each other, and compare everything before, between and after them."""

    async def main(ctx: SimulatorContext) -> None:
        await bench.load(ctx)
        await bench.check_visible(ctx, bench.visible())
        for run in runs:
            options = dict(run)
            tiles = bench.plan(options.pop("samples"), lambda _: bench.random_rows(most))
            await bench.run(ctx, tiles, **options)
            await bench.check_weights(ctx)

    simulate(bench.store, main, background=bench.processes, deadline=DEADLINE)


@pytest.mark.parametrize("annealing", range(4))
def test_runs_leave_what_golden_leaves(annealing: int) -> None:
    check(bench_of(annealing), {"samples": 12, "annealing": annealing, "damping": annealing})


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("- (last_layer & ~whole)", "- 0"),  # before the array is through
        ("Mux(left == 0, self.copy_address, following)", "following"),  # another word
        ("self.read.eq(whole)", "self.read.eq(1)"),  # rows go on between the two parts
    ],
)
def test_a_commit_that_hurries_is_caught(
    right: str, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block, "Commit", plant(commit, (right, wrong)).Commit)
    with pytest.raises(AssertionError):
        check(bench_of(0), *[{"samples": 24}] * 4)


def _drawn(seed: int) -> tuple[Shape, dict[str, object]]:
    """Draw a device and a network that fits it."""
    rng = random.Random(seed)
    bits, layers = rng.randint(2, 8), rng.randint(1, 3)
    shape = Shape(
        elements=rng.choice([1, 2, 3, 5]),
        samples=rng.choice([1, 2, 4]),
        counter_bits=bits,
        depth=rng.choice([48, 64]),
        code_bits=4,
        codes=64,
        neurons=16,
        inputs=700,
        records=256,
        winners=256,
        layers=layers,
    )
    fields = {
        "inputs": rng.randint(1, 300),
        "hidden": tuple(rng.randint(1, 4) for _ in range(layers)),
        "group": 1,
        "counter_bits": bits,
        "tile": rng.randint(1, 9),
        "reinforcement": rng.choice([0.0, 0.5, 1.0]),
        "lag": rng.randint(0, 1),
    }
    return shape, fields


@pytest.mark.parametrize("seed", range(6))
def test_random_devices(seed: int) -> None:
    shape, fields = _drawn(seed)
    run = {"samples": 2 * fields["tile"] + 1, "annealing": seed % 4, "damping": seed % 3}
    check(bench_of(seed, shape, **fields), run)


def test_runs_follow_each_other() -> None:
    """Tiles wait for their commit from run to run; runs without training change nothing."""
    check(
        bench_of(7, hidden=(2,)),
        {"samples": 13, "drain": False},
        {"samples": 6, "train": False},
        {"samples": 1, "drain": False, "annealing": 1},
        {"samples": 9},
    )


def test_signs_of_one_element_are_written_while_a_commit_waits() -> None:
    """What the other elements have learnt must not show too early."""
    bench = bench_of(9, hidden=(2,), tile=4)
    written = 1

    async def main(ctx: SimulatorContext) -> None:
        await bench.load(ctx)
        seen = bench.visible()
        await bench.run(ctx, bench.plan(4, lambda n: [Row(0, n % 2, 1)]), drain=False)
        current = bench.visible()
        assert any(current[place] != seen[place] for place in seen if place[0] != written)
        for element, address in seen:
            if element == written:
                word = current[element, address]
                await bench.access(ctx, Space.SIGNS, element, address, data=word)
                seen[element, address] = word
        await bench.check_visible(ctx, seen)

    simulate(bench.store, main, background=bench.processes, deadline=DEADLINE)


def test_records_are_reused() -> None:
    """Many more samples than records, in runs with and without training."""
    shape = SMALL.model_copy(update={"records": 34, "layers": 1})
    bench = bench_of(8, shape, hidden=(3,), tile=3)
    assert bench.placement.slots < 8
    check(bench, {"samples": 40, "train": False}, {"samples": 40}, most=1)


@pytest.mark.parametrize("inputs", [1, 16, 64, 65, 129, 193, 257, 321])
def test_the_same_row_again_and_again(inputs: int) -> None:
    """Short rows are the hard ones: the last update of a row must be over before the next."""
    shape = Shape(**{**SMALL.model_dump(), "layers": 1})
    bench = bench_of(inputs, shape, inputs=inputs, hidden=(2,), tile=4, calm=True)

    async def main(ctx: SimulatorContext) -> None:
        await bench.load(ctx)
        tiles = bench.plan(8, lambda n: [Row(0, 1, n % 3 == 0), *[Row(0, 1, n % 2)] * (n % 4)])
        await bench.run(ctx, tiles)
        await bench.check_weights(ctx)

    simulate(bench.store, main, background=bench.processes, deadline=DEADLINE)


def test_reset_in_the_middle_of_a_row() -> None:
    """It is idle at once, whatever was going on, and works when everything is loaded again."""
    bench = bench_of(11)
    reset = Signal()
    dut = ResetInserter(reset)(bench.store)

    async def main(ctx: SimulatorContext) -> None:
        rng = random.Random(11)
        for _ in range(6):
            await bench.load(ctx)
            await bench.begin(ctx, bench.plan(5, lambda _: bench.random_rows(4)))
            await cycles(ctx, rng.randint(20, 200))
            bench.forget()
            ctx.set(reset, 1)
            await ctx.tick()
            ctx.set(reset, 0)
            assert ctx.get(bench.store.idle)
            assert not ctx.get(bench.store.busy)
        await bench.load(ctx)
        await bench.run(ctx, bench.plan(7, lambda _: bench.random_rows(3)))
        await bench.check_weights(ctx)

    simulate(dut, main, background=bench.processes, deadline=DEADLINE)


def test_what_a_device_lacks_reads_as_zero() -> None:
    shape = Shape(**{**SMALL.model_dump(), "elements": 3, "depth": 48})
    bench = bench_of(12, shape)

    async def main(ctx: SimulatorContext) -> None:
        await bench.load(ctx)
        for space, element, address, part in (
            (Space.COUNTERS, 3, 0, 0),
            (Space.COUNTERS, 0, 48, 0),
            (Space.COUNTERS, 0, 1 << 15, 0),
            (Space.COUNTERS, 0, 0, 3),
            (Space.CURRENT, 3, 0, 0),
            (Space.CURRENT, 0, 48, 0),
            (Space.SIGNS, 0, 0, 0),
        ):
            assert await bench.access(ctx, space, element, address, part) == 0
        for space, element, address, part in (
            (Space.COUNTERS, 3, 0, 0),
            (Space.COUNTERS, 0, 64, 0),
            (Space.COUNTERS, 0, 0, 3),
            (Space.SIGNS, 3, 0, 0),
            (Space.SIGNS, 0, 64, 0),
            (Space.CURRENT, 0, 0, 0),
        ):
            await bench.access(ctx, space, element, address, part, (1 << 64) - 1)
        await bench.check_weights(ctx)
        await bench.check_visible(ctx, bench.visible())
        state = random.Random(12).randint(1, PERIOD)
        await bench.access(ctx, Space.GENERATOR, data=state)
        assert await bench.access(ctx, Space.GENERATOR) == state

    simulate(bench.store, main, deadline=DEADLINE)


def test_a_beat_a_cycle_and_one_between_rows() -> None:
    """Nothing else wants the memories: a row of 25 beats follows after 26 cycles."""
    shape = Shape(**{**SMALL.model_dump(), "layers": 1, "elements": 12, "inputs": 2000})
    bench = bench_of(13, shape, inputs=1568, hidden=(4,), tile=4, calm=True)
    store = bench.store

    async def main(ctx: SimulatorContext) -> None:
        await bench.load(ctx)
        tiles = bench.plan(1, lambda _: [Row(0, n, 1) for n in range(4)])
        await bench.begin(ctx, tiles)
        busy = []
        while not ctx.get(store.busy):
            await ctx.tick()
        while bench.unfinished(ctx):
            busy.append(ctx.get(store.busy))
            await ctx.tick()
        starts = [n for n in range(1, len(busy)) if busy[n] and not busy[n - 1]]
        assert sum(busy) == 4 * 25
        assert [b - a for a, b in zip([0, *starts], starts, strict=False)] == [26, 26, 26]

    simulate(store, main, background=bench.processes, deadline=DEADLINE)
