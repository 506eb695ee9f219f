"""The learning pass: head, winners and row updates of every sample, layer and group."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from ...golden.config import WORD
from .activations import Popcounts, Slot, popcount_address
from .head import Head
from .layout import Layout
from .pipeline import delays
from .select import constant
from .vote import Vote
from .winner import Winner
from .words import Location, Word, WordRead


class Events(data.StructLayout):
    """What happened in a cycle, for the statistics."""

    def __init__(self) -> None:
        super().__init__({"sample": 1, "correct": 1, "trigger": 1, "update": 1})


class Learn(wiring.Component):
    """Judge every sample layer by layer, and update a winner per group where it triggers.

    Samples in order, layers ascending, groups ascending, one after the other: the updates of a
    tile are a sequence. Without ``training`` only the last layer's head is consulted. With summed
    scores, the scores of all layers are read once more for the prediction.

    Parameters
    ----------
    layout : Layout

    Attributes
    ----------
    start : In(1)
        Begin; ignored while ``busy``.
    training : In(1)
    samples : In(7)
        Both steady while ``busy``.
    busy : Out(1)
    updating : Out(1)
        A row update is in progress.
    slot : Out(Slot)
        The sample under way.
    layer : Out
    label : In(8)
        Its label, one cycle after ``slot``.
    index : Out
        Popcount to read of that sample.
    count : In
        ``Popcounts.latency`` cycles later.
    read : Out(stream.Signature(WordRead))
        Reads of code words.
    word : In(stream.Signature(Word, always_ready=True))
        Their answers, and those of the row update.
    row_start : Out(1)
    winner : Out(Location)
    desired : Out(1)
    row_busy : In(1)
        Row update or any of its writes under way.
    prediction : Out(stream.Signature(8))
    events : Out(Events)
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__(
            {
                "start": In(1),
                "training": In(1),
                "samples": In(7),
                "busy": Out(1),
                "updating": Out(1),
                "slot": Out(Slot(layout)),
                "layer": Out(range(layout.config.layers)),
                "label": In(8),
                "index": Out(popcount_address(layout)),
                "count": In(range(layout.popcount_max + 1)),
                "read": Out(stream.Signature(WordRead(layout))),
                "word": In(stream.Signature(Word(layout), always_ready=True)),
                "row_start": Out(1),
                "winner": Out(Location(layout)),
                "desired": Out(1),
                "row_busy": In(1),
                "prediction": Out(stream.Signature(8)),
                "events": Out(Events()),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layout, config = self._layout, self._layout.config
        m.submodules.head = head = Head(layout)
        m.submodules.winner = winner = Winner(layout)
        last_layer = self.layer == config.layers - 1

        sample = Signal(7)
        remaining = Signal(9)
        reading = Signal()
        m.d.comb += [
            self.slot.eq(sample),
            head.layer.eq(self.layer),
            head.label.eq(self.label),
            head.count.eq(self.count),
            head.valid.eq(delays(m, reading, Popcounts.latency, "reading")[-1]),
            winner.layer.eq(self.layer),
            winner.count.eq(self.count),
            self.winner.eq(winner.winner),
            self.desired.eq(winner.desired),
        ]

        prediction: Value = head.best
        if config.layers_vote:
            m.submodules.vote = vote = Vote(layout)
            prediction = vote.best
        m.d.comb += self.prediction.payload.eq(prediction)

        neuron = Signal(range(max(config.hidden) + 1))
        in_group = Signal(range(config.group + 1))
        location = Signal(Location(layout))
        label_code, rival_code = Signal(WORD), Signal(WORD)
        has_label_code = Signal()
        layer_done, word_done = Signal(), Signal()
        pause = Signal(range(Popcounts.latency + winner.latency))

        # The popcount of the neuron presented now takes a while: so must the rest.
        scan = Signal()
        for port, value, name in (
            (winner.valid, scan, "scan"),
            (winner.label_bit, label_code[0], "label_bit"),
            (winner.rival_bit, rival_code[0], "rival_bit"),
            (winner.location, location, "location"),
        ):
            m.d.comb += port.eq(delays(m, value, Popcounts.latency, name)[-1])
        width = constant(config.hidden, self.layer)
        layer_end = neuron == width - 1
        group_end = (in_group == config.group - 1) | layer_end
        word_end = neuron[: exact_log2(WORD)].all() if len(neuron) >= exact_log2(WORD) else 0

        with m.FSM(name="learn") as fsm:
            m.d.comb += [
                self.busy.eq(~fsm.ongoing("Idle")),
                self.updating.eq(fsm.ongoing("Update row")),
            ]
            with m.State("Idle"):
                m.d.sync += sample.eq(0)
                with m.If(self.start):
                    m.next = "Begin sample"
            with m.State("Begin sample"):
                m.d.sync += self.layer.eq(Mux(self.training, 0, config.layers - 1))
                m.next = "Begin layer"
            with m.State("Begin layer"):
                m.d.comb += head.clear.eq(1)
                m.d.sync += [
                    self.index.eq(constant(layout.score_base, self.layer)),
                    remaining.eq(config.classes - 1),
                ]
                m.next = "Read scores"
            with m.State("Read scores"):
                m.d.comb += reading.eq(1)
                m.d.sync += [
                    self.index.eq(self.index + 1),
                    remaining.eq(remaining - 1),
                    pause.eq(Popcounts.latency - 1),
                ]
                with m.If(remaining == 0):
                    m.next = "Await head"
            with m.State("Await head"):
                m.d.sync += pause.eq(pause - 1)
                with m.If(pause == 0):
                    m.next = "Judge"
                    with m.If(last_layer):
                        m.next = "Begin sum" if config.layers_vote else "Predict"
            if config.layers_vote:
                self._sum_scores(m, vote, remaining, pause)
            with m.State("Predict"):
                m.d.comb += self.prediction.valid.eq(1)
                with m.If(self.prediction.ready):
                    m.d.comb += [
                        self.events.sample.eq(self.training),
                        self.events.correct.eq(self.training & (prediction == self.label)),
                    ]
                    m.next = "Judge"
            with m.State("Judge"):
                m.d.sync += [
                    neuron.eq(0),
                    in_group.eq(0),
                    location.address.eq(constant(layout.weight_base, self.layer)),
                    location.row.eq(0),
                    self.index.eq(constant(layout.popcount_base, self.layer)),
                ]
                m.d.comb += winner.clear.eq(1)
                m.next = "End layer"
                with m.If(self.training & head.triggered):
                    m.d.comb += self.events.trigger.eq(1)
                    m.next = "Read label code"

            with m.State("Read label code"):
                self._read_code(m, neuron, head.label_code)
                m.d.sync += has_label_code.eq(0)
                with m.If(self.read.ready):
                    m.next = "Read rival code" if config.rival_selection else "Await codes"
            with m.State("Read rival code"):
                self._read_code(m, neuron, head.rival_code)
                with m.If(self.read.ready):
                    m.next = "Await codes"
                with m.If(self.word.valid):
                    m.d.sync += [label_code.eq(self.word.payload.signs), has_label_code.eq(1)]
            with m.State("Await codes"):
                with m.If(self.word.valid):
                    m.d.sync += [
                        has_label_code.eq(1),
                        rival_code.eq(self.word.payload.signs),
                    ]
                    with m.If(~has_label_code):
                        m.d.sync += label_code.eq(self.word.payload.signs)
                    with m.If(has_label_code | (not config.rival_selection)):
                        m.next = "Scan"
            with m.State("Scan"):
                m.d.comb += scan.eq(1)
                m.d.sync += [
                    self.index.eq(self.index + 1),
                    neuron.eq(neuron + 1),
                    in_group.eq(in_group + 1),
                    label_code.eq(label_code >> 1),
                    rival_code.eq(rival_code >> 1),
                    location.row.eq(location.row + 1),
                    layer_done.eq(layer_end),
                    word_done.eq(word_end),
                    pause.eq(Popcounts.latency + winner.latency - 1),
                ]
                with m.If(location.row == config.array.rows - 1):
                    m.d.sync += [
                        location.row.eq(0),
                        location.address.eq(
                            location.address + constant(layout.array_words, self.layer)
                        ),
                    ]
                with m.If(group_end):
                    m.next = "Await winner"
                with m.Elif(word_end):
                    m.next = "Read label code"
            with m.State("Await winner"):
                m.d.sync += pause.eq(pause - 1)
                with m.If(pause == 0):
                    m.next = "End group"
                    with m.If(winner.found):
                        m.d.comb += [self.row_start.eq(1), self.events.update.eq(1)]
                        m.next = "Update row"
            with m.State("Update row"):
                with m.If(~self.row_busy):
                    m.next = "End group"
            with m.State("End group"):
                m.d.comb += winner.clear.eq(1)
                m.d.sync += in_group.eq(0)
                m.next = "Scan"
                with m.If(layer_done):
                    m.next = "End layer"
                with m.Elif(word_done):
                    m.next = "Read label code"

            with m.State("End layer"):
                m.d.sync += self.layer.eq(self.layer + 1)
                m.next = "Begin layer"
                with m.If(last_layer):
                    m.d.sync += sample.eq(sample + 1)
                    m.next = "Begin sample"
                    with m.If(sample == self.samples - 1):
                        m.next = "Idle"
        return m

    def _sum_scores(self, m: Module, vote: Vote, remaining: Signal, pause: Signal) -> None:
        """Read every layer's score of one class after the other."""
        layout, config = self._layout, self._layout.config
        layer = Signal(range(config.layers))
        reading, last = Signal(), Signal()
        m.d.comb += [
            last.eq(layer == config.layers - 1),
            vote.count.eq(self.count),
            vote.valid.eq(delays(m, reading, Popcounts.latency, "summing")[-1]),
            vote.last.eq(delays(m, last, Popcounts.latency, "last_score")[-1]),
        ]
        with m.State("Begin sum"):
            m.d.comb += vote.clear.eq(1)
            m.d.sync += [
                self.index.eq(layout.score_base[0]),
                layer.eq(0),
                remaining.eq(config.classes - 1),
            ]
            m.next = "Sum scores"
        with m.State("Sum scores"):
            m.d.comb += reading.eq(1)
            # A layer's scores follow those of the layer before.
            m.d.sync += [
                self.index.eq(self.index + config.classes),
                layer.eq(layer + 1),
                pause.eq(Popcounts.latency - 1),
            ]
            with m.If(last):
                m.d.sync += [
                    self.index.eq(self.index - ((config.layers - 1) * config.classes - 1)),
                    layer.eq(0),
                    remaining.eq(remaining - 1),
                ]
                with m.If(remaining == 0):
                    m.next = "Await vote"
        with m.State("Await vote"):
            m.d.sync += pause.eq(pause - 1)
            with m.If(pause == 0):
                m.next = "Predict"

    def _read_code(self, m: Module, neuron: Value, code: Value) -> None:
        """Request the code bits of the 16 neurons that begin with this one."""
        number = neuron >> exact_log2(WORD)
        chunk_bits = exact_log2(self._layout.chunks)
        read = self.read.payload
        m.d.comb += [
            self.read.valid.eq(1),
            read.signs_only.eq(1),
            read.index.chunk.eq(number),
            read.index.row.eq(code.row),
            read.index.address.eq(code.address + (number >> chunk_bits)),
        ]
