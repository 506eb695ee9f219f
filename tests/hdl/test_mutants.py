"""Planted bugs: the comparison with the golden model must see every one of them.

A test that cannot fail proves nothing. Each mutant is a plausible slip in one block; the bench
that passes for the core as it is must fail for it.
"""

import pytest

from metabit.golden.config import WORD, ArrayShape, Config
from metabit.hdl.v1 import array, core, learn
from metabit.hdl.v1.collector import Collector
from metabit.hdl.v1.element import Element
from metabit.hdl.v1.forward import Forward
from metabit.hdl.v1.head import Head
from metabit.hdl.v1.row import Row
from metabit.hdl.v1.update import Update
from metabit.hdl.v1.vote import Vote
from metabit.hdl.v1.winner import Winner
from tests.hdl.core_bench import train_and_compare

CONFIG = Config(
    inputs=21,
    hidden=(9, 7),
    classes=3,
    group=4,
    counter_bits=3,
    summed_scores=True,
    tile=3,
    array=ArrayShape(rows=2, lanes=16, samples=2),
)


class ElementXor(Element):
    """XOR instead of XNOR."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += m.submodules.popcount.bits.eq(self.weights ^ self.inputs)
        return m


class ArrayLosesCarry(array.Array):
    """The last column's totals lose their top bit."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += self.totals[1][-1].eq(0)
        return m


class CollectorLate(Collector):
    """An activation is +1 only from z = 2 on."""

    def _thresholds(self):
        return [[threshold + 1 for threshold in plane] for plane in super()._thresholds()]


class HeadSwapsCodes(Head):
    """The rival's code is looked up where the label's is."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        with m.If(self.valid):
            m.d.sync += self.rival_code.eq(self.label_code)
        return m


class VoteNeverChanges(Vote):
    """Class 0 it is."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.sync += self.best.eq(0)
        return m


class WinnerTakesLast(Winner):
    """The last neuron of a group wins, candidate or not."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        with m.If(self.valid):
            m.d.sync += self.winner.eq(self.location)
        return m


class UpdateWraps(Update):
    """Counters wrap around at the ends of their range."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        tag, counters = self.word.payload.tag, self.word.payload.counters
        for lane in range(WORD):
            down = tag.inputs[lane] ^ tag.desired
            with m.If(self.word.ready & tag.enable[lane] & ~tag.reinforce):
                m.d.sync += self.write.payload.counters[lane].eq(counters[lane] + 1 - (down << 1))
        return m


class RowForgetsTail(Row):
    """All lanes of a row's last word are off."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        with m.If(self.word == 1):
            m.d.comb += self.read.payload.tag.enable.eq(0)
        return m


class ForwardNeverFlushes(Forward):
    """The unfinished last word of the activations is never written."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += self.flush.eq(0)
        return m


class LearnOneSampleLess(learn.Learn):
    """The last sample of a tile is not counted as triggering."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        with m.If(self.slot.as_value() == self.samples - 1):
            m.d.comb += self.events.trigger.eq(0)
        return m


MUTANTS = [
    (array, "Element", ElementXor),
    (core, "Array", ArrayLosesCarry),
    (core, "Collector", CollectorLate),
    (learn, "Head", HeadSwapsCodes),
    (learn, "Vote", VoteNeverChanges),
    (learn, "Winner", WinnerTakesLast),
    (core, "Update", UpdateWraps),
    (core, "Row", RowForgetsTail),
    (core, "Forward", ForwardNeverFlushes),
    (core, "Learn", LearnOneSampleLess),
]


@pytest.mark.parametrize(
    ("module", "name", "mutant"), MUTANTS, ids=[m[2].__name__ for m in MUTANTS]
)
def test_planted_bug_is_caught(module, name, mutant, monkeypatch) -> None:
    monkeypatch.setattr(module, name, mutant)
    with pytest.raises(AssertionError):
        train_and_compare(CONFIG, tiles=4, seed=5)


def test_bench_passes_without_a_bug() -> None:
    train_and_compare(CONFIG, tiles=4, seed=5)
