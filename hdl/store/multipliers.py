"""Registers and adders that an iCE40 UltraPlus has in its multiplier blocks."""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.vendor import LatticeICE40Platform

from ..shape import LANES
from .flips import BEAT

COUNTER_BITS = 8
"""Bits of a counter in single-port RAM."""

_OPERAND_BITS = 16
"""Width of the two adders of a multiplier block."""

# Inputs of the primitive that hold, reset or preset its registers, or chain it to a neighbour.
_UNUSED = (
    *("AHOLD", "BHOLD", "CHOLD", "DHOLD", "OHOLDTOP", "OHOLDBOT", "OLOADTOP", "OLOADBOT"),
    *("IRSTTOP", "IRSTBOT", "ORSTTOP", "ORSTBOT", "CI", "ACCUMCI", "SIGNEXTIN"),
)


def counter_lanes(word: Value) -> list[Value]:
    """Return the counters of a word of the memory."""
    return [word.word_select(lane, COUNTER_BITS) for lane in range(BEAT)]


def _block(
    move: Value,
    upper: tuple[Value, ...],
    lower: tuple[Value, ...],
    subtract: tuple[Value, ...],
    *,
    registered: bool,
) -> tuple[Instance, Signal]:
    """Return a multiplier block as two adders of 16 bits, and their registered results.

    Each gives ``upper + lower``, or ``upper - lower``; ``upper`` may have a register of its own.
    Pairs are of the bottom and of the top adder. Yosys must not be told to look for multiplications
    (``synth_ice40 -dsp``): it would take the clock away from blocks that are already there.
    """
    result = Signal(2 * _OPERAND_BITS)
    instance = Instance(
        "SB_MAC16",
        p_C_REG=Const(registered, 1),
        p_D_REG=Const(registered, 1),
        # Registered sums; lower operands are A and B as they are, upper ones C and D.
        p_TOPOUTPUT_SELECT=Const(1, 2),
        p_BOTOUTPUT_SELECT=Const(1, 2),
        p_TOPADDSUB_LOWERINPUT=Const(0, 2),
        p_BOTADDSUB_LOWERINPUT=Const(0, 2),
        p_TOPADDSUB_UPPERINPUT=Const(1, 1),
        p_BOTADDSUB_UPPERINPUT=Const(1, 1),
        i_CLK=ClockSignal("sync"),
        i_CE=move,
        i_A=lower[1],
        i_B=lower[0],
        i_C=upper[1],
        i_D=upper[0],
        i_ADDSUBBOT=subtract[0],
        i_ADDSUBTOP=subtract[1],
        **{f"i_{name}": Const(0) for name in _UNUSED},
        o_O=result,
    )
    return instance, result


class Keeper(wiring.Component):
    """A register of 64 bits, which an iCE40 has in two multiplier blocks.

    Attributes
    ----------
    take : In(1)
    word : In(64)
    kept : Out(64)
        The last word taken.
    """

    take: In(1)
    word: In(LANES)
    kept: Out(LANES)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if not isinstance(platform, LatticeICE40Platform):
            with m.If(self.take):
                m.d.sync += self.kept.eq(self.word)
            return m
        nothing = Const(0, _OPERAND_BITS)
        for n in range(LANES // (2 * _OPERAND_BITS)):
            word = self.word.word_select(n, 2 * _OPERAND_BITS)
            block, result = _block(
                self.take,
                (word[:_OPERAND_BITS], word[_OPERAND_BITS:]),
                (nothing, nothing),
                (Const(0), Const(0)),
                registered=False,
            )
            m.submodules[f"block_{n}"] = block
            m.d.comb += self.kept.word_select(n, 2 * _OPERAND_BITS).eq(result)
        return m


class Adders(wiring.Component):
    """``counters + steps``, or ``counters - steps`` where it goes down, after two moves.

    Counters enter with one move, are added to what stands on ``steps`` and ``down`` with the next,
    and leave after it. On an iCE40 all that lies in four multiplier blocks.

    Attributes
    ----------
    move : In(1)
    counters : In(64)
        Eight of them, two's complement.
    steps : In(ArrayLayout(2, 8))
        0, 1 or 2, such that no sum leaves the range; of the counters that entered last.
    down : In(8)
        Of the same.
    sums : Out(64)
    """

    move: In(1)
    counters: In(LANES)
    steps: In(data.ArrayLayout(2, BEAT))
    down: In(BEAT)
    sums: Out(LANES)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if isinstance(platform, LatticeICE40Platform):
            self._use_multipliers(m)
            return m
        counters = Signal.like(self.counters)
        with m.If(self.move):
            m.d.sync += counters.eq(self.counters)
            for lane, counter in enumerate(counter_lanes(counters)):
                step, before = self.steps[lane], counter.as_signed()
                m.d.sync += counter_lanes(self.sums)[lane].eq(
                    Mux(self.down[lane], before - step, before + step)
                )
        return m

    def _use_multipliers(self, m: Module) -> None:
        """Build the adders of multiplier blocks, two lanes in each."""
        upper, lower = (
            [Cat(value, Const(0, _OPERAND_BITS - len(value))) for value in values]
            for values in (counter_lanes(self.counters), [self.steps[n] for n in range(BEAT)])
        )
        for lane in range(0, BEAT, 2):
            pair = slice(lane, lane + 2)
            block, result = _block(
                self.move,
                tuple(upper[pair]),
                tuple(lower[pair]),
                tuple(self.down[pair]),
                registered=True,
            )
            m.submodules[f"block_{lane // 2}"] = block
            for n in range(2):
                sums = result.word_select(n, _OPERAND_BITS)
                m.d.comb += counter_lanes(self.sums)[lane + n].eq(sums[:COUNTER_BITS])
