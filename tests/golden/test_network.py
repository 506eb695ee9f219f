"""The vectorised network against the scalar reference, state for state."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import Reference

from metabit.golden.config import Config
from metabit.golden.network import Network


@st.composite
def configs(draw):
    hidden = tuple(draw(st.lists(st.integers(1, 40), min_size=1, max_size=3)))
    return Config(
        inputs=draw(st.integers(1, 70)),
        hidden=hidden,
        classes=draw(st.integers(2, 37)),
        group=draw(st.integers(1, max(hidden))),
        counter_bits=draw(st.integers(2, 16)),
        margin=draw(st.sampled_from([0, 0.1, 0.25, 0.5, 1])),
        rival_selection=draw(st.booleans()),
        reinforcement=draw(st.sampled_from([0, 0.01, 0.5, 1])),
        head_offset=draw(st.sampled_from([0, 0, 1, 4])),
        summed_scores=draw(st.booleans()),
        tile=draw(st.integers(1, 16)),
        lag=draw(st.integers(0, 1)),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


def assert_same_state(network, reference):
    assert [layer.tolist() for layer in network.counters] == reference.counters
    assert network.generator.state == reference.generator.state
    statistics = network.statistics
    assert statistics.samples == reference.samples
    assert statistics.correct == reference.correct
    assert statistics.triggers == reference.triggers
    assert statistics.updates == reference.updates


def train_both(network, reference, rng, tiles, annealing, damping):
    """Train on tiles of any size, and drain now and then."""
    config = network.config
    for _ in range(tiles):
        count = int(rng.integers(1, config.tile + 1))
        samples = rng.random((count, config.inputs)) < 0.5
        labels = rng.integers(0, config.classes, count)
        result = network.train_tile(samples, labels, annealing=annealing, damping=damping)
        expected = reference.train_tile(
            samples.tolist(), labels.tolist(), annealing=annealing, damping=damping
        )
        assert result.predictions.tolist() == expected
        assert_same_state(network, reference)
        if rng.random() < 0.25:
            network.drain()
            reference.drain()
        assert [(layer > 0).tolist() for layer in network.visible] == reference.visible


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    config=configs(),
    data_seed=st.integers(0, 2**32 - 1),
    annealing=st.integers(0, 3),
    damping=st.integers(0, 3),
)
def test_random_configurations(config, data_seed, annealing, damping):
    network, reference = Network(config), Reference(config)
    assert [code.astype(int).tolist() for code in network.classifier] == reference.classifier
    assert_same_state(network, reference)
    train_both(network, reference, np.random.default_rng(data_seed), 5, annealing, damping)


@pytest.mark.parametrize("counter_bits", [2, 3, 7, 8, 15, 16])
def test_saturation(counter_bits):
    config = Config(inputs=37, hidden=(9, 7), classes=3, group=3, counter_bits=counter_bits)
    network, reference = Network(config), Reference(config)
    rng = np.random.default_rng(5)
    low, high = config.counter_range
    extremes = [low, low + 1, -1, 0, high - 1, high]
    counters = [rng.choice(extremes, layer.shape).astype(np.int16) for layer in network.counters]
    network.load(counters)
    reference.counters = [layer.tolist() for layer in counters]
    reference.drain()
    train_both(network, reference, rng, 12, annealing=0, damping=0)
    assert network.statistics.updates[0] > 0


@pytest.mark.parametrize("lag", [0, 1])
@pytest.mark.parametrize("annealing", [0, 1, 2, 3])
def test_longer_training(annealing, lag):
    config = Config(inputs=50, hidden=(24, 17), classes=4, group=6, counter_bits=4, tile=5, lag=lag)
    rng = np.random.default_rng(annealing)
    train_both(Network(config), Reference(config), rng, 25, annealing, damping=1)


def test_predict_in_batches_equals_the_reference():
    config = Config(inputs=20, hidden=(15,), classes=5, group=5, seed=3)
    network, reference = Network(config), Reference(config)
    samples = np.random.default_rng(0).random((25, 20)) < 0.5
    expected = [reference.predict(sample) for sample in samples.tolist()]
    assert network.predict(samples, batch=7).tolist() == expected
    assert network.predict(samples[:0]).tolist() == []
    assert_same_state(network, reference)


def test_load_refuses_what_does_not_fit_and_changes_nothing():
    network = Network(Config(inputs=4, hidden=(2,), group=2, counter_bits=4))
    before = network.counters[0].copy()
    with pytest.raises(ValueError, match=r"counters must have the shapes \[\(2, 4\)\], not"):
        network.load([np.zeros((4, 2), np.int16)])
    with pytest.raises(ValueError, match="counters of layer 0 must lie in -8 to 7, not 0 to 8"):
        network.load([np.array([[0, 8, 0, 0], [0, 0, 0, 0]], np.int16)])
    np.testing.assert_array_equal(network.counters[0], before)


def test_load_copies():
    network = Network(Config(inputs=4, hidden=(2,), group=2))
    counters = np.full((2, 4), 3, np.int16)
    network.load([counters])
    counters[:] = -3
    assert (network.counters[0] == 3).all()


@pytest.mark.parametrize("count", [1, 5, 16, 64, 65])
def test_wide_layers_are_exact(count):
    """Products of this size are computed in blocks."""
    config = Config(inputs=1605, hidden=(1131, 37), group=9, tile=64)
    network = Network(config)
    samples = np.random.default_rng(count).random((count, config.inputs)) < 0.5
    activation = samples
    for layer, z in enumerate(network.forward(samples).preactivations):
        weights = np.where(network.counters[layer] >= 0, 1, -1)
        np.testing.assert_array_equal(z, np.where(activation, 1, -1) @ weights.T)
        activation = z >= 0


@pytest.mark.parametrize("lag", [0, 1])
def test_a_pass_sees_the_weights_of_that_many_tiles_ago(lag):
    """Tile t sees the updates up to that of tile t - 1 - lag; what is drained, it sees, too."""
    config = Config(inputs=40, hidden=(12, 8), classes=4, group=4, tile=4, seed=3, lag=lag)
    rng = np.random.default_rng(1)
    network, other = Network(config), Network(config)
    states = [[layer.copy() for layer in network.counters]]
    drained = 0
    for tile in range(8):
        seen = states[max(drained, tile - lag)]
        samples, labels = rng.random((4, 40)) < 0.5, rng.integers(0, 4, 4)
        other.load(seen)
        expected = other.forward(samples)
        for found in network.forward(samples), network.train_tile(samples, labels):
            for ours, theirs in zip(found.preactivations, expected.preactivations, strict=True):
                np.testing.assert_array_equal(ours, theirs)
        states.append([layer.copy() for layer in network.counters])
        assert not np.array_equal(states[-1][0] >= 0, states[-2][0] >= 0)
        if tile == 4:
            network.drain()
            drained = 5


def test_predictions_are_by_visible_weights_and_by_all_updates_once_drained():
    config = Config(inputs=40, hidden=(12,), classes=4, group=4, tile=4, seed=3)
    assert config.lag == 1
    rng = np.random.default_rng(1)
    samples, labels = rng.random((400, 40)) < 0.5, rng.integers(0, 4, 400)
    network = Network(config)
    before = network.predict(samples)
    network.train_tile(samples[:4], labels[:4])
    np.testing.assert_array_equal(network.predict(samples), before)
    counters, state = [layer.copy() for layer in network.counters], network.generator.state
    network.drain()
    fresh = Network(config)
    fresh.load(counters)
    after = network.predict(samples)
    np.testing.assert_array_equal(after, fresh.predict(samples))
    assert not np.array_equal(after, before)
    np.testing.assert_array_equal(network.counters[0], counters[0])
    assert network.generator.state == state
