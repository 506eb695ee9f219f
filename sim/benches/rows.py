"""Winners' rows against the golden rule, in either store: counters at their rails, and all draws.

Samples, jobs and commits go through their streams independently of each other, as fast as their
pauses let them; the forward passes, which would read the samples in between, are left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import cocotb
import numpy as np
from amaranth.lib import wiring
from cocotb.triggers import ReadOnly

from ...golden.config import Config
from ...golden.generator import PERIOD
from ...golden.network import Network
from ...hdl.bundles import Job, Kind, Space, address_bits
from ...hdl.placement import Placement
from ...hdl.setup import RunSetup
from ...hdl.shape import LANES, Shape
from ...hdl.store.make import make_store
from ...host import packing
from . import covering
from .driving import (
    Background,
    Pauses,
    Stream,
    abandon,
    cycle,
    generator,
    joined,
    packed,
    pulse,
    read,
    setups,
    shape,
    split,
    start,
    until,
)

_BLOCK = Shape(
    name="block",
    elements=2,
    samples=2,
    counter_bits=3,
    depth=16,
    code_bits=4,
    codes=32,
    neurons=5,
    inputs=138,
    # Four records: samples wait for the updates.
    records=32,
    winners=512,
)
_SPRAM = _BLOCK.model_copy(
    update={"name": "spram", "samples": 1, "counter_bits": 8, "memory": "spram"}
)
SHAPES = (_BLOCK, _SPRAM)


_step = covering.point(
    "rows.counter and its step",
    [
        *("lowest, down", "lowest, up", "highest, up", "highest, down"),
        *("-1 to 0", "0 to -1", "between"),
    ],
)
_annealing = covering.point("rows.annealing", range(4))
_damping = covering.point("rows.damping", range(3))
_rows = covering.point("rows.rows of a sample", range(5))
_again = covering.point("rows.the same row at once again", [0, 1])
_tile = covering.point("rows.samples of a tile", range(1, 4))
_pace = covering.pauses("rows.streams")
_reset = covering.point("rows.reset after words of the run", ["none", "some", "most"])


def _cover(run: "Run", config: Config) -> None:
    """Count what a run is like; counters are looked at as it learns."""
    _annealing(run.annealing)
    _damping(run.damping)
    for tile in run.tiles(config):
        _tile(len(tile))
    for rows in run.rows:
        _rows(len(rows))
        for (before, _), (after, _) in pairwise(rows):
            _again(int(before == after))


def _cover_step(counters: np.ndarray, inputs: np.ndarray, desired: int, config: Config) -> None:
    """Count where a row's counters are, and where they are to go."""
    low, high = config.counter_range
    up = inputs > 0 if desired else inputs < 0
    for name, found in (
        ("lowest, down", (counters == low) & ~up),
        ("lowest, up", (counters == low) & up),
        ("highest, up", (counters == high) & up),
        ("highest, down", (counters == high) & ~up),
        ("-1 to 0", (counters == -1) & up),
        ("0 to -1", (counters == 0) & ~up),
        ("between", (counters > low) & (counters < high)),
    ):
        if found.any():
            _step(name)


def design(shape: Shape) -> wiring.Component:
    """Return what the bench is run on."""
    return make_store(shape)


def network(shape: Shape) -> Config:
    """Return a network whose rows end within a visit, and within a word of 16."""
    return Config(
        inputs=138,
        hidden=(5,),
        classes=2,
        group=1,
        counter_bits=shape.counter_bits,
        reinforcement=1,
        tile=3,
    )


@dataclass(frozen=True)
class Run:
    """Samples, the rows that learn from each, and how."""

    samples: np.ndarray  # bool, shape (n, inputs)
    rows: list[list[tuple[int, int]]]  # of each sample: neurons, and what they should have been
    annealing: int
    damping: int
    visible: list[np.ndarray] = field(default_factory=list)  # signs after each tile

    @classmethod
    def draw(cls, rng: np.random.Generator, config: Config, annealing: int) -> "Run":
        """Draw a run; the same row often comes again at once."""
        count = int(rng.integers(5, 13))
        rows = [
            [(int(n), int(rng.integers(2))) for n in rng.integers(0, config.hidden[0], size)]
            for size in rng.integers(0, 5, count)
        ]
        samples = rng.random((count, config.inputs)) < 0.5
        return cls(samples, rows, annealing, int(rng.integers(3)))

    def tiles(self, config: Config) -> Iterator[range]:
        """Yield the samples of each tile."""
        for first in range(0, len(self.samples), config.tile):
            yield range(first, min(first + config.tile, len(self.samples)))


class Rule:
    """The golden network of a store, which learns the same rows."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.shape = shape()
        self.config = network(self.shape)
        self.placement = Placement(self.config, self.shape)
        self.network = Network(self.config)
        low, high = self.config.counter_range
        size = self.config.hidden[0], self.config.inputs
        # Anywhere, or where counters saturate and signs change.
        anywhere = rng.integers(low, high + 1, size)
        corners = rng.choice([low, low + 1, -2, -1, 0, 1, high - 1, high], size)
        self.network.load([np.where(rng.random(size) < 0.3, anywhere, corners)])
        self.network.generator.state = int(rng.integers(1, PERIOD))

    @property
    def beats(self) -> np.ndarray:
        """Counters as they lie in the store, shape (elements, sign words, 64)."""
        return packing.scatter(self.network.counters, self.placement)

    @property
    def signs(self) -> np.ndarray:
        """Signs likewise, in words, shape (elements, sign words)."""
        return packing.pack_bits(self.beats >= 0, 1)[..., 0]

    def learn(self, run: Run) -> None:
        """Update all rows of a run, and note the signs after every tile."""
        _cover(run, self.config)
        for tile in run.tiles(self.config):
            for sample in tile:
                inputs = np.where(run.samples[sample], 1, -1).astype(np.float32)
                for neuron, desired in run.rows[sample]:
                    row, wanted = np.array([neuron]), np.array([bool(desired)])
                    _cover_step(self.network.counters[0][neuron], inputs, desired, self.config)
                    self.network._update_rows(0, row, inputs, wanted, run.annealing, run.damping)
            run.visible.append(self.signs)


class Store:
    """The store's ports.

    Parameters
    ----------
    dut : handle
    rule : Rule
    pause : float
        Probability of each further cycle of a pause of any stream.
    """

    def __init__(self, dut: Any, rule: Rule, pause: float) -> None:
        self._dut, self._rule = dut, rule
        self._samples, self._jobs = (
            Stream(dut, name, generator(number), pause)
            for number, name in enumerate(("samples", "jobs"), 1)
        )
        self._pauses = Pauses(dut, generator(3), pause)
        self._sent = 0  # samples of the run

    @property
    def sent(self) -> int:
        """Samples of the run that the store has taken."""
        return self._sent

    # The host.

    async def _access(self, space: Space, data: int | None = None, **place: int) -> int:
        """Write a word, or read one if there are no data."""
        dut = self._dut
        dut.host__space.value = space.value
        for name in ("element", "address", "part"):
            getattr(dut, f"host__{name}").value = place.get(name, 0)
        dut.host__write.value = int(data is not None)
        dut.host__write_data.value = data or 0
        dut.host__valid.value = 1
        await until(dut, dut.host__ready)
        found = read(dut.host__read_data)
        await cycle(dut)
        dut.host__valid.value = 0
        return found

    def _places(self) -> Iterator[dict[str, int]]:
        """Yield the places of all sign words."""
        for element in range(self._rule.shape.elements):
            for address in range(self._rule.placement.sign_words):
                yield {"element": element, "address": address}

    async def load(self) -> None:
        """Write setups, counters, signs and generator."""
        rule = self._rule
        self._dut.network.value, self._dut.layers.value = setups(rule.placement)
        counters = packing.pack_counters(rule.beats, rule.shape)
        for place in self._places():
            where = place["element"], place["address"]
            for part, word in enumerate(counters[where].tolist()):
                await self._access(Space.COUNTERS, word, part=part, **place)
            await self._access(Space.SIGNS, int(rule.signs[where]), **place)
        await self._access(Space.GENERATOR, rule.network.generator.state)

    async def check(self) -> None:
        """Read counters, signs and generator, and compare them with golden's."""
        rule = self._rule
        expected = packing.pack_counters(rule.beats, rule.shape)
        for place in self._places():
            where = place["element"], place["address"]
            found = [
                await self._access(Space.COUNTERS, part=part, **place)
                for part in range(rule.shape.parts)
            ]
            assert found == expected[where].tolist(), f"counters of {place}"
            if rule.shape.memory == "block":
                assert await self._access(Space.CURRENT, **place) == rule.signs[where], f"{place}"
        state = await self._access(Space.GENERATOR) & 0xFFFF_FFFF
        assert state == rule.network.generator.state

    # A run.

    async def learn(self, run: Run) -> None:
        """Let a run pass to its end."""
        dut = self._dut
        dut.run.value = packed(
            RunSetup(), {"train": 1, "annealing": run.annealing, "damping": run.damping}
        )
        dut.count.value = len(run.samples)
        # Both stand still for some cycles before a run starts.
        await cycle(dut, 3)
        await pulse(dut, dut.start)
        self._sent = 0
        with Background() as background:
            streams = [self._send_samples(run), self._send_jobs(run), self._commit_tiles(run)]
            for task in [background.start(stream) for stream in streams]:
                await task
        await until(dut, dut.idle)
        await cycle(dut)

    async def _send_samples(self, run: Run) -> None:
        words = packing.pack_samples(run.samples, self._rule.placement).tolist()
        for label, sample in enumerate(words):
            await self._samples.put_all([label, *sample])
            self._sent += 1

    async def _send_jobs(self, run: Run) -> None:
        for tile in run.tiles(self._rule.config):
            for sample in tile:
                while self._sent <= sample:
                    await cycle(self._dut)
                for neuron, desired in run.rows[sample]:
                    await self._send_job(Kind.ROW, neuron, desired)
                await self._send_job(Kind.SAMPLE)
            await self._send_job(Kind.TILE)

    async def _send_job(self, kind: Kind, address: int = 0, desired: int = 0) -> None:
        fields = {"kind": kind, "address": address, "desired": desired}
        await self._jobs.put(packed(Job(self._rule.shape), fields))

    async def _commit(self) -> None:
        """Ask for a commit, and say at some time that the array is through."""
        dut = self._dut
        await self._pauses.wait()
        dut.commit__valid.value = 1
        await self._pauses.wait()
        dut.commit__through.value = 1
        await until(dut, dut.commit__ready)
        await cycle(dut)
        dut.commit__valid.value = dut.commit__through.value = 0

    async def _commit_tiles(self, run: Run) -> None:
        """Commit every tile, and read all visible signs as the array does."""
        dut, elements = self._dut, self._rule.shape.elements
        for signs in run.visible:
            await self._commit()
            for address, words in enumerate(signs.T.tolist()):
                dut.signs__addresses.value = joined(
                    [address] * elements, address_bits(self._rule.shape)
                )
                await cycle(dut)
                await ReadOnly()
                assert split(read(dut.signs__signs), LANES, elements) == words
                await cycle(dut)


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(pause=[0.0, 0.4])
async def rows_learn_as_golden_does(dut: Any, pause: float) -> None:
    """Learn with every annealing exponent, from counters of which many are at their rails."""
    await start(dut)
    rng = generator()
    rule = Rule(rng)
    _pace("after a pause" if pause else "at once")
    store = Store(dut, rule, pause)
    await store.load()
    await store.check()
    for annealing in (0, 1, 2, 3, 0):
        run = Run.draw(rng, rule.config, annealing)
        rule.learn(run)
        await store.learn(run)
    await store.check()
    counters = rule.network.counters[0]
    for rail in rule.config.counter_range:
        assert (counters == rail).any(), "some counters must be at each rail"


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def reset_in_the_middle_of_a_run(dut: Any) -> None:
    """Reset it at any time; what is loaded then learns as if nothing had been."""
    await start(dut)
    rng = generator()
    held = (
        *(dut.samples__valid, dut.jobs__valid, dut.start),
        *(dut.commit__valid, dut.commit__through),
    )
    # How much of a run is over; None: all of it.
    for share in (0.0, 0.2, 0.6, float(rng.random() / 2), None):
        rule = Rule(rng)
        store = Store(dut, rule, 0.2)
        await store.load()
        run = Run.draw(rng, rule.config, int(rng.integers(2)))
        rule.learn(run)
        learning = cocotb.start_soon(store.learn(run))
        if share is not None:
            await cycle(dut, 5)
            while store.sent < share * len(run.samples):
                await cycle(dut, int(rng.integers(1, 4)))
            assert not learning.done(), "the reset must come in the middle"
            sent = store.sent / len(run.samples)
            _reset("none" if not sent else "some" if sent < 0.5 else "most")
            await abandon(dut, learning, *held)
        else:
            await learning
            await store.check()
