"""The step of a counter: saturating, with reinforcement, without an adder."""

from functools import reduce
from operator import and_

from amaranth.hdl import Const, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out


def planes_layout(bits: int, lanes: int) -> data.ArrayLayout:
    """Counters without their signs, as bit planes: plane p holds bit p of every lane."""
    return data.ArrayLayout(lanes, bits - 1)


class Step(wiring.Component):
    r"""Move counters by one or two, in two registers.

    .. math:: v \leftarrow sat(v + d), \quad
              \text{reinforced: then } v \leftarrow sat(v + sign(v)), \quad sign(0) = +1

    with d = -1 where ``down``, else +1. Seen as ``u = v`` or, where it goes down, ``u = ~v``, every
    step goes up, and by the same rule, as ``~v`` only swaps the two signs: reinforcement makes the
    step 2 where ``u + 1 >= 0``, else 0; u saturates at its largest value.
    So a step is two carries, into bits 0 and 1: ``v_i <- v_i ^ c_i``, ``c_(i+1) = c_i & u_i``. At
    the largest value none is set, just below it only that into bit 0; so a carry out of the last
    bit only ever comes from below zero, and turns the sign.

    Two moves of latency, a step a move. About 18 LUT4 and 19 flip-flops a lane of 7 bits.

    Parameters
    ----------
    bits : int
        Bits of a counter, its sign among them; at least 2.
    lanes : int
        Counters side by side.

    Attributes
    ----------
    move : In(1)
        Both registers take what comes; else they stand still.
    low : In(ArrayLayout(lanes, bits - 1))
        Bit planes of the counters, two's complement, without their signs.
    positive : In(lanes)
        Their signs: 1 where the counter is not negative.
    down : In(lanes)
        Where input and desired activation differ.
    enable : In(lanes)
        Which counters learn; the others stay as they are.
    reinforce : In(lanes)
    low_after, positive_after : Out
        The same counters, two moves later.
    """

    def __init__(self, bits: int, lanes: int) -> None:
        self._lanes = lanes
        planes = planes_layout(bits, lanes)
        super().__init__(
            {
                "move": In(1),
                "low": In(planes),
                "positive": In(lanes),
                "down": In(lanes),
                "enable": In(lanes),
                "reinforce": In(lanes),
                "low_after": Out(planes),
                "positive_after": Out(lanes),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        planes = len(self.low.as_value()) // self._lanes
        low = [self.low[plane] for plane in range(planes)]

        def lanes(name: str) -> Signal:
            return Signal(self._lanes, name=name, reset_less=True)

        def named(name: str, value: Value) -> Signal:
            """Keep an expression that is used more than once in a wire of its own."""
            m.d.comb += (wire := lanes(name)).eq(value)
            return wire

        # u is not negative; all its bits above bit 0 are set; it is one of the two largest.
        above = named("above", self.positive ^ self.down)
        up = [named(f"up_{plane}", bit ^ self.down) for plane, bit in enumerate(low)]
        upper = named("upper", reduce(and_, up[1:], Const(-1, self._lanes)))
        top = named("top", above & upper)
        twice = self.reinforce

        kept = [lanes(f"kept_{plane}") for plane in range(planes)]
        turned, was_above, was_upper = lanes("turned"), lanes("was_above"), lanes("was_upper")
        carry_0, carry_1 = lanes("carry_0"), lanes("carry_1")
        two = twice & (above | (upper & up[0]))
        with m.If(self.move):
            m.d.sync += [
                *(register.eq(bit) for register, bit in zip(kept, low, strict=True)),
                turned.eq(self.down),
                was_above.eq(above),
                was_upper.eq(upper),
                carry_0.eq(self.enable & ((top & ~up[0]) | (~top & ~twice))),
                carry_1.eq(self.enable & ~top & (two | (~twice & up[0]))),
            ]

        carries = [carry_0, carry_1]
        for plane, bit in enumerate(kept[1:-1], start=2):
            carries.append(named(f"carry_{plane}", carries[-1] & (bit ^ turned)))
        after, positive = [lanes(f"after_{plane}") for plane in range(planes)], lanes("positive")
        moved = zip(after, kept, carries[:planes], strict=True)
        with m.If(self.move):
            m.d.sync += [
                *(register.eq(bit ^ carry) for register, bit, carry in moved),
                positive.eq(was_above ^ turned ^ (carry_1 & was_upper & ~was_above)),
            ]
        m.d.comb += [
            *(self.low_after[plane].eq(bit) for plane, bit in enumerate(after)),
            self.positive_after.eq(positive),
        ]
        return m
