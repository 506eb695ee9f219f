"""The store in block RAM against golden's rule: what it keeps, shows and hands out."""

import pytest
from amaranth.sim import SimulatorContext

from metabit.golden.config import Config
from metabit.hdl.shape import SHAPES, Shape
from metabit.hdl.store.block import BlockStore
from tests.hdl.store.block_bench import StoreBench
from tests.hdl.streams import simulate

SMALL = SHAPES["small"]
DEADLINE = 200_000


def bench_of(seed: int = 0, shape: Shape = SMALL, **fields: object) -> StoreBench:
    """Return a bench around a store for a small network."""
    settings = {
        "inputs": 150,
        "hidden": (6, 5, 3),
        "classes": 4,
        "group": 3,
        "counter_bits": shape.counter_bits,
        "tile": 5,
        "reinforcement": 1.0,
        "seed": seed,
    }
    config = Config.model_validate(settings | fields)
    return StoreBench(config, shape, BlockStore(shape), seed)


@pytest.mark.parametrize("annealing", range(4))
def test_runs_leave_what_golden_leaves(annealing: int) -> None:
    bench = bench_of(annealing)

    async def main(ctx: SimulatorContext) -> None:
        await bench.load(ctx)
        await bench.check_visible(ctx, bench.visible())
        await bench.check_weights(ctx)
        tiles = bench.plan(12, lambda _: bench.random_rows(3))
        await bench.run(ctx, tiles, annealing=annealing, damping=annealing)
        await bench.check_weights(ctx)

    simulate(bench.store, main, background=bench.processes, deadline=DEADLINE)
