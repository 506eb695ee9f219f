"""What was predicted of each class: counts of a played run."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..select import select
from ..shape import Shape
from .registers import CONFUSION_CLASSES, PLACE_BITS

_CLASS_BITS = ceil_log2(CONFUSION_CLASSES)
_DEPTH = CONFUSION_CLASSES**2


class Confusion(wiring.Component):
    """Take predictions, and count them by class and true class, from zero after every reset.

    A prediction takes four cycles, and the zeros of a reset one each: predictions wait.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    predictions : In(stream of 8 bits)
    label : In
        True class of the offered prediction.
    address : In, count : Out(PLACE_BITS)
        What has been counted there: two cycles later, while no predictions come.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__(
            {
                "predictions": In(stream.Signature(8)),
                "label": In(shape.class_bits),
                "address": In(range(_DEPTH)),
                "count": Out(PLACE_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        prediction, label = Signal(_CLASS_BITS), Signal(_CLASS_BITS)
        counting, writing = Signal(), Signal()
        looked_up = Mux(counting, prediction, self.address[:_CLASS_BITS])
        row = Mux(counting, label, self.address[_CLASS_BITS:])
        total = Signal(PLACE_BITS)
        rows = []
        # A memory a row, which is read into registers of its own: one of 256 words would be far
        # from itself. None is reset.
        for number in range(CONFUSION_CLASSES):
            counts = Memory(
                # In look-up tables: large devices have no block RAM left.
                shape=PLACE_BITS,
                depth=CONFUSION_CLASSES,
                init=[],
                attrs={"ram_style": "distributed"},
            )
            m.submodules[f"row_{number}"] = counts
            read, write = counts.read_port(transparent_for=()), counts.write_port()
            rows.append(read.data)
            m.d.comb += [
                read.addr.eq(looked_up),
                write.addr.eq(prediction),
                write.data.eq(total),
                write.en.eq(writing & (label == number)),
            ]
        m.d.sync += self.count.eq(select(rows, row))
        with m.FSM(init="Clear", name="confusion"):
            with m.State("Take"):
                m.d.comb += self.predictions.ready.eq(1)
                # In registers: the way from the core is long.
                m.d.sync += [prediction.eq(self.predictions.payload), label.eq(self.label)]
                with m.If(self.predictions.valid):
                    m.next = "Look"
            with m.State("Look"):
                m.d.comb += counting.eq(1)
                m.next = "Choose"
            with m.State("Choose"):
                m.d.comb += counting.eq(1)
                m.next = "Add"
            with m.State("Add"):
                m.d.comb += [total.eq(self.count + 1), writing.eq(1)]
                m.next = "Take"
            with m.State("Clear"):
                m.d.comb += writing.eq(1)
                m.d.sync += Cat(prediction, label).eq(Cat(prediction, label) + 1)
                with m.If(Cat(prediction, label).all()):
                    m.next = "Take"
        return m
