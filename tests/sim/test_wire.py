"""A device behind serial pins."""

import numpy as np
import pytest

from metabit.golden.network import Network
from metabit.host.driver import Driver
from metabit.host.errors import DeviceTimeoutError
from metabit.sim.model import SimulatedDevice
from metabit.sim.verilate import build
from metabit.sim.wire import BITS_A_BYTE, Wire, WireTransport
from tests.sim.small import SHAPE, changed

DIVISOR = 4
CONFIG = changed(hidden=(2,), group=1)
FRAME = 252 * BITS_A_BYTE * DIVISOR
"""Cycles of a full request on the line."""


def busy(window: int, latency: int, samples: int = 60) -> float:
    """Train through the pins, compare with golden, and return how busy the line was."""
    device = SimulatedDevice(build(Wire(SHAPE, DIVISOR), optimise="-O0"))
    generator = np.random.default_rng(1)
    bits = generator.random((samples, CONFIG.inputs)) < 0.5
    labels = generator.integers(0, CONFIG.classes, samples)
    network = Network(CONFIG)
    with Driver(WireTransport(device, DIVISOR, latency, 20 * FRAME), SHAPE, window) as driver:
        driver.load(network)
        before = device.cycles
        found = driver.train(bits, labels)
        spent = device.cycles - before
        for start in range(0, samples, CONFIG.tile):
            end = start + CONFIG.tile
            forward = network.train_tile(bits[start:end], labels[start:end], annealing=0, damping=0)
            np.testing.assert_array_equal(found[start:end], forward.predictions)
        assert not driver.link.errors
        return driver.traffic.sent_bytes * BITS_A_BYTE * DIVISOR / spent


def test_a_window_keeps_the_line_busy_although_answers_are_late() -> None:
    late = 2 * FRAME
    assert busy(4, late) > 1.5 * busy(1, late)


def test_silence_is_noticed() -> None:
    device = SimulatedDevice(build(Wire(SHAPE, DIVISOR), optimise="-O0"))
    transport = WireTransport(device, DIVISOR, 0, FRAME)
    with pytest.raises(DeviceTimeoutError, match=f"no answer from the simulated device in {FRAME}"):
        transport.receive()
    transport.close()
