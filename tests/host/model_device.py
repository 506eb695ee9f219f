"""A device made of the golden network: fast, and as unreliable as a test wants it."""

import random
from collections.abc import Callable

import numpy as np
from cobs import cobs

from metabit.golden.config import Config
from metabit.golden.network import Network, Statistics
from metabit.hdl.bundles import Space
from metabit.hdl.link.protocol import (
    CRC_BYTES,
    MAX_REQUEST,
    POSITIONS,
    REQUEST_BYTES,
    UNSOLICITED,
    VERSION,
    WINDOW,
    Operation,
    Status,
    limit,
)
from metabit.hdl.placement import Placement
from metabit.hdl.shape import Shape
from metabit.host.errors import DeviceTimeoutError
from metabit.host.packets import Request, crc, frame
from tests.hdl.link.link_bench import judge, places, words_of

GARBAGE = 0xDEAD << 32
"""What may stand above the 32 bits of a number."""

CYCLES = 1000
"""What the first of the counts of cycles says, the next one more and so on."""


class ModelDevice:
    """Transport to a golden network that is laid out as in the hardware, word by word.

    Parameters
    ----------
    shape : Shape
        What the device pretends to be.
    config : Config
        Network that is going to be loaded; its setup and codes are checked before the first run.
    ring : int
        Samples that it holds before their predictions have been taken.
    seed : int
        Of the number of predictions that come with a FEED.

    Attributes
    ----------
    damage_request, damage_reply : callables
        Change what passes; return None to lose it.
    executed : list of Operation
        What was executed, in order.
    requests : list of Request
        What has arrived whole.
    """

    name = "the model"
    patience = "no time"
    advice = "is it switched on?"
    notice = ""

    def __init__(self, shape: Shape, config: Config, ring: int = 50, seed: int = 1) -> None:
        self.shape = shape
        self.config = config
        self.network: Network | None = None
        self.executed: list[Operation] = []
        self.requests: list[Request] = []
        self.closed = False
        self.damage_request: Callable[[bytes], bytes | None] = lambda raw: raw
        self.damage_reply: Callable[[bytes], bytes | None] = lambda raw: raw
        self._ring = ring
        self._random = random.Random(seed)
        self._initialised = False
        self._memory: dict[tuple, int] = {}
        self._kept: dict[int, tuple[int, bytes]] = {}
        self._replies: list[bytes] = []
        self._left = 0  # samples of the run to come
        self._words: list[int] = []
        self._position = 0
        self._tile: list[list[int]] = []
        self._run: dict[str, int] = {}
        self._predictions: list[int] = []

    # Transport

    def discard(self) -> None:
        self._replies.clear()

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

    def wait(self) -> None:
        pass

    def pause(self, seconds: float) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    # Device

    def _answer(self, encoded: bytes) -> bytes:
        try:
            body = cobs.decode(encoded)
        except cobs.DecodeError:
            return frame(bytes([UNSOLICITED, 0, Status.BAD_FRAME.value]))
        if crc(body[:-2]) != body[-2:]:
            return frame(bytes([UNSOLICITED, 0, Status.BAD_CRC.value]))
        if not REQUEST_BYTES + CRC_BYTES <= len(body) <= MAX_REQUEST or not body[0]:
            return frame(bytes([UNSOLICITED, 0, Status.BAD_FRAME.value]))
        sequence, code, count, space, element, part = body[:6]
        address, data = int.from_bytes(body[6:8], "little"), body[8:-2]
        if code not in [operation.value for operation in Operation]:
            return frame(bytes([sequence, code, Status.UNKNOWN_OPERATION.value]))
        request = Request(Operation(code), count, space, element, part, address, data)
        self.requests.append(request)
        always = request.operation in (Operation.IDENTIFY, Operation.RESET)
        kept = self._kept.get(sequence % WINDOW)
        if kept and kept[0] == sequence and not always:
            return kept[1]
        header = bytes([sequence, code])
        status = self._judge(request)
        if status is not Status.OK:
            return frame(header + bytes([status.value]))
        self.executed.append(request.operation)
        reply = frame(header + bytes([Status.OK.value]) + self._execute(request))
        if always:
            self._kept.clear()
        self._kept[sequence % WINDOW] = sequence, reply
        return reply

    @property
    def idle(self) -> bool:
        return not self._left and not self._predictions

    def _judge(self, request: Request) -> Status:
        operation = request.operation
        if not self._initialised and operation not in (Operation.IDENTIFY, Operation.RESET):
            return Status.NOT_INITIALISED
        if not self.idle and operation in (Operation.READ, Operation.WRITE, Operation.RUN):
            return Status.BUSY
        status = judge(self.shape, operation.value, request).pop()
        if operation is Operation.FEED and (request.address - self._position) % POSITIONS:
            return Status.OUT_OF_ORDER
        return status

    def _execute(self, request: Request) -> bytes:
        match request.operation:
            case Operation.IDENTIFY:
                return self.shape.digest + bytes([VERSION])
            case Operation.RESET:
                self._initialised, self.network = True, None
                self._memory.clear()
                self._left = 0
                self._predictions.clear()
                return b""
            case Operation.WRITE:
                assert self.network is None or request.space == Space.STATISTICS.value
                if request.space == Space.STATISTICS.value and self.network:
                    self.network.statistics = Statistics.zero(self.config.layers)
                for place, word in zip(
                    places(self.shape, request), words_of(request.data), strict=True
                ):
                    self._memory[place] = word
                return b""
            case Operation.READ:
                return b"".join(
                    self._read(*place).to_bytes(8, "little")
                    for place in places(self.shape, request)
                )
            case Operation.RUN:
                self._start(words_of(request.data)[0])
                return b""
            case Operation.FEED:
                return self._feed(words_of(request.data), request.count)
            case Operation.COLLECT:
                return self._result([], request.count, 0)

    def _start(self, word: int) -> None:
        self._ensure()
        fields = {"samples": 24, "train": 1, "drain": 1, "annealing": 2, "damping": 2}
        for name, width in fields.items():
            self._run[name] = word & ((1 << width) - 1)
            word >>= width
        assert not word
        assert self._run["samples"]
        self._left = self._run["samples"]
        self._position = 0
        self._words, self._tile = [], []

    def _feed(self, words: list[int], room: int) -> bytes:
        found: list[int] = []
        length = Placement(self.config, self.shape).sample_words
        taken = 0
        while taken < len(words) and self._left:
            while len(self._predictions) >= self._ring and len(found) < room:
                found.append(self._predictions.pop(0))
            if len(self._predictions) >= self._ring:
                break
            self._words.append(words[taken])
            taken += 1
            if len(self._words) == length:
                self._take_sample()
        self._position += taken
        come = self._random.randint(0, min(len(self._predictions), room - len(found)))
        return self._result(found, len(found) + come, len(words) - taken)

    def _take_sample(self) -> None:
        self._tile.append(self._words)
        self._words = []
        self._left -= 1
        if len(self._tile) < self.config.tile and self._left:
            return
        network, config = self.network, self.config
        assert network is not None
        numbers = Placement(config, self.shape).class_numbers
        labels = np.array([numbers.index(words[0]) for words in self._tile])
        samples = np.array(
            [
                [words[1 + bit // 64] >> bit % 64 & 1 for bit in range(config.inputs)]
                for words in self._tile
            ],
            bool,
        )
        for words in self._tile:
            bits = sum(word << 64 * number for number, word in enumerate(words[1:]))
            assert bits >> config.inputs == 0
        if self._run["train"]:
            rule = {name: self._run[name] for name in ("annealing", "damping")}
            predictions = network.train_tile(samples, labels, **rule).predictions
        else:
            predictions = network.predict(samples)
        self._predictions += [numbers[prediction] for prediction in predictions]
        self._tile = []
        if not self._left and self._run["drain"]:
            network.drain()

    def _result(self, found: list[int], count: int, left: int) -> bytes:
        while self._predictions and len(found) < count:
            found.append(self._predictions.pop(0))
        return bytes([*found, left | self.idle << 7])

    # Memories

    def _ensure(self) -> None:
        """Make a network of what was loaded."""
        if self.network is not None:
            return
        placement, shape, config = Placement(self.config, self.shape), self.shape, self.config
        for number, word in enumerate(placement.setup_words):
            assert self._memory[Space.SETUP, 0, 0, number] == word
        network = Network(config)
        for layer, code in enumerate(network.classifier):
            for label in range(config.classes):
                word, bit = divmod(label, shape.code_bits)
                for neuron in range(config.hidden[layer]):
                    address = placement.code_base[layer] + neuron * placement.code_words + word
                    found = self._memory[Space.CODES, 0, 0, address] >> bit & 1
                    assert found == code[label, neuron]
        counters = [np.zeros((k, n), np.int16) for k, n in self._sizes()]
        for element in range(shape.elements):
            for address in range(placement.sign_words):
                values = self._beat(element, address)
                layer, neuron, first = self._where(element, address)
                row = counters[layer][neuron, first : first + 64]
                row[:] = values[: len(row)]
                assert values[len(row) :] == [0] * (64 - len(row))
        network.load(counters)
        network.generator.state = self._memory[Space.GENERATOR, 0, 0, 0]
        self.network = network

    def _sizes(self) -> list[tuple[int, int]]:
        return list(zip(self.config.hidden, self.config.fan_in, strict=True))

    def _where(self, element: int, address: int) -> tuple[int, int, int]:
        """Layer, neuron and first input of a beat."""
        placement = Placement(self.config, self.shape)
        layer = max(n for n, base in enumerate(placement.base) if base <= address)
        visit, neuron = divmod(address - placement.base[layer], self.config.hidden[layer])
        return layer, neuron, 64 * (visit * self.shape.elements + element)

    def _beat(self, element: int, address: int) -> list[int]:
        """Counters of a beat, as written."""
        shape = self.shape
        parts = [
            self._memory[Space.COUNTERS, element, part, address] for part in range(shape.parts)
        ]
        signs = self._memory[Space.SIGNS, element, 0, address]
        values = []
        for lane in range(64):
            if shape.memory == "spram":
                value = parts[lane // 8] >> 8 * (lane % 8) & 255
                value -= (value & 128) << 1
                assert signs >> lane & 1 == (value >= 0)
            else:
                value = sum((word >> lane & 1) << bit for bit, word in enumerate(parts))
                value -= 0 if signs >> lane & 1 else 1 << shape.parts
            values.append(value)
        return values

    def _read(self, space: Space, element: int, part: int, address: int) -> int:
        self._ensure()
        network, shape = self.network, self.shape
        assert network is not None
        if space is Space.GENERATOR:
            return network.generator.state | GARBAGE
        if space is Space.STATISTICS:
            counts, layers = network.statistics, shape.layers
            missing = [0] * (layers - self.config.layers)
            numbers = [counts.samples, counts.correct]
            numbers += [*counts.triggers, *missing, *counts.updates, *missing]
            numbers += range(CYCLES, CYCLES + limit(space, shape) - len(numbers))
            return numbers[address] | GARBAGE
        layer, neuron, first = self._where(element, address)
        row = network.counters[layer][neuron, first : first + 64].tolist()
        row += [0] * (64 - len(row))
        if space is Space.CURRENT and shape.memory == "block":
            return sum((value >= 0) << lane for lane, value in enumerate(row))
        assert space is Space.COUNTERS
        if shape.memory == "spram":
            values = row[8 * part : 8 * part + 8]
            return sum((value & 255) << 8 * lane for lane, value in enumerate(values))
        return sum((value >> part & 1) << lane for lane, value in enumerate(row))
