"""The ring of records against a list of samples."""

import random

import pytest
from amaranth.hdl import Module
from amaranth.sim import SimulatorContext

from metabit.hdl.shape import SHAPES, Shape
from metabit.hdl.store.ring import RecordPointer, SampleCursor, lapped, level
from tests.hdl.streams import simulate

SMALL = SHAPES["small"]


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("slots", [1, 2, 5])
def test_pointers_meet_where_the_records_between_them_say(slots: int, first: int) -> None:
    m = Module()
    m.submodules.ahead = ahead = RecordPointer(SMALL, first)
    m.submodules.behind = behind = RecordPointer(SMALL)
    full, empty = lapped(ahead, behind), level(ahead, behind)
    record = SMALL.records // slots
    rng = random.Random(slots)

    async def bench(ctx: SimulatorContext) -> None:
        for pointer in (ahead, behind):
            ctx.set(pointer.network.record, record)
            ctx.set(pointer.network.slots, slots)
            ctx.set(pointer.start, 1)
        await ctx.tick().repeat(2)
        positions = [0, 0]
        for _ in range(300):
            assert ctx.get(ahead.base) == positions[0] % slots * record + first
            assert ctx.get(behind.base) == positions[1] % slots * record
            assert ctx.get(behind.last) == (positions[1] % slots == slots - 1)
            between = positions[0] - positions[1]
            assert ctx.get(empty) == (between == 0)
            assert ctx.get(full) == (between == slots)
            start = rng.random() < 0.02
            moves = [rng.random() < 0.5 and between < slots, rng.random() < 0.5 and between > 0]
            for pointer, moves_on in zip((ahead, behind), moves, strict=True):
                ctx.set(pointer.start, start)
                ctx.set(pointer.advance, moves_on)
            await ctx.tick()
            positions = [0, 0] if start else [p + m for p, m in zip(positions, moves, strict=True)]

    simulate(m, bench)


@pytest.mark.parametrize("samples", [1, 2, 3, 8])
@pytest.mark.parametrize("tile", [1, 4, 7, 64])
def test_cursor_follows_the_samples_of_a_tile(samples: int, tile: int) -> None:
    shape = Shape(**{**SMALL.model_dump(), "samples": samples})
    dut = SampleCursor(shape)
    rng = random.Random(tile)

    async def bench(ctx: SimulatorContext) -> None:
        ctx.set(dut.network.tile, tile)
        ctx.set(dut.start, 1)
        await ctx.tick().repeat(2)
        index = 0
        for _ in range(400):
            assert ctx.get(dut.column) == index % samples
            assert ctx.get(dut.last) == (index % samples == samples - 1 or index == tile - 1)
            start, advance = rng.random() < 0.02, rng.random() < 0.8
            ctx.set(dut.start, start)
            ctx.set(dut.advance, advance)
            await ctx.tick()
            index = 0 if start else (index + advance) % tile

    simulate(_clocked(dut), bench)


def _clocked(dut: SampleCursor) -> Module:
    """With one column there is no register: give the simulator something to clock."""
    m = Module()
    m.submodules.dut = dut
    m.submodules.clocked = RecordPointer(SMALL)
    return m
