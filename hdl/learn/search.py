"""The search for winners: in every group, the candidate that is easiest to turn."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..array.totals import preactivation_shape
from ..bundles import address_bits
from ..pipeline import delayed, delays
from ..select import select
from ..setup import NetworkSetup, layers_layout
from ..shape import Shape
from .codes import Found, Mark
from .head import Judged


class _Stage(data.StructLayout):
    """What accompanies a code word on its way: see :class:`Search`."""

    def __init__(self) -> None:
        super().__init__({"valid": 1, "decides": 1, "begins": 1, "ends": 1, "word": 4})


class Search(wiring.Component):
    """Find the wrong neuron of smallest ``|z|`` in every group, and write it down.

    A neuron is a candidate if its activation differs from its bit in the label's code and, with
    rival selection, if the rival's code differs from the label's there. The lowest index wins ties;
    a group without a candidate has no winner. All columns are scanned at a time, a code word a
    cycle; a step in which no column triggered is passed over. When a step is over, every column
    that has a sample notes the end of its layer, or of the sample.

    Parameters
    ----------
    shape : Shape
    code_latency, kept_latency : int
        Of code memory and kept pre-activations; a pre-activation comes no later than its code.

    Attributes
    ----------
    network, layers : In
        Setups.
    judged : In(stream of Judged)
        Steps, in order.
    scan, scan_address, scanned
        See :class:`~metabit.hdl.learn.codes.CodesSignature`.
    kept_half, kept_neuron : Out
    kept : In(samples)
    found : Out(samples x {valid, payload})
    triggers : Out(samples)
        Columns that trigger; high for a cycle.
    layer : Out
        Their layer.
    """

    def __init__(self, shape: Shape, *, code_latency: int, kept_latency: int) -> None:
        self._shape = shape
        self._code_latency = code_latency
        self._kept_latency = kept_latency
        samples = shape.samples
        self._found = data.StructLayout({"valid": 1, "payload": Found(shape)})
        super().__init__(
            {
                "network": In(NetworkSetup(shape)),
                "layers": In(layers_layout(shape)),
                "judged": In(
                    wiring.Signature(
                        {"valid": Out(1), "ready": In(1), "payload": Out(Judged(shape))}
                    )
                ),
                "scan": Out(wiring.Signature({"valid": Out(1), "ready": In(1)})),
                "scan_address": Out(ceil_log2(shape.codes)),
                "scanned": In(shape.code_bits),
                "kept_half": Out(1),
                "kept_neuron": Out(ceil_log2(shape.neurons)),
                "kept": In(data.ArrayLayout(preactivation_shape(shape), samples)),
                "found": Out(data.ArrayLayout(self._found, samples)),
                "triggers": Out(data.ArrayLayout(1, samples)),
                "layer": Out(range(shape.layers)),
            }
        )

    # Stages after the code word has come: bits of label and rival are picked, candidates and their
    # size stand in registers, they are compared, the winner of the group stands.
    _STAGES = 3

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape = self._shape
        judged = Signal(Judged(shape), reset_less=True)
        neurons = select([self.layers[n].neurons for n in range(shape.layers)], judged.step.layer)
        # Ends are compared with constants: what is left is counted down.
        neuron, left = Signal(ceil_log2(shape.neurons)), Signal.like(neurons)
        left_in_group, begins = Signal.like(self.network.group), Signal()
        word = Signal(4)
        asked = Signal(_Stage())
        last_word, last_neuron, group_end = Signal(), Signal(), Signal()
        final_word = Signal(word.shape(), reset_less=True)  # settled long before it is used
        m.d.sync += final_word.eq(self.network.code_words - 1)
        m.d.comb += [
            last_word.eq(word == final_word),
            last_neuron.eq(left == 1),
            group_end.eq((left_in_group == 1) | last_neuron),
            asked.valid.eq(self.scan.valid & self.scan.ready),
            asked.decides.eq(asked.valid & last_word),
            asked.begins.eq(begins),
            asked.ends.eq(group_end),
            asked.word.eq(word),
            self.kept_half.eq(judged.half),
            self.kept_neuron.eq(neuron),
            self.layer.eq(judged.step.layer),
        ]
        stages = delays(m, asked, self._code_latency + self._STAGES, "asked")
        idle = ~Cat(stage.valid for stage in stages).any()

        with m.If(asked.valid):
            m.d.sync += [self.scan_address.eq(self.scan_address + 1), word.eq(word + 1)]
            with m.If(last_word):
                m.d.sync += [
                    word.eq(0),
                    neuron.eq(neuron + 1),
                    left.eq(left - 1),
                    left_in_group.eq(left_in_group - 1),
                    begins.eq(group_end),
                ]
                with m.If(group_end):
                    m.d.sync += left_in_group.eq(self.network.group)
        mark = Signal()
        with m.FSM(name="search"):
            with m.State("Await step"):
                m.d.comb += self.judged.ready.eq(1)
                m.d.sync += [
                    judged.eq(self.judged.payload),
                    self.scan_address.eq(self.judged.payload.code_base),
                    neuron.eq(0),
                    begins.eq(1),
                    word.eq(0),
                ]
                with m.If(self.judged.valid):
                    m.next = "Begin"
            with m.State("Begin"):
                m.d.comb += self.triggers.eq(judged.triggered)
                m.d.sync += [left.eq(neurons), left_in_group.eq(self.network.group)]
                m.next = "Mark"
                with m.If(judged.triggered.as_value().any()):
                    m.next = "Scan"
            with m.State("Scan"):
                m.d.comb += self.scan.valid.eq(1)
                with m.If(asked.decides & last_neuron):
                    m.next = "Finish"
            with m.State("Finish"):
                with m.If(idle):
                    m.next = "Mark"
            with m.State("Mark"):
                m.d.comb += mark.eq(1)
                m.next = "Await step"

        # The neuron that is compared: counted, not carried along.
        arrived = stages[self._code_latency + 2]
        address = Signal(address_bits(shape))
        with m.If(asked.valid & (neuron == 0)):
            m.d.sync += address.eq(judged.step.base)
        with m.Elif(arrived.decides):
            m.d.sync += address.eq(address + 1)
        for s in range(shape.samples):
            self._column(m, s, stages, judged, address, mark)
        return m

    def _column(
        self,
        m: Module,
        s: int,
        stages: list[data.View],
        judged: data.View,
        address: Value,
        mark: Value,
    ) -> None:
        """Follow the candidates of one column."""
        shape = self._shape
        position_bits = shape.position_bits
        label, rival = judged.labels[s], judged.rivals[s]
        come = stages[self._code_latency]
        picked = []
        for name, number in (("label", label), ("rival", rival)):
            bit = Signal(name=f"{name}_bit_{s}")
            code_bits = [self.scanned[n] for n in range(shape.code_bits)]
            with m.If(come.word == number[position_bits:]):
                m.d.sync += bit.eq(select(code_bits, number[:position_bits]))
            picked.append(bit)
        label_bit, rival_bit = picked

        wait = self._code_latency - self._kept_latency + 1
        z = delayed(m, self.kept[s], wait, f"kept_{s}")
        size = Signal(len(z), name=f"size_{s}", reset_less=True)
        candidate, desired = Signal(name=f"candidate_{s}"), Signal(name=f"desired_{s}")
        wrong = (z >= 0) != label_bit
        told_apart = (label_bit != rival_bit) | ~self.network.rival
        m.d.sync += [
            size.eq(Mux(z < 0, -z, z)),
            candidate.eq(judged.triggered[s] & wrong & told_apart),
            desired.eq(label_bit),
        ]

        compared = stages[self._code_latency + 2]
        least = Signal.like(size, name=f"least_{s}", reset_less=True)
        winner = Signal(Found(shape), name=f"winner_{s}", reset_less=True)
        any_found = Signal(name=f"any_{s}")
        better = candidate & (compared.begins | ~any_found | (size < least))
        with m.If(compared.decides):
            m.d.sync += any_found.eq(candidate | (any_found & ~compared.begins))
            with m.If(better):
                m.d.sync += [
                    least.eq(size),
                    winner.address.eq(address),
                    winner.desired.eq(desired),
                ]
        ended = stages[self._code_latency + 3]
        note = self.found[s]
        m.d.comb += [
            note.valid.eq(ended.decides & ended.ends & any_found),
            note.payload.eq(winner),
        ]
        with m.If(mark):
            m.d.comb += [
                note.valid.eq(judged.step.columns >= s),
                note.payload.kind.eq(Mark.LAYER),
            ]
            with m.If(judged.step.last):
                m.d.comb += note.payload.kind.eq(Mark.SAMPLE)
                with m.If(judged.step.tile & (judged.step.columns == s)):
                    m.d.comb += note.payload.kind.eq(Mark.TILE)
