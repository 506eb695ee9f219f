"""A store played by Python: what the array and the learning blocks see of the memories."""

from collections import deque
from typing import Any

import numpy as np
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.sim import SimulatorContext

from metabit.golden.network import Network
from metabit.hdl.bundles import Kind
from metabit.hdl.placement import Placement
from metabit.hdl.shape import LANES, Shape
from metabit.hdl.store.signature import StoreSignature

LATENCY = 3


class Ports(wiring.Component):
    """The ports of a store and nothing behind them."""

    input_latency = LATENCY

    def __init__(self, shape: Shape) -> None:
        super().__init__(StoreSignature(shape))

    def elaborate(self, platform: object) -> Module:
        return Module()


def words_of(bits: np.ndarray, words: int) -> list[int]:
    """Return bits as words of 64, the first in bit 0, padded with zeros."""
    padded = np.zeros(words * LANES, np.uint8)
    padded[: len(bits)] = bits
    return [
        int.from_bytes(row.tobytes(), "little")
        for row in np.packbits(padded.reshape(words, LANES), axis=1, bitorder="little")
    ]


class ModelStore:
    """Play a store for a network, and update its counters by golden's own rule.

    Parameters
    ----------
    ports : Ports
    network : Network
        Counters and generator of the device.
    placement : Placement
    seed : int
        Of the waits before answers.
    wait : float
        Probability of a wait in a cycle.
    """

    def __init__(
        self, ports: Ports, network: Network, placement: Placement, seed: int, wait: float
    ) -> None:
        self.ports, self.network, self.placement = ports, network, placement
        self.random = np.random.default_rng(seed)
        self.wait = wait
        config, shape = placement.config, placement.shape
        self.signs = np.zeros((shape.depth, shape.elements), object)
        for layer in range(config.layers):
            for neuron in range(config.hidden[layer]):
                self._show(layer, neuron, network.counters[layer][neuron] >= 0)
        self.annealing = self.damping = 0
        self.queue: deque[Any] = deque()  # rows and TILE markers that are not visible
        self.rest: list[Any] | None = None  # rows of the tile of which only the front is visible
        self.clear(0)

    def clear(self, count: int) -> None:
        """Begin a run."""
        self.count = count
        self.records: list[list[list[int]]] = []  # of each pass, of each column: its words
        self.loading: list[int] = []
        self.loaded = 0
        self.reading = 0  # pass and word of the next InputFetch
        self.word = 0
        self.writing = 0
        self.updating = 0  # samples done
        self.layer = 0

    def _show(self, layer: int, neuron: int, bits: np.ndarray, last: bool | None = None) -> None:
        """Make a row visible; without the last visit of the last layer, or that only."""
        placement = self.placement
        elements = placement.shape.elements
        padded = np.ones(placement.regions[layer] * LANES, bool)
        padded[: len(bits)] = bits
        words = words_of(padded, placement.regions[layer])
        for visit in range(placement.visits[layer]):
            is_last = (layer, visit) == (placement.config.layers - 1, placement.visits[layer] - 1)
            if last not in (None, is_last):
                continue
            address = placement.base[layer] + visit * placement.config.hidden[layer] + neuron
            self.signs[address] = words[visit * elements : (visit + 1) * elements]

    def _place(self, sample: int) -> tuple[int, int]:
        """Pass and column of a sample of the run."""
        tile, samples = self.placement.config.tile, self.placement.shape.samples
        number, index = divmod(sample, tile)
        return number * self.placement.passes + index // samples, index % samples

    def _load_word(self, word: int) -> None:
        self.loading.append(word)
        if len(self.loading) == self.placement.sample_words:
            number, column = self._place(self.loaded)
            while len(self.records) <= number:
                self.records.append([[] for _ in range(self.placement.shape.samples)])
            self.records[number][column] = self.loading
            self.loading = []
            self.loaded += 1

    def _complete(self, number: int) -> bool:
        """Whether all samples of a pass have been loaded."""
        last = self.loaded - 1
        if last < 0:
            return False
        if self.loaded == self.count:
            return self._place(last)[0] >= number
        return self._place(self.loaded)[0] > number

    def _job(self, kind: Kind, address: int, desired: int) -> None:
        placement, config = self.placement, self.placement.config
        if kind == Kind.ROW:
            number, column = self._place(self.updating)
            neuron = address - placement.base[self.layer]
            start = 1 + sum(placement.regions[: self.layer])
            words = self.records[number][column][start : start + placement.regions[self.layer]]
            raw = b"".join(int(word).to_bytes(8, "little") for word in words)
            bits = np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little")
            inputs = 2.0 * bits[: config.fan_in[self.layer]].astype(np.float32) - 1
            self.network._update_rows(
                self.layer,
                np.array([neuron]),
                inputs,
                np.array([bool(desired)]),
                self.annealing,
                self.damping,
            )
            row = self.network.counters[self.layer][neuron] >= 0
            self.queue.append((self.layer, neuron, row.copy()))
        elif kind == Kind.LAYER:
            self.layer += 1
        elif kind == Kind.SAMPLE:
            self.layer = 0
            self.updating += 1
        else:
            self.queue.append(None)

    async def play(self, ctx: SimulatorContext) -> None:
        """Answer for ever."""
        ports, shape = self.ports, self.placement.shape
        elements, samples = shape.elements, shape.samples
        cycle = 0
        loads: set[int] = set()
        words: dict[tuple[int, int], int] = {}
        labels: dict[tuple[int, int], int] = {}
        clock = ctx.tick()
        while True:
            lazy = self.random.random(3) < self.wait
            number, first = self.reading, ctx.get(ports.inputs.first)
            ready = self._complete(number) and not lazy[0]
            ctx.set(ports.inputs.ready, ready)
            ctx.set(ports.samples.ready, self.loaded < self.count and not lazy[1])
            ctx.set(ports.jobs.ready, not lazy[2])
            marked = None in self.queue
            asked, through = ctx.get(ports.commit.valid), ctx.get(ports.commit.through)
            front = asked and self.rest is None and marked and not lazy[0]
            ctx.set(ports.commit.front, front)
            ctx.set(ports.commit.ready, self.rest is not None and through and not lazy[0])
            ctx.set(ports.idle, 1)
            ctx.set(ports.inputs.load, cycle in loads)
            for s in range(samples):
                word = words.pop((cycle, s), int(self.random.integers(1 << 62)))
                ctx.set(ports.inputs.words[s], word)
                if (cycle, s) in labels:
                    ctx.set(ports.inputs.labels[s], labels.pop((cycle, s)))
            values = await clock.sample(
                ports.inputs.valid,
                ports.inputs.ready,
                ports.inputs.first,
                ports.samples.valid,
                ports.samples.ready,
                ports.samples.payload,
                ports.jobs.valid,
                ports.jobs.ready,
                ports.jobs.payload,
                ports.commit.valid,
                ports.commit.ready,
                ports.start,
                ports.count,
                *(ports.signs.addresses[e] for e in range(elements)),
                *((ports.activations.valid[s] for s in range(samples)) if shape.layers > 1 else ()),
                *((ports.activations.data[s] for s in range(samples)) if shape.layers > 1 else ()),
            )
            (
                _,
                _,
                valid,
                ready,
                first,
                s_valid,
                s_ready,
                s_word,
                j_valid,
                j_ready,
                job,
                c_valid,
                c_ready,
                start,
                count,
                *rest,
            ) = values
            if start:
                self.clear(count)
            if c_valid and c_ready:
                for entry in self.rest or ():
                    self._show(*entry, last=True)
                self.rest = None
            if front:
                self.rest = []
                while (entry := self.queue.popleft()) is not None:
                    self._show(*entry, last=False)
                    self.rest.append(entry)
            if j_valid and j_ready:
                self._job(Kind(job.kind), int(job.address), int(job.desired))
            if s_valid and s_ready:
                self._load_word(int(s_word))
            if valid and ready:
                if first:
                    self.word = 1
                load = cycle + LATENCY + int(self.random.random() < self.wait) * 2
                loads.add(load)
                for s in range(samples):
                    record = self.records[self.reading][s]
                    if first:
                        labels[load + s, s] = (record[0] if record else 0) & 255
                    for e in range(elements):
                        word = record[self.word + e] if len(record) > self.word + e else 0
                        words[load + e + s, s] = word
                self.word += elements
                self.writing = 0
                if self.word == self.placement.record:
                    self.reading += 1
            addresses = rest[:elements]
            for e in range(elements):
                ctx.set(ports.signs.signs[e], int(self.signs[addresses[e], e]))
            for s in range(samples if shape.layers > 1 else 0):
                if rest[elements + s]:
                    record = self.records[self.reading][s]
                    if record:
                        record.append(int(rest[elements + samples + s]))
            cycle += 1
