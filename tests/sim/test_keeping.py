"""What is kept in a board's flash: written, found, and never half of it."""

import numpy as np
import pytest

from metabit.hdl.shape import SHAPES
from metabit.host import flash as commands
from metabit.host.flash import BLOCK, PAGE, FlashMemory
from metabit.sim.stored import build_stored, open_stored

SHAPE = SHAPES["small-flash"]
QUICK = {"tBE2": 20_000.0, "tPP": 2_000.0}
"""Nanoseconds: seconds would be as many million cycles."""

FIRST = 15 << 20


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(commands, "BLOCK_ERASE", QUICK["tBE2"] * 1e-9)
    monkeypatch.setattr(commands, "PAGE_PROGRAM", QUICK["tPP"] * 1e-9)


@pytest.fixture
def board():
    driver, chip = open_stored(build_stored(SHAPE), SHAPE, flash=QUICK)
    with driver:
        yield driver, chip


def some(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, count, np.uint8).tobytes()


def test_the_host_erases_programs_and_reads(board):
    driver, chip = board
    memory = FlashMemory(driver)
    memory.settle()
    chip.load(FIRST - 8, bytes(BLOCK + 16))
    memory.erase(FIRST)
    assert chip.save(FIRST - 8, BLOCK + 16) == bytes(8) + b"\xff" * BLOCK + bytes(8)
    memory.program(FIRST + 3 * PAGE, some(PAGE))
    memory.program(FIRST + 9 * PAGE, some(40, 1))
    assert chip.save(FIRST + 3 * PAGE, PAGE + 1) == some(PAGE) + b"\xff"
    assert chip.save(FIRST + 9 * PAGE, 41) == some(40, 1) + b"\xff"
    assert memory.read(FIRST + 3 * PAGE - 8, 400) == chip.save(FIRST + 3 * PAGE - 8, 400)
    assert (chip.counters["erases"], chip.counters["programs"]) == (1, 2)
    assert chip.violations == []
