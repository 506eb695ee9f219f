"""The compiled engine of paper mode against the network, bit for bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metabit.golden.paper.config import PaperConfig
from metabit.golden.paper.network import PaperNetwork, paper_sha256

pytest.importorskip("numba", reason="the extra 'fast' is not installed")

from metabit.golden.compiled.paper_engine import CompiledPaperNetwork


@st.composite
def configs(draw):
    group = draw(st.integers(1, 20))
    hidden = draw(st.lists(st.integers(1, 9), min_size=1, max_size=3))
    return PaperConfig(
        rule=draw(st.sampled_from(["paper", "baldassi"])),
        inputs=draw(st.one_of(st.integers(1, 70), st.integers(500, 600))),
        hidden=tuple(group * count for count in hidden),
        classes=draw(st.integers(2, 20)),
        group=group,
        margin=draw(st.sampled_from([0, 0.1, 0.25, 1])),
        reinforcement=draw(st.sampled_from([0, 0.5])),
        weight_clip=draw(st.sampled_from([0, 2])),
        batch=draw(st.integers(1, 40)),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


def assert_trains_alike(config, rng, batches, accuracy):
    network, compiled = PaperNetwork(config), CompiledPaperNetwork(config)
    for _ in range(batches):
        count = int(rng.integers(1, config.batch + 1))
        samples = rng.random((count, config.inputs)) < 0.5
        labels = rng.integers(0, config.classes, count)
        expected = network.train_batch(samples, labels, accuracy)
        np.testing.assert_array_equal(compiled.train_batch(samples, labels, accuracy), expected)
        assert paper_sha256(compiled) == paper_sha256(network)
        assert compiled.statistics == network.statistics
    samples = rng.random((50, config.inputs)) < 0.5
    np.testing.assert_array_equal(compiled.predict(samples), network.predict(samples))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(config=configs(), data_seed=st.integers(0, 2**32 - 1), accuracy=st.sampled_from([0, 0.8, 1]))
def test_random_configurations(config, data_seed, accuracy):
    assert_trains_alike(config, np.random.default_rng(data_seed), 4, accuracy)


@pytest.mark.parametrize("rule", ["paper", "baldassi"])
def test_longer_training_with_zeros(rule):
    config = PaperConfig(
        rule=rule, inputs=130, hidden=(66, 12), classes=7, group=6, batch=30, weight_clip=4
    )
    assert_trains_alike(config, np.random.default_rng(3), 60, 0.5)


def test_load_packs_anew():
    config = PaperConfig(inputs=70, hidden=(6,), group=3, classes=3)
    other = PaperNetwork(config.model_copy(update={"seed": 1}))
    compiled = CompiledPaperNetwork(config)
    compiled.load(other.hidden)
    compiled.classifier = other.classifier
    samples = np.random.default_rng(0).random((40, 70)) < 0.5
    np.testing.assert_array_equal(compiled.predict(samples), other.predict(samples))
