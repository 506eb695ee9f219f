"""One draw at a time: the generator, and whether a word is reinforced."""

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...golden.generator import SHIFTS

STATE_BITS = 32


def _any_of_lowest(bits: Value, count: Value) -> Value:
    """Say whether any of the ``count`` lowest bits is set; a tree is smaller than a mask."""
    if not len(count):
        return Const(0)
    half = len(bits) // 2
    low, high = bits[:half], bits[half:]
    beyond = low.any() | _any_of_lowest(high, count[:-1])
    return Mux(count[-1], beyond, _any_of_lowest(low, count[:-1]))


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
    value: In(STATE_BITS)
    state: Out(STATE_BITS, init=1)
    reinforce: In(1)
    shift: In(5)
    damping: In(2)
    reinforced: Out(1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        left, right, left_again = SHIFTS
        first, second = Signal(STATE_BITS), Signal(STATE_BITS)
        m.d.comb += [
            first.eq(self.state ^ (self.state << left)),
            second.eq(first ^ (first >> right)),
        ]
        with m.If(self.load):
            m.d.sync += self.state.eq(self.value)
        with m.Elif(self.step):
            m.d.sync += self.state.eq(second ^ (second << left_again))

        zeros = Signal(len(self.shift) + 1)
        m.d.comb += zeros.eq(self.shift + self.damping)
        # A state has 32 bits and is never zero.
        some = zeros[-1] | _any_of_lowest(self.state, zeros[:-1])
        m.d.sync += self.reinforced.eq(self.reinforce & ~some)
        return m
