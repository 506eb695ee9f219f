"""The row update: one winner neuron, word by word."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from ...golden.config import WORD
from .activations import Slot, activation_address
from .layout import Layout
from .select import constant
from .words import Location, WordRead


class Row(wiring.Component):
    """Request every touched word of a winner row with the inputs and draws that update it.

    One step of the generator draws the annealing phase, then one step per word its
    reinforcement. Words whose number modulo ``2**annealing`` is not the phase are passed over in
    a cycle each.

    Parameters
    ----------
    layout : Layout

    Attributes
    ----------
    start : In(1)
        Begin with the row at ``location``; ignored while ``busy``.
    location : In(Location)
    layer, slot, desired, annealing, damping : In
        Steady while ``busy``.
    busy : Out(1)
        Words are still to be requested; they may be on their way for longer.
    step : Out(1)
        Advance the generator.
    draw : In(32)
        State of the generator.
    fetch, word, chunk : Out
        Read of the layer's inputs; the slot is the caller's to give.
    inputs : In(16)
        One cycle later.
    read : Out(stream.Signature(WordRead))
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__(
            {
                "start": In(1),
                "location": In(Location(layout)),
                "layer": In(range(layout.config.layers)),
                "slot": In(Slot(layout)),
                "desired": In(1),
                "annealing": In(2),
                "damping": In(2),
                "busy": Out(1),
                "step": Out(1),
                "draw": In(32),
                "fetch": Out(1),
                "word": Out(activation_address(layout)),
                "chunk": Out(exact_log2(layout.chunks)),
                "inputs": In(WORD),
                "read": Out(stream.Signature(WordRead(layout))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layout, config = self._layout, self._layout.config
        chunk_bits = exact_log2(layout.chunks)
        number = Signal(range(max(config.words) + 1))
        location = Signal(Location(layout))
        phase = Signal(3)
        fetched = Signal()  # the second stage holds a word to request
        fetched_number = Signal.like(number)
        advance = Signal()

        mask = Signal(3)
        m.d.comb += mask.eq((1 << self.annealing) - 1)
        last = constant([words - 1 for words in config.words], self.layer)
        array_word = number >> chunk_bits
        touched = ((number ^ phase) & mask) == 0
        m.d.comb += [
            advance.eq(~fetched | self.read.ready),
            self.word.eq(constant(layout.activation_base[:-1], self.layer) + array_word),
            self.chunk.eq(number),
        ]
        with m.FSM(name="row"):
            with m.State("Idle"):
                with m.If(self.start):
                    m.d.sync += [location.eq(self.location), number.eq(0)]
                    m.d.comb += self.step.eq(1)
                    m.next = "Draw phase"
            with m.State("Draw phase"):
                m.d.comb += self.busy.eq(1)
                m.d.sync += phase.eq(self.draw)
                m.next = "Words"
            with m.State("Words"):
                m.d.comb += [self.busy.eq(1), self.step.eq(advance), self.fetch.eq(advance)]
                with m.If(advance):
                    m.d.sync += [
                        fetched.eq(touched),
                        fetched_number.eq(number),
                        number.eq(number + 1),
                    ]
                    with m.If(number == last):
                        m.next = "Last word"
            with m.State("Last word"):
                m.d.comb += self.busy.eq(1)
                with m.If(advance):
                    m.d.sync += fetched.eq(0)
                    m.next = "Idle"

        read = self.read.payload
        address = location.address + (fetched_number >> chunk_bits)
        tails = [fan_in % WORD or WORD for fan_in in config.fan_in]
        tail = constant([(1 << lanes) - 1 for lanes in tails], self.layer)
        m.d.comb += [
            self.read.valid.eq(fetched),
            read.index.chunk.eq(fetched_number),
            read.index.row.eq(location.row),
            read.index.address.eq(address),
            read.tag.inputs.eq(self.inputs),
            read.tag.enable.eq(Mux(fetched_number == last, tail, (1 << WORD) - 1)),
            read.tag.desired.eq(self.desired),
        ]
        if config.reinforcement_shift is not None:
            m.d.comb += read.tag.reinforce.eq(self._reinforced(config.reinforcement_shift))
        return m

    def _reinforced(self, shifts: tuple[int, ...]) -> Value:
        """Whether the low ``T + damping`` bits of the draw are all zero."""
        base = constant([(1 << shift) - 1 for shift in shifts], self.layer)
        # T + damping ones: T ones behind `damping` further ones.
        ones = ((base + 1) << self.damping) - 1
        return (self.draw & ones) == 0
