"""Golden and device side by side: agreement, planted faults, and where they are said to be.

Faults are planted in the device by a driver that meddles with its state. They depend on the sample
only, so that they happen again when spans are repeated or cut short, as faults of hardware do.
"""

import numpy as np
import pytest

from metabit.golden.engines import make_learner
from metabit.golden.learner import GoldenLearner
from metabit.golden.network import Network
from metabit.hdl.bundles import Space
from metabit.host import packing
from metabit.host.compare import DivergenceError
from metabit.host.lockstep import Lockstep, Span
from metabit.host.pinpoint import pinpoint
from metabit.host.records import DeviceState
from metabit.sim.supplied import SuppliedDriver
from tests.sim.small import CONFIG, random_span, small_driver

SPANS = 5


class FaultyDriver(SuppliedDriver):
    """Plant a fault whenever a certain sample is trained on.

    Attributes
    ----------
    poison : ndarray of bool or None
        The sample.
    fault : callable
        Is called with the driver, the predictions and the sample's number in the span.
    """

    poison = None
    fault = None

    def train(self, samples, labels, **options):
        predictions = super().train(samples, labels, **options).copy()
        for number in np.flatnonzero((samples == self.poison).all(axis=1)):
            self.fault(self, predictions, number)
        return predictions

    def replace(self, state: DeviceState) -> None:
        """Write counters and generator over those in the device, and let statistics be."""
        beats = packing.scatter(state.counters, self.placement)
        parts = packing.pack_counters(beats, self.shape)
        signs = packing.pack_bits(beats >= 0, 1)[..., 0]
        for element in range(self.shape.elements):
            self.write_space(Space.COUNTERS, parts[element].ravel(), element)
            self.write_space(Space.SIGNS, signs[element], element)
        self.write_space(Space.GENERATOR, np.array([state.generator_state], np.uint64))


@pytest.fixture
def driver():
    with small_driver(FaultyDriver) as driver:
        yield driver


@pytest.fixture
def device(driver):
    return driver.transport.device


@pytest.fixture
def spans():
    """Spans of random length with annealing and damping."""
    rng = np.random.default_rng(4)
    return [
        random_span(rng, annealing=number % 4, damping=(number + 1) % 4) for number in range(SPANS)
    ]


def lockstep(driver, compare_every=None, network=None):
    return Lockstep(
        driver,
        GoldenLearner(network or Network(CONFIG)),
        clock=lambda: driver.transport.device.cycles,
        compare_every=compare_every,
    )


def diverge(side, spans):
    """Train until golden and device differ."""
    side.begin()
    with pytest.raises(DivergenceError) as caught:
        train(side, spans)
    return caught.value


def train(side, spans):
    for span in spans:
        side.train(span)
    side.compare()


def train_golden(network, span):
    """Train a network on a span and return its predictions."""
    predictions = []
    for start in range(0, len(span.labels), CONFIG.tile):
        part = slice(start, start + CONFIG.tile)
        forward = network.train_tile(
            span.samples[part], span.labels[part], annealing=span.annealing, damping=span.damping
        )
        predictions += forward.predictions.tolist()
    if span.drain:
        network.drain()
    return predictions


def tiles_of(spans):
    """Return the number of tiles of spans."""
    return sum(-(-len(span.labels) // CONFIG.tile) for span in spans)


@pytest.mark.parametrize("compare_every", [1, 2])
@pytest.mark.parametrize("supplied", [True, False])
def test_equals_agree(device, driver, spans, compare_every, supplied):
    device.stall(1, 0.3, 0.3, 0.3, 0.3)
    driver.supplied = supplied
    side = lockstep(driver, compare_every)
    network = Network(CONFIG)
    side.begin()
    for span in spans:
        assert side.train(span).tolist() == train_golden(network, span)
    side.compare()
    samples = random_span(np.random.default_rng(5), tiles=9).samples
    assert side.predict(samples).tolist() == network.predict(samples).tolist()
    assert (side.spans, side.tiles) == (SPANS, tiles_of(spans))
    assert side.samples == sum(len(span.labels) for span in spans) == network.statistics.samples
    assert side.golden.network.statistics == network.statistics
    # At the beginning and at the end, and in between as often as was asked for.
    assert side.comparisons == 2 + SPANS // compare_every


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_it_is_a_learner_whose_golden_side_any_engine_computes(driver, spans, engine):
    samples = np.concatenate([span.samples for span in spans])
    labels = np.concatenate([span.labels for span in spans])
    indices = np.random.default_rng(9).permutation(len(labels))
    network = Network(CONFIG)
    side = Lockstep(driver, make_learner(Network(CONFIG), engine), clock=lambda: 0, compare_every=1)
    side.begin()
    packed = side.pack(samples)
    for part in np.array_split(indices, 3):
        found = side.train_tiles(packed, labels, part, annealing=1, damping=0)
        assert found.tolist() == train_golden(network, Span(samples[part], labels[part], 1, 0))
    assert side.comparisons == 4
    assert side.predict(samples).tolist() == network.predict(samples).tolist()


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_learner_goes_on_within_a_span(driver, spans, engine):
    """Tile by tile, compared after each, as a training is stepped through."""
    samples = np.concatenate([span.samples for span in spans])
    labels = np.concatenate([span.labels for span in spans])
    network = Network(CONFIG)
    side = Lockstep(driver, make_learner(Network(CONFIG), engine), clock=lambda: 0, compare_every=1)
    side.begin()
    packed, tiles = side.pack(samples), len(samples) // CONFIG.tile
    for tile in range(tiles):
        part = np.arange(tile * CONFIG.tile, (tile + 1) * CONFIG.tile)
        drain = tile % 5 == 4
        found = side.train_tiles(packed, labels, part, annealing=0, damping=0, drain=drain)
        assert found.tolist() == train_golden(
            network, Span(samples[part], labels[part], 0, 0, drain=drain)
        )
        assert len(side.log) == (tile + 1) % 5
    assert tiles > 10
    assert side.comparisons == 1 + tiles


def test_spans_without_a_drain_agree_but_are_no_state_to_go_back_to(driver, spans):
    side = lockstep(driver, 1)
    side.begin()
    for number, span in enumerate(spans[:-1]):
        side.train(Span(span.samples, span.labels, 0, 0, drain=number % 2 == 1))
        assert len(side.log) == (number + 1) % 2
    assert side.comparisons == SPANS


def test_comparisons_cost_a_tenth_of_the_cycles(device, driver):
    rng = np.random.default_rng(8)
    spans = [random_span(rng, tiles=300) for _ in range(30)]
    side = lockstep(driver)
    side.begin()
    start = device.cycles
    train(side, spans)
    total = device.cycles - start
    start = device.cycles
    side.compare()
    took = device.cycles - start
    # One each after the first and the last span, which happen whatever they cost.
    between = side.comparisons - 4
    assert between >= 2
    assert 0.05 < between * took / total < 0.1


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_comparisons_do_not_count_as_cycles_of_training(device, driver, spans, stall):
    device.stall(2, samples=stall, predictions=stall)
    counted = []
    for compare_every in (1, 1000):
        side = lockstep(driver, compare_every)
        side.begin()
        for number, span in enumerate(spans):
            side.train(span)
            if compare_every == 1 and number % 3 == 0:
                side.predict(span.samples)
        counted.append(side.cycles)
    often, never = counted
    assert list(often) == ["run", "forward", "update", "commit", "wait"]
    assert all(often.values())
    assert max(often.values()) == often["run"]
    if not stall:
        assert often == never


def test_cycles_of_a_device_that_counts_none_are_taken_from_outside(driver, spans, monkeypatch):
    counted = lockstep(driver)
    counted.begin()
    counted.train(spans[0])
    statistics = driver.statistics

    def silent():
        known = statistics()
        known.cycles.clear()
        return known

    monkeypatch.setattr(driver, "statistics", silent)
    side = lockstep(driver)
    side.begin()
    side.train(spans[0])
    assert list(side.cycles) == ["run"]
    # Request and answer are part of it.
    assert 0 < side.cycles["run"] - counted.cycles["run"] < 300


def counter_fault(layer, neuron, weight):
    def plant(driver, predictions, number):
        state = driver.read_state()
        value = state.counters[layer][neuron, weight]
        state.counters[layer][neuron, weight] = value - 1 if value > 0 else value + 1
        driver.replace(state)

    return plant


@pytest.mark.parametrize("compare_every", [1, 3, None])
@pytest.mark.parametrize(
    ("number", "sample", "place"),
    [(0, 0, (0, 8, 136)), (2, -1, (1, 0, 0)), (3, 4, (0, 2, 64)), (SPANS - 1, 2, (1, 6, 8))],
)
def test_a_fault_is_pinpointed(driver, spans, number, sample, place, compare_every):
    layer, neuron, weight = place
    span = spans[number]
    sample %= len(span.labels)
    driver.poison, driver.fault = span.samples[sample], counter_fault(layer, neuron, weight)
    side = lockstep(driver, compare_every)
    error = diverge(side, spans)
    tile = tiles_of(spans[:number]) + sample // CONFIG.tile
    assert error.tile >= tile >= error.agreed
    finding = pinpoint(side, error)

    network = Network(CONFIG)
    for earlier in spans[:number]:
        train_golden(network, earlier)
    train_golden(network, span.cut(sample + 1))
    golden = int(network.counters[layer][neuron, weight])
    assert (finding.tile, finding.sample) == (tile, sample % CONFIG.tile)
    first = next(d for d in finding.divergences if d.kind == "counter")
    assert first.place == {"layer": layer, "neuron": neuron, "weight": weight}
    assert (first.golden, first.device) == (golden, golden - 1 if golden > 0 else golden + 1)
    assert first.count == 1
    assert str(first).startswith(
        f"counter of layer {layer}, neuron {neuron}, weight {weight}: golden {golden}, device "
    )


def test_a_wrong_prediction_is_found_at_once(driver, spans):
    def plant(driver, predictions, number):
        predictions[number] = (predictions[number] + 1) % CONFIG.classes

    sample = CONFIG.tile + 1
    driver.poison, driver.fault = spans[2].samples[sample], plant
    side = lockstep(driver, 1000)
    error = diverge(side, spans)
    before = tiles_of(spans[:2])
    assert (error.tile, error.agreed) == (tiles_of(spans[:3]) - 1, 0)
    (wrong,) = error.divergences
    place = {"tile": before + 1, "sample": 1}
    assert (wrong.kind, wrong.place, wrong.total) == ("prediction", place, len(spans[2].labels))
    assert wrong.device == (wrong.golden + 1) % CONFIG.classes
    assert str(error) == f"device and golden differ after tile {error.tile}: {wrong}"
    finding = pinpoint(side, error)
    assert (finding.tile, finding.sample) == (before + 1, 1)
    assert finding.divergences[0].kind == "prediction"
    assert finding.divergences[0].place == place


def test_a_wrong_generator_is_found(driver, spans):
    def plant(driver, predictions, number):
        state = driver.read_state()
        driver.replace(DeviceState(state.counters, state.generator_state ^ 1))

    driver.poison, driver.fault = spans[1].samples[0], plant
    error = diverge(lockstep(driver, 1), spans)
    (wrong,) = error.divergences
    assert error.tile == tiles_of(spans[:2]) - 1
    assert (wrong.kind, wrong.device) == ("generator state", wrong.golden ^ 1)


def test_a_fault_that_does_not_come_back_is_reported_where_it_was_seen(driver, spans):
    plant_counter = counter_fault(0, 0, 0)

    def plant(driver, predictions, number):
        plant_counter(driver, predictions, number)
        driver.poison = None

    driver.poison, driver.fault = spans[2].samples[0], plant
    side = lockstep(driver, 2)
    error = diverge(side, spans)
    assert error.agreed == tiles_of(spans[:2])
    finding = pinpoint(side, error)
    assert (finding.tile, finding.sample) == (error.tile, None)
    assert finding.divergences == error.divergences


def test_a_device_that_starts_wrong_is_told(driver, monkeypatch):
    side = lockstep(driver)
    load = driver.load

    def load_wrong(network):
        network.counters[1][3, 4] += 1
        load(network)
        network.counters[1][3, 4] -= 1

    monkeypatch.setattr(driver, "load", load_wrong)
    with pytest.raises(DivergenceError, match="differ before the first tile: counter of") as caught:
        side.begin()
    finding = pinpoint(side, caught.value)
    assert (finding.tile, finding.sample) == (-1, None)
    assert finding.divergences[0].place == {"layer": 1, "neuron": 3, "weight": 4}


def test_a_wrong_inference_is_found(driver, spans, monkeypatch):
    side = lockstep(driver)
    side.begin()
    samples = spans[0].samples
    classes = driver.predict(samples)
    classes[-1] = (classes[-1] + 1) % CONFIG.classes
    monkeypatch.setattr(driver, "predict", lambda samples: classes)
    with pytest.raises(DivergenceError) as caught:
        side.predict(samples)
    (wrong,) = caught.value.divergences
    assert wrong.kind == "prediction"
    assert wrong.device == classes[-1]


def test_a_network_in_any_state_is_loaded_into_the_device(driver, spans):
    network, again = Network(CONFIG), Network(CONFIG)
    for span in spans[:3]:
        train_golden(network, span)
    side = lockstep(driver, 1, network)
    side.begin()
    train(side, spans[3:])
    for span in spans:
        train_golden(again, span)
    state = driver.read_state()
    for found, expected in zip(state.counters, again.counters, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert state.generator_state == again.generator.state
