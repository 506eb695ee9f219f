"""The vote: the class whose scores, summed over all layers, are highest."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .layout import Layout


class Vote(wiring.Component):
    """Predict a class from the scores of all layers.

    Scores come as popcounts p, class by class, and layer by layer within a class. Since
    ``o = 2 p - planes * K_l``, the class of the largest sum of popcounts has the largest sum of
    scores; the lowest index wins ties. A popcount is taken every cycle, with an adder and a
    comparator.

    Parameters
    ----------
    layout : Layout

    Attributes
    ----------
    clear : In(1)
        Start with class 0; takes precedence over ``valid``.
    valid : In(1)
        ``count`` is the popcount of the next layer, or of the next class's first layer.
    last : In(1)
        It is that of the class's last layer.
    count : In(range(popcount_max + 1))
    best : Out(8)
        One cycle after the last popcount.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__(
            {
                "clear": In(1),
                "valid": In(1),
                "last": In(1),
                "count": In(range(layout.popcount_max + 1)),
                "best": Out(8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        largest = self._layout.config.planes * sum(self._layout.config.hidden)
        before, total, best = (
            Signal(range(largest + 1), name=name) for name in ("before", "total", "best")
        )
        number = Signal(8)
        m.d.comb += total.eq(before + self.count)
        with m.If(self.clear):
            m.d.sync += [number.eq(0), before.eq(0)]
        with m.Elif(self.valid):
            m.d.sync += before.eq(total)
            with m.If(self.last):
                m.d.sync += [before.eq(0), number.eq(number + 1)]
                with m.If((number == 0) | (total > best)):
                    m.d.sync += [best.eq(total), self.best.eq(number)]
        return m
