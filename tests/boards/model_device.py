"""A device made of the golden network: fast, and as unreliable as a test wants it."""

from collections.abc import Callable

import numpy as np
from cobs import cobs

from metabit.boards.packets import crc, frame
from metabit.boards.transport import DeviceTimeoutError
from metabit.golden.config import Config
from metabit.golden.network import Network
from metabit.hdl.layout import Layout
from metabit.hdl.protocol import UNSOLICITED, VERSION, Operation, Status

WORD = 16


def number(values: np.ndarray, bits: int) -> int:
    """One word of 16 values as one number."""
    return sum((int(value) % (1 << bits)) << (bits * lane) for lane, value in enumerate(values))


class ModelDevice:
    """Transport to a golden network that is laid out as in the hardware, word by word.

    Attributes
    ----------
    damage_request, damage_reply : callables
        Change what passes; return None to lose it.
    executed : list of Operation
        What was executed, in order.
    """

    name = "the model"
    patience = "no time"
    advice = "is it switched on?"

    def __init__(self, config: Config) -> None:
        self.config = config
        self.layout = Layout(config)
        self.network: Network | None = None
        self.executed: list[Operation] = []
        self.closed = False
        self.damage_request: Callable[[bytes], bytes | None] = lambda raw: raw
        self.damage_reply: Callable[[bytes], bytes | None] = lambda raw: raw
        self._inputs = np.zeros((config.tile, config.words[0] * WORD), bool)
        self._popcounts = np.zeros((config.tile, self.layout.popcount_count), int)
        self._kept: tuple[int, bytes] = (UNSOLICITED, b"")
        self._replies: list[bytes] = []

    # Transport

    def exchange(self, frame: bytes) -> bytes:
        self._replies.clear()
        self.send(frame)
        return self.receive()

    def send(self, raw: bytes) -> None:
        arrived = self.damage_request(raw)
        for part in filter(None, (arrived or b"").split(b"\0")):
            reply = self.damage_reply(self._answer(part)[:-1])
            if reply is not None:
                self._replies.append(reply)

    def receive(self) -> bytes:
        if not self._replies:
            raise DeviceTimeoutError(f"no answer from {self.name}")
        return self._replies.pop(0)

    def close(self) -> None:
        self.closed = True

    # Device

    def _answer(self, encoded: bytes) -> bytes:
        try:
            body = cobs.decode(encoded)
        except cobs.DecodeError:
            return frame(bytes([UNSOLICITED, Status.BAD_FRAME.value]))
        if crc(body[:-2]) != body[-2:]:
            return frame(bytes([UNSOLICITED, Status.BAD_CRC.value]))
        sequence, operation = body[0], Operation(body[1])
        always = operation in (Operation.IDENTIFY, Operation.RESET)
        if sequence == self._kept[0] and not always:
            return self._kept[1]
        if self.network is None and not always:
            reply = frame(bytes([sequence, Status.NOT_INITIALISED.value]))
        else:
            self.executed.append(operation)
            address = int.from_bytes(body[4:8], "little")
            result = self._execute(operation, body[2], body[3], address, body[8:-2])
            reply = frame(bytes([sequence, Status.OK.value]) + result)
        self._kept = (sequence, reply)
        return reply

    def _execute(
        self, operation: Operation, sample: int, count: int, address: int, data: bytes
    ) -> bytes:
        if operation is Operation.IDENTIFY:
            return self.config.digest + bytes([VERSION])
        if operation is Operation.RESET:
            seed = next(
                seed
                for seed in range(100)
                if self.config.model_copy(update={"seed": seed}).generator_state == address
            )
            self.network = Network(Config(**{**self.config.model_dump(), "seed": seed}))
            return b""
        network = self.network
        assert network is not None
        units = range(address, address + count)
        bits = self.config.counter_bits
        match operation:
            case Operation.WRITE_INPUTS:
                for unit in units:
                    word = int.from_bytes(data[:2], "little")
                    data = data[2:]
                    for lane in range(WORD):
                        self._inputs[sample, unit * WORD + lane] = word >> lane & 1
                return b""
            case Operation.TRAIN | Operation.INFER:
                samples = self._inputs[:count, : self.config.inputs]
                forward = network.forward(samples)
                if operation is Operation.TRAIN:
                    rule = {"annealing": address & 255, "damping": address >> 8}
                    forward = network.train_tile(samples, np.frombuffer(data, np.uint8), **rule)
                for layer in range(self.config.layers):
                    z, o = forward.preactivations[layer], forward.scores[layer]
                    first = self.layout.popcount_base[layer]
                    self._popcounts[:count, first : first + z.shape[1]] = (
                        z + self.config.fan_in[layer]
                    ) // 2
                    first = self.layout.score_base[layer]
                    self._popcounts[:count, first : first + o.shape[1]] = (
                        o + self.config.planes * self.config.hidden[layer]
                    ) // 2
                return bytes(forward.predictions.tolist())
            case Operation.READ_COUNTERS:
                words = self._words()
                return b"".join(
                    number(words.get(unit, np.zeros(WORD)), bits).to_bytes(2 * bits, "little")
                    for unit in units
                )
            case Operation.WRITE_COUNTERS:
                self._store({unit: data[2 * bits * k :] for k, unit in enumerate(units)})
                return b""
            case Operation.READ_SIGNS:
                signs = {unit: word >= 0 for unit, word in self._words().items()} | self._codes()
                ones = np.ones(WORD)
                return b"".join(
                    number(signs.get(unit, ones), 1).to_bytes(2, "little") for unit in units
                )
            case Operation.READ_POPCOUNTS:
                part = self._popcounts[sample, address : address + count]
                return part.astype("<u2").tobytes()
            case Operation.READ_STATISTICS:
                counts = network.statistics
                numbers = [
                    *(counts.samples, counts.correct, *counts.triggers, *counts.updates),
                    *(101, 102, 103, 104),
                ]
                return np.array(numbers[address : address + count], "<u4").tobytes()
            case Operation.CLEAR_STATISTICS:
                network.statistics = type(network.statistics).zero(self.config.layers)
                return b""
            case Operation.READ_GENERATOR:
                return network.generator.state.to_bytes(4, "little")
            case Operation.WRITE_GENERATOR:
                network.generator.state = address
                return b""

    def _places(self) -> list[tuple[int, int, int, int]]:
        """Layer, neuron, word and linear index of every word of weights."""
        return [
            (layer, neuron, word, self.layout.weight_index(layer, neuron, word))
            for layer in range(self.config.layers)
            for neuron in range(self.config.hidden[layer])
            for word in range(self.config.words[layer])
        ]

    def _words(self) -> dict[int, np.ndarray]:
        words = {}
        for layer, neuron, word, index in self._places():
            row = self.network.counters[layer][neuron]
            values = row[word * WORD : (word + 1) * WORD]
            words[index] = np.pad(values, (0, WORD - len(values)))
        return words

    def _codes(self) -> dict[int, np.ndarray]:
        codes = {}
        for layer in range(self.config.layers):
            for label, row in enumerate(self.network.classifier[layer]):
                for word in range(-(-len(row) // WORD)):
                    values = row[word * WORD : (word + 1) * WORD]
                    index = self.layout.code_index(layer, label, word)
                    codes[index] = np.pad(values, (0, WORD - len(values)))
        return codes

    def _store(self, raw: dict[int, bytes]) -> None:
        bits = self.config.counter_bits
        counters = [values.copy() for values in self.network.counters]
        for layer, neuron, word, index in self._places():
            if index in raw:
                value = int.from_bytes(raw[index][: 2 * bits], "little")
                row = counters[layer][neuron]
                for lane in range(word * WORD, min(len(row), (word + 1) * WORD)):
                    field = value >> bits * (lane % WORD) & ((1 << bits) - 1)
                    row[lane] = field - ((field >> (bits - 1)) << bits)
        self.network.load(counters)
