"""Golden and device side by side: agreement, planted faults, and where they are said to be.

Faults are planted in the device by a driver that meddles with its state. They depend on the sample
only, so that they happen again when tiles are repeated or cut short, as faults of hardware do.
"""

import numpy as np
import pytest

from metabit.boards.driver import Driver
from metabit.golden.network import Network
from metabit.sim.model import SimulatedDevice
from metabit.sim.pinpoint import pinpoint
from metabit.sim.side_by_side import DivergenceError, SideBySide
from metabit.sim.transport import SimulatedTransport, patience
from tests.sim.small import CONFIG, random_tile, small_library

TILES = 14


class FaultyDriver(Driver):
    """Plant a fault whenever a certain sample is trained on.

    Attributes
    ----------
    poison : ndarray of bool or None
        The sample.
    fault : callable
        Is called with the driver, the predictions and the sample's number in the tile.
    """

    poison = None
    fault = None

    def train_tile(self, samples, labels, **options):
        predictions = super().train_tile(samples, labels, **options).copy()
        for number in np.flatnonzero((samples == self.poison).all(axis=1)):
            self.fault(self, predictions, number)
        return predictions


@pytest.fixture
def device():
    with SimulatedDevice(small_library()) as device:
        yield device


@pytest.fixture
def driver(device):
    return FaultyDriver(SimulatedTransport(device, patience(CONFIG)), CONFIG)


@pytest.fixture
def tiles():
    """Tiles of random size with annealing and damping."""
    rng = np.random.default_rng(4)
    return [
        (*random_tile(rng), {"annealing": number % 4, "damping": number // 4 % 4})
        for number in range(TILES)
    ]


def side_by_side(device, driver, compare_every=None):
    return SideBySide(
        driver, Network(CONFIG), clock=lambda: device.cycles, compare_every=compare_every
    )


def diverge(side, tiles):
    """Train until golden and device differ."""
    side.begin()
    with pytest.raises(DivergenceError) as caught:
        train(side, tiles)
    return caught.value


def train(side, tiles):
    for samples, labels, options in tiles:
        side.train_tile(samples, labels, **options)
    side.compare()


@pytest.mark.parametrize("compare_every", [1, 5])
def test_equals_agree(device, driver, tiles, compare_every):
    device.stall(1, 0.3, 0.3)
    side = side_by_side(device, driver, compare_every)
    network = Network(CONFIG)
    side.begin()
    for samples, labels, options in tiles:
        expected = network.train_tile(samples, labels, **options).predictions
        assert side.train_tile(samples, labels, **options).tolist() == expected.tolist()
    side.compare()
    samples, _ = random_tile(np.random.default_rng(5), count=10)
    assert side.predict(samples).tolist() == network.predict(samples).tolist()
    assert side.tiles == TILES
    assert side.samples == sum(len(labels) for _, labels, _ in tiles) == network.statistics.samples
    assert side.network.statistics == network.statistics
    # At the beginning and at the end, and in between as often as was asked for.
    assert side.comparisons == 2 + TILES // compare_every


def test_comparisons_cost_a_tenth_of_the_cycles(device, driver, tiles):
    side = side_by_side(device, driver)
    side.begin()
    start = device.cycles
    train(side, tiles * 8)
    total = device.cycles - start
    start = device.cycles
    side.compare()
    took = device.cycles - start
    # One each after the first and the last tile, which happen whatever they cost.
    between = side.comparisons - 4
    assert between >= 2
    assert 0.07 < between * took / total < 0.1


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_comparisons_do_not_count_as_cycles_of_training(device, driver, tiles, stall):
    device.stall(2, stall, stall)
    counted = []
    for compare_every in (1, 1000):
        side = side_by_side(device, driver, compare_every)
        side.begin()
        for number, (samples, labels, options) in enumerate(tiles):
            side.train_tile(samples, labels, **options)
            if compare_every == 1 and number % 3 == 0:
                side.predict(samples)
        counted.append(side.cycles)
    often, never = counted
    assert list(often) == ["forward", "select", "update", "transfer"]
    assert all(often.values())
    assert often == never


def counter_fault(layer, neuron, weight):
    def plant(driver, predictions, number):
        state = driver.read_state()
        value = state.counters[layer][neuron, weight]
        state.counters[layer][neuron, weight] = value - 1 if value > 0 else value + 1
        driver.load_state(state.counters, state.generator_state)

    return plant


@pytest.mark.parametrize("compare_every", [1, 4, None])
@pytest.mark.parametrize(
    ("tile", "place"),
    [(0, (0, 8, 36)), (3, (1, 0, 0)), (9, (0, 2, 16)), (TILES - 1, (1, 6, 8))],
)
def test_a_fault_is_pinpointed(device, driver, tiles, tile, place, compare_every):
    layer, neuron, weight = place
    samples, labels, options = tiles[tile]
    number = len(samples) - 1
    driver.poison, driver.fault = samples[number], counter_fault(layer, neuron, weight)
    side = side_by_side(device, driver, compare_every)
    error = diverge(side, tiles)
    assert error.tile >= tile >= error.agreed
    finding = pinpoint(side, error)

    network = Network(CONFIG)
    for earlier in tiles[:tile]:
        network.train_tile(*earlier[:2], **earlier[2])
    network.train_tile(samples[: number + 1], labels[: number + 1], **options)
    golden = int(network.counters[layer][neuron, weight])
    assert (finding.tile, finding.sample) == (tile, number)
    first = next(d for d in finding.divergences if d.kind == "counter")
    assert first.place == {"layer": layer, "neuron": neuron, "weight": weight}
    assert (first.golden, first.device) == (golden, golden - 1 if golden > 0 else golden + 1)
    assert first.count == 1
    assert str(first).startswith(
        f"counter of layer {layer}, neuron {neuron}, weight {weight}: golden {golden}, device "
    )


def test_the_sample_within_the_tile_is_found(device, driver, tiles):
    samples, labels = random_tile(np.random.default_rng(6), count=CONFIG.tile)
    tiles.append((samples, labels, tiles[0][2]))
    for number in range(CONFIG.tile):
        driver.poison, driver.fault = samples[number], counter_fault(0, 1, 2)
        side = side_by_side(device, driver, 4)
        finding = pinpoint(side, diverge(side, tiles))
        assert (finding.tile, finding.sample) == (TILES, number)


def test_a_wrong_prediction_is_found_at_once(device, driver, tiles):
    samples = tiles[6][0]

    def plant(driver, predictions, number):
        predictions[number] = (predictions[number] + 1) % CONFIG.classes

    driver.poison, driver.fault = samples[0], plant
    side = side_by_side(device, driver, 1000)
    error = diverge(side, tiles)
    assert (error.tile, error.agreed) == (6, 0)
    (wrong,) = error.divergences
    assert (wrong.kind, wrong.place, wrong.total) == ("prediction", {"sample": 0}, len(samples))
    assert wrong.device == (wrong.golden + 1) % CONFIG.classes
    assert str(error) == f"device and golden differ after tile 6: {wrong}"
    finding = pinpoint(side, error)
    assert (finding.tile, finding.sample) == (6, 0)
    assert finding.divergences[0].kind == "prediction"


def test_a_wrong_generator_is_found(device, driver, tiles):
    def plant(driver, predictions, number):
        driver.generator_state ^= 1

    driver.poison, driver.fault = tiles[2][0][0], plant
    side = side_by_side(device, driver, 1)
    error = diverge(side, tiles)
    (wrong,) = error.divergences
    assert error.tile == 2
    assert (wrong.kind, wrong.device) == ("generator state", wrong.golden ^ 1)


def test_a_fault_that_does_not_come_back_is_reported_where_it_was_seen(device, driver, tiles):
    plant_counter = counter_fault(0, 0, 0)

    def plant(driver, predictions, number):
        plant_counter(driver, predictions, number)
        driver.poison = None

    driver.poison, driver.fault = tiles[5][0][0], plant
    side = side_by_side(device, driver, 4)
    error = diverge(side, tiles)
    assert (error.tile, error.agreed) == (7, 4)
    finding = pinpoint(side, error)
    assert (finding.tile, finding.sample) == (7, None)
    assert finding.divergences == error.divergences


def test_a_device_that_starts_wrong_is_told(device, driver):
    side = side_by_side(device, driver)
    side.network.counters[1][3, 4] += 1
    with pytest.raises(DivergenceError, match="differ before the first tile: counter of") as caught:
        side.begin()
    finding = pinpoint(side, caught.value)
    assert (finding.tile, finding.sample) == (-1, None)
    assert finding.divergences[0].place == {"layer": 1, "neuron": 3, "weight": 4}


def test_a_wrong_inference_is_found(device, driver, tiles, monkeypatch):
    side = side_by_side(device, driver)
    side.begin()
    samples, _, _ = tiles[0]
    scores = driver.scores(samples)
    scores[-1, 1] += 2
    monkeypatch.setattr(driver, "scores", lambda samples: scores)
    with pytest.raises(DivergenceError) as caught:
        side.predict(samples)
    (wrong,) = caught.value.divergences
    assert wrong.kind == "class score"
    assert wrong.place == {"sample": len(samples) - 1, "class": 1}
    assert (wrong.golden, wrong.device) == (scores[-1, 1] - 2, scores[-1, 1])


def test_a_network_in_any_state_is_loaded_into_the_device(device, driver, tiles):
    network = Network(CONFIG)
    for samples, labels, options in tiles[:7]:
        network.train_tile(samples, labels, **options)
    side = SideBySide(driver, network, clock=lambda: device.cycles, compare_every=1)
    side.begin(resumed=True)
    for samples, labels, options in tiles[7:]:
        side.train_tile(samples, labels, **options)
    again = Network(CONFIG)
    for samples, labels, options in tiles:
        again.train_tile(samples, labels, **options)
    state = driver.read_state()
    for found, expected in zip(state.counters, again.counters, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert state.generator_state == again.generator.state
