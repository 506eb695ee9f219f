"""A run on a device that keeps everything in block RAM."""

from ..hdl.learn.codes import Codes
from ..hdl.placement import Placement
from ..hdl.shape import LANES
from ..hdl.store.block import BlockStore
from .events import Run
from .kernel import Process, Times, Windows
from .pipeline import Pass, Pipeline

_QUEUE = 2
"""Cycles from a winner's note, or from the note before it, to the job."""

_LOOK_UP = 2
"""Cycles that the update engine takes to look up another layer."""

_SHORT = BlockStore.again_latency - 2
"""Rows of so few beats keep the engine waiting for as many cycles: the next may be the same."""

_COPY = 8
"""Cycles of a part of a commit beside its copies ..."""

_LAND = 3
"""Cycles from the last copied word's read to its write."""

_NOTHING = 3
"""... and without any."""


class BlockPipeline(Pipeline):
    """See :class:`~metabit.planning.pipeline.Pipeline`."""

    input_latency = BlockStore.input_latency
    codes = Codes
    scores_late = 1

    def __init__(self, placement: Placement, run: Run) -> None:
        super().__init__(placement, run)
        self._loaded, self._released = Times(self.kernel), Times(self.kernel)
        self._fetches = Windows()
        self._fetched = 0
        self._written, self._opened = Times(self.kernel), Times(self.kernel)  # tiles
        # Rows of a tile in the last layer; sign words of all its rows.
        self._last: dict[int, int] = {}
        self._copies: dict[int, int] = {}

    def _store(self) -> tuple[Process, ...]:
        return self._load(), self._update()

    def _load(self) -> Process:
        """Take samples as they come, a word a cycle, while there are free records."""
        begin = 1
        for passed in self.passes:
            full = passed.number - self.placement.slots
            if full >= 0:
                begin = max(begin, (yield from self._released.reach(full)))
            begin += passed.columns * (1 + self.placement.sample_words)
            self._loaded.add(begin)

    def _fetch(self, asked: int, passed: Pass, first: bool) -> Process:
        granted = max(asked, self._fetched + self.elements + 1)
        if first:
            granted = max(granted, (yield from self._loaded.reach(passed.number)))
        if granted > self.kernel.now:
            yield granted
        self._fetched = granted
        self._fetches.add(granted + (1 if first else 2), granted + 2 + self.elements)
        return granted, granted + self.input_latency

    def _scan(self, start: int, asks: int) -> Process:
        end = start + asks
        if end > self.kernel.now:
            yield end
        return end

    def _commit(self, asked: int, tile: int) -> Process:
        start = max(asked, (yield from self._written.reach(tile)))
        if start > self.kernel.now:
            yield start
        last = self._last.get(tile, 0)
        if self.is_through(tile, start + 1):
            words = self._copies.get(tile, 0)
            done = start + self._copy(words, 0)
            self._opened.add(done - (_LAND if words else 1))
            if done > self.kernel.now:
                yield done
            self.fronts.add(done)
            return done
        front = start + self._copy(self._copies.get(tile, 0), last)
        if front > self.kernel.now:
            yield front
        self.fronts.add(front)
        through = max(front + 1, (yield from self.through(tile)) + 1)
        done = through + self._copy(last, 0) - 1
        self._opened.add(done - (_LAND if last else 1))
        if done > self.kernel.now:
            yield done
        return done

    def _copy(self, words: int, kept: int) -> int:
        """Return the cycles in which so many words are copied, of which some are only listed."""
        if not words:
            return _NOTHING
        # A row of one visit is listed in a cycle in which nothing is copied.
        alone = self.visits[-1] == 1
        return _COPY + words - (0 if alone else kept)

    def _update(self) -> Process:
        """Take jobs in golden's order; a register holds the next one."""
        handed = taken = 0  # the last job: by the register, by the engine
        noted = [0] * self.columns
        free, written = 1, 0
        for passed in self.passes:
            for column in range(passed.columns):
                for layer in range(self.layers):
                    found = self.found[passed.number * self.layers + layer]
                    rows = self.rows(passed.first + column, layer) or ()
                    last = self.last_note(passed, layer)
                    for number in (*(row.group for row in rows), last):
                        put = yield from found.reach(number)
                        noted[column] = max(max(put, noted[column]) + _QUEUE, handed + 1)
                        handed = max(noted[column] + 1, taken)
                        taken = max(handed + 1, free)
                        if number == last:
                            looks_up = layer > 0 or layer < self.layers - 1
                            free = taken + 1 + _LOOK_UP * looks_up
                            continue
                        taken = max(taken, (yield from self._open(passed.tile)))
                        beats = -(-self.config.fan_in[layer] // LANES)
                        free = yield from self._fetches.work(self.kernel, taken + 1, beats, column)
                        self.cycles["update"] += free - taken - 1
                        written = free + BlockStore.update_latency
                        free += _SHORT * (beats <= _SHORT)
                        copies = self._copies.get(passed.tile, 0)
                        self._copies[passed.tile] = copies + self.visits[layer]
                        if layer == self.layers - 1:
                            self._last[passed.tile] = self._last.get(passed.tile, 0) + 1
            self._released.add(taken + 1)
            if passed.last and self.run.train:
                handed = max(taken, handed + 2)
                taken = max(handed + 1, free, (yield from self._open(passed.tile)))
                free = taken + 1
                self._written.add(max(free, written))
            self.busy(max(free, written) - 1)

    def _open(self, tile: int) -> Process:
        """Wait until the tile before has been read; returns when rows may begin."""
        return (yield from self._opened.reach(tile - 1)) + 1 if tile else 0
