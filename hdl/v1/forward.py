"""The forward pass: every sample of a tile through every layer and classifier."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2, exact_log2

from .activations import activation_address
from .array import ArrayFlags
from .layout import Layout
from .select import constant


class Forward(wiring.Component):
    """Sequence the array over passes, layers, blocks of neurons, planes and words.

    A *region* is what one run of blocks computes: the neurons of a layer, then its class scores.
    The next region may read what this one writes, so its last totals are awaited in between.

    Parameters
    ----------
    layout : Layout
    interval, settle : int
        Of the array, see :class:`~metabit.hdl.v1.array.Array`; ``settle`` includes the collector.

    Attributes
    ----------
    start : In(1)
        Begin; ignored while ``busy``.
    samples : In(7)
        Samples in the tile, at least 1; steady while ``busy``.
    busy : Out(1)
    fetch : Out(1)
        Read the sign plane at ``sign_address`` and the activations at ``word``.
    sign_address, word : Out
    flags : Out(ArrayFlags)
        One cycle behind ``fetch``, with the words that were read.
    restart, layer, scores, pass_, flush, plane : Out
        To the collector.
    """

    def __init__(self, layout: Layout, *, interval: int, settle: int) -> None:
        self._layout = layout
        self._interval = interval
        self._settle = settle
        super().__init__(
            {
                "start": In(1),
                "samples": In(7),
                "busy": Out(1),
                "fetch": Out(1),
                "sign_address": Out(ceil_log2(layout.sign_depth)),
                "word": Out(activation_address(layout)),
                "flags": Out(ArrayFlags()),
                "restart": Out(1),
                "layer": Out(range(layout.config.layers)),
                "scores": Out(1),
                "pass_": Out(ceil_log2(layout.passes)),
                "flush": Out(1),
                "plane": Out(range(layout.config.planes)),
            }
        )

    def _region(self, neurons: tuple[int, ...], classes: tuple[int, ...]) -> Value:
        """Return a constant of the present region."""
        return Mux(self.scores, constant(classes, self.layer), constant(neurons, self.layer))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layout, config = self._layout, self._layout.config
        words = self._region(layout.array_words, layout.code_words)
        blocks = self._region(layout.blocks, (layout.code_blocks,) * config.layers)
        last_plane = Mux(self.scores, config.planes - 1, 0)

        word_count = Signal(range(max(*layout.array_words, *layout.code_words) + 1))
        block_count = Signal(range(max(*layout.blocks, layout.code_blocks) + 1))
        block_address = Signal.like(self.sign_address)
        cooldown = Signal(range(self._interval + 1))
        settling = Signal(range(self._settle + 1))
        last_word, hold = Signal(), Signal()
        m.d.comb += [
            last_word.eq((word_count == words - 1) & (self.plane == last_plane)),
            hold.eq(last_word & (cooldown != 0)),
        ]
        m.d.sync += [
            self.flags.valid.eq(self.fetch),
            self.flags.last.eq(self.fetch & last_word),
        ]
        with m.If(cooldown != 0):
            m.d.sync += cooldown.eq(cooldown - 1)

        inputs = self._region(layout.activation_base[:-1], layout.activation_base[1:])
        last_pass = (self.samples - 1) >> exact_log2(config.array.samples)
        ragged = constant([int(k % config.array.lanes != 0) for k in config.hidden], self.layer)

        with m.FSM(name="forward") as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("Idle"))
            with m.State("Idle"):
                m.d.sync += [self.layer.eq(0), self.scores.eq(0), self.pass_.eq(0)]
                with m.If(self.start):
                    m.next = "Begin region"
            with m.State("Begin region"):
                base = self._region(layout.weight_base, layout.code_base)
                m.d.comb += self.restart.eq(1)
                m.d.sync += [
                    self.sign_address.eq(base),
                    block_address.eq(base),
                    block_count.eq(0),
                    self.word.eq(inputs),
                    word_count.eq(0),
                    self.plane.eq(0),
                ]
                m.next = "Issue words"
            with m.State("Issue words"):
                m.d.comb += self.fetch.eq(~hold)
                with m.If(~hold):
                    m.d.sync += [
                        self.sign_address.eq(self.sign_address + 1),
                        self.word.eq(self.word + 1),
                        word_count.eq(word_count + 1),
                    ]
                    with m.If(last_word):
                        m.d.sync += cooldown.eq(self._interval - 1)
                        m.next = "End block"
                    with m.Elif(word_count == words - 1):
                        m.d.sync += [
                            word_count.eq(0),
                            self.plane.eq(self.plane + 1),
                            self.sign_address.eq(block_address),
                        ]
            with m.State("End block"):
                m.d.sync += [
                    block_address.eq(self.sign_address),
                    block_count.eq(block_count + 1),
                    self.word.eq(inputs),
                    word_count.eq(0),
                    self.plane.eq(0),
                    settling.eq(self._settle),
                ]
                m.next = "Issue words"
                with m.If(block_count == blocks - 1):
                    m.next = "Settle"
            with m.State("Settle"):
                m.d.sync += settling.eq(settling - 1)
                with m.If(settling == 0):
                    m.next = "End region"
                    with m.If(~self.scores & ragged):
                        m.next = "Flush"
            with m.State("Flush"):
                m.d.comb += self.flush.eq(1)
                m.d.sync += self.plane.eq(self.plane + 1)
                with m.If(self.plane == config.planes - 1):
                    m.next = "End region"
            with m.State("End region"):
                m.d.sync += self.scores.eq(~self.scores)
                m.next = "Begin region"
                with m.If(self.scores):
                    m.d.sync += self.layer.eq(self.layer + 1)
                    with m.If(self.layer == config.layers - 1):
                        m.d.sync += [self.layer.eq(0), self.pass_.eq(self.pass_ + 1)]
                        with m.If(self.pass_ == last_pass):
                            m.next = "Idle"
        return m
