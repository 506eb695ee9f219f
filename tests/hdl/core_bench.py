"""A core in Amaranth's simulator, driven by commands and held against the golden model."""

from typing import Any

import numpy as np
import numpy.typing as npt
from amaranth.sim import SimulatorContext

from metabit.golden.config import WORD, Config
from metabit.golden.network import Network
from metabit.hdl.v1.core import Core
from metabit.hdl.v1.layout import Layout
from metabit.hdl.v1.protocol import Operation, result_unit
from tests.hdl.streams import NEVER, Pauses, get_all, put, put_all, simulate


class CoreBench:
    """Send commands to a core and read its state back.

    Parameters
    ----------
    config : Config
    core : Core
    pauses : Pauses
        Random back-pressure on data and result.
    """

    def __init__(self, config: Config, core: Core, pauses: Pauses = NEVER) -> None:
        self.config = config
        self.layout = Layout(config)
        self.core = core
        self._pauses = pauses

    async def command(
        self,
        ctx: SimulatorContext,
        operation: Operation,
        *,
        sample: int = 0,
        count: int = 0,
        address: int = 0,
        data: bytes = b"",
    ) -> bytes:
        """Execute one command and return its result."""
        header = {"operation": operation, "sample": sample, "count": count, "address": address}
        await put(ctx, self.core.command, header)
        await put_all(ctx, self.core.data, data, self._pauses)
        length = count * result_unit(operation, self.config)
        result = await get_all(ctx, self.core.result, length, self._pauses)
        while not ctx.get(self.core.idle):
            await ctx.tick()
        return bytes(result)

    async def read(
        self, ctx: SimulatorContext, operation: Operation, address: int = 0, sample: int = 0
    ) -> int:
        """Read one unit as a little-endian number."""
        result = await self.command(ctx, operation, count=1, address=address, sample=sample)
        return int.from_bytes(result, "little")

    async def counters(self, ctx: SimulatorContext, layer: int) -> npt.NDArray[np.int64]:
        """Read a layer's counters, shape (K_l, words * 16), lanes beyond the fan-in included."""
        bits = self.config.counter_bits
        rows = []
        for neuron in range(self.config.hidden[layer]):
            row: list[int] = []
            for word in range(self.config.words[layer]):
                index = self.layout.weight_index(layer, neuron, word)
                value = await self.read(ctx, Operation.READ_COUNTERS, index)
                lanes = [(value >> (bits * lane)) & ((1 << bits) - 1) for lane in range(WORD)]
                row += [lane - ((lane >> (bits - 1)) << bits) for lane in lanes]
            rows.append(row)
        return np.array(rows)

    async def signs(
        self, ctx: SimulatorContext, layer: int, *, codes: bool = False
    ) -> npt.NDArray[np.bool_]:
        """Read the sign plane of a layer's weights or of its classifier."""
        config = self.config
        rows, words = config.hidden[layer], config.words[layer]
        if codes:
            rows, words = config.classes, -(-config.hidden[layer] // WORD)
        locate = self.layout.code_index if codes else self.layout.weight_index
        values = [
            [
                await self.read(ctx, Operation.READ_SIGNS, locate(layer, row, word))
                for word in range(words)
            ]
            for row in range(rows)
        ]
        bits = (np.array(values)[:, :, None] >> np.arange(WORD)) & 1
        return bits.reshape(rows, words * WORD).astype(bool)

    async def check_state(self, ctx: SimulatorContext, network: Network) -> None:
        """Compare counters, sign plane, classifiers and generator; padding must be inert."""
        for layer, expected in enumerate(network.counters):
            fan_in = self.config.fan_in[layer]
            counters = await self.counters(ctx, layer)
            np.testing.assert_array_equal(counters[:, :fan_in], expected)
            np.testing.assert_array_equal(counters[:, fan_in:], 0)
            np.testing.assert_array_equal(await self.signs(ctx, layer), counters >= 0)
            codes = await self.signs(ctx, layer, codes=True)
            width = self.config.hidden[layer]
            np.testing.assert_array_equal(codes[:, :width], network.classifier[layer])
            assert codes[:, width:].all()
        assert await self.read(ctx, Operation.READ_GENERATOR) == network.generator.state

    async def write_inputs(self, ctx: SimulatorContext, samples: npt.NDArray[np.bool_]) -> None:
        """Store the inputs of a tile."""
        words = self.config.words[0]
        for number, sample in enumerate(samples):
            padded = np.zeros(words * WORD, bool)
            padded[: len(sample)] = sample
            packed = np.packbits(padded, bitorder="little").tobytes()
            await self.command(ctx, Operation.WRITE_INPUTS, sample=number, count=words, data=packed)

    async def popcounts(
        self, ctx: SimulatorContext, sample: int, base: int, count: int
    ) -> npt.NDArray[np.int64]:
        """Read consecutive popcounts of one sample."""
        values = [
            await self.read(ctx, Operation.READ_POPCOUNTS, base + n, sample) for n in range(count)
        ]
        return np.array(values)

    async def check_forward(self, ctx: SimulatorContext, result: Any, samples: int) -> None:
        """Compare every pre-activation and score of a tile."""
        config, layout = self.config, self.layout
        for sample in range(samples):
            for layer, width in enumerate(config.hidden):
                counts = await self.popcounts(ctx, sample, layout.popcount_base[layer], width)
                np.testing.assert_array_equal(
                    2 * counts - config.fan_in[layer], result.preactivations[layer][sample]
                )
                counts = await self.popcounts(ctx, sample, layout.score_base[layer], config.classes)
                np.testing.assert_array_equal(
                    2 * counts - config.planes * width, result.scores[layer][sample]
                )

    async def statistics(self, ctx: SimulatorContext) -> dict[str, int]:
        """Read all statistics by name."""
        return {
            name: await self.read(ctx, Operation.READ_STATISTICS, address)
            for address, name in enumerate(self.layout.statistics)
        }


def train_and_compare(
    config: Config, *, tiles: int = 4, seed: int = 0, core: Core | None = None
) -> dict[str, int]:
    """Train a core on random tiles and compare everything after each of them.

    Parameters
    ----------
    config : Config
    tiles : int
        Tiles of random size with random annealing and damping.
    seed : int
        Of data and back-pressure.
    core : Core, optional
        The design under test; by default a core of this configuration.

    Returns
    -------
    dict
        The statistics at the end.

    Raises
    ------
    AssertionError
        At the first difference.
    """
    core = core or Core(config)
    bench = CoreBench(config, core, Pauses(seed, probability=0.02))
    network = Network(config)
    rng = np.random.default_rng(seed)
    statistics: dict[str, int] = {}

    async def testbench(ctx: SimulatorContext) -> None:
        await bench.command(ctx, Operation.RESET, address=config.generator_state)
        await bench.check_state(ctx, network)
        for _ in range(tiles):
            count = int(rng.integers(1, config.tile + 1))
            samples = rng.integers(0, 2, (count, config.inputs)).astype(bool)
            labels = rng.integers(0, config.classes, count)
            annealing, damping = (int(n) for n in rng.integers(0, 4, 2))
            await bench.write_inputs(ctx, samples)
            result = network.train_tile(samples, labels, annealing=annealing, damping=damping)
            predictions = await bench.command(
                ctx,
                Operation.TRAIN,
                count=count,
                address=annealing | damping << 8,
                data=bytes(labels.tolist()),
            )
            assert list(predictions) == result.predictions.tolist()
            await bench.check_forward(ctx, result, count)
            await bench.check_state(ctx, network)
        statistics.update(await bench.statistics(ctx))
        expected = network.statistics
        assert statistics["samples"] == expected.samples
        assert statistics["correct"] == expected.correct
        for layer in range(config.layers):
            assert statistics[f"triggers.{layer}"] == expected.triggers[layer]
            assert statistics[f"updates.{layer}"] == expected.updates[layer]

    simulate(core, testbench, deadline=2_000_000)
    return statistics
