"""The compiled engine against the golden network, state for state."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metabit.golden.config import Config
from metabit.golden.learner import GoldenLearner
from metabit.golden.network import Network

pytest.importorskip("numba", reason="the extra 'fast' is not installed")

from metabit.golden.compiled.engine import Engine


@st.composite
def configs(draw):
    """Rows and layers of one to three words of 64 bits, and every switch."""
    hidden = tuple(draw(st.lists(st.integers(1, 140), min_size=1, max_size=3)))
    return Config(
        inputs=draw(st.integers(1, 200)),
        hidden=hidden,
        classes=draw(st.integers(2, 37)),
        group=draw(st.integers(1, max(hidden))),
        counter_bits=draw(st.integers(2, 16)),
        margin=draw(st.sampled_from([0, 0.1, 0.25, 0.5, 1])),
        rival_selection=draw(st.booleans()),
        reinforcement=draw(st.sampled_from([0, 0.01, 0.5, 1])),
        head_offset=draw(st.sampled_from([0, 0, 1, 4, 4095])),
        summed_scores=draw(st.booleans()),
        tile=draw(st.integers(1, 64)),
        lag=draw(st.integers(0, 1)),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


def assert_same_state(network, engine):
    for ours, theirs in zip(engine.network.counters, network.counters, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    assert engine.network.generator.state == network.generator.state
    assert engine.network.statistics == network.statistics


def assert_signs_follow(engine):
    """The engine's packed signs are those of its counters, and the bits beyond are 0."""
    fresh = Engine(engine.network)
    np.testing.assert_array_equal(engine._state.signs, fresh._state.signs)


def train_both(network, engine, rng, spans, **rule):
    """Train on spans of up to four tiles and a sample, and compare after each."""
    config = network.config
    for _ in range(spans):
        count = int(rng.integers(1, 4 * config.tile + 2))
        samples = rng.random((count, config.inputs)) < 0.5
        labels = rng.integers(0, config.classes, count)
        order = rng.permutation(count)
        expected = [
            network.train_tile(samples[part], labels[part], **rule).predictions
            for part in np.split(order, range(config.tile, count, config.tile))
        ]
        network.drain()
        found = engine.train_tiles(engine.pack(samples), labels, order, **rule)
        np.testing.assert_array_equal(found, np.concatenate(expected))
        assert_same_state(network, engine)
    samples = rng.random((2 * config.tile + 1, config.inputs)) < 0.5
    np.testing.assert_array_equal(engine.predict(samples), network.predict(samples))
    assert_same_state(network, engine)
    assert_signs_follow(engine)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    config=configs(),
    data_seed=st.integers(0, 2**32 - 1),
    annealing=st.integers(0, 3),
    damping=st.integers(0, 3),
)
def test_random_configurations(config, data_seed, annealing, damping):
    rng = np.random.default_rng(data_seed)
    network, engine = Network(config), Engine(Network(config))
    assert_same_state(network, engine)
    train_both(network, engine, rng, 3, annealing=annealing, damping=damping)


@pytest.mark.parametrize("lag", [0, 1])
def test_tiles_may_be_trained_on_one_by_one(lag):
    """Within a span, with looks at the network in between; a drain shows all, none only the old."""
    config = Config(inputs=70, hidden=(40, 20), group=4, margin=0.9, tile=5, lag=lag, seed=4)
    rng = np.random.default_rng(lag)
    samples, labels = rng.random((300, 70)) < 0.5, rng.integers(0, config.classes, 300)
    network, engine = Network(config), Engine(Network(config))
    packed, start, drained = engine.pack(samples), 0, []
    while start < 300:
        part = np.arange(start, min(start + config.tile * int(rng.integers(1, 4)), 300))
        expected = [
            network.train_tile(samples[tile], labels[tile]).predictions
            for tile in np.split(part, range(config.tile, len(part), config.tile))
        ]
        drained.append(bool(rng.integers(2)))
        if drained[-1]:
            network.drain()
        found = engine.train_tiles(packed, labels, part, drain=drained[-1])
        np.testing.assert_array_equal(found, np.concatenate(expected))
        assert_same_state(network, engine)
        start = part[-1] + 1
    assert {True, False} == set(drained)


@pytest.mark.parametrize("inputs", [63, 64, 65, 127, 128, 129, 1568])
@pytest.mark.parametrize("counter_bits", [7, 8, 9])
def test_wide_layers(inputs, counter_bits):
    """Rows and activations of a word, a bit less and a bit more."""
    config = Config(
        inputs=inputs,
        hidden=(130, 64, 63),
        group=20,
        counter_bits=counter_bits,
        head_offset=inputs % 3,
        tile=8,
    )
    rng = np.random.default_rng(inputs)
    train_both(Network(config), Engine(Network(config)), rng, 4, annealing=inputs % 2, damping=0)


@pytest.mark.parametrize("counter_bits", [2, 3, 7, 8, 9, 15, 16])
def test_saturation(counter_bits):
    config = Config(
        inputs=97, hidden=(9, 7), classes=3, group=3, counter_bits=counter_bits, reinforcement=1
    )
    rng = np.random.default_rng(5)
    low, high = config.counter_range
    network, other = Network(config), Network(config)
    counters = [
        rng.choice([low, low + 1, -1, 0, high - 1, high], layer.shape) for layer in network.counters
    ]
    for each in network, other:
        each.load(counters)
    train_both(network, Engine(other), rng, 6, annealing=0, damping=0)
    for layer in network.counters:
        assert layer.min() == low
        assert layer.max() == high
    assert network.statistics.updates[0] > 0


@pytest.mark.parametrize("lag", [0, 1])
def test_an_engine_takes_over_where_a_network_stopped_and_the_other_way_round(lag):
    config = Config(inputs=70, hidden=(33, 12), classes=5, group=6, tile=4, lag=lag, seed=8)
    rng = np.random.default_rng(8)
    samples = rng.random((120, 70)) < 0.5
    labels = rng.integers(0, 5, 120)
    learner, other = GoldenLearner(Network(config)), Network(config)
    for number, span in enumerate(np.split(np.arange(120), range(12, 120, 12))):
        learner.train_tiles(samples, labels, span, annealing=1, damping=0)
        theirs = Engine(other) if number % 2 else GoldenLearner(other)
        theirs.train_tiles(theirs.pack(samples), labels, span, annealing=1, damping=0)
        other = theirs.network
    assert_same_state(learner.network, Engine(other))


def test_an_engine_starts_drained():
    config = Config(inputs=70, hidden=(33,), classes=5, group=6, tile=4, seed=8)
    rng = np.random.default_rng(8)
    samples, labels = rng.random((40, 70)) < 0.5, rng.integers(0, 5, 40)
    network, other = Network(config), Network(config)
    for each in network, other:
        each.train_tile(samples[:4], labels[:4])
    network.drain()
    engine = Engine(other)
    np.testing.assert_array_equal(engine.network.predict(samples), network.predict(samples))
    train_both(network, engine, rng, 2, annealing=0, damping=0)


def test_where_a_span_ends_matters_with_a_lag_only():
    """Three spans of as many tiles as one: another state, or the same one."""
    rng = np.random.default_rng(3)
    samples, labels = rng.random((96, 70)) < 0.5, rng.integers(0, 5, 96)
    for lag in (0, 1):
        config = Config(inputs=70, hidden=(33,), classes=5, group=6, tile=4, lag=lag)
        one, three = Engine(Network(config)), Engine(Network(config))
        one.train_tiles(one.pack(samples), labels, np.arange(96))
        for span in np.split(np.arange(96), 3):
            three.train_tiles(three.pack(samples), labels, span)
        equal = np.array_equal(one.network.counters[0], three.network.counters[0])
        assert equal == (lag == 0)


def test_nothing_to_train_on_changes_nothing():
    config = Config(inputs=5, hidden=(4,), group=2)
    engine = Engine(Network(config))
    packed = engine.pack(np.zeros((3, 5), bool))
    assert engine.train_tiles(packed, np.zeros(3, int), np.arange(0)).tolist() == []
    assert engine.predict(np.zeros((0, 5), bool)).tolist() == []
    assert_same_state(Network(config), engine)


def test_mistakes_are_refused_and_change_nothing():
    config = Config(inputs=5, hidden=(4,), classes=3, group=2, tile=2)
    engine = Engine(Network(config))
    samples = np.zeros((3, 5), bool)
    packed, labels = engine.pack(samples), np.array([0, 1, 3])
    with pytest.raises(ValueError, match=r"samples must have the shape \(n, 5\), not \(3, 4\)"):
        engine.predict(samples[:, :4])
    with pytest.raises(ValueError, match="there must be 3 labels, one a sample, not 2"):
        engine.train_tiles(packed, labels[:2], np.arange(2))
    with pytest.raises(ValueError, match="labels must be 0 to 2, not 0 to 3"):
        engine.train_tiles(packed, labels, np.arange(3))
    with pytest.raises(IndexError, match="index 3 is out of bounds"):
        engine.train_tiles(packed, labels, np.array([3]))
    assert_same_state(Network(config), engine)
