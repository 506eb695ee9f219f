"""Eight adders of counters and steps, which an iCE40 has in its multiplier blocks."""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.vendor import LatticeICE40Platform

from ..shape import LANES
from .flips import BEAT

_COUNTER_BITS = 8


def counter_lanes(word: Value) -> list[Value]:
    """Return the counters of a word of the memory."""
    return [word.word_select(lane, _COUNTER_BITS) for lane in range(BEAT)]


class Adders(wiring.Component):
    """``counters + steps``, or ``counters - steps`` where it goes down, after two moves.

    Two registers, one before the addition and one after it, which move together. On an iCE40 with
    multiplier blocks both lie in four of these, so that only ``down`` takes cells.

    Attributes
    ----------
    move : In(1)
    counters : In(64)
        Eight of them, two's complement.
    steps : In(ArrayLayout(2, 8))
        0, 1 or 2, such that no sum leaves the range.
    down : In(8)
    sums : Out(64)
    were_negative : Out(8)
        Signs of the counters that ``sums`` came from.
    """

    move: In(1)
    counters: In(LANES)
    steps: In(data.ArrayLayout(2, BEAT))
    down: In(BEAT)
    sums: Out(LANES)
    were_negative: Out(BEAT)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        down = Signal(BEAT, reset_less=True)
        with m.If(self.move):
            m.d.sync += down.eq(self.down)
        if isinstance(platform, LatticeICE40Platform):
            self._instantiate(m, down)
            return m
        counters, steps = Signal.like(self.counters), Signal.like(self.steps)
        with m.If(self.move):
            m.d.sync += [counters.eq(self.counters), steps.eq(self.steps)]
            for lane, counter in enumerate(counter_lanes(counters)):
                step = steps[lane]
                m.d.sync += [
                    counter_lanes(self.sums)[lane].eq(
                        Mux(down[lane], counter - step, counter + step)
                    ),
                    self.were_negative[lane].eq(counter[-1]),
                ]
        return m

    # A multiplier block has two adders of 16 bits, `upper + lower` or `upper - lower`. The upper
    # operand is a counter in its low bits; its sign is passed on in a bit that neither a carry nor
    # a borrow reaches, as the one stops at a zero in between and the other at a one.
    _SIGN, _STOP = 12, 0b0010
    _UNUSED = (
        *("AHOLD", "BHOLD", "CHOLD", "DHOLD", "OHOLDTOP", "OHOLDBOT", "OLOADTOP", "OLOADBOT"),
        *("IRSTTOP", "IRSTBOT", "ORSTTOP", "ORSTBOT", "CI", "ACCUMCI", "SIGNEXTIN"),
    )

    def _instantiate(self, m: Module, down: Value) -> None:
        """Build the adders of multiplier blocks, two lanes in each."""
        counters = counter_lanes(self.counters)
        for block in range(BEAT // 2):
            bottom, top = 2 * block, 2 * block + 1
            operands = {
                lane: Cat(
                    counters[lane],
                    Const(self._STOP, self._SIGN - _COUNTER_BITS),
                    counters[lane][-1],
                    Const(0, 16 - self._SIGN - 1),
                )
                for lane in (bottom, top)
            }
            steps = {lane: Cat(self.steps[lane], Const(0, 14)) for lane in (bottom, top)}
            result = Signal(32, name=f"result_{block}")
            m.submodules[f"block_{block}"] = Instance(
                "SB_MAC16",
                p_A_REG=Const(1, 1),
                p_B_REG=Const(1, 1),
                p_C_REG=Const(1, 1),
                p_D_REG=Const(1, 1),
                # Registered sums; lower operands A and B as they are, upper ones C and D.
                p_TOPOUTPUT_SELECT=Const(1, 2),
                p_BOTOUTPUT_SELECT=Const(1, 2),
                p_TOPADDSUB_LOWERINPUT=Const(0, 2),
                p_BOTADDSUB_LOWERINPUT=Const(0, 2),
                p_TOPADDSUB_UPPERINPUT=Const(1, 1),
                p_BOTADDSUB_UPPERINPUT=Const(1, 1),
                i_CLK=ClockSignal("sync"),
                i_CE=self.move,
                i_C=operands[top],
                i_A=steps[top],
                i_D=operands[bottom],
                i_B=steps[bottom],
                i_ADDSUBTOP=down[top],
                i_ADDSUBBOT=down[bottom],
                **{f"i_{name}": Const(0) for name in self._UNUSED},
                o_O=result,
            )
            for lane, half in ((bottom, result[:16]), (top, result[16:])):
                m.d.comb += [
                    counter_lanes(self.sums)[lane].eq(half[:_COUNTER_BITS]),
                    self.were_negative[lane].eq(half[self._SIGN]),
                ]
