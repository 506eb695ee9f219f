"""The search for winners against the golden model, and the order in which their rows are updated.

Steps are judged by Python, pre-activations with many ties come from memories that it plays, and the
jobs are taken when it likes.
"""

from collections import deque
from typing import Any

import cocotb
import numpy as np
from amaranth.lib import wiring
from cocotb.triggers import ReadOnly

from ...golden.config import Config
from ...golden.network import Forward, Network
from ...hdl.array.totals import preactivation_shape
from ...hdl.bundles import Job, Kind
from ...hdl.learn.head import Judged
from ...hdl.placement import Placement
from ...hdl.setup import RunSetup
from ...hdl.shape import Shape
from ...host import packing
from . import covering, head
from .driving import (
    Background,
    Pauses,
    Stream,
    cycle,
    generator,
    joined,
    packed,
    pulse,
    read,
    setups,
    shape,
    start,
    until,
)
from .rooms import SearchRoom

SHAPES = head.SHAPES

TILES = 8

MANY = 40
"""Beyond the margin that any layer wants."""

_candidates = covering.point("search.candidates of a group", ["none", "one", "some", "all"])
_smallest = covering.point(
    "search.candidates with the smallest |z|", ["one", "several", "z and -z", "zero"]
)
_size = covering.point("search.samples of a tile", range(1, 6))
_columns = covering.point("search.samples of a step", range(1, 4))
_last = covering.point("search.winners in the last group, which is not full", [0, 1])
_triggered = covering.point(
    "search.layer and whether it is triggered", [(0, 0), (0, 1), (1, 0), (1, 1)]
)
_pace = covering.pauses("search.jobs taken")


def _cover(tile: "Tile", golden: Network) -> None:
    """Count what the groups of a tile are like."""
    config = golden.config
    _size(len(tile.labels))
    for first in range(0, len(tile.labels), SHAPES[0].samples):
        _columns(min(SHAPES[0].samples, len(tile.labels) - first))
    for layer, z in enumerate(tile.z):
        code = golden.classifier[layer]
        for sample, label in enumerate(tile.labels):
            _triggered((layer, int(tile.triggered[layer][sample])))
            if not tile.triggered[layer][sample]:
                continue
            wrong = (z[sample] >= 0) != code[label]
            if config.rival_selection:
                wrong &= code[label] != code[tile.rivals[layer][sample]]
            for first in range(0, config.hidden[layer], config.group):
                group = slice(first, first + config.group)
                _cover_group(z[sample, group], wrong[group], config.group)


def _cover_group(z: np.ndarray, candidates: np.ndarray, size: int) -> None:
    count = int(candidates.sum())
    if len(z) < size:
        _last(int(count > 0))
    kind = "one" if count == 1 else "some"
    _candidates("none" if not count else "all" if count == len(z) else kind)
    if not count:
        return
    found = z[candidates]
    smallest = found[np.abs(found) == np.abs(found).min()]
    _smallest("one" if len(smallest) == 1 else "several")
    if smallest.min() != smallest.max():
        _smallest("z and -z")
    if not smallest.any():
        _smallest("zero")


def design(shape: Shape) -> wiring.Component:
    """Return what the bench is run on."""
    return SearchRoom(shape)


class Tile:
    """Random pre-activations and scores of a tile, and what golden makes of them.

    Attributes
    ----------
    labels : ndarray, shape (samples,)
    z : list of ndarray, shape (samples, neurons)
        Of each layer.
    triggered, rivals : list of ndarray, shape (samples,)
        Of each layer.
    jobs : list of tuple
        Kind of each job, in order; of rows also address and desired activation.
    """

    def __init__(self, rng: np.random.Generator, golden: Network, placement: Placement) -> None:
        config = golden.config
        size = int(rng.integers(1, config.tile + 1))
        self.labels = rng.integers(0, config.classes, size)
        # So few values that the smallest often comes twice.
        self.z = [rng.integers(-3, 4, (size, width)).astype(np.int32) for width in config.hidden]
        scores = [
            rng.integers(0, 6, (size, config.classes)).astype(np.int32) for _ in config.hidden
        ]
        # Some are so good that nothing is to be learnt.
        for of_layer in scores:
            of_layer[np.arange(size), self.labels] += rng.choice([0, 2 * MANY], size)
        forward = Forward([], self.z, scores)
        found = [golden._winners(forward, self.labels, n) for n in range(config.layers)]
        self.triggered = [triggered for triggered, _ in found]
        self.rivals = [head.rivals(of_layer, self.labels) for of_layer in scores]
        self.jobs: list[tuple[Any, ...]] = []
        for sample, label in enumerate(self.labels):
            for layer, (triggered, winners) in enumerate(found):
                if layer:
                    self.jobs.append((Kind.LAYER,))
                for neuron in winners[sample][winners[sample] >= 0] if triggered[sample] else []:
                    desired = int(golden.classifier[layer][label, neuron])
                    address = placement.base[layer] + int(neuron)
                    self.jobs.append((Kind.ROW, address, desired))
            self.jobs.append((Kind.SAMPLE,))
        self.jobs.append((Kind.TILE,))


class Neighbours:
    """Plays head, memories and store for the room.

    Parameters
    ----------
    dut : handle
    config : Config
    pause : float
        Probability of each further cycle of a pause, before a step and before a job is taken.

    Attributes
    ----------
    jobs : Stream
    """

    def __init__(self, dut: Any, config: Config, pause: float) -> None:
        self._dut = dut
        self.shape = shape()
        self.placement = Placement(config, self.shape)
        self.golden = Network(config)
        self._pauses = Pauses(dut, generator(1), pause)
        self.jobs = Stream(dut, "jobs", generator(2), pause)
        self._z = [np.zeros((self.shape.samples, 1), int)] * 2  # in either half
        self._half = 0
        self._tiles_done = 0

    async def load(self) -> None:
        """Write setups and classifiers."""
        dut = self._dut
        dut.network.value, dut.layers.value = setups(self.placement)
        dut.run.value = packed(RunSetup(), {"train": 1, "annealing": 0, "damping": 0})
        dut.write.value = 1
        words = packing.pack_codes(self.golden.classifier, self.placement).tolist()
        for address, word in enumerate(words):
            dut.write_address.value, dut.write_data.value = address, word
            await cycle(dut)
        dut.write.value = 0

    async def keep(self) -> None:
        """Play the memories of pre-activations for ever."""
        dut, width = self._dut, preactivation_shape(self.shape).width
        answers = deque([0] * SearchRoom.kept_latency)
        while True:
            dut.kept.value = answers.popleft()
            await ReadOnly()
            z = self._z[read(dut.kept_half)]
            # Beyond the last neuron, which is asked for, too, lies anything.
            of_neuron = z[:, read(dut.kept_neuron) % z.shape[1]]
            answers.append(joined((int(n) % (1 << width) for n in of_neuron), width))
            await cycle(dut)

    async def judge(self, tiles: list[Tile]) -> None:
        """Hand over the steps of all tiles; winners of two tiles wait at most."""
        for number, tile in enumerate(tiles):
            while number >= self._tiles_done + 2:
                await cycle(self._dut)
            await pulse(self._dut, self._dut.tile)
            size, columns = len(tile.labels), self.shape.samples
            for first in range(0, size, columns):
                for layer in range(self.placement.config.layers):
                    await self._hand_over(tile, layer, range(first, min(first + columns, size)))

    async def _hand_over(self, tile: Tile, layer: int, samples: range) -> None:
        """Hand over a step: a layer of some samples."""
        dut, unused = self._dut, [0] * (self.shape.samples - len(samples))
        config = self.placement.config
        numbers = self.placement.class_numbers
        await self._pauses.wait()
        await until(dut, dut.judged__ready)
        await cycle(dut)
        self._half ^= 1
        self._z[self._half] = np.pad(tile.z[layer][samples], ((0, len(unused)), (0, 0)))
        fields = {
            "step": {
                "layer": layer,
                "last": layer == config.layers - 1,
                "base": self.placement.base[layer],
                "columns": len(samples) - 1,
                "tile": samples.stop == len(tile.labels),
            },
            "half": self._half,
            "code_base": self.placement.code_base[layer],
            "triggered": [int(tile.triggered[layer][s]) for s in samples] + unused,
            "labels": [numbers[tile.labels[s]] for s in samples] + unused,
            "rivals": [numbers[tile.rivals[layer][s]] for s in samples] + unused,
        }
        dut.judged__payload.value = packed(Judged(self.shape), fields)
        await pulse(dut, dut.judged__valid)

    async def check(self, tiles: list[Tile]) -> None:
        """Take all jobs, and compare them."""
        for number, tile in enumerate(tiles):
            for place, expected in enumerate(tile.jobs):
                job = Job(self.shape).from_bits(await self.jobs.get())
                found = (job.kind, job.address, job.desired)[: len(expected)]
                assert found == expected, f"job {place} of tile {number}"
            self._tiles_done += 1


@cocotb.test(timeout_time=500, timeout_unit="us")
@cocotb.parametrize(rival_selection=[True, False], pause=[0.0, 0.4])
async def winners_come_in_goldens_order(dut: Any, rival_selection: bool, pause: float) -> None:
    """Search tiles of two layers in three columns; the smallest pre-activations tie."""
    await start(dut)
    config = head.network(summed=True).model_copy(
        update={"tile": 5, "rival_selection": rival_selection}
    )
    neighbours, rng = Neighbours(dut, config, pause), generator()
    tiles = [Tile(rng, neighbours.golden, neighbours.placement) for _ in range(TILES)]
    kinds = [job[0] for tile in tiles for job in tile.jobs]
    assert kinds.count(Kind.ROW) > TILES, "there must be winners"
    _pace("after a pause" if pause else "at once")
    for tile in tiles:
        _cover(tile, neighbours.golden)
    await neighbours.load()
    with Background() as background:
        background.start(neighbours.keep())
        background.start(neighbours.jobs.watch())
        judging = background.start(neighbours.judge(tiles))
        await neighbours.check(tiles)
        await judging
        await cycle(dut, 20)
    assert not read(dut.busy)
    assert not read(dut.jobs__valid), "more jobs came than there are"
