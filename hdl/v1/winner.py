"""Winner selection: the candidate of a group that is easiest to turn."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .layout import Layout
from .select import constant
from .words import Location


class Winner(wiring.Component):
    """Find the wrong neuron with the smallest ``|z|`` of a group, one neuron a cycle.

    A neuron is a candidate if its activation differs from the label's code bit and, with rival
    selection, the rival's code bit differs from the label's. The lowest index wins ties.

    Parameters
    ----------
    layout : Layout

    Attributes
    ----------
    latency : int
        Cycles from the last neuron to ``found``.
    clear : In(1)
        Start a group: what was presented a cycle before is dropped, what is presented in this
        cycle belongs to the new group.
    valid : In(1)
        A neuron is presented.
    count : In(range(popcount_max + 1))
        Its popcount p: ``z = 2 p - fan_in``.
    label_bit, rival_bit : In(1)
        Its bit in the codes of label and rival.
    location : In(Location)
        Where its weights begin.
    layer : In
    found : Out(1)
    winner : Out(Location)
    desired : Out(1)
        The activation that the winner should have had.
    """

    latency = 2

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__(
            {
                "clear": In(1),
                "valid": In(1),
                "count": In(range(layout.popcount_max + 1)),
                "label_bit": In(1),
                "rival_bit": In(1),
                "location": In(Location(layout)),
                "layer": In(range(layout.config.layers)),
                "found": Out(1),
                "winner": Out(Location(layout)),
                "desired": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._layout.config
        z = Signal(signed(len(self.count) + 2))
        pending, desired, differs = Signal(), Signal(), Signal()
        location = Signal.like(self.location)
        m.d.sync += [
            pending.eq(self.valid),
            z.eq((self.count << 1) - constant(config.fan_in, self.layer)),
            desired.eq(self.label_bit),
            differs.eq(self.label_bit ^ self.rival_bit),
            location.eq(self.location),
        ]

        size = Signal(len(self.count) + 1)
        least = Signal.like(size)
        candidate = Signal()
        m.d.comb += [
            size.eq(Mux(z < 0, -z, z)),
            candidate.eq(pending & ((z >= 0) != desired)),
        ]
        if config.rival_selection:
            m.d.comb += candidate.eq(pending & ((z >= 0) != desired) & differs)
        with m.If(self.clear):
            m.d.sync += self.found.eq(0)
        with m.Elif(candidate & (~self.found | (size < least))):
            m.d.sync += [
                self.found.eq(1),
                least.eq(size),
                self.winner.eq(location),
                self.desired.eq(desired),
            ]
        return m
