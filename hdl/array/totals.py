"""From sums to pre-activations, activations and class scores."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.hdl import Shape as HdlShape
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..bundles import score_bits, total_bits
from ..pipeline import delayed, delays
from ..select import select
from ..setup import NetworkSetup, layers_layout
from ..shape import Shape

SHARING = 2
"""Columns whose sums fill the 36 bits of a word of block RAM."""


def preactivation_shape(shape: Shape) -> HdlShape:
    """Shape of ``z = 2 * popcount - fan_in``."""
    return signed(total_bits(shape) + 1)


class BitControl(data.StructLayout):
    """Whose activation a column's bit is: layer, neuron, and whether it is the layer's last."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(
            {
                "valid": 1,
                "end": 1,
                "layer": range(shape.layers),
                "neuron": ceil_log2(shape.neurons),
            }
        )


class _Control(data.StructLayout):
    """What every column does with a sum.

    ``valid``: there is a neuron; ``first``: its partial sum starts here; ``last``: it ends here;
    ``scored``: it enters the class scores; ``replay``: its sum is taken from memory; ``end``: it is
    the last of its visit; ``begin``: it is the first; ``neuron``: its number in the layer.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__(
            {
                "valid": 1,
                "first": 1,
                "last": 1,
                "scored": 1,
                "replay": 1,
                "begin": 1,
                "end": 1,
                "half": 1,
                "layer": range(shape.layers),
                "neuron": ceil_log2(shape.neurons),
            }
        )


class Totals(wiring.Component):
    """Add up the sums of all visits, threshold them, and count class scores while they emerge.

    For every neuron k: ``z_k = 2 * (sum over visits) - K``; ``n_k`` = 1 if ``z_k >= 0`` or, with
    three thresholds, how many of ``z_k >= -T``, ``z_k >= 0``, ``z_k >= T`` hold. Score of class c,
    in popcounts: ``sum_k (P[c][k] ? n_k : planes - n_k)``. All columns do the same, column s s
    cycles later.

    A neuron takes a cycle. Its partial sum is read two cycles before its sum arrives and written
    one or two cycles after; visits are at least six cycles long, so that no word is read while it
    is written. Pre-activations of a step are kept for the search while those of the next step are
    written to the other half of their memory. Two columns share the words of a memory: a block RAM
    is wide enough.

    With more classes than fit a word of the code memory, ``replay`` takes all neurons once more
    from the partial sums, for the classes of the next word.

    Parameters
    ----------
    shape : Shape
    array_latency : int
        Cycles from ``begin`` to the sum of the first neuron in column 0.
    code_latency : int
        Cycles from ``emit_address`` to ``code``.

    Attributes
    ----------
    network, layers : In
        Setups.
    start : In(1)
        A run begins.
    begin : In(1)
        The first neuron of a visit passes element 0.
    sums : In(samples)
    emit : Out(1)
        Read the code word at ``emit_address``.
    emit_address : Out
    code : In(code_bits)
    replay : In(1)
        Count scores once more, for code word ``word``; no visit may be under way.
    word : In(4)
    scores : Out(samples x code_bits)
        Class scores, in popcounts.
    scored : Out(1)
        They are complete in all columns.
    code_base : Out
        First word of the code memory of the layer that was scored; like ``half`` steady from
        before ``scored`` until the next last visit begins.
    half : Out(1)
        Half of the kept pre-activations that it was written to.
    bits : Out(samples)
        Activations ``z >= 0`` as they emerge.
    bit_controls : Out(samples x BitControl)
    kept_half, kept_neuron : In
        Kept pre-activations to read.
    kept : Out(samples)
        ``kept_latency`` cycles later.
    """

    # Stages of a neuron: what it has so far is asked for in stage 0 and stands in a register in
    # stage 2, together with its sum; z stands in stage 3, the bits in stage 4. There they are
    # counted, in large devices a cycle later.
    _SUM, _Z, _BITS = 2, 3, 4

    def __init__(self, shape: Shape, *, array_latency: int, code_latency: int) -> None:
        self._shape = shape
        self._array_latency = array_latency
        self._emit_stage = self._BITS - code_latency
        self._registered = shape.memory == "block"
        self._count = self._BITS + self._registered
        self.kept_latency = 1 + self._registered
        samples = shape.samples
        scores = data.ArrayLayout(score_bits(shape), shape.code_bits)
        super().__init__(
            {
                "network": In(NetworkSetup(shape)),
                "layers": In(layers_layout(shape)),
                "start": In(1),
                "begin": In(1),
                "sums": In(data.ArrayLayout(total_bits(shape), samples)),
                "emit": Out(1),
                "emit_address": Out(ceil_log2(shape.codes)),
                "code": In(shape.code_bits),
                "replay": In(1),
                "word": In(4),
                "scores": Out(data.ArrayLayout(scores, samples)),
                "scored": Out(1),
                "code_base": Out(ceil_log2(shape.codes)),
                "half": Out(1),
                "bits": Out(data.ArrayLayout(1, samples)),
                "bit_controls": Out(data.ArrayLayout(BitControl(shape), samples)),
                "kept_half": In(1),
                "kept_neuron": In(ceil_log2(shape.neurons)),
                "kept": Out(data.ArrayLayout(preactivation_shape(shape), samples)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        samples = self._shape.samples
        control = Signal(_Control(self._shape))
        self._count_neurons(m, control)
        stages = delays(m, control, self._count + samples, "control")
        self._emit(m, stages)

        width = preactivation_shape(self._shape)
        # Pre-activations as they emerge, and what has been read to go on from.
        self._z = [Signal(width, name=f"z_{s}", reset_less=True) for s in range(samples)]
        self._partial = [Signal(width, name=f"so_far_{s}") for s in range(samples)]

        clear = Signal()  # the scores, before the first neuron is counted
        m.d.comb += clear.eq(control.valid & control.scored & control.begin)
        clears = delays(m, clear, samples - 1, "clear")
        code: Value = self.code
        for s in range(samples):
            if s:
                code = delayed(m, code, 1, f"code_{s}")
            self._column(m, s, stages[s:], clears[s], code)
        for first in range(0, samples, SHARING):
            self._memories(m, range(first, min(first + SHARING, samples)), stages)
        final = stages[self._count + samples]
        m.d.comb += self.scored.eq(final.valid & final.scored & final.end)
        return m

    def _of_layer(self, layer: Value, name: str) -> Value:
        """Return a field of a layer's setup."""
        return select([self.layers[n][name] for n in range(self._shape.layers)], layer)

    def _count_neurons(self, m: Module, control: data.View) -> None:
        """Follow the visits of every layer and pass, and make the control of stage 0."""
        # One cycle before stage 0 of a visit's first neuron.
        arrived = delays(m, self.begin, self._array_latency - self._SUM - 1, "begin")[-1]
        fresh = Signal(init=1)  # the next visit is the first of a run
        running, replaying = Signal(), Signal()
        layer, following = Signal.like(control.layer), Signal.like(control.layer)
        neuron, half = Signal.like(control.neuron), Signal()
        # Counted down, so that the ends are compared with a constant.
        setups = self.layers.shape().elem_shape.members
        left, visits = Signal(setups["neurons"]), Signal(setups["visits"])
        first_visit, last_visit, end, next_step = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            last_visit.eq(visits == 1),
            end.eq(left == 1),
            next_step.eq(arrived & (fresh | last_visit)),
            following.eq(layer),
            control.valid.eq(running),
            control.first.eq(~replaying & first_visit),
            control.last.eq(~replaying & last_visit),
            control.scored.eq(replaying | last_visit),
            control.replay.eq(replaying),
            control.begin.eq(neuron == 0),
            control.end.eq(end),
            control.half.eq(half),
            control.layer.eq(layer),
            control.neuron.eq(neuron),
        ]
        with m.If(next_step):
            m.d.comb += following.eq(layer + 1)
            with m.If(fresh | (layer == self.network.layers - 1)):
                m.d.comb += following.eq(0)
        with m.If(running):
            m.d.sync += [neuron.eq(neuron + 1), left.eq(left - 1)]
            with m.If(end):
                m.d.sync += running.eq(0)
        with m.If(arrived | self.replay):
            m.d.sync += [
                running.eq(1),
                replaying.eq(self.replay),
                neuron.eq(0),
                left.eq(self._of_layer(following, "neurons")),
            ]
        with m.If(arrived):
            m.d.sync += [
                visits.eq(visits - 1),
                first_visit.eq(0),
                layer.eq(following),
                fresh.eq(0),
            ]
        with m.If(next_step):
            m.d.sync += [
                visits.eq(self._of_layer(following, "visits")),
                first_visit.eq(1),
                half.eq(~half),
            ]
        with m.If(self.start):
            m.d.sync += fresh.eq(1)

    def _emit(self, m: Module, stages: list[Value]) -> None:
        """Read the code words in step with the neurons that are scored."""
        before, here = stages[self._emit_stage - 1], stages[self._emit_stage]
        following = Signal.like(self.emit_address)  # the first word of the next layer
        base = Mux(before.layer == 0, 0, following) if self._shape.layers > 1 else 0
        m.d.comb += self.emit.eq(here.valid & here.scored)
        with m.If(before.valid & before.scored):
            m.d.sync += self.emit_address.eq(self.emit_address + self.network.code_words)
            with m.If(before.begin):
                m.d.sync += self.emit_address.eq(
                    Mux(before.replay, self.code_base + self.word, base)
                )
                with m.If(~before.replay):
                    m.d.sync += [self.code_base.eq(base), self.half.eq(before.half)]
        if self._shape.layers > 1:
            with m.If(here.valid & here.last & here.end):
                m.d.sync += following.eq(self.emit_address + self.network.code_words)

    def _memories(self, m: Module, columns: range, stages: list[Value]) -> None:
        """Keep what neighbouring columns have so far, and what they end with, in common words.

        They are read when the first column needs them and written when the last one has them; for
        the others they wait, on the way out and in.
        """
        first, last = columns[0], columns[-1]
        width = preactivation_shape(self._shape)
        word = data.ArrayLayout(width, len(columns))
        depth = self._shape.neurons
        m.submodules[f"partial_{first}"] = partial = Memory(shape=word, depth=depth, init=[])
        m.submodules[f"kept_{first}"] = kept = Memory(
            shape=word, depth=2 << ceil_log2(depth), init=[]
        )
        read, write = partial.read_port(), partial.write_port()
        kept_read, kept_write = kept.read_port(), kept.write_port()
        at_z = stages[last + self._Z]
        m.d.comb += [
            read.addr.eq(stages[first].neuron),
            write.addr.eq(at_z.neuron),
            write.en.eq(at_z.valid & ~at_z.replay),
            kept_write.addr.eq(Cat(at_z.neuron, at_z.half)),
            kept_write.data.eq(write.data),
            kept_write.en.eq(at_z.valid & at_z.last),
            kept_read.addr.eq(Cat(self.kept_neuron, self.kept_half)),
        ]
        for place, s in enumerate(columns):
            m.d.comb += [
                self._partial[s].eq(delayed(m, read.data[place], s - first, f"so_far_{s}")),
                write.data[place].eq(delayed(m, self._z[s], last - s, f"z_{s}")),
                self.kept[s].eq(
                    delayed(m, kept_read.data[place], int(self._registered), f"kept_{s}")
                ),
            ]

    def _column(self, m: Module, s: int, stages: list[Value], clear: Value, code: Value) -> None:
        """Follow the neurons of one column."""
        shape = self._shape
        summed, thresholded = stages[self._SUM], stages[self._BITS]
        counted = stages[self._count]
        z = self._z[s]
        before = Signal.like(z, name=f"before_{s}", reset_less=True)
        # z begins at -K = ~K + 1; the 1 takes the place of the bit that twice a sum leaves free.
        fan_in = Cat(self._of_layer(stages[1].layer, "fan_in"), 0)
        twice = Cat(summed.first, self.sums[s] & (~summed.replay).replicate(len(self.sums[s])))
        m.d.sync += [
            before.eq(Mux(stages[1].first, (~fan_in).as_signed(), self._partial[s])),
            z.eq(before + twice),
        ]

        # Of the thresholds -T, 0, T a pre-activation passes 0 to 3, in this order.
        positive = Signal(name=f"positive_{s}", reset_less=True)
        ones = Signal(2, name=f"ones_{s}", reset_less=True)
        # In large devices in registers of the column: they have settled long before.
        near = int(self._registered)
        head_offset = delayed(m, self.network.head_offset, near, f"head_offset_{s}", own=True)
        offset = Cat(head_offset, 0).as_signed()
        three = delayed(m, self.network.three, near, f"three_{s}", own=True)
        outer = Mux(z >= 0, z >= offset, z + offset >= 0)
        m.d.sync += [
            positive.eq(z >= 0),
            ones.eq(Mux(three, Cat(outer, z >= 0), z >= 0)),
        ]
        m.d.comb += [
            self.bits[s].eq(positive),
            self.bit_controls[s].valid.eq(thresholded.valid & thresholded.last),
            self.bit_controls[s].end.eq(thresholded.end),
            self.bit_controls[s].layer.eq(thresholded.layer),
            self.bit_controls[s].neuron.eq(thresholded.neuron),
        ]
        for c in range(shape.code_bits):
            score = Signal(score_bits(shape), name=f"score_{s}_{c}", reset_less=True)
            # What a neuron gives a class whose code bit is 0: as many bits as it has not set.
            agreeing: Value = Cat(ones[0] ^ ~code[c], three & (ones[1] ^ ~code[c]))
            agreeing = delayed(m, agreeing, int(self._registered), f"agreeing_{s}_{c}")
            with m.If(clear):
                m.d.sync += score.eq(0)
            with m.Elif(counted.valid & counted.scored):
                m.d.sync += score.eq(score + agreeing)
            m.d.comb += self.scores[s][c].eq(score)
