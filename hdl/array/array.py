"""The array: a chain of elements for every sample, weights handed from sample to sample."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..bundles import SignFetch, address_bits, total_bits
from ..pipeline import delayed, delays
from ..shape import LANES, Shape
from .element import Element


class Array(wiring.Component):
    """Input-stationary systolic array of ``elements x samples`` elements.

    Every cycle takes the address of a neuron's sign word. Element e reads its part of it e cycles
    later, adds its popcount to the sum of the elements before, and hands the sum on; column s does
    the same s cycles later with the same weights, which reach it through registers. Inputs stand
    still while neurons pass; element e of column s takes new ones e + s cycles after ``load``, so
    that a visit follows the one before without a bubble.

    With block RAM as on the ECP5 a register stands behind every memory, whose outputs come late;
    on the iCE40 it would cost a logic cell a bit.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    latency : int
        Cycles from ``address`` to ``sums[0]``; ``sums[s]`` comes s cycles later.
    signs : Out(SignFetch)
    address : In
        Sign word of the neuron that passes element 0.
    load : In(1)
        The neuron of this cycle is the first of a visit; its inputs for element 0 of column 0 stand
        on ``words[0]``. See :class:`~metabit.hdl.bundles.InputFetch`.
    words : In(samples x 64)
    sums : Out(samples)
        Popcounts of a neuron over all elements.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._lead = int(shape.memory == "block")
        self._chains = [
            [Element(LANES * (e + 1)) for e in range(shape.elements)] for _ in range(shape.samples)
        ]
        memory = 1
        self.latency = shape.elements - 1 + memory + self._lead + self._chains[0][0].latency
        super().__init__(
            {
                "signs": Out(SignFetch(shape)),
                "address": In(address_bits(shape)),
                "load": In(1),
                "words": In(data.ArrayLayout(LANES, shape.samples)),
                "sums": Out(data.ArrayLayout(total_bits(shape), shape.samples)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        elements, lead = self._shape.elements, self._lead
        addresses = delays(m, self.address, elements - 1, "address")
        loads = delays(m, self.load, lead + elements + self._shape.samples - 2, "load")
        weights: list[Value] = []
        for e in range(elements):
            m.d.comb += self.signs.addresses[e].eq(addresses[e])
            weights.append(delayed(m, self.signs.signs[e], lead, f"weights_0_{e}"))

        for s, chain in enumerate(self._chains):
            word = delayed(m, self.words[s], lead, f"word_{s}")
            if s:
                weights = [delayed(m, w, 1, f"weights_{s}_{e}") for e, w in enumerate(weights)]
            for e, element in enumerate(chain):
                m.submodules[f"element_{s}_{e}"] = element
                m.d.comb += [
                    element.load.eq(loads[lead + e + s]),
                    element.word.eq(word),
                    element.weights.eq(weights[e]),
                    element.before.eq(chain[e - 1].total if e else 0),
                ]
            total = Signal.like(chain[-1].total, name=f"total_{s}")
            m.d.comb += [total.eq(chain[-1].total), self.sums[s].eq(total)]
        return m
