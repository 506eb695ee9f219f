"""A store, a forward pass that only looks, random jobs, and golden's rule beside them."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from amaranth.sim import SimulatorContext

from metabit.golden.config import Config
from metabit.golden.generator import PERIOD
from metabit.golden.network import Network
from metabit.hdl.bundles import Kind, Space
from metabit.hdl.placement import Placement
from metabit.hdl.setup import LAYER_WORD, NETWORK_WORD, RECORD_WORD, unpack
from metabit.hdl.shape import LANES, Shape
from tests.hdl.streams import Pauses, cycles

Bits = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Row:
    """A winner's row that is to be updated."""

    layer: int
    neuron: int
    desired: int


@dataclass(frozen=True)
class Sample:
    """A sample as it passes: its label, the inputs of every layer, the rows that learn."""

    label: int
    inputs: list[Bits]
    rows: list[Row]


def packed(bits: Bits, words: int) -> list[int]:
    """Return words of 64 bits, filled up with zeros."""
    padded = np.zeros(words * LANES, bool)
    padded[: len(bits)] = bits
    return [int(word) for word in np.packbits(padded, bitorder="little").view("<u8")]


def unpacked(words: list[int], count: int) -> Bits:
    """Return the first bits of words of 64 bits."""
    octets = np.array(words, "<u8").view(np.uint8)
    return np.unpackbits(octets, bitorder="little")[:count].astype(bool)


class _ForgottenError(Exception):
    """The store is reset; whoever waits for it starts anew."""


@dataclass(frozen=True)
class _Passage:
    """A tile on its way forward."""

    tile: list[Sample]
    commits: int  # before it
    commits_after: int


class StoreBench:
    """Plan random tiles, then drive a store through them.

    Parameters
    ----------
    config : Config
    shape : Shape
    store : Component
        Of the store's signature.
    seed : int
        Of counters, samples, rows and pauses.
    calm : bool
        Without any pauses.
    """

    def __init__(
        self, config: Config, shape: Shape, store: Any, seed: int, *, calm: bool = False
    ) -> None:
        self._calm = calm
        self.config, self.shape, self.store = config, shape, store
        self.placement = Placement(config, shape)
        self.random = np.random.default_rng(seed)
        self.network = Network(config)
        low, high = config.counter_range
        near_rails = [low, low + 1, -2, -1, 0, 1, high - 1, high]
        counters = []
        for width, fan_in in zip(config.hidden, config.fan_in, strict=True):
            anything = self.random.integers(low, high + 1, (width, fan_in))
            rails = self.random.choice(np.clip(near_rails, low, high), (width, fan_in))
            counters.append(np.where(self.random.random((width, fan_in)) < 0.5, anything, rails))
        self.network.load([values.astype(np.int16) for values in counters])
        self.network.generator.state = int(self.random.integers(1, PERIOD))
        self._samples: deque[int] = deque()
        self._tiles: deque[_Passage] = deque()
        self._jobs: deque[tuple[int, dict[str, int]]] = deque()
        self._fetched: deque[tuple[list[int] | None, list[list[int]]]] = deque()
        self._passed = 0  # tiles that have gone forward
        self._passing = False
        self._generation = 0
        self._waiting: deque[dict[tuple[int, int], int]] = deque()  # signs of uncommitted tiles
        self._seen: dict[tuple[int, int], int] = {}  # signs of the last commit

    def pauses(self, probability: float) -> Pauses:
        """Return random back-pressure with a seed of its own."""
        seed = int(self.random.integers(1 << 30))
        return Pauses(None if self._calm else seed, probability, longest=5)

    async def _until(self, ctx: SimulatorContext, signal: Any) -> int:
        """Wait for the end of a cycle in which a signal is high; return the cycles it took."""
        generation, passed = self._generation, 0
        while True:
            *_, high = await ctx.tick().sample(signal)
            passed += 1
            if generation != self._generation:
                raise _ForgottenError
            if high:
                return passed

    async def _put(self, ctx: SimulatorContext, stream: Any, payload: Any) -> None:
        ctx.set(stream.payload, payload)
        ctx.set(stream.valid, 1)
        try:
            await self._until(ctx, stream.ready)
        finally:
            ctx.set(stream.valid, 0)

    # What is going to happen.

    def plan(self, samples: int, rows: Callable[[int], list[Row]]) -> list[list[Sample]]:
        """Plan the tiles of a run; ``rows`` gives the winners of a sample in golden's order."""
        planned = [
            Sample(
                int(self.random.integers(self.config.classes)),
                [self.random.random(fan_in) < 0.5 for fan_in in self.config.fan_in],
                rows(number),
            )
            for number in range(samples)
        ]
        tile = self.config.tile
        return [planned[first : first + tile] for first in range(0, samples, tile)]

    def random_rows(self, most: int) -> list[Row]:
        """Draw the winners of a sample: some rows of some layers, layer by layer."""
        rows = []
        for layer, width in enumerate(self.config.hidden):
            count = int(self.random.integers(0, min(most, width) + 1))
            neurons = np.sort(self.random.choice(width, count, replace=False))
            rows += [Row(layer, int(n), int(self.random.integers(2))) for n in neurons]
        return rows

    def learn(self, tile: list[Sample], annealing: int, damping: int) -> None:
        """Let golden learn a tile."""
        for sample in tile:
            for row in sample.rows:
                self.network._update_rows(
                    row.layer,
                    np.array([row.neuron]),
                    np.where(sample.inputs[row.layer], 1, -1).astype(np.float32),
                    np.array([bool(row.desired)]),
                    annealing,
                    damping,
                )

    # The host.

    async def access(
        self,
        ctx: SimulatorContext,
        space: Space,
        element: int = 0,
        address: int = 0,
        part: int = 0,
        data: int | None = None,
    ) -> int:
        """Write a word, or read it."""
        host = self.store.host
        for signal, value in (
            (host.space, space),
            (host.element, element),
            (host.address, address),
            (host.part, part),
            (host.write, data is not None),
            (host.write_data, data or 0),
        ):
            ctx.set(signal, value)
        ctx.set(host.valid, 1)
        ready = False
        while not ready:
            *_, read, ready = await ctx.tick().sample(host.read_data, host.ready)
        ctx.set(host.valid, 0)
        return int(read)

    async def set_up(self, ctx: SimulatorContext) -> None:
        """Set the registers that the core keeps."""
        network, record, *layers = self.placement.setup_words
        targets = [
            (self.store.network, NETWORK_WORD, network),
            (self.store.network, RECORD_WORD, record),
            *((self.store.layers[n], LAYER_WORD, word) for n, word in enumerate(layers)),
        ]
        for target, fields, word in targets:
            for name, value in unpack(word, fields).items():
                ctx.set(target[name], value)

    def words_of(self, plane: Bits, layer: int, neuron: int) -> list[tuple[int, int, int]]:
        """Return element, address and word of 64 bits for a row of bits."""
        shape = self.shape
        base, width = self.placement.base[layer], self.config.hidden[layer]
        words = packed(plane, self.placement.regions[layer])
        return [
            (n % shape.elements, base + n // shape.elements * width + neuron, word)
            for n, word in enumerate(words)
        ]

    async def load(self, ctx: SimulatorContext) -> None:
        """Write all counters, signs and the generator."""
        await self.set_up(ctx)
        for layer, counters in enumerate(self.network.counters):
            fan_in, region = self.config.fan_in[layer], self.placement.regions[layer]
            for neuron, row in enumerate(counters):
                for part in range(self.shape.parts):
                    for element, address, word in self.words_of(
                        (row >> part & 1).astype(bool), layer, neuron
                    ):
                        await self.access(ctx, Space.COUNTERS, element, address, part, word)
                signs = np.ones(region * LANES, bool)
                signs[:fan_in] = row >= 0
                for element, address, word in self.words_of(signs, layer, neuron):
                    await self.access(ctx, Space.SIGNS, element, address, data=word)
        await self.access(ctx, Space.GENERATOR, data=self.network.generator.state)

    async def check_weights(self, ctx: SimulatorContext) -> None:
        """Compare counters, current signs and generator with golden; padding must be inert."""
        for layer, counters in enumerate(self.network.counters):
            region = self.placement.regions[layer]
            for neuron, row in enumerate(counters):
                planes = []
                places = [(e, a) for e, a, _ in self.words_of(row >= 0, layer, neuron)]
                for part in range(self.shape.parts):
                    words = [await self.access(ctx, Space.COUNTERS, e, a, part) for e, a in places]
                    planes.append(unpacked(words, region * LANES))
                words = [await self.access(ctx, Space.CURRENT, e, a) for e, a in places]
                positive = unpacked(words, region * LANES)
                values = sum(plane.astype(int) << part for part, plane in enumerate(planes))
                values = values - (~positive << self.shape.parts)
                expected = np.zeros(region * LANES, int)
                expected[: len(row)] = row
                np.testing.assert_array_equal(values, expected, f"row {neuron} of layer {layer}")
        assert await self.access(ctx, Space.GENERATOR) == self.network.generator.state

    # Forward passes.

    def visible(self) -> dict[tuple[int, int], int]:
        """Return golden's current signs by element and address."""
        words = {}
        for layer, counters in enumerate(self.network.counters):
            for neuron, row in enumerate(counters):
                signs = np.ones(self.placement.regions[layer] * LANES, bool)
                signs[: len(row)] = row >= 0
                for element, address, word in self.words_of(signs, layer, neuron):
                    words[element, address] = word
        return words

    async def check_visible(
        self, ctx: SimulatorContext, expected: dict[tuple[int, int], int]
    ) -> None:
        """Read the whole visible plane as the array does."""
        for address in range(self.placement.sign_words):
            for element in range(self.shape.elements):
                ctx.set(self.store.signs.addresses[element], address)
            await ctx.tick()
            for element in range(self.shape.elements):
                seen = ctx.get(self.store.signs.signs[element])
                assert seen == expected[element, address], f"element {element}, word {address}"

    async def watch_inputs(self, ctx: SimulatorContext) -> None:
        """Watch every fetch, from the beginning again after a reset. Never returns."""
        while True:
            with suppress(_ForgottenError):
                await self._watch_inputs(ctx)

    async def _watch_inputs(self, ctx: SimulatorContext) -> None:
        """Hold every word of every fetch against what was sent, cycle by cycle."""
        shape, inputs = self.shape, self.store.inputs
        under_way: list[tuple[list[int] | None, list[list[int]]]] = []
        labels: list[int | None] = [None] * shape.samples
        since: list[int] = []
        generation = self._generation
        while True:
            *_, load, words, got = await ctx.tick().sample(inputs.load, inputs.words, inputs.labels)
            if generation != self._generation:
                raise _ForgottenError
            if load:
                assert not since or since[-1] >= shape.elements, "loads follow too soon"
                under_way.append(self._fetched.popleft())
                since.append(0)
            for cycle, (sent_labels, sent) in zip(since, under_way, strict=True):
                for s in range(shape.samples):
                    if sent_labels is not None and cycle == s:
                        labels[s] = sent_labels[s] if s < len(sent_labels) else None
                    if s < len(sent) and 0 <= cycle - s < shape.elements:
                        assert words[s] == sent[s][cycle - s], f"word {cycle - s} of column {s}"
            for s, label in enumerate(labels):
                assert label is None or got[s] == label
            since = [cycle + 1 for cycle in since]
            while since and since[0] > shape.elements + shape.samples:
                since.pop(0)
                under_way.pop(0)

    async def go_forward(self, ctx: SimulatorContext) -> None:
        """Ask for inputs, write activations, and commit, as the sequencer does. Never returns."""
        pauses = self.pauses(0.3)
        while True:
            if not self._tiles:
                await ctx.tick()
                continue
            self._passing = True
            with suppress(_ForgottenError):
                await self._go(ctx, self._tiles.popleft(), pauses)
            self._passing = False

    async def _go(self, ctx: SimulatorContext, passage: _Passage, pauses: Pauses) -> None:
        self._going = self._generation
        for _ in range(passage.commits):
            await self._commit(ctx)
        columns = self.shape.samples
        for first in range(0, len(passage.tile), columns):
            await self._pass(ctx, passage.tile[first : first + columns], pauses)
        self._passed += 1
        for _ in range(passage.commits_after):
            await self._commit(ctx)

    def _go_on(self) -> None:
        if self._going != self._generation:
            raise _ForgottenError

    async def _commit(self, ctx: SimulatorContext) -> None:
        commit, expected, placement = self.store.commit, self._waiting.popleft(), self.placement
        closing = placement.base[-1] + (placement.visits[-1] - 1) * self.config.hidden[-1]
        ctx.set(commit.valid, 1)
        try:
            await self._until(ctx, commit.front)
            # The array may still pass the last visit, which must be as it was.
            kept = {place: word for place, word in self._seen.items() if place[1] >= closing}
            await self.check_visible(ctx, expected | kept)
            ctx.set(commit.through, 1)
            await self._until(ctx, commit.ready)
        finally:
            ctx.set(commit.valid, 0)
            ctx.set(commit.through, 0)
        await self.check_visible(ctx, expected)
        self._seen = expected

    async def _pass(self, ctx: SimulatorContext, samples: list[Sample], pauses: Pauses) -> None:
        inputs, elements = self.store.inputs, self.shape.elements
        for layer, visits in enumerate(self.placement.visits):
            regions = [
                packed(sample.inputs[layer], self.placement.regions[layer]) for sample in samples
            ]
            for visit in range(visits):
                await pauses.wait(ctx)
                self._go_on()
                first = layer == 0 and visit == 0
                self._fetched.append(
                    (
                        [sample.label for sample in samples] if first else None,
                        [words[visit * elements :][:elements] for words in regions],
                    )
                )
                ctx.set(inputs.first, first)
                ctx.set(inputs.valid, 1)
                try:
                    await self._until(ctx, inputs.ready)
                finally:
                    ctx.set(inputs.valid, 0)
                assert await self._until(ctx, inputs.load) == self.store.input_latency
            await cycles(ctx, elements + self.shape.samples)
            self._go_on()
            if layer + 1 < len(self.placement.visits):
                await self._activate(ctx, samples, layer + 1)

    async def _activate(self, ctx: SimulatorContext, samples: list[Sample], layer: int) -> None:
        """Write a layer's inputs, every column in its own time; columns without a sample, too."""
        region, write = self.placement.regions[layer], self.store.activations
        left = [packed(sample.inputs[layer], region) for sample in samples]
        left += [[0] * region for _ in range(self.shape.samples - len(samples))]
        while any(left) and self._going == self._generation:
            for s, words in enumerate(left):
                valid = bool(words) and self.random.random() < 0.6
                ctx.set(write.valid[s], valid)
                ctx.set(write.data[s], words.pop(0) if valid else 0)
            await ctx.tick()
        for s in range(self.shape.samples):
            ctx.set(write.valid[s], 0)
        self._go_on()

    # Samples and jobs.

    async def send_samples(self, ctx: SimulatorContext) -> None:
        """Never returns."""
        pauses = self.pauses(0.1)
        while True:
            if not self._samples:
                await ctx.tick()
                continue
            await pauses.wait(ctx)
            with suppress(_ForgottenError, IndexError):
                await self._put(ctx, self.store.samples, self._samples.popleft())

    async def send_jobs(self, ctx: SimulatorContext) -> None:
        """Send the jobs of a tile when it has gone forward. Never returns."""
        pauses = self.pauses(0.2)
        while True:
            if not self._jobs or self._passed <= self._jobs[0][0]:
                await ctx.tick()
                continue
            await pauses.wait(ctx)
            with suppress(_ForgottenError, IndexError):
                await self._put(ctx, self.store.jobs, self._jobs.popleft()[1])

    def _job(self, kind: Kind, row: Row | None = None) -> dict[str, int]:
        address = 0 if row is None else self.placement.base[row.layer] + row.neuron
        return {"kind": kind, "address": address, "desired": 0 if row is None else row.desired}

    def _queue(self, tiles: list[list[Sample]], *, train: bool, drain: bool) -> None:
        """Hand a run to the processes that drive the store."""
        region = self.placement.regions[0]
        for number, tile in enumerate(tiles, start=self._passed):
            for sample in tile:
                self._samples += [sample.label, *packed(sample.inputs[0], region)]
                for layer in range(self.config.layers):
                    if layer:
                        self._jobs.append((number, self._job(Kind.LAYER)))
                    rows = [row for row in sample.rows if train and row.layer == layer]
                    self._jobs += [(number, self._job(Kind.ROW, row)) for row in rows]
                self._jobs.append((number, self._job(Kind.SAMPLE)))
            if train:
                self._jobs.append((number, self._job(Kind.TILE)))
        uncommitted = len(self._waiting)
        for number, tile in enumerate(tiles):
            commits = int(train and uncommitted > self.config.lag)
            uncommitted += int(train) - commits
            last = number == len(tiles) - 1
            after = uncommitted - (0 if drain else min(uncommitted, self.config.lag))
            if not (train and last):
                after = 0
            uncommitted -= after
            self._tiles.append(_Passage(tile, commits, after))

    async def run(
        self,
        ctx: SimulatorContext,
        tiles: list[list[Sample]],
        *,
        train: bool = True,
        drain: bool = True,
        annealing: int = 0,
        damping: int = 0,
    ) -> None:
        """Let a run pass, to its end."""
        await self.begin(ctx, tiles, train=train, drain=drain, annealing=annealing, damping=damping)
        while self.unfinished(ctx):
            await ctx.tick()
        await cycles(ctx, 2)
        assert ctx.get(self.store.idle)
        assert len(self._waiting) <= (self.config.lag if train and not drain else 0) or not train

    async def begin(
        self,
        ctx: SimulatorContext,
        tiles: list[list[Sample]],
        *,
        train: bool = True,
        drain: bool = True,
        annealing: int = 0,
        damping: int = 0,
    ) -> None:
        """Start a run, and let golden learn what it will have learnt."""
        store = self.store
        self._queue(tiles, train=train, drain=drain)
        if not self._waiting:
            self._seen = self.visible()
        for tile in tiles if train else []:
            self.learn(tile, annealing, damping)
            self._waiting.append(self.visible())
        for signal, value in (
            (store.run.train, train),
            (store.run.annealing, annealing),
            (store.run.damping, damping),
            (store.count, sum(len(tile) for tile in tiles)),
        ):
            ctx.set(signal, value)
        ctx.set(store.start, 1)
        await ctx.tick()
        ctx.set(store.start, 0)

    def unfinished(self, ctx: SimulatorContext) -> bool:
        """Return whether the run goes on."""
        left = self._samples or self._jobs or self._tiles or self._passing
        return bool(left) or not ctx.get(self.store.idle)

    def forget(self) -> None:
        """Give up a run whose store is about to be reset."""
        queues = (self._samples, self._jobs, self._tiles, self._fetched, self._waiting)
        for queue in queues:
            queue.clear()  # type: ignore[attr-defined]
        self._generation += 1
        self._passed = 0

    @property
    def processes(self) -> list[Any]:
        """What runs beside the test itself."""
        return [self.send_samples, self.send_jobs, self.go_forward, self.watch_inputs]
