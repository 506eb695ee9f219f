"""Bench of the store in single-port RAM: a core made of golden and chance."""

import random
from dataclasses import dataclass, field

import numpy as np
from amaranth.sim import SimulatorContext

from metabit.golden.config import Config
from metabit.golden.network import Network
from metabit.hdl.bundles import Kind, Space
from metabit.hdl.placement import Placement
from metabit.hdl.shape import LANES, Shape
from metabit.hdl.store.spram import SpramStore
from tests.hdl.streams import NEVER, Pauses, cycles, put, put_all, simulate


@dataclass
class Plan:
    """A run: rows of every sample, and how the engine is to treat them."""

    samples: np.ndarray
    labels: list[int]
    rows: list[list[tuple[int, int]]]  # per sample: neuron, desired
    annealing: int = 0
    damping: int = 0
    visible: list[np.ndarray] = field(default_factory=list)  # after each tile


def draw_plan(
    network: Network, rng: np.random.Generator, samples: int, rows: float, **how: int
) -> Plan:
    """Draw samples and rows."""
    config = network.config
    picked = [
        [(int(n), int(rng.integers(2))) for n in rng.integers(0, config.hidden[0], count)]
        for count in rng.poisson(rows, samples)
    ]
    bits = rng.integers(0, 2, (samples, config.inputs)).astype(bool)
    return Plan(bits, [int(c) for c in rng.integers(0, 256, samples)], picked, **how)


def train(network: Network, plan: Plan) -> None:
    """Do to a golden network what the store is to do, and note its signs after every tile."""
    tile = network.config.tile
    for sample, rows in enumerate(plan.rows):
        inputs = np.where(plan.samples[sample], 1, -1).astype(np.float32)
        for neuron, desired in rows:
            network._update_rows(
                0,
                np.array([neuron]),
                inputs,
                np.array([bool(desired)]),
                plan.annealing,
                plan.damping,
            )
        if sample % tile == tile - 1 or sample == len(plan.rows) - 1:
            plan.visible.append(network.counters[0] >= 0)


class Bench:
    """Drive a store as the core would, with random pauses, and check all that it answers.

    Parameters
    ----------
    config : Config
    shape : Shape
    seed : int
    busy : bool
        Use everything at the same time, with pauses; else one thing after the other, at once.
    """

    def __init__(self, config: Config, shape: Shape, seed: int, dut: SpramStore | None = None):
        self.config, self.shape, self.place = config, shape, Placement(config, shape)
        self.dut = dut or SpramStore(shape)
        self.rng = np.random.default_rng(seed)
        self.network = Network(config)
        low, high = config.counter_range
        wide = self.rng.integers(low, high + 1, (config.hidden[0], config.inputs))
        # Many at the rails and around zero, where something happens.
        few = self.rng.choice([low, low + 1, -2, -1, 0, 1, high - 1, high], wide.shape)
        self.network.load([np.where(self.rng.random(wide.shape) < 0.6, few, wide)])
        self.seed = seed
        self.fetched = self.updated = 0
        self.still = False  # the array stands still
        self.commits: list[int] = []

    # Host

    async def access(self, ctx: SimulatorContext, space: Space, **fields: int) -> int:
        host = self.dut.host
        ctx.set(host.space, space)
        for name in ("write", "element", "address", "part", "write_data"):
            ctx.set(getattr(host, name), fields.get(name, 0))
        ctx.set(host.valid, 1)
        ready = 0
        while not ready:
            *_, ready, read_data = await ctx.tick().sample(host.ready, host.read_data)
        ctx.set(host.valid, 0)
        return int(read_data)

    def padded(self, rows: np.ndarray, filler: int) -> np.ndarray:
        """Give rows as elements x depth x lanes, as they lie in the device."""
        visits, (width, fan_in) = self.place.visits[0], rows.shape
        words = np.full((width, visits * self.shape.lanes), filler, rows.dtype)
        words[:, :fan_in] = rows
        split = words.reshape(width, visits, self.shape.elements, LANES)
        return split.transpose(2, 1, 0, 3).reshape(self.shape.elements, -1, LANES)

    async def load(self, ctx: SimulatorContext) -> None:
        """Write setup, counters and generator."""
        place, config, setup = self.place, self.config, self.dut.network
        shifts = config.reinforcement_shift
        ctx.set(setup.reinforce, shifts is not None)
        ctx.set(setup.tile, config.tile)
        ctx.set(setup.record, place.record)
        ctx.set(setup.slots, place.slots)
        layer = self.dut.layers[0]
        ctx.set(layer.neurons, config.hidden[0])
        ctx.set(layer.visits, place.visits[0])
        ctx.set(layer.fan_in, config.inputs)
        ctx.set(layer.shift, 0 if shifts is None else shifts[0])
        ctx.set(layer.region, place.regions[0])
        counters = self.padded(self.network.counters[0], 0)
        for element, address, part in np.ndindex(*counters.shape[:2], 8):
            values = counters[element, address, 8 * part : 8 * part + 8].astype(np.uint8)
            await self.access(
                ctx,
                Space.COUNTERS,
                write=1,
                element=element,
                address=address,
                part=part,
                write_data=int.from_bytes(values.tobytes(), "little"),
            )
        state = self.network.generator.state
        await self.access(ctx, Space.GENERATOR, write=1, write_data=state | 0xABC << 40)

    async def check(self, ctx: SimulatorContext) -> None:
        """Read everything back and compare it with golden."""
        counters = self.padded(self.network.counters[0], 0)
        for element, address, part in np.ndindex(*counters.shape[:2], 8):
            word = await self.access(
                ctx, Space.COUNTERS, element=element, address=address, part=part
            )
            expected = counters[element, address, 8 * part : 8 * part + 8]
            values = np.frombuffer(word.to_bytes(8, "little"), np.int8)
            assert values.tolist() == expected.tolist(), (element, address, part)
        state = await self.access(ctx, Space.GENERATOR)
        assert state & 0xFFFFFFFF == self.network.generator.state

    # A run

    async def check_signs(self, ctx: SimulatorContext, visible: np.ndarray) -> None:
        """Read all visible signs as the array would."""
        expected = self.padded(visible, True)
        dut = self.dut
        for address in range(expected.shape[1] + 1):
            for element in range(self.shape.elements):
                if address < expected.shape[1]:
                    ctx.set(dut.signs.addresses[element], address)
                if address:
                    bits = np.packbits(expected[element, address - 1], bitorder="little")
                    word = int.from_bytes(bits.tobytes(), "little")
                    assert ctx.get(dut.signs.signs[element]) == word, (element, address - 1)
            await ctx.tick()

    def words(self, plan: Plan, sample: int) -> list[int]:
        """Return a record: label and inputs."""
        bits = np.zeros(self.place.regions[0] * LANES, bool)
        bits[: self.config.inputs] = plan.samples[sample]
        packed = np.packbits(bits, bitorder="little").view("<u8")
        return [plan.labels[sample], *(int(word) for word in packed)]

    async def feed(self, ctx: SimulatorContext, plan: Plan, pauses: Pauses) -> None:
        words = [word for sample in range(len(plan.rows)) for word in self.words(plan, sample)]
        if self.config.inputs % 64 == 0:
            words[0] |= 0xFFF << 8  # only eight bits are the label
        await put_all(ctx, self.dut.samples, words, pauses)

    async def fetch(self, ctx: SimulatorContext, plan: Plan, pauses: Pauses, tile_wait) -> None:
        """Fetch every visit of every sample, and check words and their cycles."""
        inputs, elements = self.dut.inputs, self.shape.elements
        for sample in range(len(plan.rows)):
            if sample % self.config.tile == 0:
                await tile_wait(ctx, sample // self.config.tile)
            label, *words = self.words(plan, sample)
            for visit in range(self.place.visits[0]):
                await pauses.wait(ctx)
                ctx.set(inputs.first, visit == 0)
                ctx.set(inputs.valid, 1)
                ready = 0
                while not ready:
                    *_, ready, load = await ctx.tick().sample(inputs.ready, inputs.load)
                    assert not load
                ctx.set(inputs.valid, 0)
                # The cycle after that of `ready` is number 1.
                latency = 1
                while not ctx.get(inputs.load):
                    await ctx.tick()
                    latency += 1
                assert latency == self.dut.input_latency + (visit == 0)
                assert ctx.get(inputs.labels[0]) == label
                for element in range(elements):
                    assert ctx.get(inputs.words[0]) == words[visit * elements + element]
                    await ctx.tick()
                    if element < elements - 1:
                        assert not ctx.get(inputs.load)
                assert ctx.get(inputs.labels[0]) == label
            self.fetched = sample + 1

    async def update(self, ctx: SimulatorContext, plan: Plan, pauses: Pauses, train: bool) -> None:
        """Give the jobs of samples that have been fetched."""
        jobs, tile = self.dut.jobs, self.config.tile

        async def job(kind: Kind, address: int = 0, desired: int = 0) -> None:
            await pauses.wait(ctx)
            await put(ctx, jobs, {"kind": kind, "address": address, "desired": desired})

        for sample, rows in enumerate(plan.rows):
            last = sample == len(plan.rows) - 1
            end = min(len(plan.rows), (sample // tile + 1) * tile)
            while self.fetched < end:
                await ctx.tick()
            for neuron, desired in rows:
                await job(Kind.ROW, neuron, desired)
            await job(Kind.SAMPLE)
            if train and (last or sample % tile == tile - 1):
                await job(Kind.TILE)
                self.updated += 1

    async def commit(self, ctx: SimulatorContext, tile: int, plan: Plan) -> None:
        """Commit a tile and look at all signs."""
        commit = self.dut.commit
        ctx.set(commit.valid, 1)
        ctx.set(commit.through, 1)
        while not (await ctx.tick().sample(commit.ready))[-1]:
            pass
        ctx.set(commit.valid, 0)
        await self.check_signs(ctx, plan.visible[tile])
        self.commits.append(tile)

    async def run(
        self, ctx: SimulatorContext, plan: Plan, pauses: Pauses = NEVER, drained: bool = True
    ) -> None:
        """Begin a run; the streams go on in the background."""
        dut = self.dut
        await cycles(ctx, 3)
        ctx.set(dut.run, {"train": 1, "annealing": plan.annealing, "damping": plan.damping})
        ctx.set(dut.count, len(plan.rows))
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        self.fetched = self.updated = 0


def run_and_compare(
    bench: Bench, plans: list[Plan], *, lag: int = 1, paused: bool = True, deadline: int = 60_000
) -> None:
    """Load a network, do all runs, and compare counters, generator, signs and inputs."""
    rng = random.Random(bench.seed)
    plan_now: list[Plan] = []
    done: list[str] = []

    def pauses(probability: float, longest: int) -> Pauses:
        return Pauses(rng.randrange(1 << 30), probability, longest) if paused else NEVER

    async def tile_wait(ctx: SimulatorContext, tile: int) -> None:
        if tile >= 1 + lag:
            await bench.commit(ctx, tile - 1 - lag, plan_now[-1])

    def background(role: str):
        async def process(ctx: SimulatorContext) -> None:
            seen = 0
            while True:
                while len(plan_now) == seen:
                    await ctx.tick()
                plan = plan_now[-1]
                seen += 1
                if role == "feed":
                    await bench.feed(ctx, plan, pauses(0.1, 40))
                else:
                    await bench.update(ctx, plan, pauses(0.2, 60), True)
                done.append(role)

        return process

    async def main(ctx: SimulatorContext) -> None:
        await bench.load(ctx)
        for plan in plans:
            train(bench.network, plan)
            await bench.run(ctx, plan)
            plan_now.append(plan)
            done.clear()
            await bench.fetch(ctx, plan, pauses(0.3, 80), tile_wait)
            tiles = len(plan.visible)
            for tile in range(max(0, tiles - 1 - lag), tiles):
                await bench.commit(ctx, tile, plan)
            while len(done) < 2 or not ctx.get(bench.dut.idle):
                await ctx.tick()
            assert bench.updated == tiles
        await bench.check(ctx)

    simulate(
        bench.dut, main, background=[background("feed"), background("update")], deadline=deadline
    )
