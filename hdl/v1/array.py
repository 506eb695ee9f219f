"""The XNOR-popcount array: rows of neurons by columns of samples."""

from amaranth.hdl import Module, Mux, Signal, ValueLike
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .element import Element
from .layout import Layout
from .pipeline import delays


class ArrayFlags(data.StructLayout):
    """What accompanies a word through the array."""

    def __init__(self) -> None:
        super().__init__({"valid": 1, "last": 1})


class Array(wiring.Component):
    """Output-stationary array of ``rows x samples`` elements.

    Every cycle takes a word of weights per row and a word of inputs per column. After the word
    flagged ``last``, each column delivers its rows' totals in ascending order. The totals drain
    through registers of their own, so the next block may already be under way; its own last word
    must follow after at least ``interval`` cycles, and a word flagged ``last`` must be followed
    by one cycle without a word, in which the elements are cleared.

    In the systolic variant row r and column s run r + s cycles behind: ``signs[r]`` must come r
    and ``inputs[s]`` must come s cycles after the flags, and column s answers s cycles later.

    Parameters
    ----------
    layout : Layout

    Attributes
    ----------
    interval : int
        Least distance of two last words, in cycles.
    settle : int
        Cycles after a last word until every total of every column has been delivered.
    flags : In(ArrayFlags)
    signs : In(rows x lanes)
    inputs : In(samples x lanes)
    valid : Out(samples x 1)
        Whether a column delivers a total.
    totals : Out(samples x range(popcount_max + 1))
    """

    def __init__(self, layout: Layout) -> None:
        shape = layout.config.array
        self._shape = shape
        self._elements = [
            [Element(shape.lanes, layout.popcount_max) for _ in range(shape.samples)]
            for _ in range(shape.rows)
        ]
        self._latency = self._elements[0][0].latency
        self._skew = int(shape.systolic)
        self.interval = shape.rows * (1 + self._skew)
        self.settle = self._latency + 2 + self.interval + self._skew * shape.samples
        total = self._elements[0][0].total.shape()
        super().__init__(
            {
                "flags": In(ArrayFlags()),
                "signs": In(data.ArrayLayout(shape.lanes, shape.rows)),
                "inputs": In(data.ArrayLayout(shape.lanes, shape.samples)),
                "valid": Out(data.ArrayLayout(1, shape.samples)),
                "totals": Out(data.ArrayLayout(total, shape.samples)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rows, samples = range(self._shape.rows), range(self._shape.samples)
        skew = self._skew
        reach = skew * (len(rows) + len(samples))
        enables = delays(m, self.flags.valid, self._latency + reach, "enable")
        # One cycle after its last word has been added, an element is captured and cleared.
        captures = delays(m, self.flags.last, self._latency + 1 + reach, "capture")

        for r in rows:
            for s in samples:
                m.submodules[f"element_{r}_{s}"] = element = self._elements[r][s]
                delay = skew * (r + s)
                m.d.comb += [
                    element.weights.eq(self.signs[r]),
                    element.inputs.eq(self.inputs[s]),
                    element.enable.eq(enables[self._latency + delay]),
                    element.clear.eq(captures[self._latency + 1 + delay]),
                ]
        if skew:
            self._pass_operands(m)

        for s in samples:
            draining: ValueLike = 0
            for r in reversed(rows):
                drained = Signal.like(self._elements[r][s].total, name=f"drained_{r}_{s}")
                capture = captures[self._latency + 1 + skew * (r + s)]
                m.d.sync += drained.eq(Mux(capture, self._elements[r][s].total, draining))
                draining = drained
            m.d.comb += self.totals[s].eq(draining)

        waiting: ValueLike = 0
        for r in reversed(rows):
            occupied = Signal(name=f"occupied_{r}")
            m.d.sync += occupied.eq(captures[self._latency + 1 + skew * r] | waiting)
            waiting = occupied
        valid = delays(m, waiting, skew * len(samples), "column")
        for s in samples:
            m.d.comb += self.valid[s].eq(valid[skew * s])
        return m

    def _pass_operands(self, m: Module) -> None:
        """Let weights move along the rows and inputs down the columns, a register at a time."""
        for r, row in enumerate(self._elements):
            for s, element in enumerate(row):
                if s:
                    weights = Signal.like(element.weights, name=f"weights_{r}_{s}")
                    m.d.sync += weights.eq(row[s - 1].weights)
                    m.d.comb += element.weights.eq(weights)
                if r:
                    inputs = Signal.like(element.inputs, name=f"inputs_{r}_{s}")
                    m.d.sync += inputs.eq(self._elements[r - 1][s].inputs)
                    m.d.comb += element.inputs.eq(inputs)
