"""Predictions, side by side from the columns, one after the other to the host."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..select import select
from ..shape import Shape


class Predictions(wiring.Component):
    """Hold the predictions of a pass until they have been taken, in the order of the columns.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    valid : In(1)
        Take ``classes`` of ``columns + 1`` columns; not while ``busy``.
    classes : In(samples x 8)
    columns : In
    busy : Out(1)
    predictions : Out(stream of 8 bits)
    labels, label : In(samples), Out
        True classes of the columns, and that of the offered prediction; only where it is counted
        what is predicted of each class.
    """

    def __init__(self, shape: Shape) -> None:
        self._samples = shape.samples
        self._labelled = shape.confusion
        members = {
            "valid": In(1),
            "classes": In(data.ArrayLayout(8, shape.samples)),
            "columns": In(range(shape.samples)),
            "busy": Out(1),
            "predictions": Out(stream.Signature(8)),
        }
        if shape.confusion:
            members["labels"] = In(data.ArrayLayout(shape.class_bits, shape.samples))
            members["label"] = Out(shape.class_bits)
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        held = Signal.like(self.classes)
        column, last = Signal(range(self._samples)), Signal(range(self._samples))
        m.d.comb += [
            self.predictions.valid.eq(self.busy),
            self.predictions.payload.eq(select([held[s] for s in range(self._samples)], column)),
        ]
        with m.If(self.valid):
            m.d.sync += [
                held.eq(self.classes),
                last.eq(self.columns),
                column.eq(0),
                self.busy.eq(1),
            ]
        with m.Elif(self.busy & self.predictions.ready):
            m.d.sync += [column.eq(column + 1), self.busy.eq(column != last)]
        if self._labelled:
            labels = Signal.like(self.labels, reset_less=True)
            with m.If(self.valid):
                m.d.sync += labels.eq(self.labels)
            m.d.comb += self.label.eq(select([labels[s] for s in range(self._samples)], column))
        return m
