"""Counts of what happened since the last reset, 32 bits each."""

from amaranth.hdl import Module, Signal, ValueLike
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .layout import PHASES, Layout
from .learn import Events
from .select import select


class Statistics(wiring.Component):
    """Count samples, correct predictions, triggers and updates per layer, cycles per phase.

    Parameters
    ----------
    layout : Layout
        ``layout.statistics`` names the counts in the order of ``address``.

    Attributes
    ----------
    clear : In(1)
        Set all counts to zero; takes precedence over counting.
    events : In(Events)
    layer : In
        Where a trigger or an update happened.
    phases : In
        Which phase the device is in, a bit each in the order of ``PHASES``.
    address : In
    count : Out(32)
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__(
            {
                "clear": In(1),
                "events": In(Events()),
                "layer": In(range(layout.config.layers)),
                "phases": In(data.StructLayout(dict.fromkeys(PHASES, 1))),
                "address": In(ceil_log2(len(layout.statistics))),
                "count": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        conditions: dict[str, ValueLike] = {
            "samples": self.events.sample,
            "correct": self.events.correct,
        }
        for layer in range(self._layout.config.layers):
            here = self.layer == layer
            conditions[f"triggers.{layer}"] = self.events.trigger & here
            conditions[f"updates.{layer}"] = self.events.update & here
        for phase in PHASES:
            conditions[f"cycles.{phase}"] = self.phases[phase]

        counts = []
        for name in self._layout.statistics:
            count = Signal(32, name=name.replace(".", "_"))
            with m.If(self.clear):
                m.d.sync += count.eq(0)
            with m.Elif(conditions[name]):
                m.d.sync += count.eq(count + 1)
            counts.append(count)
        m.d.comb += self.count.eq(select(counts, self.address))
        return m
