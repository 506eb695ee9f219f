"""The datapath of the narrow update engine: eight counters every other cycle."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..shape import LANES
from .flips import BEAT, PARTS
from .multipliers import Adders, Keeper, counter_lanes


class Narrow(wiring.Component):
    r"""Move eight counters of 8 bits by one or two, in two registers.

    .. math:: v \leftarrow sat(v + d), \quad
              \text{reinforced: then } v \leftarrow sat(v + sign(v)), \quad sign(0) = +1

    with d = +1 where input and desired activation are equal, else -1. Seen as ``u = v`` or, where
    it goes down, ``u = ~v``, every step goes up: by 1, or with reinforcement by 2 where
    ``u + 1 >= 0`` and else by 0, and never beyond 127 (see :class:`~metabit.hdl.learn.step.Step`).
    So a step is known before the addition, and nothing need be clamped after it.

    With ``move`` the counters that stand on ``read_data`` enter, and what entered two moves before
    leaves: ``counters`` are those of the move before the last one. Latency two moves, throughput a
    beat a move.

    Attributes
    ----------
    read_data : In(64)
        Word of the memory: with ``move`` eight counters, with ``take_inputs`` 64 inputs.
    take_inputs : In(1)
        Keep the inputs; they count from the next cycle on.
    part : In(3)
        Which eight of the inputs belong to the counters that enter.
    desired : In(1)
    reinforced : In(1)
        Of the word whose beats entered last, and enter next but one.
    take_draw : In(1)
        Keep ``reinforced``; it counts for what leaves with the moves from the next cycle on.
    all_lanes : In(1)
        All eight counters learn, else the first ``lanes``; the others stay as they are.
    lanes : In(3)
    move : In(1)
    counters : Out(64)
    signs : Out(8)
        Of ``counters``, 1 if not negative.
    flipped : Out(1)
        Some sign is not what it was.
    """

    read_data: In(LANES)
    take_inputs: In(1)
    part: In(range(PARTS))
    desired: In(1)
    reinforced: In(1)
    take_draw: In(1)
    all_lanes: In(1)
    lanes: In(range(BEAT))
    move: In(1)
    counters: Out(LANES)
    signs: Out(BEAT)
    flipped: Out(1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.inputs = inputs = Keeper()
        m.submodules.adders = adders = Adders()
        down, enable, reinforced = Signal(BEAT), Signal(BEAT), Signal()
        m.d.comb += [
            inputs.take.eq(self.take_inputs),
            inputs.word.eq(self.read_data),
            adders.move.eq(self.move),
            adders.counters.eq(self.read_data),
            adders.down.eq(down),
            self.counters.eq(adders.sums),
            self.signs.eq(~Cat(counter[-1] for counter in counter_lanes(adders.sums))),
        ]
        with m.If(self.move):
            m.d.sync += [
                down.eq(inputs.kept.word_select(self.part, BEAT) ^ self.desired.replicate(BEAT)),
                enable.eq(Cat(self.all_lanes | (lane < self.lanes) for lane in range(BEAT))),
            ]
        with m.If(self.take_draw):
            m.d.sync += reinforced.eq(self.reinforced)
        turns = Signal(BEAT)
        with m.If(self.move):
            m.d.sync += self.flipped.eq((turns & enable).any())
        for lane, counter in enumerate(counter_lanes(self.read_data)):
            steps, turn = self._steps(m, lane, counter, down[lane], reinforced)
            m.d.comb += [
                adders.steps[lane].eq(Mux(enable[lane], steps, 0)),
                turns[lane].eq(turn),
            ]
        return m

    def _steps(
        self, m: Module, lane: int, counter: Value, down: Value, reinforced: Value
    ) -> tuple[Value, Value]:
        """Return how far the counter that entered last goes, 0, 1 or 2, and if its sign turns."""
        bottom, none, every, sign = (
            Signal(name=f"{name}_{lane}", reset_less=True)
            for name in ("bottom", "none", "every", "sign")
        )
        with m.If(self.move):
            m.d.sync += [
                bottom.eq(counter[0]),
                none.eq(~counter[1:-1].any()),
                every.eq(counter[1:-1].all()),
                sign.eq(counter[-1]),
            ]
        upper, top, crosses, steps = (
            Signal(width, name=f"{name}_{lane}")
            for name, width in (("upper", 1), ("top", 1), ("crosses", 1), ("steps", 2))
        )
        below, even = sign ^ down, bottom == down
        m.d.comb += [
            # All bits of u but the last and the sign are set: u is 126 or 127, or it is -1.
            upper.eq(Mux(down, none, every)),
            top.eq(upper & ~below),
            crosses.eq(upper & below & ~even),
            steps[0].eq(Mux(top, even, ~reinforced)),
            steps[1].eq(reinforced & (crosses | ~(below | upper))),
        ]
        return steps, crosses
