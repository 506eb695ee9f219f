"""Several requests under way over a line that is not to be trusted: everything is done once."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from metabit.golden.config import Config
from metabit.golden.network import Network
from metabit.hdl.link.protocol import READ_WINDOW, WINDOW, Operation, Status
from metabit.hdl.shape import SHAPES
from metabit.host.driver import Driver
from metabit.host.errors import DeviceError
from metabit.host.packets import Request
from metabit.host.requester import Requester
from tests.host.lossy_line import LossyLine
from tests.host.model_device import ModelDevice

SHAPE = SHAPES["small"]
CONFIG = Config(inputs=137, hidden=(12, 7), classes=5, group=5, counter_bits=4, tile=3, seed=3)
TINY = CONFIG.model_copy(update={"inputs": 40, "hidden": (5,), "group": 3, "tile": 7})
"""So many samples in a request that predictions have to be collected in between."""


def train_both(
    device: ModelDevice, transport: LossyLine | ModelDevice, window: int, samples: int = 50
) -> tuple[Driver, Network]:
    """Train a device and a golden network on the same, and compare all that they say."""
    config = device.config
    generator = np.random.default_rng(3)
    network = Network(config)
    driver = Driver(transport, SHAPE, window)
    driver.load(network)
    for _ in range(2):
        bits = generator.random((samples, config.inputs)) < 0.5
        labels = generator.integers(0, config.classes, samples)
        expected = [
            prediction
            for start in range(0, samples, config.tile)
            for prediction in network.train_tile(
                bits[start : start + config.tile],
                labels[start : start + config.tile],
                annealing=0,
                damping=0,
            ).predictions
        ]
        network.drain()
        np.testing.assert_array_equal(driver.train(bits, labels), expected)
    state = driver.read_state()
    assert state.generator_state == network.generator.state
    for ours, theirs in zip(state.counters, network.counters, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert driver.statistics().counts == network.statistics
    return driver, network


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1_000_000),
    window=st.integers(1, WINDOW),
    rate=st.sampled_from([0.02, 0.1, 0.3]),
    config=st.sampled_from([CONFIG, TINY]),
)
@example(seed=1, window=WINDOW, rate=0.3, config=TINY)
def test_training_is_exact_over_a_bad_line(
    seed: int, window: int, rate: float, config: Config
) -> None:
    device = ModelDevice(SHAPE, config, seed=seed)
    line = LossyLine(device, seed, rate)
    driver, _ = train_both(device, line, window, 40 if config is CONFIG else 300)
    assert device.executed.count(Operation.RUN) == 2
    if any(fate in ("lost", "damaged") for fate in line.fates):
        assert driver.link.errors
        assert driver.link.resent


def test_every_fate_befalls_frames_and_is_counted() -> None:
    device = ModelDevice(SHAPE, CONFIG)
    line = LossyLine(device, 5, 0.2)
    driver, _ = train_both(device, line, WINDOW)
    assert set(line.fates) == {"lost", "damaged", "doubled", "delayed"}
    counts = driver.link
    assert counts.damaged
    assert counts.silent
    assert counts.overtaken
    assert counts.errors == counts.damaged + counts.silent + counts.overtaken


def most_under_way(window: int, operation: Operation) -> int:
    """Requests of a kind that a sound line holds at the most before the first answer is read."""
    device = ModelDevice(SHAPE, CONFIG)
    driver = Driver(device, SHAPE, window)
    driver.load(Network(CONFIG))
    most = waiting = 0
    send, receive = device.send, device.receive

    def sent(raw: bytes) -> None:
        nonlocal most, waiting
        send(raw)
        waiting += device.requests[-1].operation is operation
        most = max(most, waiting)

    def received() -> bytes:
        nonlocal waiting
        waiting = max(0, waiting - 1)
        return receive()

    device.send, device.receive = sent, received  # type: ignore[method-assign]
    samples = np.zeros((100, CONFIG.inputs), bool)
    driver.train(samples, np.zeros(100, np.int64))
    driver.read_state()
    return most


@pytest.mark.parametrize("window", range(1, WINDOW + 1))
def test_so_many_requests_are_under_way_as_asked_for(window: int) -> None:
    assert most_under_way(window, Operation.FEED) == window
    assert most_under_way(window, Operation.READ) == min(window, READ_WINDOW)


def test_a_window_of_one_sends_what_a_larger_one_does() -> None:
    """The same requests in the same order, each when the one before was answered."""
    seen = []
    for window in (1, WINDOW):
        device = ModelDevice(SHAPE, CONFIG)
        train_both(device, device, window)
        seen.append(device.requests)
    assert seen[0] == seen[1]


@pytest.mark.parametrize("window", [0, WINDOW + 1])
def test_a_window_that_no_device_has_is_refused(window: int) -> None:
    with pytest.raises(ValueError, match=rf"^window must be 1 to {WINDOW} requests, not {window}$"):
        Requester(ModelDevice(SHAPE, CONFIG), window)


class Forgetful(ModelDevice):
    """Keeps no reply: a repeated FEED is refused, or, with ``twice``, executed again."""

    twice = False

    def _answer(self, encoded: bytes) -> bytes:
        self._kept.clear()
        return super()._answer(encoded)

    def _judge(self, request: Request) -> Status:
        if self.twice and request.operation is Operation.FEED:
            request = replace(request, address=self._position)
        return super()._judge(request)


class Twice(Forgetful):
    """Executes whatever comes, however often."""

    twice = True


class Short(ModelDevice):
    """Keeps the replies of a window of two only, as devices once did."""

    def _answer(self, encoded: bytes) -> bytes:
        while len(self._kept) > 2:
            del self._kept[next(iter(self._kept))]
        return super()._answer(encoded)


@pytest.mark.parametrize("broken", [Forgetful, Twice, Short])
def test_a_device_that_does_not_keep_its_replies_is_caught(broken: type[ModelDevice]) -> None:
    """The test above sees what it is meant to see."""
    caught = 0
    for seed in range(8):
        device = broken(SHAPE, CONFIG, seed=seed)
        try:
            train_both(device, LossyLine(device, seed, 0.3), WINDOW)
        except (DeviceError, AssertionError):
            caught += 1
    assert caught
