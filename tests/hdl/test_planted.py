"""Planted bugs: the comparison with the golden model must see every one of them.

A test that cannot fail proves nothing. Each bug is a plausible slip in one block of the core; what
passes with the core as it is must fail with it.
"""

from types import ModuleType
from typing import NamedTuple

import pytest

from metabit.golden.config import Config
from metabit.hdl import core
from metabit.hdl.array import array, element, forward, pack, totals
from metabit.hdl.learn import head, jobs, search, statistics, step
from metabit.hdl.shape import Shape
from metabit.hdl.store import block, commit, narrow, rows
from tests.hdl.planted import plant
from tests.hdl.test_core_blocks import trial

BLOCK = Shape(
    name="planted",
    elements=2,
    samples=2,
    counter_bits=3,
    depth=32,
    code_bits=4,
    codes=32,
    neurons=9,
    inputs=138,
    records=32,
    winners=64,
    layers=2,
)
SPRAM = BLOCK.model_copy(update={"samples": 1, "counter_bits": 8, "memory": "spram", "layers": 1})
# Even numbers of inputs, so that pre-activations can be zero.
TWO_LAYERS = Config(
    inputs=138,
    hidden=(9, 8),
    classes=3,
    group=4,
    counter_bits=BLOCK.counter_bits,
    head_offset=6,
    reinforcement=0.5,
    tile=4,
)
ONE_LAYER = Config.model_validate(
    TWO_LAYERS.model_dump() | {"hidden": (9,), "counter_bits": SPRAM.counter_bits}
)

COUNTERS_WRAP = (
    ('named("top", above & upper)', 'named("top", above & ~above)'),
    ("(carry_1 & was_upper & ~was_above)", "(carry_1 & was_upper)"),
)


class Bug(NamedTuple):
    """A slip in the source of a block, and the module that takes this block in."""

    name: str
    place: ModuleType
    block: str
    source: ModuleType
    slips: tuple[tuple[str, str], ...]


def bug(name, place, block, source, right, wrong):
    return Bug(name, place, block, source, ((right, wrong),))


IN_BLOCK_RAM = [
    bug("xor", array, "Element", element, "~(self.weights ^ inputs)", "self.weights ^ inputs"),
    bug("lost carry", core, "Array", array, "chain[e - 1].total if", "chain[e - 1].total[:5] if"),
    bug("zero negative", core, "Totals", totals, "positive.eq(z >= 0)", "positive.eq(z > 0)"),
    bug("threshold sign", core, "Totals", totals, "z + offset >= 0", "z - offset >= 0"),
    bug("words not filled", core, "Pack", pack, "data[s].eq(0)", "data[s].eq(packed)"),
    bug("vote goes to last", core, "Head", head, "(best < total)", "(best <= total)"),
    bug("no margin", core, "Head", head, "wrong | close", "wrong & close"),
    bug("rival is label", core, "Search", search, '("rival", rival)', '("rival", label)'),
    bug("label is rival", core, "Search", search, '("label", label)', '("label", rival)'),
    bug("winner is last", core, "Search", search, "(size < least)", "(size <= least)"),
    bug("rival ignored", core, "Search", search, "wrong & told_apart", "wrong"),
    bug("columns reversed", core, "Jobs", jobs, "in range(samples)]", "in range(samples)][::-1]"),
    Bug("counters wrap", block, "Step", step, COUNTERS_WRAP),
    bug("row too long", block, "BlockStore", block, "(word < tail_word)", "(word <= tail_word)"),
    bug("row uncommitted", block, "Commit", commit, "eq(row_read)", "eq(row_read & (tail != 2))"),
    bug("visit uncommitted", block, "Commit", commit, "setup.visits - (", "1 - ("),
    bug("no drain", core, "Forward", forward, "Mux(self.drain, 0, ", "Mux(1, 1, "),
    bug("wrong count", core, "Statistics", statistics, "= happened.row\n", "= happened.triggers\n"),
]
IN_SPRAM = [
    bug("best is last", core, "Head", head, "(best < score)", "(best <= score)"),
    bug("zero reinforced", rows, "Narrow", narrow, "below & ~even", "below & even"),
    bug("flips lost", rows, "Narrow", narrow, "(turns & enable).any()", "turns[0] & enable[0]"),
]

BEGINNING = (8, 0, 0, True, True)
END = (8, 1, 0, True, True)


def compare(shape: Shape, config: Config) -> None:
    """Train the core, and compare predictions, counters, generator and statistics."""
    trial(shape, config, [BEGINNING, END], 5, real=True)


def check_that_it_fails(bug: Bug, shape: Shape, config: Config, monkeypatch) -> None:
    planted = plant(bug.source, *bug.slips)
    monkeypatch.setattr(bug.place, bug.block, getattr(planted, bug.block))
    with pytest.raises(AssertionError):
        compare(shape, config)


@pytest.mark.parametrize("bug", IN_BLOCK_RAM, ids=lambda bug: bug.name)
def test_a_bug_of_a_device_in_block_ram_is_caught(bug, monkeypatch):
    check_that_it_fails(bug, BLOCK, TWO_LAYERS, monkeypatch)


@pytest.mark.parametrize("bug", IN_SPRAM, ids=lambda bug: bug.name)
def test_a_bug_of_a_device_in_spram_is_caught(bug, monkeypatch):
    check_that_it_fails(bug, SPRAM, ONE_LAYER, monkeypatch)


@pytest.mark.parametrize(("shape", "config"), [(BLOCK, TWO_LAYERS), (SPRAM, ONE_LAYER)])
def test_without_a_bug_there_is_nothing_to_catch(shape, config):
    compare(shape, config)
