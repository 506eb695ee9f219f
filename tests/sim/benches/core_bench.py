"""The core against the golden model: commands, data and results, held up at random.

A conversation is written first, with what golden makes of it; then the three streams run
independently of each other, as fast as their pauses let them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import cocotb
import numpy as np
import numpy.typing as npt

from metabit.boards import packing
from metabit.golden.config import WORD, Config
from metabit.golden.network import Forward, Network
from metabit.hdl.v1.layout import Layout
from metabit.hdl.v1.protocol import Command, Operation, count_limit, limit, result_unit
from tests.sim.benches.driving import Stream, config, cycle, generator, packed, read, reset, start

TILES, RESETS = 6, 5
STREAMS = ("command", "data", "result")

Check = Callable[[npt.NDArray[np.uint8]], None]


@dataclass
class Conversation:
    """Commands with their data, and what must come of them."""

    config: Config
    network: Network = field(init=False)
    commands: list[int] = field(default_factory=list)
    data: list[int] = field(default_factory=list)
    answers: list[tuple[int, Check]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.layout = Layout(self.config)
        self.network = Network(self.config)
        self.command(Operation.RESET, address=self.config.generator_state)

    def command(self, operation: Operation, data: bytes = b"", **fields: int) -> None:
        """Add a command."""
        header = {"operation": operation, "sample": 0, "count": 0, "address": 0} | fields
        self.commands.append(packed(Command(), header))
        self.data += data

    def read(
        self, operation: Operation, check: Check, total: int | None = None, sample: int = 0
    ) -> None:
        """Read all units of a kind, in as many commands as that takes."""
        total = total or limit(operation, self.layout) or 0
        step = count_limit(operation, self.layout)
        for first in range(0, total, step):
            count = min(step, total - first)
            self.command(operation, sample=sample, count=count, address=first)
        self.answers.append((total * result_unit(operation, self.config), check))

    def inputs(self, samples: npt.NDArray[np.bool_]) -> None:
        """Write the inputs of a tile."""
        for number, row in enumerate(packing.pack_bits(samples)):
            self.command(Operation.WRITE_INPUTS, row.tobytes(), sample=number, count=len(row) // 2)

    def tile(self, rng: np.random.Generator, *, train: bool = True) -> None:
        """Train on a random tile, or infer only; read what its forward passes left behind."""
        count = int(rng.integers(1, self.config.tile + 1))
        samples = rng.integers(0, 2, (count, self.config.inputs)).astype(bool)
        self.inputs(samples)
        if train:
            labels = rng.integers(0, self.config.classes, count)
            annealing, damping = (int(n) for n in rng.integers(0, 4, 2))
            result = self.network.train_tile(samples, labels, annealing=annealing, damping=damping)
            options = annealing | damping << 8
            self.command(Operation.TRAIN, bytes(labels.tolist()), count=count, address=options)
        else:
            result = self.network.forward(samples)
            self.command(Operation.INFER, count=count)
        self.answers.append((count, equal("predictions", result.predictions)))
        for sample in range(count):
            expected = self._popcounts(result, sample).astype("<u2").view(np.uint8)
            name = f"popcounts of sample {sample}"
            self.read(Operation.READ_POPCOUNTS, equal(name, expected), sample=sample)

    def _popcounts(self, result: Forward, sample: int) -> npt.NDArray[np.int32]:
        conf = self.config
        neurons = [
            (z[sample] + fan_in) // 2
            for z, fan_in in zip(result.preactivations, conf.fan_in, strict=True)
        ]
        scores = [
            (o[sample] + conf.planes * width) // 2
            for o, width in zip(result.scores, conf.hidden, strict=True)
        ]
        return np.concatenate([*neurons, *scores])

    def load(self, rng: np.random.Generator) -> None:
        """Write random counters and a random state of the generator."""
        low, high = self.config.counter_range
        shapes = zip(self.config.hidden, self.config.fan_in, strict=True)
        self.network.load([rng.integers(low, high + 1, shape).astype(np.int16) for shape in shapes])
        self.network.generator.state = int(rng.integers(1, 1 << 32))
        words = np.zeros((self.layout.counter_words, WORD), np.int16)
        for layer, rows in enumerate(self.network.counters):
            packing.scatter(words, packing.weight_indices(self.layout, layer), rows)
        units = packing.pack_counters(words, self.config.counter_bits)
        step = count_limit(Operation.WRITE_COUNTERS, self.layout)
        for first in range(0, len(units), step):
            part = units[first : first + step]
            self.command(Operation.WRITE_COUNTERS, part.tobytes(), count=len(part), address=first)
        self.command(Operation.WRITE_GENERATOR, address=self.network.generator.state)

    def compare(self) -> None:
        """Read all state: counters, signs, classifiers, generator and counts."""
        network = self.network
        counters = [rows.copy() for rows in network.counters]
        self.read(Operation.READ_COUNTERS, lambda raw: self._check_counters(raw, counters))
        self.read(Operation.READ_SIGNS, lambda raw: self._check_signs(raw, counters))
        state = np.array([network.generator.state], "<u4").view(np.uint8)
        self.read(Operation.READ_GENERATOR, equal("generator", state), total=1)
        counts = network.statistics
        expected = [counts.samples, counts.correct, *counts.triggers, *counts.updates]
        self.read(
            Operation.READ_STATISTICS,
            equal("statistics", np.array(expected, "<u4").view(np.uint8)),
            total=len(expected),
        )

    def _check_counters(self, raw: npt.NDArray[np.uint8], counters: list[Any]) -> None:
        words = packing.unpack_counters(raw, self.config.counter_bits)
        for layer, expected in enumerate(counters):
            rows = self._rows(words, packing.weight_indices(self.layout, layer))
            # Lanes beyond the fan-in hold 0, whose sign never counts.
            np.testing.assert_array_equal(rows, padded(expected, rows.shape[1], 0))

    def _check_signs(self, raw: npt.NDArray[np.uint8], counters: list[Any]) -> None:
        words = packing.unpack_bits(raw)
        for layer, expected in enumerate(counters):
            rows = self._rows(words, packing.weight_indices(self.layout, layer))
            np.testing.assert_array_equal(rows, padded(expected >= 0, rows.shape[1], True))
            rows = self._rows(words, packing.code_indices(self.layout, layer))
            code = self.network.classifier[layer]
            np.testing.assert_array_equal(rows, padded(code, rows.shape[1], True))

    def _rows(self, words: npt.NDArray[Any], indices: packing.Indices) -> npt.NDArray[Any]:
        return packing.gather(words, indices, indices.shape[1] * WORD)


def padded(rows: npt.NDArray[Any], length: int, value: int) -> npt.NDArray[Any]:
    """Return rows filled up to a length."""
    return np.pad(rows, ((0, 0), (0, length - rows.shape[1])), constant_values=value)


def equal(name: str, expected: npt.NDArray[Any]) -> Check:
    """Return a check for exactly these bytes."""
    return lambda raw: np.testing.assert_array_equal(raw, expected, err_msg=name)


async def converse(dut: Any, conversation: Conversation, *pauses: float) -> None:
    """Run a conversation to its end, and compare all answers.

    Parameters
    ----------
    dut : handle
    conversation : Conversation
    *pauses : float
        Of the streams of commands, data and results; see :class:`Stream`.
    """
    command, data, result = (
        Stream(dut, name, generator(number + 1), pause)
        for number, (name, pause) in enumerate(zip(STREAMS, pauses, strict=True))
    )

    async def send(stream: Stream, payloads: list[int]) -> None:
        for payload in payloads:
            await stream.put(payload)

    sending = [
        cocotb.start_soon(send(command, conversation.commands)),
        cocotb.start_soon(send(data, conversation.data)),
    ]
    watching = cocotb.start_soon(result.watch())
    try:
        for length, check in conversation.answers:
            check(np.array([await result.get() for _ in range(length)], np.uint8))
        for task in sending:
            await task
        while not read(dut.idle):
            await cycle(dut)
        assert not read(dut.result__valid), "more results came than were asked for"
    finally:
        for task in (*sending, watching):
            task.cancel()


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def training_is_bit_exact_under_back_pressure(dut: Any) -> None:
    await start(dut)
    rng = generator()
    conversation = Conversation(config())
    conversation.compare()
    for _ in range(TILES):
        conversation.tile(rng)
        conversation.compare()
    updates = conversation.network.statistics.updates
    assert all(updates), f"every layer must be updated, not {updates}"
    await converse(dut, conversation, 0.5, 0.4, 0.4)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def written_counters_are_used_and_inference_changes_nothing(dut: Any) -> None:
    await start(dut)
    rng = generator()
    conversation = Conversation(config())
    conversation.load(rng)
    for train in (False, True, False):
        conversation.tile(rng, train=train)
        conversation.compare()
    await converse(dut, conversation, 0, 0, 0)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def after_a_reset_at_any_time_everything_is_defined_again(dut: Any) -> None:
    await start(dut)
    rng = generator()
    for _ in range(RESETS):
        abandoned = Conversation(config())
        for _ in range(TILES):
            abandoned.tile(rng)
        talking = cocotb.start_soon(converse(dut, abandoned, 0.2, 0.2, 0.2))
        await cycle(dut, int(rng.integers(1, 2500)))
        assert not talking.done(), "the reset must come in the middle"
        talking.cancel()
        for name in STREAMS:
            getattr(dut, f"{name}__{'ready' if name == 'result' else 'valid'}").value = 0
        await reset(dut)
        assert read(dut.idle)
        assert not read(dut.result__valid)
    conversation = Conversation(config())
    conversation.tile(rng)
    conversation.compare()
    await converse(dut, conversation, 0, 0, 0)
