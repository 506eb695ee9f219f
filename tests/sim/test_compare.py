"""What is compared: every kind of state, wherever it differs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metabit.golden.network import Network, Statistics
from metabit.host.compare import (
    Divergence,
    compare_predictions,
    compare_state,
    first_difference,
)
from metabit.host.lockstep import train_both
from tests.sim.small import CONFIG, random_span, small_driver

SPANS = 3


def test_divergences_read_well():
    place = {"layer": 0, "neuron": 3, "weight": 17}
    assert str(Divergence("counter", place, -3, 4, 2, 64)) == (
        "counter of layer 0, neuron 3, weight 17: golden -3, device 4 (2 of 64 differ)"
    )
    assert str(Divergence("generator state", {}, 1, 2)) == "generator state: golden 1, device 2"


def test_the_first_difference_in_order_is_the_one_reported():
    golden = np.arange(12).reshape(3, 4)
    device = golden.copy()
    device[1, 2], device[2, 0] = 70, 80
    assert list(first_difference("number", ("row", "column"), golden, device, layer=5)) == [
        Divergence("number", {"layer": 5, "row": 1, "column": 2}, 6, 70, 2, 12)
    ]
    assert list(first_difference("number", ("row", "column"), golden, golden)) == []


@pytest.fixture(scope="module")
def trained():
    """A device and a golden network after the same spans."""
    rng = np.random.default_rng(3)
    network = Network(CONFIG)
    with small_driver() as driver:
        driver.load(network)
        for _ in range(SPANS):
            expected, found = train_both(driver, network, random_span(rng, annealing=1, damping=2))
            assert expected.tolist() == found.tolist()
        yield driver, network


@pytest.fixture
def state(trained):
    """The same, and golden is put right again afterwards."""
    driver, network = trained
    counters, generator = [rows.copy() for rows in network.counters], network.generator.state
    counts = network.statistics
    network.statistics = Statistics(
        counts.samples, counts.correct, list(counts.triggers), list(counts.updates)
    )
    yield driver, network
    network.load(counters)
    network.generator.state, network.statistics = generator, counts


def test_equal_states_agree(trained):
    driver, network = trained
    assert compare_state(driver, network) == []
    assert all(network.statistics.updates), "the spans must have updated every layer"


def test_counts_from_before_are_left_out(state):
    driver, network = state
    counts = network.statistics
    for earlier in (Statistics(9, 4, [1, 2], [3, 4]), Statistics(0, 0, [7, 0], [0, 8])):
        triggers = [a + b for a, b in zip(counts.triggers, earlier.triggers, strict=True)]
        updates = [a + b for a, b in zip(counts.updates, earlier.updates, strict=True)]
        network.statistics = Statistics(
            counts.samples + earlier.samples, counts.correct + earlier.correct, triggers, updates
        )
        assert compare_state(driver, network, earlier) == []
        assert compare_state(driver, network) != []


@settings(deadline=None, max_examples=15)
@given(data=st.data())
def test_any_counter_that_differs_is_found(trained, data):
    driver, network = trained
    layer = data.draw(st.integers(0, CONFIG.layers - 1))
    neuron = data.draw(st.integers(0, CONFIG.hidden[layer] - 1))
    weight = data.draw(st.integers(0, CONFIG.fan_in[layer] - 1))
    rows = network.counters[layer]
    right = int(rows[neuron, weight])
    wrong = data.draw(st.integers(-8, 7).filter(lambda value: value != right))
    rows[neuron, weight] = wrong
    try:
        found = compare_state(driver, network)
    finally:
        rows[neuron, weight] = right
    place = {"layer": layer, "neuron": neuron, "weight": weight}
    assert found[0] == Divergence("counter", place, wrong, right, 1, rows.size)
    assert len(found) == 1


def test_a_generator_that_differs_is_found(state):
    driver, network = state
    right = network.generator.state
    network.generator.state ^= 1 << 31
    assert compare_state(driver, network) == [
        Divergence("generator state", {}, right ^ 1 << 31, right)
    ]


@pytest.mark.parametrize("name", ["samples", "correct"])
def test_totals_that_differ_are_found(state, name):
    driver, network = state
    right = getattr(network.statistics, name)
    setattr(network.statistics, name, right + 1)
    assert compare_state(driver, network) == [Divergence(f"count of {name}", {}, right + 1, right)]


@pytest.mark.parametrize("name", ["triggers", "updates"])
def test_counts_of_a_layer_that_differ_are_found(state, name):
    driver, network = state
    counts = getattr(network.statistics, name)
    right = counts[1]
    counts[1] += 2
    assert compare_state(driver, network) == [
        Divergence(f"count of {name}", {"layer": 1}, right + 2, right, 1, 2)
    ]


def test_the_first_wrong_prediction_is_found_in_its_tile():
    golden = np.arange(20) % CONFIG.classes
    device = golden.copy()
    device[[11, 13]] += 1
    place = {"tile": 40 + 3, "sample": 2}
    assert compare_predictions(golden, device, CONFIG.tile, 40) == [
        Divergence("prediction", place, golden[11], golden[11] + 1, 2, 20)
    ]
    assert compare_predictions(golden, golden, CONFIG.tile) == []
