"""Array and learning blocks, wired as in the core, with a store played by Python."""

import numpy as np
import pytest
from amaranth.sim import SimulatorContext

from metabit.golden.config import Config
from metabit.golden.network import Network
from metabit.hdl.bundles import Space
from metabit.hdl.core import Core
from metabit.hdl.placement import Placement
from metabit.hdl.shape import SHAPES, Shape
from metabit.hdl.statistics import statistics_names
from tests.hdl.loading import check_state, load_state
from tests.hdl.model_store import ModelStore, Ports, words_of
from tests.hdl.streams import Pauses, cycles, get_all, put, simulate


async def write(ctx: SimulatorContext, core: Core, space: Space, address: int, data: int) -> None:
    host = core.host
    ctx.set(host.write, 1)
    ctx.set(host.space, space)
    ctx.set(host.address, address)
    ctx.set(host.write_data, data)
    ctx.set(host.valid, 1)
    while not (await ctx.tick().sample(host.ready))[-1]:
        pass
    ctx.set(host.valid, 0)


async def read(ctx: SimulatorContext, core: Core, space: Space, address: int) -> int:
    host = core.host
    ctx.set(host.write, 0)
    ctx.set(host.space, space)
    ctx.set(host.address, address)
    ctx.set(host.valid, 1)
    while True:
        *_, ready, data = await ctx.tick().sample(host.ready, host.read_data)
        if ready:
            break
    ctx.set(host.valid, 0)
    return data


def code_words(network: Network, placement: Placement) -> list[int]:
    words = []
    for codes in network.classifier:
        for neuron in range(codes.shape[1]):
            bits = [int(bit) for bit in codes[:, neuron]]
            for k in range(placement.code_words):
                part = bits[k * placement.shape.code_bits : (k + 1) * placement.shape.code_bits]
                words.append(sum(bit << n for n, bit in enumerate(part)))
    return words


def sample_words(sample: np.ndarray, label: int, placement: Placement) -> list[int]:
    return [placement.class_number(label), *words_of(sample, placement.regions[0])]


async def load(ctx: SimulatorContext, core: Core, network: Network, placement: Placement) -> None:
    for address, word in enumerate(placement.setup_words):
        await write(ctx, core, Space.SETUP, address, word)
    for address, word in enumerate(code_words(network, placement)):
        await write(ctx, core, Space.CODES, address, word)
    await write(ctx, core, Space.STATISTICS, 0, 0)


def trial(
    shape: Shape,
    config: Config,
    runs: list[tuple[int, int, int, bool, bool]],
    seed: int,
    wait: float = 0.2,
    real: bool = False,
) -> None:
    """Runs: samples, annealing, damping, drain, train."""
    rng = np.random.default_rng(seed)
    golden, device = Network(config), Network(config)
    placement = Placement(config, shape)
    ports = None if real else Ports(shape)
    core = Core(shape, ports)
    store = ModelStore(ports, device, placement, seed, wait) if ports else None
    prototypes = rng.random((config.classes, config.inputs)) < 0.5

    async def bench(ctx: SimulatorContext) -> None:
        await load(ctx, core, golden, placement)
        if real:
            await load_state(ctx, core.host, golden, placement)
        for number, (count, annealing, damping, drain, train) in enumerate(runs, 1):
            labels = rng.integers(0, config.classes, count)
            samples = prototypes[labels] ^ (rng.random((count, config.inputs)) < 0.3)
            if store is not None:
                store.annealing, store.damping = annealing, damping
            run = {
                "samples": count,
                "train": int(train),
                "drain": int(drain),
                "annealing": annealing,
                "damping": damping,
            }
            await put(ctx, core.run, run)
            # The store must be offered no word before the run has started.
            await cycles(ctx, 2)
            feed.extend(
                word
                for x, y in zip(samples, labels, strict=True)
                for word in sample_words(x, int(y), placement)
            )
            found = await get_all(ctx, core.predictions, count, Pauses(seed, wait))
            while not ctx.get(core.idle):
                await ctx.tick()
            expected = []
            for start in range(0, count, config.tile):
                part = slice(start, start + config.tile)
                if train:
                    forward = golden.train_tile(
                        samples[part], labels[part], annealing=annealing, damping=damping
                    )
                    expected.extend(forward.predictions)
                else:
                    expected.extend(golden.forward(samples[part]).predictions)
            if drain and train:
                golden.drain()
            assert found == [placement.class_number(int(p)) for p in expected]
            if real:
                # Host accesses take long to simulate, and what is wrong stays so.
                if number == len(runs):
                    await check_state(ctx, core.host, golden, placement)
                continue
            for layer in range(config.layers):
                np.testing.assert_array_equal(device.counters[layer], golden.counters[layer])
            assert device.generator.state == golden.generator.state
        names = statistics_names(shape)
        counts = {name: await read(ctx, core, Space.STATISTICS, n) for n, name in enumerate(names)}
        assert counts["samples"] == golden.statistics.samples
        assert counts["correct"] == golden.statistics.correct
        for layer in range(config.layers):
            assert counts[f"triggers.{layer}"] == golden.statistics.triggers[layer]
            assert counts[f"updates.{layer}"] == golden.statistics.updates[layer]

    feed: list[int] = []

    async def feeder(ctx: SimulatorContext) -> None:
        while True:
            if feed:
                await put(ctx, core.samples, feed.pop(0))
            else:
                await ctx.tick()

    simulate(
        core,
        bench,
        background=[store.play, feeder] if store is not None else [feeder],
        deadline=60_000,
    )


SPRAM = SHAPES["small-spram"]
BLOCK = SHAPES["small"]


def test_one_layer_of_one_column() -> None:
    config = Config(
        inputs=300, hidden=(24,), classes=4, group=12, counter_bits=8, tile=4, margin=0.25
    )
    trial(SPRAM, config, [(10, 0, 0, True, True), (6, 1, 1, True, True), (5, 0, 0, True, False)], 1)


RUNS = [
    (13, 0, 0, True, True),
    (6, 1, 1, False, True),
    (9, 2, 0, True, True),
    (5, 0, 0, True, False),
    (7, 0, 0, True, True),
]


@pytest.mark.parametrize("lag", [0, 1])
@pytest.mark.parametrize("head_offset", [0, 7])
def test_one_layer_of_two_columns(lag: int, head_offset: int) -> None:
    config = Config(
        inputs=300,
        hidden=(24,),
        classes=4,
        group=12,
        counter_bits=4,
        tile=5,
        lag=lag,
        head_offset=head_offset,
    )
    trial(BLOCK, config, RUNS, 2)


def test_layers_that_vote() -> None:
    config = Config(inputs=200, hidden=(30, 17, 9), classes=4, group=10, counter_bits=4, tile=4)
    trial(BLOCK, config, RUNS, 3)


def test_many_classes_take_several_code_words() -> None:
    config = Config(
        inputs=100,
        hidden=(12, 7),
        classes=37,
        group=5,
        counter_bits=4,
        tile=4,
        summed_scores=False,
    )
    trial(BLOCK, config, RUNS[:3], 4)


def test_a_single_visit() -> None:
    config = Config(
        inputs=100, hidden=(5,), classes=3, group=1, counter_bits=8, tile=4, rival_selection=False
    )
    trial(SPRAM, config, RUNS, 5)


@pytest.mark.parametrize("lag", [0, 1])
def test_the_whole_core_in_block_ram(lag: int) -> None:
    config = Config(inputs=137, hidden=(11, 6), classes=4, group=5, counter_bits=4, tile=5, lag=lag)
    trial(BLOCK, config, RUNS, 7, real=True)


def test_the_whole_core_in_spram() -> None:
    config = Config(inputs=137, hidden=(11,), classes=6, group=5, counter_bits=8, tile=5)
    trial(SPRAM, config, RUNS, 7, real=True)
