"""What was predicted of each class: counts of a played run."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..shape import Shape
from .registers import CONFUSION_CLASSES, PLACE_BITS

_CLASS_BITS = ceil_log2(CONFUSION_CLASSES)
_DEPTH = CONFUSION_CLASSES**2


class Confusion(wiring.Component):
    """Take predictions, and count them by class and true class, from zero after every reset.

    A prediction takes three cycles, and the zeros of a reset one each: predictions wait.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    predictions : In(stream of 8 bits)
    label : In
        True class of the offered prediction.
    address : In, count : Out(PLACE_BITS)
        What has been counted there: a cycle later, while no predictions come.
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
        # Neither is reset itself.
        m.submodules.counts = counts = Memory(
            # In look-up tables: large devices have no block RAM left.
            shape=PLACE_BITS,
            depth=_DEPTH,
            init=[],
            attrs={"ram_style": "distributed"},
        )
        read, write = counts.read_port(transparent_for=()), counts.write_port()
        label, pair = Signal(_CLASS_BITS), Signal(range(_DEPTH))
        counting = Signal()
        m.d.comb += [
            label.eq(self.label),
            read.addr.eq(Mux(counting, pair, self.address)),
            write.addr.eq(pair),
            self.count.eq(read.data),
        ]
        with m.FSM(init="Clear", name="confusion"):
            with m.State("Take"):
                m.d.comb += self.predictions.ready.eq(1)
                # In a register: the way from the core is long.
                m.d.sync += pair.eq(Cat(self.predictions.payload[:_CLASS_BITS], label))
                with m.If(self.predictions.valid):
                    m.next = "Look"
            with m.State("Look"):
                m.d.comb += counting.eq(1)
                m.next = "Add"
            with m.State("Add"):
                m.d.comb += [write.data.eq(read.data + 1), write.en.eq(1)]
                m.next = "Take"
            with m.State("Clear"):
                m.d.comb += write.en.eq(1)
                m.d.sync += pair.eq(pair + 1)
                with m.If(pair == _DEPTH - 1):
                    m.next = "Take"
        return m
