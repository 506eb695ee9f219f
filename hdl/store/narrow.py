"""The datapath of the narrow update engine: eight counters every other cycle."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..shape import LANES
from .adders import Adders, counter_lanes
from .flips import BEAT, PARTS


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
    all_lanes: In(1)
    lanes: In(range(BEAT))
    move: In(1)
    counters: Out(LANES)
    signs: Out(BEAT)
    flipped: Out(1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        inputs = Signal(LANES, reset_less=True)
        with m.If(self.take_inputs):
            m.d.sync += inputs.eq(self.read_data)
        down = Signal(BEAT)
        m.d.comb += down.eq(inputs.word_select(self.part, BEAT) ^ self.desired.replicate(BEAT))
        m.submodules.adders = adders = Adders()
        m.d.comb += [
            adders.move.eq(self.move),
            adders.counters.eq(self.read_data),
            adders.down.eq(down),
        ]
        for lane, counter in enumerate(counter_lanes(self.read_data)):
            enable = Signal(name=f"enable_{lane}")
            m.d.comb += [
                enable.eq(self.all_lanes | (lane < self.lanes)),
                adders.steps[lane].eq(self._step(m, lane, counter, down[lane], enable)),
            ]
        m.d.comb += [
            self.counters.eq(adders.sums),
            self.signs.eq(~Cat(counter[-1] for counter in counter_lanes(adders.sums))),
            self.flipped.eq((self.signs ^ ~adders.were_negative).any()),
        ]
        return m

    def _step(self, m: Module, lane: int, counter: Value, down: Value, enable: Value) -> Value:
        """Return how far a counter goes: 0, 1 or 2."""
        upper, top, twice, steps = (
            Signal(width, name=f"{name}_{lane}")
            for name, width in (("upper", 1), ("top", 1), ("twice", 1), ("step", 2))
        )
        even, below = counter[0] == down, counter[-1] ^ down
        m.d.comb += [
            # All bits of u but the last and the sign; u is 126 or 127; u + 1 >= 0 and not `top`.
            upper.eq(Mux(down, ~counter[1:-1].any(), counter[1:-1].all())),
            top.eq(upper & ~below),
            twice.eq(Mux(below, upper & ~even, ~upper)),
            steps[0].eq(enable & Mux(top, even, ~self.reinforced)),
            steps[1].eq(enable & self.reinforced & twice),
        ]
        return steps
