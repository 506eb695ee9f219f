import itertools
import random
from collections.abc import Callable

import numpy as np
import pytest

from metabit.boards.driver import Driver
from metabit.boards.packets import encode_request, frame
from metabit.boards.requester import TRIES, DeviceMismatchError, RequestRefusedError
from metabit.boards.transport import DeviceError, DeviceTimeoutError
from metabit.errors import MetabitError
from metabit.golden.config import ArrayShape, Config
from metabit.golden.network import Network
from metabit.hdl.layout import PHASES
from metabit.hdl.protocol import Operation, Status
from tests.boards.model_device import ModelDevice

CONFIGS = [
    Config(inputs=37, hidden=(12, 7), classes=5, group=5, counter_bits=5, tile=3),
    # More than one packet for the inputs of a sample.
    Config(
        inputs=2500,
        hidden=(6,),
        classes=37,
        group=4,
        counter_bits=16,
        tile=2,
        head_offset=3,
        array=ArrayShape(rows=2, lanes=64),
    ),
]
CONFIG = CONFIGS[0]


@pytest.fixture
def device() -> ModelDevice:
    return ModelDevice(CONFIG)


@pytest.fixture
def driver(device: ModelDevice) -> Driver:
    driver = Driver(device, CONFIG)
    driver.reset()
    return driver


def tile(generator: np.random.Generator, config: Config) -> tuple[np.ndarray, np.ndarray]:
    samples = generator.random((config.tile, config.inputs)) < 0.5
    return samples, generator.integers(0, config.classes, config.tile)


def assert_same(driver: Driver, network: Network) -> None:
    state = driver.read_state()
    for found, expected in zip(state.counters, network.counters, strict=True):
        assert found.dtype == np.int16
        np.testing.assert_array_equal(found, expected)
    assert state.generator_state == network.generator.state
    signs = driver.read_signs()
    for layer in range(driver.config.layers):
        np.testing.assert_array_equal(signs.weights[layer], network.counters[layer] >= 0)
        np.testing.assert_array_equal(signs.classifier[layer], network.classifier[layer])
    assert driver.statistics().counts == network.statistics


@pytest.mark.parametrize("config", CONFIGS)
def test_driver_trains_and_infers_as_golden(config: Config) -> None:
    generator = np.random.default_rng(1)
    network = Network(config)
    with Driver(ModelDevice(config), config) as driver:
        driver.reset()
        for number in range(4):
            samples, labels = tile(generator, config)
            rule = {"annealing": number % 4, "damping": (number + 1) % 4}
            predictions = driver.train_tile(samples, labels, **rule)
            expected = network.train_tile(samples, labels, **rule)
            np.testing.assert_array_equal(predictions, expected.predictions)
            found = driver.last_forward(len(samples))
            for layer in range(config.layers):
                z, scores = expected.preactivations[layer], expected.scores[layer]
                np.testing.assert_array_equal(found.preactivations[layer], z)
                np.testing.assert_array_equal(found.scores[layer], scores)
        assert_same(driver, network)
        assert driver.statistics().cycles == dict(zip(PHASES, (101, 102, 103, 104), strict=True))
        samples = generator.random((config.tile * 2 + 1, config.inputs)) < 0.5
        np.testing.assert_array_equal(driver.predict(samples), network.predict(samples))
        np.testing.assert_array_equal(driver.scores(samples), network.forward(samples).scores[-1])
        assert driver.predict(samples[:0]).shape == (0,)
        assert driver.scores(samples[:0]).shape == (0, config.classes)
        driver.clear_statistics()
        assert driver.statistics().counts.samples == 0
    assert driver.transport.closed


@pytest.mark.parametrize("config", CONFIGS)
def test_state_is_loaded(config: Config) -> None:
    generator = np.random.default_rng(2)
    low, high = config.counter_range
    network = Network(config)
    counters = [
        generator.integers(low, high + 1, values.shape).astype(np.int16)
        for values in network.counters
    ]
    network.load(counters)
    network.generator.state = 0xFFFFFFFF
    driver = Driver(ModelDevice(config), config)
    driver.reset()
    driver.load_state(counters, 0xFFFFFFFF)
    assert_same(driver, network)


def test_reset_takes_a_seed(driver: Driver, device: ModelDevice) -> None:
    driver.reset(seed=7)
    expected = Network(CONFIG.model_copy(update={"seed": 7}))
    assert driver.generator_state == expected.generator.state
    np.testing.assert_array_equal(driver.read_state().counters[0], expected.counters[0])
    with pytest.raises(ValueError, match="seed"):
        driver.reset(seed=-1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"samples": np.zeros((3, 38), bool)}, r"^samples must be bool of shape \(n, 37\), not bo"),
        ({"samples": np.zeros((3, 37), int)}, r"^samples must be bool of shape .*, not int64 of"),
        ({"samples": np.zeros((3, 37)) * np.nan}, r"^samples must be bool of shape .*not float64"),
        ({"samples": np.zeros((4, 37), bool)}, r"^a tile must be 1 to 3 samples, not 4$"),
        ({"samples": np.zeros((0, 37), bool)}, r"^a tile must be 1 to 3 samples, not 0$"),
        ({"labels": np.array([0, 5, 1])}, r"^labels must be 0 to 4, not 5$"),
        ({"labels": np.array([0, -1, 1])}, r"^labels must be 0 to 4, not -1$"),
        ({"labels": np.array([0, 1])}, r"^labels must be 3 integers, not int64 of shape \(2,\)$"),
        ({"labels": np.array([0, 1.0, 2])}, r"^labels must be 3 integers, not float64 of shape"),
        ({"annealing": 4}, r"^annealing must be 0 to 3, not 4$"),
        ({"damping": -1}, r"^damping must be 0 to 3, not -1$"),
    ],
)
def test_bad_arguments_never_reach_the_device(
    driver: Driver, device: ModelDevice, change: dict, message: str
) -> None:
    device.executed.clear()
    arguments = {"samples": np.zeros((3, 37), bool), "labels": np.array([0, 1, 2]), **change}
    with pytest.raises(ValueError, match=message):
        driver.train_tile(**arguments)
    assert not device.executed


def test_bad_state_never_reaches_the_device(driver: Driver, device: ModelDevice) -> None:
    good = Network(CONFIG).counters
    device.executed.clear()
    with pytest.raises(ValueError, match=r"^counters must have the shapes \[\(12, 37\), \(7, 12\)"):
        driver.load_state(good[:1], 1)
    with pytest.raises(ValueError, match=r"^counters of layer 1 must lie in -16 to 15, not .* 16$"):
        driver.load_state([good[0], np.full_like(good[1], 16)], 1)
    for state in (0, 1 << 32):
        with pytest.raises(ValueError, match=rf"^generator state must be 1 to .*, not {state}$"):
            driver.load_state(good, state)
    with pytest.raises(ValueError, match=r"^count must be 1 to 3, not 4$"):
        driver.last_forward(4)
    assert not device.executed


def test_another_configuration_is_noticed_at_once() -> None:
    other = Config.model_validate({**CONFIG.model_dump(), "group": 6, "name": "other"})
    with pytest.raises(DeviceMismatchError) as caught:
        Driver(ModelDevice(CONFIG), other)
    message = str(caught.value)
    assert CONFIG.digest.hex() in message
    assert other.digest.hex() in message
    assert "'other'" in message
    assert isinstance(caught.value, MetabitError)


@pytest.mark.parametrize(
    ("identity", "message"),
    [
        (CONFIG.digest + b"\x63", "protocol version 99, and this Metabit 1"),
        (b"hello", "speaks no protocol of Metabit"),
    ],
)
def test_another_protocol_is_noticed(device: ModelDevice, identity: bytes, message: str) -> None:
    device.damage_reply = lambda _: frame(b"\1\0" + identity)[:-1]
    with pytest.raises(DeviceMismatchError, match=message):
        Driver(device, CONFIG)


def test_a_silent_device_is_reported_with_advice(device: ModelDevice) -> None:
    device.damage_reply = lambda _: None
    with pytest.raises(DeviceTimeoutError) as caught:
        Driver(device, CONFIG)
    assert str(caught.value) == (
        "no answer from the model in no time after 3 tries: is it switched on?"
    )
    assert len(device.executed) == TRIES


def test_a_device_without_state_is_reported(device: ModelDevice) -> None:
    driver = Driver(device, CONFIG)
    with pytest.raises(RequestRefusedError, match="refused READ_STATISTICS with NOT_INITIALISED: "):
        driver.statistics()
    with pytest.raises(RequestRefusedError) as caught:
        driver.clear_statistics()
    assert caught.value.status is Status.NOT_INITIALISED
    assert caught.value.operation is Operation.CLEAR_STATISTICS


def unreliable(seed: int, lose: float, damage: float) -> Callable[[bytes], bytes | None]:
    """Return a function that loses or damages some frames, but never two in a row."""
    generator = random.Random(seed)
    was_good = True

    def pass_on(raw: bytes) -> bytes | None:
        nonlocal was_good
        chance = generator.random()
        if was_good and chance < lose + damage:
            was_good = False
            if chance < lose:
                return None
            broken = bytearray(raw)
            broken[generator.randrange(len(broken))] ^= generator.randint(1, 255)
            return bytes(broken)
        was_good = True
        return raw

    return pass_on


@pytest.mark.parametrize("seed", range(4))
def test_training_survives_lost_and_damaged_frames(device: ModelDevice, seed: int) -> None:
    generator = np.random.default_rng(3)
    network = Network(CONFIG)
    driver = Driver(device, CONFIG)
    driver.reset()
    if seed % 2:
        device.damage_request = unreliable(seed, 0.15, 0.3)
    else:
        device.damage_reply = unreliable(seed, 0.15, 0.3)
    for _ in range(20):
        samples, labels = tile(generator, CONFIG)
        predictions = driver.train_tile(samples, labels)
        expected = network.train_tile(samples, labels)
        np.testing.assert_array_equal(predictions, expected.predictions)
    assert_same(driver, network)
    assert device.executed.count(Operation.TRAIN) == 20


def test_a_line_that_damages_everything_is_given_up(driver: Driver, device: ModelDevice) -> None:
    device.executed.clear()
    device.damage_request = lambda raw: raw[:5] + bytes([raw[5] ^ 0x55 or 1]) + raw[6:]
    with pytest.raises(DeviceError, match=r"after 3 tries: the request arrived damaged \(BAD_"):
        driver.clear_statistics()
    device.damage_request = lambda raw: raw
    device.damage_reply = lambda raw: raw[:-1]
    with pytest.raises(DeviceError, match=r"^no sound answer from the model after 3 tries: reply"):
        driver.clear_statistics()
    assert device.executed == [Operation.CLEAR_STATISTICS]


def test_late_replies_are_passed_over(driver: Driver, device: ModelDevice) -> None:
    late = encode_request(99, Operation.READ_GENERATOR, count=1)
    device.damage_request = lambda raw: late + raw
    assert driver.generator_state == device.network.generator.state
    device.damage_reply = lambda _: frame(b"\x63\0")[:-1]
    with pytest.raises(DeviceError):
        driver.clear_statistics()


def test_a_reply_of_the_wrong_length_is_noticed(driver: Driver, device: ModelDevice) -> None:
    sequences = itertools.count(3)
    device.damage_reply = lambda _: frame(bytes([next(sequences), 0, 1, 2]))[:-1]
    with pytest.raises(DeviceError, match=r"^the model must answer READ_GENERATOR with 4 bytes, "):
        _ = driver.generator_state


def test_sequence_numbers_go_round(driver: Driver, device: ModelDevice) -> None:
    device.executed.clear()
    for _ in range(600):
        driver.clear_statistics()
    assert len(device.executed) == 600
