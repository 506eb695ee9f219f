import itertools
import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metabit.errors import MetabitError
from metabit.golden.config import Config
from metabit.golden.network import Network
from metabit.hdl.bundles import Space
from metabit.hdl.link.protocol import MAX_PREDICTIONS, VERSION, Operation, Status
from metabit.hdl.placement import CapacityError
from metabit.hdl.shape import SHAPES, Shape
from metabit.hdl.statistics import PHASES
from metabit.host.driver import Driver
from metabit.host.errors import (
    DeviceError,
    DeviceMismatchError,
    DeviceTimeoutError,
    LoopbackError,
    RequestRefusedError,
)
from metabit.host.packets import Request, encode_request, frame
from metabit.host.requester import TRIES
from tests.host.model_device import CYCLES, ModelDevice

SMALL, SMALL_SPRAM = SHAPES["small"], SHAPES["small-spram"]
DEEP = Config(inputs=137, hidden=(12, 7), classes=5, group=5, counter_bits=4, tile=3, seed=3)
WIDE = Config(
    inputs=300, hidden=(20,), classes=37, group=4, counter_bits=8, tile=5, head_offset=3, lag=0
)
CASES = [
    pytest.param(SMALL, DEEP, id="block"),
    pytest.param(SMALL_SPRAM, WIDE, id="spram"),
]


@pytest.fixture
def device() -> ModelDevice:
    return ModelDevice(SMALL, DEEP)


@pytest.fixture
def driver(device: ModelDevice) -> Driver:
    driver = Driver(device, SMALL)
    driver.load(Network(DEEP))
    return driver


def draw(generator: np.random.Generator, config: Config, count: int) -> tuple:
    samples = generator.random((count, config.inputs)) < 0.5
    return samples, generator.integers(0, config.classes, count)


def train(network: Network, samples: np.ndarray, labels: np.ndarray, **rule: int) -> np.ndarray:
    tile = network.config.tile
    parts = [
        network.train_tile(samples[i : i + tile], labels[i : i + tile], **rule).predictions
        for i in range(0, len(samples), tile)
    ]
    return np.concatenate(parts)


def assert_same(driver: Driver, network: Network) -> None:
    state = driver.read_state()
    for found, expected in zip(state.counters, network.counters, strict=True):
        assert found.dtype == np.int16
        np.testing.assert_array_equal(found, expected)
    assert state.generator_state == network.generator.state
    assert driver.statistics().counts == network.statistics


@pytest.mark.parametrize("ring", [1, 50])
@pytest.mark.parametrize(("shape", "config"), CASES)
def test_driver_trains_and_predicts_as_golden(shape: Shape, config: Config, ring: int) -> None:
    generator = np.random.default_rng(1)
    network = Network(config)
    device = ModelDevice(shape, config, ring)
    with Driver(device, shape) as driver:
        driver.load(network)
        for number, count in enumerate((1, 7, 31)):
            samples, labels = draw(generator, config, count)
            rule = {"annealing": number % 4, "damping": (number + 1) % 4}
            found = driver.train(samples, labels, **rule)
            np.testing.assert_array_equal(found, train(network, samples, labels, **rule))
            network.drain()
        samples, labels = draw(generator, config, 20)
        indices = generator.integers(0, 20, 13)
        packed = driver.pack(samples)
        found = driver.train_tiles(packed, labels, indices, annealing=1, damping=0)
        expected = train(network, samples[indices], labels[indices], annealing=1, damping=0)
        np.testing.assert_array_equal(found, expected)
        network.drain()
        assert_same(driver, network)
        phases = dict(zip(PHASES, itertools.count(CYCLES), strict=False))
        assert driver.statistics().cycles == phases
        np.testing.assert_array_equal(driver.predict(samples), network.predict(samples))
        assert driver.predict(samples[:0]).shape == (0,)
        assert driver.train(samples[:0], labels[:0]).shape == (0,)
        driver.clear_statistics()
        assert driver.statistics().counts.samples == 0
    assert device.closed


def test_a_prediction_of_no_class_is_noticed(device: ModelDevice, driver: Driver) -> None:
    # Code words of 4 classes: the device numbers 5 classes from 0 to 4.
    def take() -> None:
        device._words = []
        device._left -= 1
        device._predictions.append(5)

    device._take_sample = take  # type: ignore[method-assign]
    with pytest.raises(DeviceError, match=r"^the model has predicted class number 5, which none"):
        driver.predict(np.zeros((1, DEEP.inputs), bool))


def test_a_run_may_end_without_a_drain(device: ModelDevice, driver: Driver) -> None:
    generator = np.random.default_rng(8)
    network = Network(DEEP)
    for drain in (False, True, False):
        samples, labels = draw(generator, DEEP, 9)
        found = driver.train(samples, labels, drain=drain)
        np.testing.assert_array_equal(found, train(network, samples, labels))
        if drain:
            network.drain()
    np.testing.assert_array_equal(driver.predict(samples), network.predict(samples))


def test_more_predictions_than_a_reply_holds() -> None:
    config = DEEP.model_copy(update={"tile": 64, "hidden": (4,), "group": 2, "inputs": 20})
    shape = Shape.model_validate({**SMALL.model_dump(), "winners": 1000, "records": 1000})
    device = ModelDevice(shape, config, ring=2000)
    # Predictions come as late as they can.
    device._random.randint = lambda low, high: 0  # type: ignore[method-assign]
    driver = Driver(device, shape)
    network = Network(config)
    driver.load(network)
    samples, _ = draw(np.random.default_rng(9), config, 1000)
    np.testing.assert_array_equal(driver.predict(samples), network.predict(samples))
    assert device.executed.count(Operation.COLLECT) > 1000 // MAX_PREDICTIONS


@pytest.mark.parametrize(("shape", "config"), CASES)
def test_state_is_loaded(shape: Shape, config: Config) -> None:
    generator = np.random.default_rng(2)
    low, high = config.counter_range
    network = Network(config)
    counters = [
        generator.integers(low, high + 1, values.shape).astype(np.int16)
        for values in network.counters
    ]
    network.load(counters)
    network.generator.state = 0xFFFFFFFF
    driver = Driver(ModelDevice(shape, config), shape)
    driver.load_state(config, network.classifier, counters, 0xFFFFFFFF)
    assert_same(driver, network)
    assert driver.generator_state == 0xFFFFFFFF


def test_loading_again_replaces_everything(device: ModelDevice, driver: Driver) -> None:
    samples, labels = draw(np.random.default_rng(4), DEEP, 20)
    driver.train(samples, labels)
    network = Network(DEEP)
    driver.load(network)
    assert_same(driver, network)


def test_what_does_not_fit_never_reaches_the_device(device: ModelDevice) -> None:
    driver = Driver(device, SMALL)
    device.requests.clear()
    large = DEEP.model_copy(update={"hidden": (65, 7)})
    with pytest.raises(CapacityError, match="needs 65 neurons of a layer, device small has 64"):
        driver.load(Network(large))
    with pytest.raises(DeviceError, match=r"^the model holds no network; load one first$"):
        driver.predict(np.zeros((1, 137), bool))
    network = Network(DEEP)
    parts = {
        "classifier": network.classifier,
        "counters": network.counters,
        "generator_state": 1,
    }
    for change, message in (
        ({"classifier": network.classifier[:1]}, r"^classifier must have the shapes \[\(5, 12\), "),
        ({"counters": network.counters[::-1]}, r"^counters must have the shapes \[\(12, 137\), "),
        (
            {"counters": [network.counters[0], np.full_like(network.counters[1], 8)]},
            r"^counters of layer 1 must lie in -8 to 7, not 8 to 8$",
        ),
        ({"generator_state": 0}, r"^generator state must be 1 to .*, not 0$"),
        ({"generator_state": 1 << 32}, r"^generator state must be 1 to .*, not 4294967296$"),
    ):
        with pytest.raises(ValueError, match=message):
            driver.load_state(DEEP, **{**parts, **change})
    assert not device.requests


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"samples": np.zeros((3, 38), bool)},
            r"^samples must be bool of shape \(n, 137\), not bo",
        ),
        ({"samples": np.zeros((3, 137), int)}, r"^samples must be bool of shape .*, not int64 of"),
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
    device.requests.clear()
    arguments = {"samples": np.zeros((3, 137), bool), "labels": np.array([0, 1, 2]), **change}
    with pytest.raises(ValueError, match=message):
        driver.train(**arguments)
    assert not device.requests


def test_another_shape_is_noticed_at_once(device: ModelDevice) -> None:
    other = Shape.model_validate({**SMALL.model_dump(), "depth": 256, "name": "other"})
    with pytest.raises(DeviceMismatchError) as caught:
        Driver(device, other)
    message = str(caught.value)
    assert SMALL.digest.hex() in message
    assert other.digest.hex() in message
    assert "'other'" in message
    assert isinstance(caught.value, MetabitError)
    Driver(device, SMALL.model_copy(update={"name": "by another name"}))


def test_a_named_device_is_found_by_its_digest(device: ModelDevice) -> None:
    assert Driver.find(device).shape == SMALL
    device.shape = Shape.model_validate({**SMALL.model_dump(), "depth": 256})
    with pytest.raises(DeviceMismatchError, match="which this Metabit does not know; build and"):
        Driver.find(device)


@pytest.mark.parametrize(
    ("identity", "message"),
    [
        (SMALL.digest + b"\x63", f"protocol version 99, and this Metabit {VERSION}"),
        (b"hello", "speaks no protocol of Metabit"),
    ],
)
def test_another_protocol_is_noticed(device: ModelDevice, identity: bytes, message: str) -> None:
    device.damage_reply = lambda _: frame(b"\1\1\0" + identity)[:-1]
    with pytest.raises(DeviceMismatchError, match=message):
        Driver(device, SMALL)


def test_a_late_reply_to_something_else_is_not_taken_for_the_identity(device: ModelDevice) -> None:
    answer = device.damage_reply
    device.send(encode_request(1, Request(Operation.RESET)))
    late = frame(bytes([1, Operation.READ.value, 0]) + bytes(9))[:-1]
    replies = iter([late])
    original = device.discard
    device.discard = lambda: (original(), device._replies.extend(replies))  # type: ignore
    Driver(device, SMALL)
    assert answer is device.damage_reply


def test_a_silent_device_is_reported_with_advice(device: ModelDevice) -> None:
    device.damage_reply = lambda _: None
    with pytest.raises(DeviceTimeoutError) as caught:
        Driver(device, SMALL)
    assert str(caught.value) == (
        "no answer from the model in no time after 3 tries: is it switched on?"
    )
    assert len(device.executed) == TRIES


def test_a_device_that_lost_its_state_is_reported(driver: Driver, device: ModelDevice) -> None:
    device._initialised = False
    with pytest.raises(RequestRefusedError, match="refused READ with NOT_INITIALISED: it has lost"):
        driver.statistics()
    with pytest.raises(RequestRefusedError) as caught:
        driver.predict(np.zeros((1, 137), bool))
    assert caught.value.status is Status.NOT_INITIALISED
    assert caught.value.operation is Operation.RUN


def test_a_device_that_does_not_go_on_is_reported(driver: Driver, device: ModelDevice) -> None:
    samples = np.zeros((4, 137), bool)
    device._take_sample = lambda: device._words.clear()  # type: ignore[method-assign]
    with pytest.raises(DeviceError, match=r"^the model does not end its run$"):
        driver.predict(samples)


def test_a_device_that_leaves_words_is_reported(driver: Driver, device: ModelDevice) -> None:
    take = device._take_sample
    device._take_sample = lambda: (take(), setattr(device, "_left", 0))  # type: ignore
    with pytest.raises(DeviceError, match=r"^the model has left 10 words of samples that it was g"):
        driver.predict(np.zeros((3, 137), bool))


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


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("shape", "config"), CASES)
def test_training_survives_lost_and_damaged_frames(shape: Shape, config: Config, seed: int) -> None:
    generator = np.random.default_rng(3)
    network = Network(config)
    device = ModelDevice(shape, config, seed=seed)
    driver = Driver(device, shape)
    rate = 0.02 if seed % 3 == 2 else 0.1
    if seed % 3 != 1:
        device.damage_request = unreliable(seed, rate, rate)
    if seed % 3 != 0:
        device.damage_reply = unreliable(seed + 50, rate, rate)
    driver.load(network)
    for _ in range(4):
        samples, labels = draw(generator, config, 40)
        found = driver.train(samples, labels)
        np.testing.assert_array_equal(found, train(network, samples, labels))
        network.drain()
    assert_same(driver, network)
    assert device.executed.count(Operation.RUN) == 4


def test_a_line_that_damages_everything_is_given_up(driver: Driver, device: ModelDevice) -> None:
    device.executed.clear()
    device.damage_request = lambda raw: raw[:-3] + bytes([raw[-3] ^ 0x55 or 1]) + raw[-2:]
    with pytest.raises(DeviceError, match=r"after 3 tries: the request arrived damaged \(BAD_"):
        driver.clear_statistics()
    device.damage_request = lambda raw: raw
    device.damage_reply = lambda raw: raw[:-1]
    with pytest.raises(DeviceError, match=r"^no sound answer from the model after 3 tries: reply"):
        driver.clear_statistics()
    assert device.executed == [Operation.WRITE]


def test_what_echoes_is_no_device(device: ModelDevice) -> None:
    device.damage_reply = lambda _: None
    device.damage_request = lambda raw: device._replies.append(raw.strip(b"\0"))
    with pytest.raises(LoopbackError, match=r"^the model sends back what it is sent: no device"):
        Driver(device, device.shape)


def test_silence_after_answers_is_told_from_silence(driver: Driver, device: ModelDevice) -> None:
    device.damage_reply = lambda _: None
    with pytest.raises(DeviceTimeoutError) as error:
        driver.clear_statistics()
    words = str(error.value)
    assert "before, it has answered" in words
    assert "0 of which had to be sent again; is the board still plugged in" in words
    assert device.advice not in words


def test_repetitions_are_counted_in_what_is_said_of_a_bad_line(
    driver: Driver, device: ModelDevice
) -> None:
    good = iter([False, True, False, False, False])
    device.damage_reply = lambda raw: raw if next(good) else raw[:-1]
    driver.clear_statistics()
    with pytest.raises(
        DeviceError, match=r"answered \d+ requests, 1 of which had to be sent again"
    ):
        driver.clear_statistics()


@settings(max_examples=50)
@given(
    where=st.sampled_from(["request", "reply"]), extra=st.integers(1, 6), seed=st.integers(0, 99)
)
def test_zeros_behind_a_frame_which_no_crc_notices_are_repeated_away(
    where: str, extra: int, seed: int
) -> None:
    """A code of one, added by the line, is one more zero of a body; its CRC stays right."""
    generator = random.Random(seed)
    device = ModelDevice(SMALL, DEEP)
    driver = Driver(device, SMALL)
    driver.load(Network(DEEP))
    spoilt = 0

    def lengthen(raw: bytes) -> bytes:
        nonlocal spoilt
        if spoilt or generator.random() < 0.5:
            return raw
        spoilt += 1
        whole = raw.rstrip(b"\0")
        return whole + extra * b"\1" + raw[len(whole) :]

    setattr(device, f"damage_{where}", lengthen)
    for _ in range(8):
        assert driver.generator_state == Network(DEEP).generator.state
        driver.clear_statistics()


def test_late_replies_are_passed_over(driver: Driver, device: ModelDevice) -> None:
    late = encode_request(99, Request(Operation.READ, count=1, space=Space.GENERATOR))
    device.damage_request = lambda raw: late + raw
    assert device.network is None
    assert driver.generator_state == Network(DEEP).generator.state
    device.damage_reply = lambda _: frame(b"\x63\4\0")[:-1]
    with pytest.raises(DeviceError):
        driver.clear_statistics()


def test_a_reply_of_the_wrong_length_is_noticed(driver: Driver, device: ModelDevice) -> None:
    device.damage_reply = lambda raw: frame(
        bytes([driver._requester._sequence, Operation.READ.value, 0, 1, 2])
    )[:-1]
    with pytest.raises(
        DeviceError,
        match=r"after 3 tries: the model must answer READ with 8 bytes, not 2; ",
    ):
        _ = driver.generator_state


def test_sequence_numbers_go_round(driver: Driver, device: ModelDevice) -> None:
    device.executed.clear()
    for _ in range(600):
        driver.clear_statistics()
    assert len(device.executed) == 600
