"""One element of the array: XNOR, popcount, accumulate."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .popcount import Popcount


class Element(wiring.Component):
    """Count agreeing bits of weights and inputs over all words of a fan-in.

    ``total`` is the popcount of ``xnor(x, w)``, from which ``z = 2 * total - fan_in``
    (paper, section 3.1).

    Parameters
    ----------
    lanes : int
        Bits per word.
    largest : int
        Largest total.

    Attributes
    ----------
    latency : int
        Cycles from a word to ``enable``, which must come with that word's popcount.
    weights, inputs : In(lanes)
        One word each.
    enable : In(1)
        Add the popcount of the word that entered ``latency`` cycles ago.
    clear : In(1)
        Start again from zero; takes precedence over ``enable``.
    total : Out(range(largest + 1))
    """

    def __init__(self, lanes: int, largest: int) -> None:
        self._popcount = Popcount(lanes)
        self.latency = self._popcount.latency
        super().__init__(
            {
                "weights": In(lanes),
                "inputs": In(lanes),
                "enable": In(1),
                "clear": In(1),
                "total": Out(range(largest + 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.popcount = popcount = self._popcount
        m.d.comb += popcount.bits.eq(~(self.weights ^ self.inputs))
        # A clear of its own instead of `first ? 0 : total` maps to the flip-flops' reset and
        # leaves the adder in one logic cell per bit.
        with m.If(self.clear):
            m.d.sync += self.total.eq(0)
        with m.Elif(self.enable):
            m.d.sync += self.total.eq(self.total + popcount.count)
        return m
