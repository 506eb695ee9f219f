"""The array room against the golden model: sums, activations and class scores of random networks.

Python plays what lies neighbours the room: a store that answers when it likes and commits between
tiles, a code memory, and a head and a search that take their time.
"""

from collections import deque
from itertools import count
from typing import Any, Literal

import cocotb
import numpy as np
from amaranth.lib import wiring
from cocotb.triggers import ReadOnly

from ...golden.config import Config
from ...golden.network import Forward, Network
from ...hdl.array.forward import Step
from ...hdl.array.totals import preactivation_shape
from ...hdl.bundles import address_bits, score_bits
from ...hdl.placement import Placement
from ...hdl.setup import RunSetup
from ...hdl.shape import LANES, Shape
from ...host import packing
from . import covering
from .driving import (
    Background,
    Pauses,
    abandon,
    cycle,
    generator,
    joined,
    noise,
    packed,
    pulse,
    read,
    setups,
    shape,
    signed,
    split,
    start,
    until,
)
from .rooms import ArrayRoom

SHAPES = (
    Shape(
        name="two-layers",
        elements=2,
        samples=2,
        counter_bits=4,
        depth=64,
        code_bits=4,
        codes=32,
        neurons=12,
        inputs=266,
        records=64,
        winners=512,
        layers=2,
    ),
)

SAMPLES = 26

_z = covering.point("array.z", ["below", -6, -4, -2, 0, 2, 4, 6, "above"])
_columns = covering.point("array.samples of a pass", [1, 2])
_tile = covering.point("array.samples of a tile", [1, 5])
_lag = covering.point("array.lag", [0, 1])
_pace = covering.pauses("array.inputs and commits")
_votes = covering.point("array.planes that vote for a neuron", range(4))
_reset = covering.point("array.reset after passes", ["none", "one", "more"])


def _cover(run: "Run") -> None:
    """Count what a run is like."""
    _lag(run.config.lag)
    offset = run.config.head_offset
    for z in run.z:
        _columns(len(z))
        for value in z.ravel().tolist():
            _z(value if abs(value) <= 6 else "above" if value > 0 else "below")
            _votes((value >= 0) + (value >= offset) + (value >= -offset))
    for first in range(0, SAMPLES, run.config.tile):
        _tile(min(run.config.tile, SAMPLES - first))


def design(shape: Shape) -> wiring.Component:
    """Return what the bench is run on."""
    return ArrayRoom(shape)


class Run:
    """A run of random samples: what goes in, and what golden makes of it.

    Parameters
    ----------
    rng : numpy.random.Generator
    lag : {0, 1}
        Tiles by which the weights are behind the updates.

    Attributes
    ----------
    signs : list of ndarray of uint64, shape (elements, sign words)
        Visible signs after so many commits. Every commit makes other weights visible.
    records : list
        Of each pass, of each of its columns: the words of its inputs, layer after layer.
    steps : list of int
        Layers of passes, in order, as the port ``step`` tells.
    passed : int
        Passes that the array has made of it.
    z, scores : list of ndarray, shape (columns, neurons) or (columns, classes)
        Pre-activations, and class scores in popcounts, of each step.
    """

    def __init__(self, rng: np.random.Generator, lag: Literal[0, 1]) -> None:
        self.shape = shape()
        # Even numbers of inputs, so that a pre-activation often is a threshold: -4, 0 or 4.
        self.config = Config(
            inputs=266,
            hidden=(12, 10),
            classes=4,
            group=1,
            counter_bits=self.shape.counter_bits,
            head_offset=4,
            tile=5,
            lag=lag,
        )
        self.placement = Placement(self.config, self.shape)
        self.network = Network(self.config)
        self.tiles = -(-SAMPLES // self.config.tile)
        versions = [self._draw_counters(rng) for _ in range(self.tiles + 1)]
        self.signs = [self._sign_words(version) for version in versions]
        self.records: list[list[list[int]]] = []
        self.steps: list[int] = []
        self.passed = 0
        self.z: list[np.ndarray] = []
        self.scores: list[np.ndarray] = []
        for tile in range(self.tiles):
            self.network.load(versions[max(0, tile - lag)])
            size = min(self.config.tile, SAMPLES - tile * self.config.tile)
            for left in range(size, 0, -self.shape.samples):
                columns = min(left, self.shape.samples)
                samples = rng.random((columns, self.config.inputs)) < 0.5
                self._add_pass(self.network.forward(samples), last=left == columns)

    def _draw_counters(self, rng: np.random.Generator) -> list[np.ndarray]:
        low, high = self.config.counter_range
        shapes = zip(self.config.hidden, self.config.fan_in, strict=True)
        return [rng.integers(low, high + 1, shape).astype(np.int16) for shape in shapes]

    def _sign_words(self, counters: list[np.ndarray]) -> np.ndarray:
        return packing.pack_bits(packing.scatter(counters, self.placement) >= 0, 1)[..., 0]

    def _add_pass(self, forward: Forward, *, last: bool) -> None:
        """Add a pass, the last of its tile or not."""
        columns = len(forward.inputs[0])
        words = [
            packing.pack_bits(inputs > 0, region)
            for inputs, region in zip(forward.inputs, self.placement.regions, strict=True)
        ]
        self.records.append(np.concatenate(words, axis=1).tolist())
        for layer, (z, scores) in enumerate(
            zip(forward.preactivations, forward.scores, strict=True)
        ):
            step = {
                "layer": layer,
                "last": layer == self.config.layers - 1,
                "base": self.placement.base[layer],
                "columns": columns - 1,
                "tile": last,
            }
            self.steps.append(packed(Step(self.shape), step))
            self.z.append(z)
            self.scores.append((scores + self.config.planes * z.shape[1]) // 2)


class Neighbours:
    """Play the store and the code memory for a run.

    Parameters
    ----------
    dut : handle
    run : Run
    rng : numpy.random.Generator
    pause : float
        Probability that something is not ready in a cycle.

    Attributes
    ----------
    commits : int
        Made so far.
    written : list
        Of each pass, of each column: words of activations that came.
    steps : list of int
        Steps that have begun.
    """

    def __init__(self, dut: Any, run: Run, rng: np.random.Generator, pause: float) -> None:
        self._dut, self._run, self._rng, self._pause = dut, run, rng, pause
        self._columns = range(run.shape.samples)
        self._elements = run.shape.elements
        self._address_bits = address_bits(run.shape)
        self._code_words = packing.pack_codes(run.network.classifier, run.placement).tolist()
        self.commits = 0
        self._front = False  # of the commit under way: all but the words of the last visit
        place, config = run.placement, run.config
        self._closing = place.base[-1] + (place.visits[-1] - 1) * config.hidden[-1]
        self.written: list[list[list[int]]] = []
        self.steps: list[int] = []
        self._asked = self._through = 0
        self._begun = False
        self._word = 0  # of the pass under way, next to be fetched
        self._loads: set[int] = set()  # when inputs are loaded
        self._words: dict[tuple[int, int], int] = {}  # when and in which column words come
        self._signs = 0
        self._codes = deque([0] * ArrayRoom.code_latency)

    async def play(self) -> None:
        """Answer for ever."""
        for time in count():
            self._drive(time)
            await ReadOnly()
            self._sample(time)
            await cycle(self._dut)

    def _drive(self, time: int) -> None:
        """Set all inputs; what nothing may depend on is noise."""
        dut, rng = self._dut, self._rng
        dut.inputs__ready.value = int(rng.random() >= self._pause)
        dut.inputs__load.value = int(time in self._loads)
        words = [self._words.pop((time, s), None) for s in self._columns]
        dut.words.value = joined((noise(rng, LANES) if w is None else w for w in words), LANES)
        goes_on = self._asked and rng.random() >= self._pause
        dut.commit__front.value = int(goes_on and not self._front)
        dut.commit__ready.value = int(goes_on and self._front and self._through)
        dut.signs__signs.value = self._signs
        dut.code.value = self._codes.popleft()

    def _sample(self, time: int) -> None:
        """Look at all outputs."""
        dut, run = self._dut, self._run
        addresses = split(read(dut.signs__addresses), self._address_bits, self._elements)
        early, late = run.signs[self.commits + self._front], run.signs[self.commits]
        self._signs = joined(
            (
                (late if a >= self._closing else early)[e][a]
                if a < len(late[e])
                else noise(self._rng, LANES)
                for e, a in enumerate(addresses)
            ),
            LANES,
        )
        address = read(dut.emit_address) if read(dut.emit) else 0
        self._codes.append(self._code_words[address])
        if read(dut.commit__front):
            self._front = True
        if read(dut.commit__ready):
            self.commits += 1
            self._front = False
        self._asked = read(dut.commit__valid) and not read(dut.commit__ready)
        self._through = read(dut.commit__through)
        if read(dut.inputs__valid) and read(dut.inputs__ready):
            self._fetch(time, first=bool(read(dut.inputs__first)))
        if self._begun:
            self.steps.append(read(dut.step))
        self._begun = bool(read(dut.begin) and read(dut.last_visit))
        valid = read(dut.activations__valid)
        data = split(read(dut.activations__data), LANES, len(self._columns))
        for s in self._columns:
            if valid >> s & 1:
                self.written[-1][s].append(data[s])

    def _fetch(self, time: int, *, first: bool) -> None:
        """Let the inputs of the next visit come, at once or a little later."""
        if first:
            self.written.append([[] for _ in self._columns])
            self._word = 0
        load = time + ArrayRoom.input_latency
        while self._rng.random() < self._pause:
            load += 1
        self._loads.add(load)
        for s, record in enumerate(self._run.records[len(self.written) - 1]):
            for e, word in enumerate(record[self._word : self._word + self._elements]):
                self._words[load + e + s, s] = word
        self._word += self._elements


async def begin(dut: Any, run: Run) -> None:
    """Start a run."""
    dut.network.value, dut.layers.value = setups(run.placement)
    dut.run.value = packed(RunSetup(), {"train": 1, "annealing": 0, "damping": 0})
    dut.count.value = SAMPLES
    dut.drain.value = 1
    # Setups are in registers of the core, long before a run starts.
    await cycle(dut, 3)
    await pulse(dut, dut.start)


async def check_scores(dut: Any, run: Run, number: int) -> None:
    """Wait for the scores of a step, and compare them."""
    await until(dut, dut.scored)
    bits, classes = score_bits(run.shape), run.shape.code_bits
    scores = np.array(split(read(dut.scores), bits, run.shape.samples * classes))
    expected = run.scores[number]
    found = scores.reshape(-1, classes)[: len(expected), : expected.shape[1]]
    np.testing.assert_array_equal(found, expected, f"scores of step {number}")


async def check_z(dut: Any, run: Run, number: int, half: int) -> None:
    """Read the pre-activations of a step as the search does, and compare them."""
    bits = preactivation_shape(run.shape).width
    for neuron, expected in enumerate(run.z[number].T):
        dut.kept_half.value, dut.kept_neuron.value = half, neuron
        await cycle(dut, ArrayRoom.kept_latency)
        await ReadOnly()
        found = [signed(z, bits) for z in split(read(dut.kept), bits, len(expected))]
        assert found == expected.tolist(), f"z of neuron {neuron} in step {number}"
        await cycle(dut)


async def pass_forward(dut: Any, run: Run, pause: float) -> None:
    """Let a run pass to its end, and compare everything."""
    _cover(run)
    _pace("after a pause" if pause else "at once")
    neighbours = Neighbours(dut, run, generator(1), pause)
    pauses = Pauses(dut, generator(2), pause)
    with Background() as background:
        background.start(neighbours.play())
        await begin(dut, run)
        search = None
        for number in range(len(run.steps)):
            await check_scores(dut, run, number)
            run.passed = number // run.config.layers
            half = read(dut.half)
            await cycle(dut)
            # The scores of a step are only handed on when the search of the one before is over.
            if search is not None:
                await search
            await pauses.wait()
            await pulse(dut, dut.read)
            search = background.start(check_z(dut, run, number, half))
        await cycle(dut, 200)
        assert not read(dut.busy), "the run does not end"
        assert search is not None
        assert search.done()
    assert neighbours.commits == run.tiles
    assert neighbours.steps == run.steps
    first = run.placement.regions[0]
    for number, (written, record) in enumerate(zip(neighbours.written, run.records, strict=True)):
        expected = [words[first:] for words in record]
        assert written[: len(expected)] == expected, f"activations of pass {number}"


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(lag=[0, 1], pause=[0.0, 0.4])
async def sums_and_scores_are_golden(dut: Any, lag: Literal[0, 1], pause: float) -> None:
    """Pass random weights, others for every tile; pre-activations lie on and about thresholds."""
    await start(dut)
    run = Run(generator(), lag)
    z = np.concatenate([step.ravel() for step in run.z])
    assert {-6, -4, -2, 0, 2, 4} <= set(z.tolist()), "ties must happen"
    await pass_forward(dut, run, pause)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def reset_forgets_a_run(dut: Any) -> None:
    """Reset it in the middle of a run; the next one is as if nothing had been."""
    await start(dut)
    rng = generator()
    for passes in (0, 1, 2, int(rng.integers(8))):
        run = Run(rng, lag=1)
        passing = cocotb.start_soon(pass_forward(dut, run, 0.2))
        await cycle(dut, 8)
        while run.passed < passes:
            await cycle(dut, int(rng.integers(1, 20)))
        assert not passing.done(), "the reset must come in the middle"
        _reset(("none", "one", "more")[min(2, run.passed)])
        await abandon(dut, passing, dut.start, dut.read)
    await pass_forward(dut, Run(rng, lag=1), 0.2)
