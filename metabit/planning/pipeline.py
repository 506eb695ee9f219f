"""Forward passes, head and search of a run, as events: what both kinds of store share.

A process stands for a sequencer of the hardware and goes through its states; what a block adds in
registers is added in cycles. Cycle 0 is the one in which the run starts.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from ..hdl.learn.codes import Codes, SharedCodes
from ..hdl.placement import Placement
from ..hdl.shape import LANES, Shape
from .events import Rows, Run, groups
from .kernel import Kernel, Process, Times, Windows

_SUM, _BITS = 2, 4
"""Stages of a neuron in Totals: its sum comes in the one, its bit stands in the other."""

_BEGIN_STEP = 1
"""States between the activations of a layer and the next layer's first request."""

_TURN = 3
"""States of the forward sequencer between the last visit of a pass and the next request."""

_SETTLE = 3
"""Cycles of the head from the last class score to what follows from it, and one a column."""

_TAKE = 3
"""Cycles beside those of a prediction each, until the next may be handed over."""

_ELEMENT = 7
"""Cycles of an element of the array."""

_SEARCH_STAGES = 3
"""Of the search, behind the code memory."""


@dataclass(frozen=True)
class Counts:
    """Cycles of a run, as a device counts them: they overlap.

    Attributes
    ----------
    samples : int
    run : int
        All.
    forward : int
        In which neurons pass the array.
    update : int
        In which a row is updated.
    commit : int
        In which the array stands still for a commit.
    wait : int
        In which it waits for the inputs of a visit.
    """

    samples: int = 0
    run: int = 0
    forward: int = 0
    update: int = 0
    commit: int = 0
    wait: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Counts(*(mine + its for mine, its in pairs))


@dataclass(frozen=True)
class Pass:
    """A pass of a tile through the array.

    Attributes
    ----------
    number : int
        Of all passes of the run.
    tile : int
    first, columns : int
        First sample, and how many.
    last : bool
        It is the last of its tile.
    """

    number: int
    tile: int
    first: int
    columns: int
    last: bool


def array_latency(shape: Shape) -> int:
    """Return the latency of an :class:`~metabit.hdl.array.array.Array` without making one."""
    registered_memory = 1 + (shape.memory == "block")
    return shape.elements - 1 + registered_memory + _ELEMENT


class Pipeline(ABC):
    """A run on a device.

    Parameters
    ----------
    placement : Placement
        Network and device.
    run : Run
        What happens.
    """

    input_latency: int
    """Of the store."""

    codes: type[Codes] | type[SharedCodes]
    """Code memory."""
    scores_late: int
    """Cycles from a neuron's bit to the class scores in which it is counted."""

    def __init__(self, placement: Placement, run: Run) -> None:
        self.placement, self.run = placement, run
        self.config, self.shape = placement.config, placement.shape
        self.elements, self.columns = self.shape.elements, self.shape.samples
        self.visits, self.neurons = placement.visits, self.config.hidden
        self.layers = self.config.layers
        self.passes = list(self._divide())
        kernel = self.kernel = Kernel()
        self.began, self.read, self.searched = Times(kernel), Times(kernel), Times(kernel)
        # Of every commit: it is asked for, the array is through, all but the words of a last visit
        # are visible, all are.
        self._asks, self._through = Times(kernel), Times(kernel)
        self.fronts, self.committed = Times(kernel), Times(kernel)
        # Of every step: a winner of its n-th group, if it is searched, and its end are written.
        self.found = [Times(kernel) for _ in range(len(self.passes) * self.layers)]
        self.emits = Windows()
        self.cycles = dict.fromkeys(("forward", "update", "commit", "wait"), 0)
        self.end = 0

    def _divide(self) -> Iterator[Pass]:
        samples, tile, number = len(self.run.samples), self.config.tile, 0
        for start in range(0, samples, tile):
            end = min(start + tile, samples)
            for first in range(start, end, self.columns):
                columns = min(self.columns, end - first)
                yield Pass(number, start // tile, first, columns, first + columns == end)
                number += 1

    @property
    def tiles(self) -> int:
        """Tiles of the run."""
        return self.passes[-1].tile + 1

    @cached_property
    def _arrival(self) -> int:
        """Cycles from the first neuron of a visit to stage 0 of it."""
        return array_latency(self.shape) - _SUM

    def count(self) -> Counts:
        """Let the run happen, and return its cycles."""
        processes = (self._forward(), self._head(), self._search(), *self._store())
        for process in (*processes, self._commits()):
            self.kernel.start(process)
        self.kernel.run()
        # That nothing is busy any more is seen in the cycle after; the first is cycle 0.
        return replace(Counts(**self.cycles), samples=len(self.run.samples), run=self.end + 2)

    def busy(self, cycle: int) -> None:
        """Something is busy in this cycle."""
        self.end = max(self.end, cycle)

    @abstractmethod
    def _store(self) -> tuple[Process, ...]:
        """Return the processes of the store."""

    @abstractmethod
    def _fetch(self, asked: int, passed: Pass, first: bool) -> Process:
        """Ask for the inputs of a visit; returns when this is granted, and when they come."""

    @abstractmethod
    def _commit(self, asked: int, tile: int) -> Process:
        """Make a tile visible, and note its :attr:`fronts`; returns when all of it is."""

    def _commits(self) -> Process:
        for tile in range(self.tiles if self.run.train else 0):
            asked = yield from self._asks.reach(tile)
            done = yield from self._commit(asked, tile)
            self.committed.add(done)

    def is_through(self, tile: int, cycle: int) -> bool:
        """Say whether the array is through by a cycle, which has come."""
        return len(self._through) > tile and self._through[tile] < cycle

    def through(self, tile: int) -> Process:
        """Wait until the array is through with the signs before a tile's commit."""
        return (yield from self._through.reach(tile))

    def rows(self, sample: int, layer: int) -> Rows:
        """Return the rows that a sample updates."""
        return self.run.samples[sample][layer] if self.run.train else None

    def triggers(self, passed: Pass, layer: int) -> bool:
        """Say whether any sample of a pass triggers."""
        samples = range(passed.first, passed.first + passed.columns)
        return any(self.rows(sample, layer) is not None for sample in samples)

    def last_note(self, passed: Pass, layer: int) -> int:
        """Return how many notes a step leaves before that of its end."""
        return groups(self.config, layer) if self.triggers(passed, layer) else 0

    # The forward sequencer

    def _forward(self) -> Process:
        train, lag = self.run.train, self.config.lag
        begin, uncommitted, seen = 1, 0, 0  # of "Begin tile"; tiles without a commit, with one
        for passed in self.passes:
            if passed.first % self.config.tile == 0:
                if train and uncommitted > lag:
                    front = (yield from self.fronts.reach(seen)) + 1
                    self.cycles["commit"] += max(front - begin, 0)
                    begin = max(begin, front)
                    uncommitted, seen = uncommitted - 1, seen + 1
                begin += 1
            closes = train and passed.last and uncommitted >= lag
            end, still = yield from self._pass(begin + 1, passed, closes)
            begin = end + 1
            uncommitted += train and passed.last
        # The end of the run: "Still", "End run", and a commit after the other.
        if train:
            begin = max(begin, still) + self.elements + 3
        while train and uncommitted:
            if len(self._asks) == seen:
                self._asks.add(begin + 1)
                self._through.add(begin)
            done = (yield from self.committed.reach(seen)) + 1
            begin += 1
            self.cycles["commit"] += max(done - begin, 0) + 1
            begin = max(begin, done) + 1
            uncommitted, seen = uncommitted - 1, seen + 1
        self.busy(begin if train else begin - 1)

    def _pass(self, request: int, passed: Pass, closes: bool) -> Process:
        """Pass all layers; returns the cycle of "End pass", and the first without a neuron."""
        drain = self.elements + 2
        shortest = max(self.elements + 1, self.columns + 2, 6)
        after = 0
        for layer in range(self.layers):
            neurons, step = self.neurons[layer], len(self.began)
            last_layer = layer == self.layers - 1
            for visit in range(self.visits[layer]):
                last = visit == self.visits[layer] - 1
                if last and step:
                    request = max(request, (yield from self.read.reach(step - 1)) + 1)
                if last and last_layer and self._asks:
                    asked = len(self._asks) - 1
                    request = max(request, (yield from self.committed.reach(asked)) + 1)
                first = layer == visit == 0
                granted, load = yield from self._fetch(request, passed, first)
                self.cycles["wait"] += granted - request
                self.cycles["forward"] += neurons
                early = self.input_latency + 2 + (_TURN if last and last_layer else 0)
                request = load + 2 + max(neurons - early, shortest - early, 0)
                after = load + neurons
                if closes and last and last_layer:
                    self._asks.add(load + drain)
                    self._through.add(after - 1 + drain)
            self.began.add(load)
            emitted = load + self._arrival + _BITS - self.codes.latency
            self.emits.add(emitted, emitted + neurons)
            ended = request
            if self.placement.code_words > 1:
                ended = max(ended, (yield from self.read.reach(step)) + 1)
            if not last_layer:
                ended = max(ended, self._stored(load, layer) + 1) + _BEGIN_STEP
            request = ended + 1
        return request, after

    def _stored(self, load: int, layer: int) -> int:
        """Return when the activations of a layer have been stored."""
        neurons = self.neurons[layer]
        zeros = self.placement.regions[layer + 1] - -(-neurons // LANES)
        return load + self._arrival + _BITS + neurons + zeros + self.columns

    # Head and search

    def _head(self) -> Process:
        free = 0  # first cycle in which predictions are taken
        classes, bits = self.config.classes, self.shape.code_bits
        for passed in self.passes:
            for layer in range(self.layers):
                neurons, step = self.neurons[layer], len(self.read)
                drain = neurons - 1 + _BITS + self.scores_late + self.columns
                begun = yield from self.began.reach(step)
                cycle = begun + self._arrival + drain + 1
                for first in range(0, classes, bits):
                    if first:
                        cycle += _SETTLE + self.columns
                        # The scores of the next code word, from the partial sums.
                        emitted = cycle + 1 + _BITS - self.codes.latency
                        self.emits.add(emitted, emitted + neurons)
                        cycle += 1 + drain + 1
                    cycle += min(bits, classes - first)
                    if cycle > self.kernel.now:
                        yield cycle
                cycle += _SETTLE + self.columns
                if step:
                    cycle = max(cycle, (yield from self.searched.reach(step - 1)) + 1)
                if layer == self.layers - 1:
                    cycle = max(cycle, free)
                    free = cycle + passed.columns + _TAKE
                    self.busy(free - 2)
                if cycle > self.kernel.now:
                    yield cycle
                self.read.add(cycle)

    def _search(self) -> Process:
        latency, words = self.codes.latency + _SEARCH_STAGES, self.placement.code_words
        for passed in self.passes:
            for layer in range(self.layers):
                step = len(self.searched)
                over = cycle = (yield from self.read.reach(step)) + 2
                if self.triggers(passed, layer):
                    for group in range(groups(self.config, layer)):
                        left = self.neurons[layer] - group * self.config.group
                        asks = min(self.config.group, left) * words
                        cycle = yield from self._scan(cycle, asks)
                        self.found[step].add(cycle - 1 + latency)
                    over = cycle - 1 + latency + 2
                self.found[step].add(over)
                self.searched.add(over + 1)

    @abstractmethod
    def _scan(self, start: int, asks: int) -> Process:
        """Read code words; returns the cycle after the last was asked for."""
