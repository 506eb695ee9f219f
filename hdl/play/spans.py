"""Spans of a played run: the core is started for each of them."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..bundles import Run
from ..shape import Shape
from .registers import SPAN_BITS, place_bits


class Spans(wiring.Component):
    """Run the core span by span, so that it drains where golden does.

    Parameters
    ----------
    shape : Shape
        Says how many samples a run has at the most.

    Attributes
    ----------
    span : In(SPAN_BITS)
        Samples of a span, at least 1.
    start : In(1)
        Begin with ``whole``; taken while not ``busy``.
    whole : In(Run)
        What is to be done, as a single run.
    run : Out(stream of Run)
        What the core is to do.
    idle : In(1)
        The core has ended its run.
    busy : Out(1)
        From the cycle after ``start`` to the end of the last span.
    running : Out(1)
        The core is at work on a span.
    """

    def __init__(self, shape: Shape) -> None:
        self._place_bits = place_bits(shape)
        super().__init__(
            {
                "span": In(SPAN_BITS),
                "start": In(1),
                "whole": In(Run()),
                "run": Out(stream.Signature(Run())),
                "idle": In(1),
                "busy": Out(1),
                "running": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        run, whole = self.run.payload, self.whole
        left, long = Signal(self._place_bits), Signal()
        m.d.sync += long.eq(left > self.span)
        m.d.comb += run.samples.eq(Mux(long, self.span, left))
        for name in ("train", "drain", "annealing", "damping"):
            kept = Signal.like(getattr(whole, name), name=name, reset_less=True)
            with m.If(self.start):
                m.d.sync += kept.eq(getattr(whole, name))
            m.d.comb += getattr(run, name).eq(kept)
        with m.FSM(name="spans"):
            with m.State("Rest"):
                with m.If(self.start):
                    m.d.sync += left.eq(whole.samples)
                    m.next = "Look"
            with m.State("Look"):
                m.d.comb += self.busy.eq(1)
                m.next = "Begin"
                with m.If(left == 0):
                    m.next = "Rest"
            with m.State("Begin"):
                m.d.comb += [self.busy.eq(1), self.run.valid.eq(1)]
                with m.If(self.run.ready):
                    m.d.sync += left.eq(left - run.samples)
                    m.next = "Run"
            with m.State("Run"):
                m.d.comb += [self.busy.eq(1), self.running.eq(1)]
                with m.If(self.idle):
                    m.next = "Look"
        return m
