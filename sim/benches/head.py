"""The head against the golden model: triggers, rivals and predictions of scores with many ties."""

from dataclasses import dataclass
from typing import Any

import cocotb
import numpy as np
from amaranth.lib import wiring

from ...golden.config import Config
from ...golden.network import Forward, Network
from ...hdl.array.forward import Step
from ...hdl.bundles import score_bits
from ...hdl.learn.head import Head, Judged
from ...hdl.placement import Placement
from ...hdl.setup import RunSetup
from ...hdl.shape import Shape
from . import covering
from .driving import (
    Pauses,
    cycle,
    generator,
    joined,
    noise,
    packed,
    pulse,
    read,
    scramble,
    setups,
    shape,
    split,
    start,
    until,
)

SHAPES = (
    Shape(
        name="two-layers",
        elements=1,
        samples=3,
        counter_bits=4,
        depth=64,
        # Not a power of two, and fewer than there are classes: numbers have gaps, scores come in
        # two parts.
        code_bits=3,
        codes=64,
        neurons=16,
        inputs=64,
        records=64,
        winners=512,
        layers=2,
    ),
)

PASSES = 60

_CLASSES = range(6)

_predicted = covering.point("head.predicted class", _CLASSES)
_label = covering.point("head.label", _CLASSES)
_rival = covering.point("head.rival", _CLASSES)
_best = covering.point("head.classes with the highest score", [1, 2, 3])
_best_others = covering.point("head.others with the highest score", [1, 2, 3])
_margin = covering.about("head.margin against its threshold")
_columns = covering.point("head.columns with a sample", [1, 2, 3])
_decision = covering.point(
    "head.layers vote, trains, is right",
    [(vote, train, right) for vote in (0, 1) for train in (0, 1) for right in (0, 1)],
)


def _cover(golden: "Judgement", config: Config, number: int, layer: int, columns: int) -> None:
    """Count what a step of a pass is about."""
    _columns(columns)
    for column in range(columns):
        label = int(golden.labels[number, column])
        scores = 2 * golden.counts[layer][number, column].astype(int)
        scores -= config.planes * config.hidden[layer]
        others = np.delete(scores, label)
        _label(label)
        _rival(int(golden.rivals[layer][number, column]))
        _best(int((scores == scores.max()).sum()))
        _best_others(int((others == others.max()).sum()))
        # Scores of a layer are all even or all odd: margins come in steps of 2.
        least = -(-config.margin_threshold[layer] // 2)
        _margin(covering.place((int(scores[label]) - int(others.max())) // 2 - int(least)))


def design(shape: Shape) -> wiring.Component:
    """Return what the bench is run on."""
    return Head(shape)


def network(*, summed: bool) -> Config:
    """Return a network of six classes whose layers vote or not."""
    return Config(
        inputs=64,
        hidden=(16, 9),
        classes=6,
        group=4,
        counter_bits=4,
        head_offset=3,
        margin=0.1,
        summed_scores=summed,
        tile=3,
    )


def rivals(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the best classes that are not the labels, shape (n,); the lowest wins ties."""
    others = scores.copy()
    others[np.arange(len(labels)), labels] = np.iinfo(np.int32).min
    return others.argmax(axis=1)


class Judgement:
    """Random scores of passes, and what golden makes of them.

    Attributes
    ----------
    labels : ndarray, shape (passes, columns)
    counts : list of ndarray, shape (passes, columns, classes)
        Scores of each layer in popcounts.
    triggered, rivals : list of ndarray, shape (passes, columns)
        Of each layer.
    predictions : ndarray, shape (passes, columns)
    """

    def __init__(self, rng: np.random.Generator, config: Config, columns: int) -> None:
        size = PASSES * columns
        full = [config.planes * width for width in config.hidden]
        # Some scores so close that ties are common, some with margins beyond the threshold.
        spreads = rng.integers(1, min(full) // 2 + 1, (size, 1))
        counts = [n // 2 + rng.integers(0, spreads + 1, (size, config.classes)) for n in full]
        scores = [(2 * c - n).astype(np.int32) for c, n in zip(counts, full, strict=True)]
        nothing = [np.zeros((size, width), np.int32) for width in config.hidden]
        forward = Forward([], nothing, scores, config.summed_scores)
        # Many labels are those of one layer's highest score, so that margins decide.
        anywhere = rng.integers(0, config.classes, size)
        likely = [of_layer.argmax(axis=1) for of_layer in scores]
        labels = np.choose(rng.integers(0, config.layers + 1, size), [*likely, anywhere])
        golden = Network(config)

        def by_pass(values: np.ndarray) -> np.ndarray:
            return values.reshape(PASSES, columns, *values.shape[1:])

        self.labels = by_pass(labels)
        self.counts = [by_pass(c) for c in counts]
        self.triggered = [
            by_pass(golden._winners(forward, labels, layer)[0]) for layer in range(config.layers)
        ]
        self.rivals = [by_pass(rivals(of_layer, labels)) for of_layer in scores]
        self.predictions = by_pass(forward.predictions)
        best = np.sort(forward.decision, axis=1)
        assert (best[:, -1] == best[:, -2]).mean() > 0.1, "ties must happen"
        for triggered in self.triggered:
            assert 0.1 < triggered.mean() < 0.95, "some must trigger, and some must not"


@dataclass
class Neighbours:
    """Plays array and search for the head."""

    dut: Any
    shape: Shape
    placement: Placement
    rng: np.random.Generator
    pauses: Pauses

    async def set_up(self, *, train: bool) -> None:
        """Set the registers that the core keeps."""
        self.dut.network.value, self.dut.layers.value = setups(self.placement)
        self.dut.run.value = packed(RunSetup(), {"train": int(train), "annealing": 0, "damping": 0})
        await cycle(self.dut)

    async def begin(self, fields: dict[str, int], labels: np.ndarray) -> None:
        """Begin the last visit of a step: its fields come a cycle later, labels one by one."""
        for handle in (self.dut.step, self.dut.labels):
            scramble(handle, self.rng)
        await pulse(self.dut, self.dut.begin)
        numbers = [self.placement.class_number(int(label)) for label in labels]
        for column in range(self.shape.samples):
            self.dut.step.value = packed(Step(self.shape), fields)
            # Column s counts from here on for a cycle.
            values = [noise(self.rng, 8) for _ in numbers]
            values[column] = numbers[column]
            self.dut.labels.value = joined(values, 8)
            await cycle(self.dut)
        for handle in (self.dut.step, self.dut.labels):
            scramble(handle, self.rng)

    async def score(self, counts: np.ndarray, word: int) -> None:
        """Present the scores of a word of classes, shape (columns, classes)."""
        bits, size = score_bits(self.shape), self.shape.code_bits
        part = counts[:, word * size : (word + 1) * size]
        values = [
            int(row[c]) if c < part.shape[1] else noise(self.rng, bits)
            for row in part
            for c in range(size)
        ]
        await self.pauses.wait()
        self.dut.scores.value = joined(values, bits)
        await pulse(self.dut, self.dut.scored)


async def judge(
    neighbours: Neighbours, fields: dict[str, int], counts: np.ndarray
) -> tuple[Any, int, int]:
    """Let the head judge a step, at its search's leisure.

    Returns
    -------
    Judged
        What is handed over.
    predictions, correct : int
        Ports, in this cycle.
    """
    dut = neighbours.dut
    scramble(dut.half, neighbours.rng)
    scramble(dut.code_base, neighbours.rng)
    await neighbours.score(counts, 0)
    for word in range(1, neighbours.placement.code_words):
        await until(dut, dut.replay)
        assert read(dut.word) == word
        await cycle(dut)
        await neighbours.score(counts, word)
    # Predictions that cannot be taken hold up a last layer only.
    dut.hold.value = 1
    await neighbours.pauses.wait()
    dut.judged__ready.value = 1
    if fields["last"]:
        await neighbours.pauses.wait()
        dut.hold.value = 0
    await until(dut, dut.judged__valid)
    judged = Judged(neighbours.shape).from_bits(read(dut.judged__payload))
    assert read(dut.read)
    assert read(dut.predicted) == fields["last"]
    assert (judged.half, judged.code_base) == (read(dut.half), read(dut.code_base))
    assert judged.step.as_bits() == packed(Step(neighbours.shape), fields)
    seen = judged, read(dut.predictions), read(dut.correct)
    await cycle(dut)
    dut.judged__ready.value = 0
    return seen


@cocotb.test(timeout_time=200, timeout_unit="us")
@cocotb.parametrize(summed=[False, True], train=[True, False])
async def decisions_are_golden(dut: Any, summed: bool, train: bool) -> None:
    """Judge random scores of two layers in three columns, of which some have no sample."""
    await start(dut)
    rng, config = generator(), network(summed=summed)
    built = shape()
    placement = Placement(config, built)
    neighbours = Neighbours(dut, built, placement, rng, Pauses(dut, rng, 0.4))
    golden = Judgement(rng, config, built.samples)
    await neighbours.set_up(train=train)
    for number, labels in enumerate(golden.labels):
        columns = int(rng.integers(1, built.samples + 1))
        for layer in range(config.layers):
            _cover(golden, config, number, layer, columns)
            fields = {
                "layer": layer,
                "last": int(layer == config.layers - 1),
                "base": int(rng.integers(built.depth)),
                "columns": columns - 1,
                "tile": int(rng.integers(2)),
            }
            await neighbours.begin(fields, labels)
            judged, predictions, correct = await judge(
                neighbours, fields, golden.counts[layer][number]
            )
            for s in range(built.samples):
                triggered = golden.triggered[layer][number, s] and train and s < columns
                assert judged.triggered[s] == int(triggered)
                assert judged.labels[s] == placement.class_number(int(labels[s]))
                rival = golden.rivals[layer][number, s]
                assert judged.rivals[s] == placement.class_number(int(rival))
            if not fields["last"]:
                continue
            expected = golden.predictions[number]
            for prediction, label in zip(expected[:columns], labels, strict=False):
                _predicted(int(prediction))
                _decision((int(summed), int(train), int(prediction == label)))
            numbers = [placement.class_number(int(label)) for label in expected]
            assert split(predictions, 8, columns) == numbers[:columns]
            right = (expected == labels) & (np.arange(built.samples) < columns)
            assert split(correct, 1, built.samples) == right.tolist()
