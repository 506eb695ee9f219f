"""The draws of paper mode have the distributions that the rule asks for."""

import math
from bisect import bisect_right

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metabit.golden.generator import Generator, initial_state
from metabit.golden.paper.draws import PaperDraws


def draws(seed=0):
    return PaperDraws(Generator(initial_state(seed)))


def normal_below(x):
    return 0.5 * math.erfc(-x / 64 / math.sqrt(2))


def test_weights_are_a_truncated_normal():
    count = 400_000
    weights = draws().weights((400, 1000))
    assert weights.dtype == np.float32
    # Both -0.9 and 0.9 become 0, so that it is twice as probable as its neighbours.
    expected = {
        0: normal_below(1) - normal_below(-1),
        1: normal_below(2) - normal_below(1),
        -1: normal_below(-1) - normal_below(-2),
        -100: normal_below(-100) - normal_below(-101),
    }
    for value, probability in expected.items():
        deviation = math.sqrt(count * probability)
        assert abs((weights == value).sum() - count * probability) < 4 * deviation, value
    for bound in (-150, -64, 10, 64, 150):
        probability = normal_below(bound)
        below = (weights < bound).sum() if bound > 0 else (weights <= bound).sum()
        assert abs(below - count * probability) < 4 * math.sqrt(count / 4), bound
    assert 4.0 < np.abs(weights).max() / 64 < 7.0


@pytest.mark.parametrize(("count", "probability"), [(1000, 0.01), (20, 0.3), (5, 0.79), (40, 0.01)])
def test_each_weight_is_reinforced_with_the_probability_and_on_its_own(count, probability):
    source, rounds = draws(3), 10_000
    hits = np.zeros(count)
    together, sizes = 0, []
    for _ in range(rounds):
        places = source.reinforced(count, probability)
        assert (np.diff(places) > 0).all()
        hits[places] += 1
        sizes.append(len(places))
        together += bool(len(places) > 1 and places[0] == 0 and places[1] == 1)
    assert 0 <= places.min(initial=0) <= places.max(initial=0) < count
    expected, deviation = (
        rounds * probability,
        math.sqrt(rounds * probability * (1 - probability)),
    )
    assert np.abs(hits - expected).max() < 4.5 * deviation
    # Independent: neighbours meet with the square, and the number of hits is binomial.
    assert abs(together - rounds * probability**2) < 4 * math.sqrt(rounds) * probability + 1
    assert np.var(sizes) == pytest.approx(count * probability * (1 - probability), rel=0.06)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.floats(1e-7, 0.8),
    st.integers(1, 600),
    st.integers(0, 2**32 - 1),
)
def test_distances_are_those_of_a_plain_search(probability, count, seed):
    source, plain = draws(seed), Generator(initial_state(seed))
    mean = count * probability
    size = int(mean + 4 * math.sqrt(mean)) + 4
    above, bounds = 1.0, []
    for _ in range(count):
        above *= 1 - probability
        bounds.append(round(2**32 * (1 - above)))
    expected, last = [], -1
    while last < count:
        for draw in plain.draw(size).tolist():
            last += 1 + bisect_right(bounds, draw)
            expected.append(last)
    found = source.reinforced(count, probability)
    assert found.tolist() == [place for place in expected if place < count]


def test_probability_zero_draws_nothing():
    source = draws()
    assert source.reinforced(100, 0.0).tolist() == []
    np.testing.assert_array_equal(source.weights((2, 3)), draws().weights((2, 3)))
