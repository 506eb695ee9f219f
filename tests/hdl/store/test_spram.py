"""The store in single-port RAM against golden."""

import pytest

from metabit.golden.config import Config
from metabit.hdl.bundles import Kind
from metabit.hdl.shape import SHAPES, Shape
from tests.hdl.store.spram_bench import Bench, draw_plan, run_and_compare
from tests.hdl.streams import simulate

SMALL = SHAPES["small-spram"]


def _shape(**changes: int) -> Shape:
    return Shape(**(SMALL.model_dump() | {"name": "custom"} | changes))


def _config(**changes: object) -> Config:
    fields = {"inputs": 200, "hidden": (9,), "classes": 3, "group": 3, "tile": 3, "seed": 5}
    return Config(**(fields | changes))


@pytest.mark.parametrize("annealing", [0, 1, 2, 3])
def test_small(annealing: int) -> None:
    bench = Bench(_config(reinforcement=0.9), SMALL, annealing)
    plan = draw_plan(bench.network, bench.rng, 11, 2, annealing=annealing, damping=annealing)
    run_and_compare(bench, [plan])


async def _row_cycles(ctx, bench: Bench, rows: int) -> int:
    """Count the busy cycles of rows that follow each other, and of what lies between them."""
    jobs, dut, cycles = bench.dut.jobs, bench.dut, 0
    for number in range(rows):
        ctx.set(jobs.payload, {"kind": Kind.ROW, "address": number, "desired": 1})
        ctx.set(jobs.valid, 1)
        while not (await ctx.tick().sample(jobs.ready))[-1]:
            cycles += number > 0
        cycles += 1
    ctx.set(jobs.valid, 0)
    while not (await ctx.tick().sample(dut.idle))[-1]:
        cycles += 1
    return cycles


@pytest.mark.parametrize(("inputs", "limit"), [(512, 32 * 4 + 8 + 10), (500, 32 * 4 + 8 + 10)])
def test_a_row_takes_its_slots_and_ten_cycles(inputs: int, limit: int) -> None:
    bench = Bench(_config(inputs=inputs), SMALL, 1)

    async def main(ctx) -> None:
        await bench.load(ctx)
        alone = await _row_cycles(ctx, bench, 1)
        three = await _row_cycles(ctx, bench, 3)
        print(alone, three)
        assert alone <= limit
        assert three <= 3 * limit

    simulate(bench.dut, main)
