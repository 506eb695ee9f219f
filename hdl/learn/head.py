"""The head: best class, rival, margin and prediction from class scores."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..array.forward import Step
from ..bundles import score_bits
from ..pipeline import delayed, delays
from ..select import select
from ..setup import NetworkSetup, RunSetup, layers_layout
from ..shape import Shape

_PICK = 3
"""Bits of a position that pick a score among those next to each other."""

_SETTLE = 3
"""Cycles from the last score to what follows from it."""


class _Reader(data.StructLayout):
    """Whether a score is read, whether it is the first, and of which class it is."""

    def __init__(self, shape: Shape) -> None:
        super().__init__({"valid": 1, "first": 1, "number": shape.class_bits})


class Judged(data.StructLayout):
    """A step that has been judged: what the search needs to know of it.

    ``step``, ``half``, ``code_base``: see :class:`~metabit.hdl.array.totals.Totals`. Of each
    column: ``triggered``, ``label`` and ``rival``.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__(
            {
                "step": Step(shape),
                "half": 1,
                "code_base": ceil_log2(shape.codes),
                "triggered": data.ArrayLayout(1, shape.samples),
                "labels": data.ArrayLayout(shape.class_bits, shape.samples),
                "rivals": data.ArrayLayout(shape.class_bits, shape.samples),
            }
        )


class Head(wiring.Component):
    """Decide whether samples update a layer, and predict their classes.

    Scores are popcounts p; ``o = 2 p - planes * N``. The best class, and the best other than the
    label, the rival, win by lowest index on ties. A layer is triggered if the best class is not the
    label or ``o[label] - o[rival]`` is below its margin threshold. The prediction is the class of
    the highest score of the last layer or, if layers vote, of the highest sum over all layers.

    A class takes a cycle, in all columns, column s s cycles later. With more classes than fit a
    code word, the scores of the next word are asked for by ``replay``.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    network, layers, run : In
        Setups.
    begin : In(1)
        The last visit of a step has begun ...
    step : In(Step)
        ... this step, from the next cycle on ...
    labels : In(samples)
        ... of samples with these labels, that of column s from s cycles later on.
    scored, scores, half, code_base : In
        Of :class:`~metabit.hdl.array.totals.Totals`.
    replay, word : Out
        To the same.
    judged : Out(Judged, valid and ready)
        Valid only when it has been ``ready`` the cycle before, which then lasts. Without
        ``payload.triggered`` where nothing is learnt.
    read : Out(1)
        The scores have been read, and ``judged`` taken.
    predictions : Out(samples x 8)
        Valid with ``predicted``.
    predicted : Out(1)
        With ``read`` of a last layer.
    correct : Out(samples)
        Which of them are right, of the columns that have a sample.
    hold : In(1)
        Predictions cannot be taken.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        samples = shape.samples
        scores = data.ArrayLayout(score_bits(shape), shape.code_bits)
        super().__init__(
            {
                "network": In(NetworkSetup(shape)),
                "layers": In(layers_layout(shape)),
                "run": In(RunSetup()),
                "begin": In(1),
                "step": In(Step(shape)),
                "labels": In(data.ArrayLayout(8, samples)),
                "scored": In(1),
                "scores": In(data.ArrayLayout(scores, samples)),
                "half": In(1),
                "code_base": In(ceil_log2(shape.codes)),
                "replay": Out(1),
                "word": Out(4),
                "judged": Out(
                    wiring.Signature(
                        {"valid": Out(1), "ready": In(1), "payload": Out(Judged(shape))}
                    )
                ),
                "read": Out(1),
                "predicted": Out(1),
                "predictions": Out(data.ArrayLayout(8, samples)),
                "correct": Out(data.ArrayLayout(1, samples)),
                "hold": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape, samples = self._shape, self._shape.samples
        step = Signal(Step(shape))
        labels = Signal(data.ArrayLayout(shape.class_bits, samples), reset_less=True)
        self._take_labels(m, step, labels)

        position_bits = shape.position_bits
        number = Signal(shape.class_bits)  # of the class whose scores are read in column 0
        position, word = number[:position_bits], number[position_bits:]
        last, word_ends = Signal(), Signal()
        reading, first, beginning = Signal(), Signal(), Signal()
        m.d.comb += word_ends.eq(position == shape.code_bits - 1)
        # In a register, as much depends on it: whether the number that comes is the last.
        last_class = self.network.last_class
        previous = Signal.like(number, reset_less=True)  # settled long before it is used
        m.d.sync += [
            previous.eq(last_class - 1),
            last.eq(Mux(reading, number == previous, ~beginning & (number == last_class))),
        ]
        # Column s reads s cycles later: what says so then has a short way only.
        reader = Signal(_Reader(shape))
        m.d.comb += [reader.valid.eq(reading), reader.first.eq(first), reader.number.eq(number)]
        readers = delays(m, reader, samples - 1, "reader")

        margins = [self.layers[n].margin for n in range(shape.layers)]
        margin = select(margins, step.layer)
        if shape.layers > 1:
            margin = delayed(m, margin, 1, "margin")  # a step is much longer
        payload = self.judged.payload
        m.d.comb += [
            payload.step.eq(step),
            payload.half.eq(self.half),
            payload.code_base.eq(self.code_base),
            payload.labels.eq(labels),
            self.word.eq(word),
        ]
        for s in range(samples):
            score, picked, here = self._read(m, s, readers[s])
            best, triggered, rival = self._judge(m, s, score, labels[s], picked, here, margin)
            prediction = best
            if shape.layers > 1:
                voted = self._vote(m, s, score, step.layer, picked.number, here)
                prediction = Mux(self.network.vote, voted, best)
            occupied = step.columns >= s
            m.d.comb += [
                payload.triggered[s].eq(triggered & self.run.train & occupied),
                payload.rivals[s].eq(rival),
                self.predictions[s].eq(prediction),
                self.correct[s].eq(occupied & (prediction == labels[s])),
            ]

        # A cycle late: who is free stays so until something is handed over.
        free = Signal()
        m.d.sync += free.eq(self.judged.ready & ~(step.last & self.hold))
        settle, more = Signal(range(_SETTLE + samples)), Signal()
        with m.FSM(name="head"):
            with m.State("Await scores"):
                m.d.comb += beginning.eq(1)
                m.d.sync += [number.eq(0), first.eq(1)]
                with m.If(self.scored):
                    m.next = "Read scores"
            with m.State("Read scores"):
                m.d.comb += reading.eq(1)
                m.d.sync += [
                    position.eq(position + 1),
                    first.eq(0),
                    settle.eq(_SETTLE + samples - 1),
                    more.eq(~last),
                ]
                with m.If(last | word_ends):
                    m.next = "Settle"
            with m.State("Settle"):
                m.d.sync += settle.eq(settle - 1)
                with m.If(settle == 0):
                    m.next = "Hand over"
                    with m.If(more):
                        m.d.sync += [position.eq(0), word.eq(word + 1)]
                        m.next = "Replay"
            with m.State("Replay"):
                m.d.comb += self.replay.eq(1)
                m.next = "Await next scores"
            with m.State("Await next scores"):
                with m.If(self.scored):
                    m.next = "Read scores"
            with m.State("Hand over"):
                with m.If(free):
                    m.d.comb += [
                        self.judged.valid.eq(1),
                        self.read.eq(1),
                        self.predicted.eq(step.last),
                    ]
                    m.next = "Await scores"
        return m

    def _read(self, m: Module, s: int, reader: data.View) -> tuple[Signal, data.View, data.View]:
        """Read a score of a column; return it, and what belongs to it a cycle before and with it.

        In two steps, as a score is one of many: first one of each :data:`_PICK`, then one of those.
        """
        scores = [self.scores[s][c] for c in range(self._shape.code_bits)]
        position = reader.number[: self._shape.position_bits]
        picked, here = (Signal.like(reader, name=f"{name}_{s}") for name in ("picked", "here"))
        parts = []
        for start in range(0, len(scores), 1 << _PICK):
            part = Signal(len(scores[0]), name=f"part_{s}_{start}", reset_less=True)
            m.d.sync += part.eq(select(scores[start : start + (1 << _PICK)], position[:_PICK]))
            parts.append(part)
        score = Signal(len(scores[0]), name=f"score_{s}", reset_less=True)
        high = picked.number[: self._shape.position_bits][_PICK:]
        m.d.sync += [picked.eq(reader), here.eq(picked), score.eq(select(parts, high))]
        return score, picked, here

    def _take_labels(self, m: Module, step: data.View, labels: data.View) -> None:
        """Keep step and labels of a last visit: those of the next pass come before its scores."""
        begun: Value = self.begin
        for s in range(self._shape.samples):
            late = Signal(name=f"begun_{s}")
            m.d.sync += late.eq(begun)
            begun = late
            with m.If(late):
                m.d.sync += labels[s].eq(self.labels[s])
                if not s:
                    m.d.sync += step.eq(self.step)

    def _judge(
        self,
        m: Module,
        s: int,
        score: Value,
        label: Value,
        picked: data.View,
        here: data.View,
        margin: Value,
    ) -> tuple[Value, Value, Value]:
        """Follow the scores of one column; return best class, trigger and rival."""
        valid, first = here.valid, here.first
        best, rival, own = (
            Signal.like(score, name=f"{name}_{s}", reset_less=True)
            for name in ("best", "rival", "own")
        )
        best_class, rival_class = (
            Signal.like(label, name=f"{name}_class_{s}", reset_less=True)
            for name in ("best", "rival")
        )
        has_rival = Signal(name=f"has_rival_{s}")
        is_label, better, nearer = (
            Signal(name=f"{name}_{s}") for name in ("is_label", "better", "nearer")
        )
        # Whatever is asked for as "less than" is a carry; "greater than" is a comparison more.
        m.d.comb += [
            better.eq(valid & (first | (best < score))),
            nearer.eq(valid & ~is_label & (first | ~has_rival | (rival < score))),
        ]
        m.d.sync += is_label.eq(picked.number == label)
        with m.If(better):
            m.d.sync += best.eq(score)
        with m.If(nearer):
            m.d.sync += rival.eq(score)
        with m.If(valid & is_label):
            m.d.sync += own.eq(score)
        with m.If(valid):
            m.d.sync += has_rival.eq((has_rival & ~first) | ~is_label)
        # The classes follow a cycle later: nothing waits for them but their own comparison.
        number = delayed(m, here.number, 1, f"judged_{s}")
        for found, kept, name in ((better, best_class, "best"), (nearer, rival_class, "rival")):
            with m.If(delayed(m, found, 1, f"new_{name}_{s}")):
                m.d.sync += kept.eq(number)
        # o[label] - o[rival] = 2 (own - rival) < t  if and only if  own - rival < ceil(t / 2)
        distance = Signal(signed(len(score) + 1), name=f"distance_{s}", reset_less=True)
        wrong, close = (Signal(name=f"{name}_{s}") for name in ("wrong", "close"))
        m.d.sync += [
            distance.eq(own - rival),
            wrong.eq(best_class != label),
            close.eq(distance < Cat(margin, 0).as_signed()),
        ]
        return best_class, wrong | close, rival_class

    def _vote(
        self,
        m: Module,
        s: int,
        score: Value,
        layer: Value,
        number: Value,
        here: data.View,
    ) -> Value:
        """Add up the scores of all layers, class by class; return the class of the highest."""
        shape = self._shape
        bits = (3 * shape.neurons * shape.layers).bit_length()
        m.submodules[f"votes_{s}"] = votes = Memory(
            shape=bits, depth=shape.votes, init=[], attrs={"ram_style": "distributed"}
        )
        read, write = votes.read_port(), votes.write_port()
        before, total, best = (
            Signal(bits, name=f"{name}_votes_{s}", reset_less=True)
            for name in ("before", "total", "best")
        )
        best_class, number_added = (
            Signal.like(number, name=f"{n}_vote_{s}", reset_less=True) for n in ("class", "number")
        )
        added = Signal(name=f"added_{s}")
        m.d.comb += [
            read.addr.eq(number),
            before.eq(Mux(layer == 0, 0, read.data)),
            write.addr.eq(number_added),
            write.data.eq(total),
            write.en.eq(added),
        ]
        m.d.sync += [total.eq(before + score), added.eq(here.valid), number_added.eq(here.number)]
        higher = Signal(name=f"higher_{s}")
        m.d.comb += higher.eq(added & ((number_added == 0) | (best < total)))
        with m.If(higher):
            m.d.sync += best.eq(total)
        # As in _judge().
        voted = delayed(m, number_added, 1, f"voted_{s}")
        with m.If(delayed(m, higher, 1, f"new_vote_{s}")):
            m.d.sync += best_class.eq(voted)
        return best_class
