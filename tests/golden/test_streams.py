"""The generator against its definition, and the host's shuffles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import Xorshift

from metabit.golden.generator import PERIOD, Generator
from metabit.golden.streams import derive, permutation


@settings(max_examples=20, deadline=None, derandomize=True)
@given(state=st.integers(1, PERIOD), counts=st.lists(st.integers(0, 20_000), max_size=4))
def test_draws_equal_single_steps(state, counts):
    generator, reference = Generator(state), Xorshift(state)
    for count in counts:
        assert generator.draw(count).tolist() == [reference.draw() for _ in range(count)]
        assert generator.state == reference.state


def test_a_state_continues_the_stream():
    generator = Generator(7)
    generator.draw(20_001)
    rest = Generator(generator.state)
    np.testing.assert_array_equal(generator.draw(50), rest.draw(50))


@pytest.mark.parametrize("state", [0, -1, 2**32])
def test_bad_states(state):
    with pytest.raises(
        ValueError, match=f"generator state must be 1 to 2\\*\\*32 - 1, not {state}"
    ):
        Generator(state)


def test_permutation_sorts_draws():
    draws = Generator(derive(3, "split")).draw(100).tolist()
    expected = sorted(range(100), key=lambda index: draws[index])
    assert permutation(3, "split", 100).tolist() == expected
    assert sorted(expected) == list(range(100))


def test_shuffles_never_change():
    """Results of other machines and versions must stay comparable."""
    assert derive(0, "split") == 718802492
    assert permutation(0, "split", 8).tolist() == [3, 7, 0, 6, 1, 4, 5, 2]


def test_every_purpose_and_seed_has_its_own_state():
    states = {derive(seed, f"order/{epoch}") for seed in range(30) for epoch in range(30)}
    states |= {derive(seed, "split") for seed in range(30)}
    assert len(states) == 30 * 31
    assert all(1 <= state <= PERIOD for state in states)
