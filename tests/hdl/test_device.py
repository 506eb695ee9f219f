"""The whole device, byte stream to byte stream, against the golden network."""

import numpy as np
import pytest

from metabit.boards.driver import Driver
from metabit.boards.packets import encode_request
from metabit.boards.transport import DeviceTimeoutError
from metabit.golden.config import ArrayShape, Config
from metabit.golden.network import Network
from metabit.hdl.v1.device import Device
from metabit.hdl.v1.protocol import Operation
from tests.hdl.simulated import AmaranthTransport

CONFIG = Config(
    inputs=37,
    hidden=(6, 5),
    classes=3,
    group=4,
    counter_bits=5,
    tile=3,
    seed=11,
    array=ArrayShape(rows=2, lanes=16, samples=2),
)


def assert_equal_state(driver: Driver, network: Network) -> None:
    state = driver.read_state()
    for found, expected in zip(state.counters, network.counters, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert state.generator_state == network.generator.state


def train(driver: Driver, network: Network, tiles: int, generator: np.random.Generator) -> None:
    for tile in range(tiles):
        samples = generator.random((CONFIG.tile - tile % 2, CONFIG.inputs)) < 0.5
        labels = generator.integers(0, CONFIG.classes, len(samples))
        rule = {"annealing": tile % 4, "damping": tile % 3}
        predictions = driver.train_tile(samples, labels, **rule)
        expected = network.train_tile(samples, labels, **rule)
        np.testing.assert_array_equal(predictions, expected.predictions)
        found = driver.last_forward(len(samples))
        for values, golden in zip(
            (*found.preactivations, *found.scores),
            (*expected.preactivations, *expected.scores),
            strict=True,
        ):
            np.testing.assert_array_equal(values, golden)


def test_device_trains_as_golden_does_with_back_pressure() -> None:
    generator = np.random.default_rng(2)
    driver = Driver(AmaranthTransport(Device(CONFIG), seed=1), CONFIG)
    driver.reset()
    network = Network(CONFIG)
    signs = driver.read_signs()
    for layer in range(CONFIG.layers):
        np.testing.assert_array_equal(signs.weights[layer], network.counters[layer] >= 0)
        np.testing.assert_array_equal(signs.classifier[layer], network.classifier[layer])
    train(driver, network, 3, generator)
    assert_equal_state(driver, network)
    assert driver.statistics().counts == network.statistics
    assert network.statistics.updates[0] > 0
    assert network.statistics.updates[1] > 0
    samples = generator.random((4, CONFIG.inputs)) < 0.5
    np.testing.assert_array_equal(driver.predict(samples), network.predict(samples))


def test_reset_in_the_middle_of_a_tile_leaves_a_fresh_device() -> None:
    generator = np.random.default_rng(3)
    transport = AmaranthTransport(Device(CONFIG))
    driver = Driver(transport, CONFIG)
    driver.reset()
    network = Network(CONFIG)
    samples = generator.random((CONFIG.tile, CONFIG.inputs)) < 0.5
    driver.train_tile(samples, np.array([0, 1, 2]))
    for wait in (60, 190):
        transport.send(encode_request(200, Operation.TRAIN, count=3, data=b"\1\2\0"))
        transport.run(wait)
        driver.reset()
        assert_equal_state(driver, network)
    train(driver, network, 1, generator)
    assert_equal_state(driver, network)


def test_an_aborted_request_is_not_answered() -> None:
    transport = AmaranthTransport(Device(CONFIG), cycles=900)
    driver = Driver(transport, CONFIG)
    driver.reset()
    transport.send(encode_request(9, Operation.TRAIN, count=3, data=b"\0\1\2"))
    transport.run(30)
    transport.send(encode_request(10, Operation.RESET, address=5))
    transport.receive()
    with pytest.raises(DeviceTimeoutError, match=r"^no answer from the simulated device in 900 "):
        transport.receive()
