"""Alternatives of the hardware's rule: each differs where its name says, and only there."""

from typing import get_args

import numpy as np
import pytest

from metabit.golden.config import Config
from metabit.golden.learner import GoldenLearner
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


@pytest.mark.parametrize("name", get_args(Alternative))
def test_every_alternative_ends_in_another_state(name, samples, labels):
    plain, learner = (
        GoldenLearner(Network(CONFIG)),
        make_alternative(CONFIG, name, "numpy"),
    )
    for each in plain, learner:
        each.train_tiles(each.pack(samples), labels, np.arange(40), annealing=0, damping=0)
    assert not np.array_equal(learner.network.counters[0], plain.network.counters[0])


def test_pcg64_draws_everything():
    network = make_alternative(CONFIG, "pcg64", "numpy").network
    words = np.random.default_rng(3).integers(0, 1 << 32, 4, np.uint32)
    expected = (words[:, None] >> np.arange(12, dtype=np.uint32)) & 1
    np.testing.assert_array_equal(network.classifier[0], expected)


def test_counters_start_at_zero():
    assert not any(
        c.any() for c in make_alternative(CONFIG, "zero-start", "numpy").network.counters
    )
