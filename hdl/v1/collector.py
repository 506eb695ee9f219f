"""From drained popcounts to activation words and stored popcounts."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2, exact_log2

from .activations import ActivationWrite, PopcountWrite, activation_address, popcount_address
from .layout import Layout
from .pipeline import delays
from .select import constant


class _Control(data.StructLayout):
    """What every column does with a total, computed once."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(
            {
                "enable": 1,
                "hidden": 1,
                "full": 1,
                "position": exact_log2(layout.config.array.lanes),
                "word": activation_address(layout),
                "index": popcount_address(layout),
            }
        )


class Collector(wiring.Component):
    """Store every total, and pack activation bits into array words for the next layer.

    Neuron k of a layer gives the bit ``z >= 0``, in plane 0; a three-threshold head adds
    ``z >= -T`` and ``z >= T`` in planes 1 and 2. In terms of the total p these are comparisons
    with constants, since ``z = 2 p - fan_in``. A word is written when its last bit is known; the
    bits of an unfinished last word wait for ``flush``.

    Parameters
    ----------
    layout : Layout

    Attributes
    ----------
    latency : int
        Cycles from a total to the last write that follows from it.
    valid, totals : In
        From the array; column 0 leads.
    restart : In(1)
        A new region follows: the neurons of ``layer``, or its class scores.
    layer, scores, pass_ : In
        The region and the pass; steady from ``restart`` to the last write.
    flush : In(1)
        Write the unfinished word of ``plane``, in every column.
    plane : In
    activations : Out(samples x ActivationWrite)
    popcounts : Out(samples x PopcountWrite)
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        config = layout.config
        self._skew = int(config.array.systolic)
        self.latency = 2 + config.planes + self._skew * config.array.samples
        samples = config.array.samples
        super().__init__(
            {
                "valid": In(data.ArrayLayout(1, samples)),
                "totals": In(data.ArrayLayout(range(layout.popcount_max + 1), samples)),
                "restart": In(1),
                "layer": In(range(config.layers)),
                "scores": In(1),
                "pass_": In(ceil_log2(layout.passes)),
                "flush": In(1),
                "plane": In(range(config.planes)),
                "activations": Out(data.ArrayLayout(ActivationWrite(layout), samples)),
                "popcounts": Out(data.ArrayLayout(PopcountWrite(layout), samples)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layout, config = self._layout, self._layout.config
        columns, planes = range(config.array.samples), range(config.planes)

        neuron = Signal(range(max(*config.hidden, config.classes) + 1))
        index = Signal(popcount_address(layout))
        end = Mux(self.scores, config.classes, constant(config.hidden, self.layer))
        lane_bits = exact_log2(config.array.lanes)
        control = Signal(_Control(layout))
        m.d.comb += [
            control.enable.eq(self.valid[0] & (neuron < end)),
            control.hidden.eq(~self.scores),
            control.full.eq(neuron[:lane_bits].all()),
            control.position.eq(neuron),
            control.word.eq(
                constant(layout.activation_base[1:], self.layer) + (neuron >> lane_bits)
            ),
            control.index.eq(index),
        ]
        if lane_bits > len(neuron):
            m.d.comb += control.full.eq(0)
        with m.If(self.restart):
            m.d.sync += [
                neuron.eq(0),
                index.eq(
                    Mux(
                        self.scores,
                        constant(layout.score_base, self.layer),
                        constant(layout.popcount_base, self.layer),
                    )
                ),
            ]
        with m.Elif(control.enable):
            m.d.sync += [neuron.eq(neuron + 1), index.eq(index + 1)]

        delayed = delays(m, control, self._skew * len(columns) + len(planes), "control")

        thresholds = self._thresholds()
        for s in columns:
            here = delayed[self._skew * s]
            m.d.comb += [
                self.popcounts[s].enable.eq(here.enable),
                self.popcounts[s].index.eq(here.index),
                self.popcounts[s].pass_.eq(self.pass_),
                self.popcounts[s].data.eq(self.totals[s]),
            ]
            write = self.activations[s]
            m.d.comb += write.pass_.eq(self.pass_)
            for p in planes:
                # Plane p runs p cycles behind, so that the planes' writes take turns.
                # A signal, because every lane of the packed word looks at it.
                bit = Signal(name=f"bit_{s}_{p}")
                m.d.comb += bit.eq(self.totals[s] >= constant(thresholds[p], self.layer))
                late_bit = delays(m, bit, p, f"bit_{s}_{p}")[-1]
                self._pack(m, s, p, delayed[self._skew * s + p], late_bit)
        return m

    def _thresholds(self) -> list[list[int]]:
        """Smallest total whose bit is set, per plane and layer."""
        offset = self._layout.config.head_offset
        return [
            [max(0, -(-(fan_in + above) // 2)) for fan_in in self._layout.config.fan_in]
            for above in (0, -offset, offset)[: self._layout.config.planes]
        ]

    def _pack(self, m: Module, s: int, p: int, control: Signal, bit: Value) -> None:
        """Collect the bits of one column and plane, and write full words."""
        lanes = self._layout.config.array.lanes
        write = self.activations[s]
        packed = Signal(lanes, name=f"packed_{s}_{p}")
        full = Signal(name=f"full_{s}_{p}")
        word = Signal.like(write.word, name=f"word_{s}_{p}")
        enable = control.enable & control.hidden
        first = control.position == 0
        with m.If(enable):
            m.d.sync += packed.eq(
                Cat(
                    Mux(control.position == lane, bit, packed[lane] & ~first)
                    for lane in range(lanes)
                )
            )
        m.d.sync += full.eq(enable & control.full)
        plane_base = constant([p * words for words in self._layout.code_words], self.layer)
        with m.If(enable):
            m.d.sync += word.eq(control.word + plane_base)
        with m.If(full):
            m.d.comb += [write.enable.eq(~0), write.word.eq(word), write.data.eq(packed)]
        with m.If(self.flush & (self.plane == p)):
            m.d.comb += [
                write.enable.eq(~0),
                write.word.eq(control.word + plane_base),
                write.data.eq(packed),
            ]
