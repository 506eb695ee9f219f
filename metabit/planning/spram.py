"""A run on a device that keeps counters and samples in single-port RAM."""

from collections.abc import Iterator
from functools import cache

from ..golden.config import WORD
from ..hdl.learn.codes import SharedCodes
from ..hdl.placement import Placement
from ..hdl.shape import LANES
from ..hdl.store.flips import DEPTH
from ..hdl.store.port import Port
from .events import Row, Run
from .kernel import Process, Times
from .pipeline import Pass, Pipeline

_BURST = 4
"""Slots in which a word is read and the one before is written."""

_LOAD_BEGINS = 2
"""First cycle in which a word may be loaded."""

_LOAD = 3
"""Least cycles from a load to the next."""

_SEEN = 3
"""Cycles from a load to a fetch that has waited for it."""

_POP = 3
"""Cycles from the end of a tile's flips to the end of a commit that waits for it."""

_KNOWN = 2
"""Cycles from a note to its read."""

_QUEUE = 2
"""Cycles from the read of a note to the job."""

_RELEASE = 3
"""Cycles from the end of a sample to a load that has waited for its room."""

_BEGIN = 3
"""Cycles from a row's job to its first slot."""

_ROOM = DEPTH - 8
"""Entries in the queue of flips with which an update waits."""


@cache
def slots(words: int, partial: bool, phase: int, annealing: int) -> tuple[tuple[int, bool], ...]:
    """Return what a row wants from the port, burst by burst.

    Parameters
    ----------
    words : int
    partial : bool
        The last word is not full.
    phase, annealing : int
        Which words learn.

    Returns
    -------
    tuple of (int, bool)
        Cycles without a slot before a burst, and whether inputs are read before it.
    """
    period = 1 << annealing
    per_input = LANES // WORD
    bursts = []
    gap, need, changed = 0, True, False
    for word in range(words):
        if word % period == phase % period:
            bursts.append((gap, need))
            gap, need = 0, False
        else:
            # Where the inputs change, it takes a cycle to see that the row goes on.
            gap += 1 + changed
        changed = word % per_input == per_input - 1
        need = need or changed
    # The last burst writes the last word, as soon as the row is known to be over.
    if words % period != phase % period:
        gap += changed and not partial
    bursts.append((gap, need))
    return tuple(bursts)


class SpramPipeline(Pipeline):
    """See :class:`~metabit.planning.pipeline.Pipeline`."""

    input_latency = Port.FETCH_LATENCY
    codes = SharedCodes
    scores_late = 0

    def __init__(self, placement: Placement, run: Run) -> None:
        super().__init__(placement, run)
        self._free = 0  # first cycle in which the port is
        self._walking = False
        # Words: loaded, freed; when the next may be loaded.
        self._to_load = len(run.samples) * placement.sample_words
        self._loaded, self._room, self._load_at = 0, self.shape.records, _LOAD_BEGINS
        # The fetch that waits: since when, of how many words, up to which.
        self._asked: int | None = None
        self._slots = self._fetched = 0
        self._granted = Times(self.kernel)
        # Jobs: read, and handed on to the engine.
        self._read, self._handed = Times(self.kernel), Times(self.kernel)
        # The queue of flips.
        self._pushed = self._popped = 0
        self._flips: dict[int, int] = {}  # of tiles
        self._marked = Times(self.kernel)
        self._popping = -1  # tile
        self._pops = Times(self.kernel)

    def _store(self) -> tuple[Process, ...]:
        return self._read_notes(), self._update()

    # The port

    def _serve(self, cycle: int) -> bool:
        """Give the port to a fetch or a load in this cycle, in which it is free, if one waits."""
        if self._asked is not None and self._asked <= cycle and self._fetched <= self._loaded:
            self._asked = None
            self._granted.add(cycle)
            self._free = cycle + self._slots
            return True
        if self._load_at <= cycle and self._loaded < min(self._room, self._to_load):
            self._loaded += 1
            self._load_at = cycle + _LOAD
            self._free = cycle + 1
            if self._asked is not None and self._loaded == self._fetched:
                self._asked = max(self._asked, cycle + _SEEN)
            return True
        return False

    def _load_until(self, cycle: int) -> None:
        """Let words be loaded before a cycle, while nobody else wants the port."""
        while self._loaded < min(self._room, self._to_load):
            load = max(self._load_at, self._free)
            if load >= cycle:
                break
            self._serve(load)

    def _fetch(self, asked: int, passed: Pass, first: bool) -> Process:
        """Wait for the words, and for the end of a burst."""
        number = len(self._granted)
        self._slots = self.elements + first
        self._fetched += self._slots
        self._asked = asked + 1
        while len(self._granted) == number:
            if self._walking:
                # The update engine lets it in.
                yield self._granted
                continue
            now = self.kernel.now
            if now < self._asked:
                yield self._asked
                continue
            self._load_until(now)
            if self._free > now:
                yield self._free
            elif not self._serve(now):
                # Words are missing.
                yield now + 1
        granted = yield from self._granted.reach(number)
        return granted, granted + self.input_latency + first

    def _walk(self, start: int, row: Row, tile: int) -> Process:
        """Update a row; returns the cycle after its last slot."""
        words, partial = self.config.words[0], self.config.inputs % WORD > 0
        bursts = slots(words, partial, row.phase, self.run.annealing)
        entries = sum(row.flips) + sum(1 for flips in row.flips if flips)
        self._load_until(start)
        self._walking = True
        cycle = start
        for number, (gap, need) in enumerate(bursts):
            for idle in range(cycle, cycle + gap):
                if idle > self.kernel.now and self._asked is None:
                    yield idle
                if self._free <= idle:
                    self._serve(idle)
            cycle += gap
            for length in (1, _BURST) if need else (_BURST,):
                while True:
                    cycle = max(cycle, self._free)
                    # Nobody knows yet when the next fetch will be.
                    if self._asked is None and cycle > self.kernel.now:
                        yield cycle
                        continue
                    if self._serve(cycle):
                        if cycle > self.kernel.now:
                            yield cycle
                        continue
                    break
                if self._pushed - self._popped >= _ROOM and self._popping != tile:
                    cycle = yield from self._await_room(cycle)
                self._free = cycle = cycle + length
            pushes = entries * (number + 1) // len(bursts) - entries * number // len(bursts)
            self._pushed += pushes
            self._flips[tile] = self._flips.get(tile, 0) + pushes
            if self._popping == tile:
                self._popped += pushes
        self._walking = False
        self._granted.wake(cycle)
        return cycle

    def _await_room(self, cycle: int) -> Process:
        self._walking = False
        self._granted.wake(cycle)
        while self._pushed - self._popped >= _ROOM:
            yield self._pops
        self._walking = True
        return max(cycle, self.kernel.now + 2)

    # Jobs and commits

    def _scan(self, start: int, asks: int) -> Process:
        return (yield from self.emits.work(self.kernel, start, asks))

    def _commit(self, asked: int, tile: int) -> Process:
        asked = max(asked, (yield from self.through(tile)))
        if asked > self.kernel.now:
            yield asked
        self._popping = tile
        early = self._flips.get(tile, 0)
        self._popped += early
        self._pops.add(asked)
        marked = yield from self._marked.reach(tile)
        done = max(asked + self._flips.get(tile, 0), marked + _POP)
        if done > self.kernel.now:
            yield done
        self._popped += 1
        self._popping = -1
        self.fronts.add(done)
        return done

    def _notes(self) -> Iterator[tuple[Pass, Row | None]]:
        """Go through winners and, as None, ends of samples, in the order of the jobs."""
        for passed in self.passes:
            for row in self.rows(passed.first, 0) or ():
                yield passed, row
            yield passed, None

    def _read_notes(self) -> Process:
        """Read the memory that codes and winners share, where nobody else does."""
        left = 0
        for number, (passed, row) in enumerate(self._notes()):
            note = self.last_note(passed, 0) if row is None else row.group
            put = yield from self.found[passed.number].reach(note)
            read = yield from self.emits.work(self.kernel, max(put + _KNOWN, left + 1), 1)
            # In this cycle, the search reads no code word.
            self.emits.add(read - 1, read)
            if number:
                left = (yield from self._handed.reach(number - 1)) + 1
            left = max(read - 1 + _QUEUE, left)
            self._read.add(left)

    def _update(self) -> Process:
        """Take jobs; a register holds the next one."""
        free = 1
        for number, (passed, row) in enumerate(self._notes()):
            taken = max((yield from self._read.reach(number)) + 1, free)
            free = taken + 1
            if taken > self.kernel.now:
                yield taken
            if row is not None:
                self._handed.add(taken)
                yield taken + _BEGIN
                end = yield from self._walk(taken + _BEGIN, row, passed.tile)
                self.cycles["update"] += end - taken - 1
                free = end + 1
                continue
            self._load_until(taken + _RELEASE)
            self._room += self.placement.sample_words
            self._load_at = max(self._load_at, taken + _RELEASE)
            if passed.last and self.run.train:
                taken = max(taken + 2, free)
                free = taken + 1
                self._pushed += 1
                self._marked.add(taken + 1)
            self._handed.add(taken)
            self.busy(free - 1)
