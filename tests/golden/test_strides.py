"""The order that a device makes by itself: every sample once, another order every epoch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metabit.golden.config import Config
from metabit.golden.schedule import Schedule
from metabit.golden.strides import Strides, stored_order, strided_order, strides_of

CONFIG = Config(inputs=4, hidden=(2,), group=1, tile=4, seed=3, order="strides")


@settings(max_examples=200, deadline=None)
@given(samples=st.integers(1, 3000), epoch=st.integers(1, 40), seed=st.integers(0, 2**32 - 1))
def test_every_sample_comes_once(samples, epoch, seed):
    assert sorted(strided_order(seed, epoch, samples)) == list(range(samples))


@given(samples=st.integers(1, 1025), stride=st.integers(0, 511), first=st.integers(0, 1023))
def test_places_follow_each_other_as_in_hardware(samples, stride, first):
    places = 1
    while places < samples:
        places *= 2
    strides = Strides(samples, (2 * stride + 1) % places if places > 1 else 1, first % places)
    place, expected = strides.first, []
    for _ in range(places):
        if place < samples:
            expected.append(place)
        place = (place + strides.stride) & (places - 1)
    assert place == strides.first
    assert strides.order().tolist() == expected


def test_draws_are_those_of_the_text():
    # The first draws of the stream `strides` of seed 5, and what they stand for.
    found = [strides_of(5, epoch, 50_000) for epoch in (1, 2, 3)]
    assert [(each.stride, each.first) for each in found] == [
        (43189, 14014),
        (8863, 39103),
        (1947, 51671),
    ]
    assert {each.places for each in found} == {65536}


def test_epochs_and_seeds_differ():
    orders = {
        tuple(strided_order(seed, epoch, 1000)[:20]) for seed in range(10) for epoch in range(1, 51)
    }
    assert len(orders) == 500


@pytest.mark.parametrize("samples", [100, 1000])
def test_neighbours_have_nothing_to_do_with_each_other(samples):
    """Of samples sorted by class, the classes of neighbours are as independent as shuffled ones."""
    labels = np.arange(samples) * 10 // samples
    same = [
        np.mean(np.diff(labels[strided_order(seed, epoch, samples)]) == 0)
        for seed in range(20)
        for epoch in range(1, 21)
    ]
    assert abs(np.mean(same) - 0.1) < 0.01


def test_the_order_in_memory_is_the_same_for_every_seed():
    order = stored_order(50)
    assert sorted(order) == list(range(50))
    for seed in (0, 1):
        places = strides_of(seed, 4, 50).order()
        assert strided_order(seed, 4, 50).tolist() == order[places].tolist()


def test_a_schedule_follows_it():
    schedule = Schedule(CONFIG, 10, 3)
    for epoch in (1, 2, 3):
        assert schedule.step().indices.tolist() == strided_order(3, epoch, 10).tolist()
        schedule.advance(0, 3)
    resumed = Schedule(CONFIG, 10, 3, epoch=2, history=(4,))
    assert resumed.step().indices.tolist() == strided_order(3, 2, 10).tolist()


def test_shuffled_is_as_it_was():
    shuffled = Schedule(CONFIG.model_copy(update={"order": "shuffled"}), 10, 1).step().indices
    assert shuffled.tolist() != strided_order(3, 1, 10).tolist()
    assert Config(inputs=4, hidden=(2,), group=1).order == "shuffled"
