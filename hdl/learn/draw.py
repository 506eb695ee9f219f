"""One draw at a time: the generator, and whether a word is reinforced."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...golden.generator import SHIFTS

_STATE_BITS = 32


class Draw(wiring.Component):
    """Xorshift generator (Marsaglia 2003) and the comparison of its low bits with zero.

    A word is reinforced if the low T + j bits of its draw are zero. For engines that take several
    words a cycle there is :class:`~metabit.hdl.learn.draws.Draws`.

    Attributes
    ----------
    step : In(1)
        Advance; the new state stands from the next cycle on.
    load : In(1)
        Take ``value`` as the state, whatever ``step`` says.
    value : In(32)
        Not zero.
    state : Out(32)
        The last value drawn.
    reinforce : In(1)
        There is reinforcement.
    shift, damping : In
        T and j; stand still.
    reinforced : Out(1)
        Says about the ``state`` of the cycle before that its word is reinforced.
    """

    step: In(1)
    load: In(1)
    value: In(_STATE_BITS)
    state: Out(_STATE_BITS, init=1)
    reinforce: In(1)
    shift: In(5)
    damping: In(2)
    reinforced: Out(1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        left, right, left_again = SHIFTS
        first, second = Signal(_STATE_BITS), Signal(_STATE_BITS)
        m.d.comb += [
            first.eq(self.state ^ (self.state << left)),
            second.eq(first ^ (first >> right)),
        ]
        with m.If(self.load):
            m.d.sync += self.state.eq(self.value)
        with m.Elif(self.step):
            m.d.sync += self.state.eq(second ^ (second << left_again))

        zeros, mask = Signal(len(self.shift) + 1), Signal(_STATE_BITS)
        m.d.comb += [
            zeros.eq(self.shift + self.damping),
            mask.eq(Cat(zeros > n for n in range(_STATE_BITS))),
        ]
        m.d.sync += self.reinforced.eq(self.reinforce & ~(self.state & mask).any())
        return m
