"""Counts of what happened since they were cleared, 32 bits each."""

from amaranth.hdl import Const, Module, Mux, Signal, Value, ValueLike
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..pipeline import delayed
from ..select import select
from ..shape import Shape
from ..statistics import PHASES, statistics_names

_BITS = 32

_FEW_BITS = 2
"""Of the address of a count among those that are next to each other in a large device."""


class Events(data.StructLayout):
    """What happened in a cycle: how many samples, right ones, triggers and rows, and where."""

    def __init__(self, shape: Shape) -> None:
        some = range(shape.samples + 1)
        super().__init__(
            {
                "samples": some,
                "correct": some,
                "triggers": some,
                "trigger_layer": range(shape.layers),
                "row": 1,
                "row_layer": range(shape.layers),
                "phases": data.StructLayout(dict.fromkeys(PHASES, 1)),
            }
        )


class Statistics(wiring.Component):
    """Count samples, right predictions, triggers and updates of each layer, cycles by phase.

    Parameters
    ----------
    shape : Shape
        :func:`~metabit.hdl.statistics.statistics_names` names the counts in the order of
        ``address``.

    Attributes
    ----------
    clear : In(1)
        Set all counts to zero; takes precedence over counting.
    events : In(Events)
    address : In(8)
    count : Out(32)
        A cycle later, in large devices two; zero where there is none.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        super().__init__(
            {"clear": In(1), "events": In(Events(shape)), "address": In(8), "count": Out(_BITS)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape, events = self._shape, self.events
        address: Value = self.address
        # Registered, so that no path from the blocks ends in a carry chain.
        happened = Signal(Events(shape))
        m.d.sync += happened.eq(events)
        amounts: dict[str, ValueLike] = {
            "samples": happened.samples,
            "correct": happened.correct,
        }
        for layer in range(shape.layers):
            amounts[f"triggers.{layer}"] = happened.triggers
            amounts[f"updates.{layer}"] = happened.row
        for phase in PHASES:
            amounts[f"cycles.{phase}"] = happened.phases[phase]
        counts: list[Value] = []
        for name in statistics_names(shape):
            kind, _, of_layer = name.partition(".")
            here: ValueLike = 1
            if kind == "triggers":
                here = happened.trigger_layer == int(of_layer)
            elif kind == "updates":
                here = happened.row_layer == int(of_layer)
            count = Signal(_BITS, name=name.replace(".", "_"))
            with m.If(self.clear):
                m.d.sync += count.eq(0)
            with m.Elif(here):
                m.d.sync += count.eq(count + amounts[name])
            counts.append(count)
        if shape.memory == "block":
            # In two cycles, as the counts are many: one of each few, and one of those.
            few = 1 << _FEW_BITS
            counts += [Const(0)] * (-len(counts) % few)
            parts = [counts[n : n + few] for n in range(0, len(counts), few)]
            counts = [
                delayed(m, select(part, address[:_FEW_BITS]), 1, f"part_{n}")
                for n, part in enumerate(parts)
            ]
            address = delayed(m, address[_FEW_BITS:], 1, "address")
        count = Signal(_BITS, reset_less=True)
        m.d.sync += count.eq(Mux(address < len(counts), select(counts, address), 0))
        m.d.comb += self.count.eq(count)
        return m
