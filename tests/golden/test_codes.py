"""Classifiers: what is drawn, in which order, and which choice is made where nobody makes one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metabit.estimator import MetabitClassifier
from metabit.golden.codes import draw_balanced_codes, draw_codes
from metabit.golden.configurations.named import named, override
from metabit.golden.data.datasets import load_dataset
from metabit.golden.data.training_data import adapt
from metabit.golden.generator import Generator
from metabit.golden.network import Network


@given(st.integers(1, 2**32 - 1), st.integers(2, 12), st.integers(1, 70))
def test_random_codes_take_a_step_for_sixteen_neurons(state, classes, width):
    codes = draw_codes(Generator(state), classes, width)
    draws, expected = Generator(state), np.zeros((classes, width), bool)
    for label in range(classes):
        for first in range(0, width, 16):
            draw = int(draws.draw(1)[0])
            for neuron in range(first, min(first + 16, width)):
                expected[label, neuron] = draw >> (neuron - first) & 1
    np.testing.assert_array_equal(codes, expected)


@given(st.integers(1, 2**32 - 1), st.integers(2, 12), st.integers(1, 70))
def test_balanced_codes_take_a_step_for_every_neuron_and_class(state, classes, width):
    generator, draws = Generator(state), Generator(state)
    codes = draw_balanced_codes(generator, classes, width)
    expected = np.zeros((classes, width), bool)
    for neuron in range(width):
        drawn = [int(draws.draw(1)[0]) for _ in range(classes)]
        half = (classes + neuron % 2) // 2
        for label in sorted(range(classes), key=drawn.__getitem__)[:half]:
            expected[label, neuron] = True
    np.testing.assert_array_equal(codes, expected)
    assert generator.state == draws.state
    if classes == 2:
        np.testing.assert_array_equal(codes[0], ~codes[1])


@pytest.mark.parametrize(("classes", "share"), [(2, 1), (3, 2 / 3), (4, 2 / 3), (10, 5 / 9)])
def test_balanced_codes_are_far_from_each_other(classes, share):
    codes = draw_balanced_codes(Generator(7), classes, 4096)
    for one in range(classes):
        for other in range(one):
            assert abs(np.mean(codes[one] != codes[other]) - share) < 0.04


@pytest.mark.parametrize("codes", ["random", "balanced"])
def test_a_network_has_the_codes_of_its_configuration(codes):
    config = override(named("tiny"), codes=codes)
    ones = Network(config).classifier[0].sum(axis=0)
    assert (set(ones.tolist()) == {5}) == (codes == "balanced")


def test_few_classes_get_balanced_codes_unless_something_else_is_asked_for():
    few, many = load_dataset("wine"), load_dataset("digits")
    config = named("tiny")
    assert (adapt(config, many).codes, adapt(config, many).group) == ("random", config.group)
    assert (adapt(config, few).codes, adapt(config, few).group) == ("balanced", config.group // 2)
    assert adapt(config, few, asked=("codes",)).codes == "random"
    assert adapt(config, few, asked=("codes",)).group == config.group
    assert adapt(config, few, asked=("group",)).group == config.group
    balanced = override(config, codes="balanced", group=7)
    assert (adapt(balanced, few).codes, adapt(balanced, few).group) == ("balanced", 7)
    assert adapt(balanced, many).codes == "balanced"


@pytest.mark.parametrize(("classes", "codes", "group"), [(4, "balanced", 16), (5, "random", 32)])
def test_the_estimator_does_the_same(classes, codes, group):
    random = np.random.default_rng(0)
    X, y = random.random((60, 6)), np.arange(60) % classes
    fitted = MetabitClassifier(64, epochs=1).fit(X, y).config_
    assert (fitted.codes, fitted.group) == (codes, group)
    for asked, expected in (("random", 32), ("balanced", 16)):
        config = MetabitClassifier(64, epochs=1, codes=asked).fit(X, y).config_
        assert (config.codes, config.group) == (asked, expected)
