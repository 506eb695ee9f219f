"""The pseudo-random generator, in step with :mod:`metabit.golden.generator`."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...golden.generator import SHIFTS


class Generator(wiring.Component):
    """Xorshift generator (Marsaglia 2003): one step is a few XORs per bit.

    Attributes
    ----------
    load : In(1)
        Take ``value`` as the state, whatever ``step`` says.
    value : In(32)
        Not zero.
    step : In(1)
        Advance; the new state stands from the next cycle on.
    state : Out(32)
        The last value drawn.
    """

    load: In(1)
    value: In(32)
    step: In(1)
    state: Out(32, init=1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        left, right, left_again = SHIFTS
        first, second = Signal(32), Signal(32)
        m.d.comb += [
            first.eq(self.state ^ (self.state << left)),
            second.eq(first ^ (first >> right)),
        ]
        with m.If(self.load):
            m.d.sync += self.state.eq(self.value)
        with m.Elif(self.step):
            m.d.sync += self.state.eq(second ^ (second << left_again))
        return m
