"""The whole device against the golden model, through the driver that boards have.

The driver runs in a thread that cocotb halts while the simulation goes on; its transport is the
device's two byte streams, both held up at random.
"""

from collections import deque
from contextlib import suppress
from typing import Any

import cocotb
import numpy as np
from amaranth.lib import wiring
from cocotb.task import bridge, resume

from ...golden.config import Config
from ...golden.network import Network
from ...hdl.device import Device
from ...hdl.shape import SHAPES as DEVICES
from ...hdl.shape import Shape
from ...host.compare import compare_predictions, compare_state
from ...host.driver import Driver
from ...host.errors import DeviceTimeoutError
from ...host.lockstep import Span, train_both
from ...host.packets import DELIMITER
from . import covering
from .driving import Background, Stream, cycle, generator, reset, shape, start

SHAPES = (DEVICES["small"],)

CONFIG = Config(
    inputs=138,
    hidden=(6, 5),
    classes=3,
    group=3,
    counter_bits=DEVICES["small"].counter_bits,
    reinforcement=1,
    tile=3,
)


_predicted = covering.point("device.predicted class", range(CONFIG.classes))
_label = covering.point("device.label", range(CONFIG.classes))
_tile = covering.point("device.samples of a tile", range(1, CONFIG.tile + 1))
_exponents = covering.point("device.annealing and damping", [(0, 0), (1, 1)])
_pace = covering.pauses("device.bytes of both ways")
_reset = covering.point("device.reset while bytes of requests are on their way", [0, 1])


def design(shape: Shape) -> wiring.Component:
    """Return what the bench is run on."""
    return Device(shape)


class CutError(Exception):
    """The line to the device is no more."""


class ByteStreams:
    """The device's byte streams as a transport; see :class:`metabit.host.transport.Transport`.

    Parameters
    ----------
    dut : handle
    pause : float
        Probability of each further cycle of a pause of either stream.
    patience : int
        Cycles to wait for a frame.
    """

    name = "the device in cocotb"
    advice = "it hangs"
    notice = ""

    def __init__(self, dut: Any, pause: float, patience: int = 20_000) -> None:
        self._dut, self._cycles = dut, patience
        self._rx = Stream(dut, "rx", generator(1), pause)
        self._tx = Stream(dut, "tx", generator(2), pause)
        self._to_send: deque[int] = deque()
        self._received = bytearray()
        self._cut = False

    @property
    def patience(self) -> str:
        """Cycles."""
        return f"{self._cycles} cycles"

    @property
    def sending(self) -> bool:
        """Whether bytes are on their way to the device."""
        return bool(self._to_send)

    async def write(self) -> None:
        """Move bytes into the device for ever."""
        while True:
            if self._to_send:
                await self._rx.put(self._to_send.popleft())
            else:
                await cycle(self._dut)

    async def read(self) -> None:
        """Move bytes out of the device for ever."""
        while True:
            byte = await self._tx.get()
            self._received.append(byte)

    def discard(self) -> None:
        """Forget what was received so far."""
        self._received.clear()

    def send(self, raw: bytes) -> None:
        """Queue bytes as they are."""
        self._to_send.extend(raw)

    def wait(self) -> None:
        """Nothing: every question takes its cycles."""

    def pause(self, seconds: float) -> None:
        """Nothing: there is no memory chip that needs it."""

    def receive(self) -> bytes:
        """Return the next frame received; lets the simulation go on until it comes."""
        return resume(self._receive)()

    async def _receive(self) -> bytes:
        for _ in range(self._cycles):
            if self._cut:
                raise CutError
            frame, delimiter, rest = self._received.partition(DELIMITER)
            if delimiter:
                self._received = rest
                if frame:
                    return bytes(frame)
            else:
                await cycle(self._dut)
        raise DeviceTimeoutError(f"no answer from {self.name} in {self.patience}")

    def cut(self) -> None:
        """Let whoever waits for a frame fail."""
        self._cut = True

    def close(self) -> None:
        """Nothing is to be closed."""


def random_span(
    rng: np.random.Generator, samples: int, annealing: int = 0, damping: int = 0
) -> Span:
    """Return a span of random samples."""
    bits = rng.random((samples, CONFIG.inputs)) < 0.5
    return Span(bits, rng.integers(0, CONFIG.classes, samples), annealing, damping)


def load(transport: ByteStreams, built: Shape) -> tuple[Driver, Network]:
    """Load a new network into the device, as into a board; return its driver, and golden."""
    network = Network(CONFIG)
    driver = Driver(transport, built)
    driver.load(network)
    return driver, network


def learn(driver: Driver, network: Network, spans: list[Span]) -> None:
    """Train device and golden span by span, and compare what they predict and end up with."""
    for span in spans:
        expected, found = train_both(driver, network, span)
        for first in range(0, len(found), CONFIG.tile):
            _tile(min(CONFIG.tile, len(found) - first))
        for label, prediction in zip(span.labels.tolist(), found.tolist(), strict=True):
            _label(label)
            _predicted(prediction)
        _exponents((span.annealing, span.damping))
        assert not compare_predictions(expected, found, CONFIG.tile)
    assert not compare_state(driver, network)
    samples = spans[-1].samples
    assert driver.predict(samples).tolist() == network.predict(samples).tolist()


@cocotb.test(timeout_time=5, timeout_unit="ms")
@cocotb.parametrize(pause=[0.0, 0.3])
async def training_is_bit_exact(dut: Any, pause: float) -> None:
    """Train with reinforcement, annealing and damping; both byte streams stall or never do."""
    await start(dut)
    rng = generator()
    spans = [random_span(rng, 16), random_span(rng, 8, annealing=1, damping=1)]
    transport = ByteStreams(dut, pause)
    _pace("after a pause" if pause else "at once")
    with Background() as background:
        background.start(transport.write())
        background.start(transport.read())
        driver, network = await bridge(load)(transport, shape())
        await bridge(learn)(driver, network, spans)
    assert all(network.statistics.updates), "every layer must be updated"


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def reset_in_the_middle_of_training(dut: Any) -> None:
    """Pull the reset while a network learns; the next one learns as if nothing had been."""
    await start(dut)
    rng = generator()
    for abandoned in (True, True, True, False):
        spans = [random_span(rng, 12)]
        transport = ByteStreams(dut, 0.2)
        with Background() as background:
            background.start(transport.write())
            background.start(transport.read())
            driver, network = await bridge(load)(transport, shape())
            learning = cocotb.start_soon(bridge(learn)(driver, network, spans))
            if abandoned:
                await cycle(dut, int(rng.integers(100, 1000)))
                assert not learning.done(), "the reset must come in the middle"
                _reset(int(transport.sending))
                transport.cut()
            with suppress(CutError):
                await learning
        await cycle(dut)
        dut.rx__valid.value = dut.tx__ready.value = 0
        await reset(dut)
