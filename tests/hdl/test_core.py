"""The whole core against the golden model, bit for bit."""

import numpy as np
import pytest

from metabit.golden.config import ArrayShape, Config
from metabit.golden.network import Network
from metabit.hdl.v1.core import Core
from metabit.hdl.v1.protocol import Operation
from tests.hdl.core_bench import CoreBench, train_and_compare
from tests.hdl.streams import simulate

SMALL = Config(
    inputs=37,
    hidden=(10,),
    classes=3,
    group=4,
    counter_bits=4,
    tile=3,
    array=ArrayShape(rows=4, lanes=16, samples=2),
)

VARIANTS = {
    "block": SMALL,
    "spram": SMALL.model_copy(
        update={"classes": 5, "array": ArrayShape(rows=4, samples=2, memory="spram")}
    ),
    "systolic, two layers, three thresholds, no rivals, 2 bits": Config(
        inputs=37,
        hidden=(21, 18),
        classes=5,
        group=5,
        counter_bits=2,
        tile=3,
        head_offset=3,
        rival_selection=False,
        array=ArrayShape(rows=4, lanes=32, samples=2, systolic=True),
    ),
    "one row, three layers, no reinforcement, 9 bits": Config(
        inputs=16,
        hidden=(5, 18, 3),
        classes=2,
        group=5,
        counter_bits=9,
        tile=5,
        head_offset=3,
        reinforcement=0.0,
        array=ArrayShape(rows=1, lanes=16, samples=1),
    ),
    "three layers, summed scores, three thresholds": Config(
        inputs=19,
        hidden=(9, 20, 7),
        classes=5,
        group=4,
        counter_bits=5,
        tile=4,
        head_offset=2,
        summed_scores=True,
        array=ArrayShape(rows=2, lanes=16, samples=2),
    ),
}


@pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS.keys())
def test_training_is_bit_exact(config: Config) -> None:
    statistics = train_and_compare(config, tiles=3, seed=1)
    assert statistics["updates.0"] > 0, "the test must exercise updates"


def test_counters_written_by_the_host_train_on() -> None:
    network = Network(SMALL)
    rng = np.random.default_rng(2)
    low, high = SMALL.counter_range
    network.load([rng.integers(low, high + 1, (10, 37)).astype(np.int16)])
    samples = rng.integers(0, 2, (3, 37)).astype(bool)
    core = Core(SMALL)
    bench = CoreBench(SMALL, core)

    async def testbench(ctx):
        await bench.command(ctx, Operation.RESET, address=SMALL.generator_state)
        for neuron, row in enumerate(network.counters[0]):
            padded = np.zeros(48, np.int64)
            padded[:37] = row
            for word in range(3):
                lanes = padded[16 * word : 16 * word + 16] & 15
                value = sum(int(lane) << (4 * n) for n, lane in enumerate(lanes))
                await bench.command(
                    ctx,
                    Operation.WRITE_COUNTERS,
                    address=bench.layout.weight_index(0, neuron, word),
                    count=1,
                    data=value.to_bytes(8, "little"),
                )
        await bench.command(ctx, Operation.WRITE_GENERATOR, address=12345)
        network.generator.state = 12345
        await bench.check_state(ctx, network)
        await bench.write_inputs(ctx, samples)
        result = network.train_tile(samples, np.array([0, 1, 2]))
        predictions = await bench.command(ctx, Operation.TRAIN, count=3, data=bytes([0, 1, 2]))
        assert list(predictions) == result.predictions.tolist()
        await bench.check_state(ctx, network)

    simulate(core, testbench)


@pytest.mark.parametrize("name", ["block", "three layers, summed scores, three thresholds"])
def test_inference_changes_nothing_but_popcounts(name: str) -> None:
    config = VARIANTS[name]
    network = Network(config)
    samples = np.random.default_rng(3).integers(0, 2, (3, config.inputs)).astype(bool)
    core = Core(config)
    bench = CoreBench(config, core)

    async def testbench(ctx):
        await bench.command(ctx, Operation.RESET, address=config.generator_state)
        await bench.write_inputs(ctx, samples)
        predictions = await bench.command(ctx, Operation.INFER, count=3)
        result = network.forward(samples)
        assert list(predictions) == result.predictions.tolist()
        await bench.check_forward(ctx, result, 3)
        await bench.check_state(ctx, network)
        statistics = await bench.statistics(ctx)
        assert statistics["samples"] == 0
        assert statistics["cycles.forward"] > 0
        await bench.command(ctx, Operation.CLEAR_STATISTICS)
        assert (await bench.statistics(ctx))["cycles.forward"] == 0

    simulate(core, testbench)
