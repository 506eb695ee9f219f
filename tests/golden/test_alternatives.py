"""Alternatives of the hardware's rule: each differs where its name says, and only there."""

from typing import get_args

import numpy as np
import pytest

from metabit.golden.config import Config
from metabit.golden.network import Network
from metabit.golden.studies.alternatives import Alternative, make_alternative

CONFIG = Config(
    inputs=40, hidden=(12, 8), classes=4, group=4, counter_bits=10, tile=4, seed=3, margin=0.25
)


@pytest.fixture
def samples():
    return np.random.default_rng(1).random((40, 40)) < 0.5


@pytest.fixture
def labels():
    return np.random.default_rng(2).integers(0, 4, 40)


def train(learner, samples, labels):
    for start in range(0, len(samples), 4):
        part = slice(start, start + 4)
        learner.train_tile(samples[part], labels[part], annealing=0, damping=0)


@pytest.mark.parametrize("name", get_args(Alternative))
def test_every_alternative_ends_in_another_state(name, samples, labels):
    plain, learner = Network(CONFIG), make_alternative(CONFIG, name, "numpy")
    for start in range(0, len(samples), 4):
        plain.train_tile(samples[start : start + 4], labels[start : start + 4])
    train(learner, samples, labels)
    assert not np.array_equal(learner.network.counters[0], plain.counters[0])


def test_pcg64_draws_everything():
    network = make_alternative(CONFIG, "pcg64", "numpy").network
    words = np.random.default_rng(3).integers(0, 1 << 32, 4, np.uint32)
    expected = (words[:, None] >> np.arange(12, dtype=np.uint32)) & 1
    np.testing.assert_array_equal(network.classifier[0], expected)


def test_counters_start_at_zero():
    assert not any(
        c.any() for c in make_alternative(CONFIG, "zero-start", "numpy").network.counters
    )


def test_a_tile_passes_forward_with_the_weights_of_one_tile_ago(samples, labels):
    learner = make_alternative(CONFIG, "stale-tile", "numpy")
    first = [weights.copy() for weights in learner.network.counters]
    learner.train_tile(samples[:4], labels[:4], annealing=0, damping=0)
    second = [weights.copy() for weights in learner.network.counters]
    assert not np.array_equal(first[0], second[0])
    for before, tile in ((first, slice(4, 8)), (second, slice(8, 12))):
        reference = Network(CONFIG)
        reference.load(before)
        expected = reference.forward(samples[tile]).scores[0]
        found = learner.network.train_tile(samples[tile], labels[tile]).scores[0]
        np.testing.assert_array_equal(found, expected)
    # A test sees the weights as they are.
    reference.load(learner.network.counters)
    np.testing.assert_array_equal(learner.predict(samples), reference.predict(samples))
