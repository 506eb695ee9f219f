"""The head: best class, strongest rival and margin from a layer's class scores."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .layout import Layout
from .select import constant
from .words import Location


class Head(wiring.Component):
    """Decide whether a sample updates a layer.

    Scores come as popcounts p, class by class; ``o = 2 p - planes * K_l``. The best class and
    the best class other than the label (the rival) win by lowest index on ties. The layer is
    triggered if the best class is not the label or ``o[label] - o[rival]`` falls short of
    ``floor(r * planes * K_l)``. Alongside, the head finds where the codes of label and rival
    begin in the sign plane.

    Parameters
    ----------
    layout : Layout

    Attributes
    ----------
    clear : In(1)
        Start with class 0; takes precedence over ``valid``.
    valid : In(1)
        ``count`` is the popcount of the next class.
    count : In(range(popcount_max + 1))
    layer, label : In
        Steady while scores come and results are used.
    best : Out(8)
        One cycle after the last score, like the others.
    triggered : Out(1)
    label_code, rival_code : Out(Location)
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        config = layout.config
        super().__init__(
            {
                "clear": In(1),
                "valid": In(1),
                "count": In(range(layout.popcount_max + 1)),
                "layer": In(range(config.layers)),
                "label": In(8),
                "best": Out(8),
                "triggered": Out(1),
                "label_code": Out(Location(layout)),
                "rival_code": Out(Location(layout)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layout, config = self._layout, self._layout.config
        best, rival, own = (Signal.like(self.count, name=n) for n in ("best", "rival", "own"))
        number = Signal(8)
        has_rival = Signal()
        code = Signal(Location(layout))

        with m.If(self.clear):
            m.d.sync += [
                number.eq(0),
                has_rival.eq(0),
                code.row.eq(0),
                code.address.eq(constant(layout.code_base, self.layer)),
            ]
        with m.Elif(self.valid):
            m.d.sync += number.eq(number + 1)
            with m.If((number == 0) | (self.count > best)):
                m.d.sync += [best.eq(self.count), self.best.eq(number)]
            with m.If(number == self.label):
                m.d.sync += [own.eq(self.count), self.label_code.eq(code)]
            with m.Elif(~has_rival | (self.count > rival)):
                m.d.sync += [rival.eq(self.count), self.rival_code.eq(code), has_rival.eq(1)]
            m.d.sync += code.row.eq(code.row + 1)
            with m.If(code.row == config.array.rows - 1):
                m.d.sync += [
                    code.row.eq(0),
                    code.address.eq(code.address + constant(layout.code_words, self.layer)),
                ]

        # o[label] - o[rival] = 2 (own - rival) < t  if and only if  own - rival < ceil(t / 2)
        thresholds = [-(-threshold // 2) for threshold in config.margin_threshold]
        margin = Signal(signed(len(self.count) + 1))
        m.d.comb += [
            margin.eq(own - rival),
            self.triggered.eq(
                (self.best != self.label) | (margin < constant(thresholds, self.layer))
            ),
        ]
        return m
