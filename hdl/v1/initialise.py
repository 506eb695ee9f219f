"""The initial state: classifiers and counters drawn from the generator."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...golden.config import WORD
from .layout import Layout
from .select import constant
from .words import Index, Location


class Initialise(wiring.Component):
    """Fill the weight store as ``golden.Network`` does, word by word.

    First the classifiers, one step of the generator per word; then the counters, one step per
    lane, uniform over a quarter of their range or of that of 8 bits. Lanes beyond the end of a row
    become zero counters, whose sign is +1: see :class:`~metabit.hdl.v1.layout.Layout`.

    Parameters
    ----------
    layout : Layout

    Attributes
    ----------
    start : In(1)
        Begin; ignored while ``busy``.
    busy : Out(1)
    step : Out(1)
        Advance the generator.
    draw : In(32)
        Its state.
    shift_counter : Out(1)
        Shift ``counter`` in.
    counter : Out(b)
    write : Out(1)
        Write the shifter's content to ``index``.
    index : Out(Index)
    signs_only : Out(1)
    written : In(1)
        The write has been accepted.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        bits = layout.config.counter_bits
        super().__init__(
            {
                "start": In(1),
                "busy": Out(1),
                "step": Out(1),
                "draw": In(32),
                "shift_counter": Out(1),
                "counter": Out(bits),
                "write": Out(1),
                "index": Out(Index(layout)),
                "signs_only": Out(1),
                "written": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layout, config = self._layout, self._layout.config
        bits, chunks = config.counter_bits, layout.chunks

        # The regions in the order they are drawn: all classifiers, then all layers.
        fan_in = [*config.hidden, *config.fan_in]
        rows = [*([config.classes] * config.layers), *config.hidden]
        region = Signal(range(2 * config.layers))
        last_words = constant([-(-n // WORD) - 1 for n in fan_in], region)
        tail = constant([n % WORD or WORD for n in fan_in], region)
        array_words = constant([*layout.code_words, *layout.array_words], region)
        base = constant([*layout.code_base, *layout.weight_base], region)

        row = Signal(range(max(rows) + 1))
        word = Signal(range(max([*layout.code_words, *layout.array_words]) * chunks + 1))
        lane = Signal(range(WORD + 1))
        location = Signal(Location(layout))
        m.d.comb += [
            self.signs_only.eq(region < config.layers),
            Cat(self.index.chunk, self.index.address).eq(
                Cat(Const(0, len(self.index.chunk)), location.address) + word
            ),
            self.index.row.eq(location.row),
        ]
        drawn_counter = self.draw[: config.start_bits].as_signed()
        # The sign plane takes the sign of a counter that stands for a code bit.
        code_bit = Cat(Const(0, bits - 1), ~self.draw.bit_select(lane, 1))
        with m.If((word <= last_words) & (lane < Mux(word == last_words, tail, WORD))):
            m.d.comb += self.counter.eq(Mux(self.signs_only, code_bit, drawn_counter))

        with m.FSM(name="initialise") as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("Idle"))
            with m.State("Idle"):
                m.d.sync += region.eq(0)
                with m.If(self.start):
                    m.next = "Begin region"
            with m.State("Begin region"):
                m.d.sync += [
                    row.eq(0),
                    word.eq(0),
                    location.address.eq(base),
                    location.row.eq(0),
                ]
                m.next = "Begin word"
            with m.State("Begin word"):
                m.d.sync += lane.eq(0)
                m.d.comb += self.step.eq(word <= last_words)
                m.next = "Shift lanes"
            with m.State("Shift lanes"):
                m.d.comb += [
                    self.shift_counter.eq(1),
                    self.step.eq((word <= last_words) & ~self.signs_only & (lane != WORD - 1)),
                ]
                m.d.sync += lane.eq(lane + 1)
                with m.If(lane == WORD - 1):
                    m.next = "Write word"
            with m.State("Write word"):
                m.d.comb += self.write.eq(1)
                with m.If(self.written):
                    m.d.sync += word.eq(word + 1)
                    m.next = "Begin word"
                    with m.If(word == (array_words << (chunks.bit_length() - 1)) - 1):
                        m.next = "End row"
            with m.State("End row"):
                m.d.sync += [row.eq(row + 1), word.eq(0), location.row.eq(location.row + 1)]
                with m.If(location.row == config.array.rows - 1):
                    m.d.sync += [
                        location.row.eq(0),
                        location.address.eq(location.address + array_words),
                    ]
                m.next = "Begin word"
                with m.If(row == constant(rows, region) - 1):
                    m.d.sync += region.eq(region + 1)
                    m.next = "Begin region"
                    with m.If(region == 2 * config.layers - 1):
                        m.next = "Idle"
        return m
