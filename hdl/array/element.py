"""One element of the array: XNOR, popcount, and a sum that travels on."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..shape import LANES
from .popcount import Popcount


class Element(wiring.Component):
    """Count agreeing bits of a stream of weights and of inputs that stand still.

    ``total = before + popcount(xnor(weights, inputs))``, a neuron a cycle (paper, section 3.1: the
    pre-activation is ``z = 2 * popcount - fan_in``).

    Parameters
    ----------
    largest : int
        Largest ``total``.

    Attributes
    ----------
    latency : int
        Cycles from ``weights`` to ``total``; ``before`` is the sum that belongs to the weights of
        ``latency - 1`` cycles ago.
    load : In(1)
        Take ``word`` as the inputs of the weights that come from the next cycle on.
    word : In(64)
    weights : In(64)
    before : In
        Popcounts of the elements before this one.
    total : Out
    """

    _XNOR_STAGE = 1
    _SUM_STAGE = 1

    def __init__(self, largest: int) -> None:
        self._popcount = Popcount(LANES)
        self.latency = self._XNOR_STAGE + self._popcount.latency + self._SUM_STAGE
        super().__init__(
            {
                "load": In(1),
                "word": In(LANES),
                "weights": In(LANES),
                "before": In(range(largest + 1)),
                "total": Out(range(largest + 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.popcount = popcount = self._popcount
        inputs = Signal(LANES, reset_less=True)
        # An XNOR takes a look-up table of its own, because the compressors behind it have no inputs
        # left; the register in its cell costs nothing.
        agree = Signal(LANES, reset_less=True)
        total = Signal.like(self.total, reset_less=True)
        with m.If(self.load):
            m.d.sync += inputs.eq(self.word)
        m.d.sync += [
            agree.eq(~(self.weights ^ inputs)),
            total.eq(self.before + popcount.count),
        ]
        m.d.comb += [popcount.bits.eq(agree), self.total.eq(total)]
        return m
