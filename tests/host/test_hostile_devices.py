"""Devices that answer anything: the driver ends, with a result or with an error of its own."""

import random
import signal
import tracemalloc
from collections import deque
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from metabit.errors import MetabitError
from metabit.golden.config import Config
from metabit.golden.network import Network
from metabit.hdl.link.protocol import MAX_RESULT, Operation, Status
from metabit.hdl.shape import SHAPES
from metabit.host.driver import Driver
from metabit.host.errors import DeviceError, DeviceTimeoutError
from metabit.host.packets import decode_reply, frame
from tests.host.model_device import ModelDevice

SHAPE = SHAPES["small"]
CONFIG = Config(inputs=70, hidden=(5, 4), classes=3, group=2, counter_bits=4, tile=4)

MOST_FRAMES = 20_000
SECONDS = 20
MEMORY = 32 << 20


class HostileDevice:
    """Transport to a model device whose answers do not come as they are.

    Parameters
    ----------
    seed : int
        Of what becomes of which answer.
    rate : float
        Share of the answers that something becomes of.
    """

    name, patience, advice, notice = "the model", "no time", "", ""

    def __init__(self, seed: int, rate: float) -> None:
        self.device = ModelDevice(SHAPE, CONFIG)
        self.fates: set[str] = set()
        self.frames = 0
        self._random = random.Random(seed)
        self._rate = rate
        self._replies: deque[bytes] = deque()
        self._late: list[bytes] = []
        self._old: list[bytes] = [frame(b"\x01\x01\x00")[:-1]]

    def send(self, raw: bytes) -> None:
        self.frames += 1
        assert self.frames < MOST_FRAMES, "the driver goes on for ever"
        self.device.send(raw)
        while self.device._replies:
            self._come(self.device._replies.pop(0))

    def _come(self, reply: bytes) -> None:
        self._replies.extend(self._late)
        self._late.clear()
        self._old = [*self._old[-30:], reply]
        if self._random.random() >= self._rate:
            self._replies.append(reply)
            return
        fate = self._random.choice(list(FATES))
        self.fates.add(fate)
        FATES[fate](self, reply)

    def discard(self) -> None:
        self._replies.clear()

    def receive(self) -> bytes:
        if not self._replies:
            raise DeviceTimeoutError(f"no answer from {self.name}")
        return self._replies.popleft()

    def wait(self) -> None:
        pass

    def pause(self, seconds: float) -> None:
        pass

    def close(self) -> None:
        pass

    # What becomes of an answer

    def lose(self, reply: bytes) -> None:
        pass

    def make_late(self, reply: bytes) -> None:
        self._late.append(reply)

    def repeat(self, reply: bytes) -> None:
        self._replies.extend([reply] * self._random.randint(2, 40))

    def repeat_another(self, reply: bytes) -> None:
        self._replies.append(self._random.choice(self._old))

    def scramble(self, reply: bytes) -> None:
        self._replies.append(self._random.randbytes(self._random.randint(1, 300)))

    def babble(self, reply: bytes) -> None:
        for _ in range(self._random.randint(1, 60)):
            self.scramble(reply)

    def change(self, reply: bytes) -> None:
        """Change header or result, with a sound CRC."""
        found = decode_reply(reply)
        sequence, operation, status, result = (
            *(found.sequence, found.operation, found.status.value),
            found.result,
        )
        match self._random.randrange(6):
            case 0:
                sequence = self._random.randrange(256)
            case 1:
                operation = self._random.randrange(256)
            case 2:
                status = self._random.choice(list(Status)).value
            case 3:
                status = self._random.randrange(256)
            case 4:
                result = self._random.randbytes(self._random.randint(0, MAX_RESULT))
            case _:
                result = self._random.randbytes(len(result))
        self._replies.append(frame(bytes([sequence, operation, status]) + result)[:-1])


FATES: dict[str, Callable[[HostileDevice, bytes], None]] = {
    "lost": HostileDevice.lose,
    "late": HostileDevice.make_late,
    "repeated": HostileDevice.repeat,
    "another": HostileDevice.repeat_another,
    "scrambled": HostileDevice.scramble,
    "babble": HostileDevice.babble,
    "changed": HostileDevice.change,
}


def session(device: Any, seed: int) -> str:
    """Do all that a driver is for, and return how far it came."""
    rng, network = np.random.default_rng(seed), Network(CONFIG)
    reached = "nothing"
    try:
        with Driver(device, SHAPE) as driver:
            reached = "found"
            driver.load(network)
            reached = "loaded"
            for count in (1, 9, 23):
                samples = rng.random((count, CONFIG.inputs)) < 0.5
                found = driver.train(samples, rng.integers(0, 3, count), annealing=1)
                assert found.shape == (count,)
                assert set(found.tolist()) <= set(range(3))
            reached = "trained"
            assert driver.predict(samples).shape == (23,)
            state = driver.read_state()
            assert [layer.shape for layer in state.counters] == CONFIG.shapes
            driver.statistics()
            reached = "all"
    except MetabitError:
        # Whatever it is about, it is the driver's own.
        return reached
    return reached


@pytest.fixture(autouse=True)
def bounded():
    """Let nothing take long, or much memory."""

    def stop(number, frame):
        raise TimeoutError("the driver hangs")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS * 10)
    tracemalloc.start(1)
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
    assert peak < MEMORY


def test_whatever_a_device_answers_the_driver_ends():
    reached, fates = set(), set()
    for seed in range(40):
        device = HostileDevice(seed, rate=(0.02, 0.1, 0.5, 1.0)[seed % 4])
        reached.add(session(device, seed))
        fates |= device.fates
    assert fates == set(FATES)
    assert {"nothing", "found", "loaded", "all"} <= reached


class Endless(HostileDevice):
    """A device that never comes to the end of a run."""

    def __init__(self, result: bytes) -> None:
        super().__init__(0, 0.0)
        self._result = result

    def _come(self, reply: bytes) -> None:
        found = decode_reply(reply)
        if found.operation in (Operation.FEED.value, Operation.COLLECT.value):
            body = bytes([found.sequence, found.operation, 0]) + self._result
            reply = frame(body)[:-1]
        super()._come(reply)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (bytes(9) + b"\0", "with more predictions"),
        (b"\0", "does not end its run"),
        (b"\x80", "with 0 predictions"),
        (b"\x05", "has left 5 words"),
    ],
)
def test_a_run_that_has_no_end_is_given_up(result, message):
    device = Endless(result)
    driver = Driver(device, SHAPE)
    driver.load(Network(CONFIG))
    before = device.frames
    samples = np.zeros((20, CONFIG.inputs), bool)
    with pytest.raises(DeviceError, match=message):
        driver.train(samples, np.zeros(20, int))
    assert device.frames - before < 40


def test_hostile_sessions_repeat_themselves():
    def once(seed):
        device = HostileDevice(seed, 0.5)
        return session(device, seed), device.frames, frozenset(device.fates)

    found = [once(seed) for seed in (3, 3, 4)]
    assert [a == b for a, b in pairwise(found)] == [True, False]
