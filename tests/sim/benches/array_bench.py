"""The array against NumPy: random matrices, block after block."""

from typing import Any

import cocotb
import numpy as np

from metabit.hdl.v1.array import Array
from metabit.hdl.v1.layout import Layout
from tests.sim.benches.driving import config, cycle, generator, integer, read, reset, start

BLOCKS = 60

Word = tuple[int, int]
"""Block, and word of the block."""


def schedule(rng: np.random.Generator, sizes: np.ndarray, interval: int) -> list[Word | None]:
    """Decide what enters in each cycle: half of the blocks as soon as they may, half at leisure."""
    events: list[Word | None] = []
    previous = -interval
    for block, words in enumerate(sizes):
        pause = rng.choice([0.0, 0.4])
        for word in range(words):
            while rng.random() < pause:
                events.append(None)
            if word == words - 1:
                while len(events) - previous < interval:
                    events.append(None)
                previous = len(events)
            events.append((block, word))
        # The one cycle without a word in which the elements are cleared.
        events.append(None)
    return events


class Feed:
    """Random blocks, what the array is given of them in each cycle, and what it must answer."""

    def __init__(self, rng: np.random.Generator, layout: Layout, array: Array) -> None:
        shape = self._shape = layout.config.array
        self._rng = rng
        self._sizes = rng.integers(1, layout.array_words[0] + 1, BLOCKS)
        self.events = schedule(rng, self._sizes, array.interval)
        size = (BLOCKS, int(self._sizes.max()), shape.lanes)
        self._weights = rng.integers(0, 2, (shape.rows, *size), np.uint8)
        self._inputs = rng.integers(0, 2, (shape.samples, *size), np.uint8)

    def totals(self) -> list[list[int]]:
        """Return the totals of every column in the order in which they must come."""
        columns: list[list[int]] = [[] for _ in range(self._shape.samples)]
        for block, words in enumerate(self._sizes):
            weights = self._weights[:, block, :words].reshape(self._shape.rows, -1)
            for column, inputs in zip(columns, self._inputs[:, block, :words], strict=True):
                column += (weights == inputs.reshape(-1)).sum(axis=1).tolist()
        return columns

    def event(self, time: int) -> Word | None:
        """Return what enters at a time."""
        return self.events[time] if 0 <= time < len(self.events) else None

    def _side(self, operands: np.ndarray, time: int) -> int:
        """Return the operands of one side; without a word, they are noise."""
        lines = []
        for line, words in enumerate(operands):
            event = self.event(time - line * self._shape.systolic)
            noise = self._rng.integers(0, 2, self._shape.lanes, np.uint8)
            lines.append(noise if event is None else words[event])
        return integer(lines)

    def drive(self, dut: Any, time: int) -> None:
        """Set all inputs for the next rising edge."""
        event = self.event(time)
        last = event is not None and event[1] == int(self._sizes[event[0]]) - 1
        dut.flags.value = (event is not None) | last << 1
        dut.signs.value = self._side(self._weights, time)
        dut.inputs.value = self._side(self._inputs, time)


def sample(dut: Any, seen: list[list[int]], bits: int) -> None:
    """Note the totals that columns deliver now."""
    valid, totals = read(dut.valid), read(dut.totals)
    for number, column in enumerate(seen):
        if valid >> number & 1:
            column.append(totals >> number * bits & ((1 << bits) - 1))


async def check(dut: Any, feed: Feed, layout: Layout, array: Array) -> None:
    """Feed all blocks, and compare."""
    seen: list[list[int]] = [[] for _ in range(layout.config.array.samples)]
    bits = len(dut.totals) // len(seen)
    last = max(time for time, event in enumerate(feed.events) if event)
    for time in range(last + 1 + array.settle):
        feed.drive(dut, time)
        await cycle(dut)
        sample(dut, seen, bits)
    for number, (column, expected) in enumerate(zip(seen, feed.totals(), strict=True)):
        # Not with `==`: to show how long lists differ takes minutes.
        np.testing.assert_array_equal(column, expected, err_msg=f"column {number}")
    for _ in range(2 * array.settle):
        await cycle(dut)
        assert not read(dut.valid), "a total came after all had been delivered"


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def totals_are_those_of_numpy(dut: Any) -> None:
    layout = Layout(config())
    array = Array(layout)
    await start(dut)
    await check(dut, Feed(generator(), layout, array), layout, array)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def reset_forgets_everything_under_way(dut: Any) -> None:
    layout = Layout(config())
    array = Array(layout)
    rng = generator()
    await start(dut)
    for _ in range(5):
        feed = Feed(rng, layout, array)
        for time in range(rng.integers(1, 30)):
            feed.drive(dut, time)
            await cycle(dut)
        await reset(dut)
    await check(dut, Feed(rng, layout, array), layout, array)
