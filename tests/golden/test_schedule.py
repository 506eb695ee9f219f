"""The stream of spans: order, annealing, damping, resuming at any of them."""

import numpy as np
import pytest

from metabit.golden import schedule as schedule_module
from metabit.golden.config import Config
from metabit.golden.schedule import SPAN, Schedule
from metabit.golden.streams import permutation

CONFIG = Config(inputs=4, hidden=(2,), group=2, tile=4, seed=9)
UP_TO_DATE = CONFIG.model_copy(update={"lag": 0})


@pytest.fixture
def single(monkeypatch):
    """Spans of one tile."""
    monkeypatch.setattr(schedule_module, "SPAN", 1)


def errors_of(step):
    """Some errors that depend on the step alone."""
    return (step.epoch + step.tile) % (len(step.indices) + 1)


def steps_of(schedule):
    for step in schedule:
        yield step.epoch, step.tile, step.indices.tolist(), step.annealing, step.damping, step.last
        schedule.advance(errors_of(step), step.tiles)


def test_spans_are_of_as_many_tiles_as_the_rule_says():
    """What the hardware and every pinned state depend on."""
    assert SPAN == 256
    schedule, found = Schedule(CONFIG, 2 * 1024 + 5, 2), []
    for step in schedule:
        found.append((step.epoch, step.tile, step.tiles, len(step.indices), step.last))
        schedule.advance(0, step.tiles)
    one = [(0, 256, 1024, False), (256, 256, 1024, False), (512, 2, 5, True)]
    assert found == [(epoch, *span) for epoch in (1, 2) for span in one]


def test_a_step_may_stop_short_of_its_span():
    schedule = Schedule(UP_TO_DATE, 3000, 1)
    steps = []
    for limit in (3, 1, 1000, 1000, 1000):
        step = schedule.step(limit)
        steps.append((step.tile, step.tiles, len(step.indices)))
        schedule.advance(0, step.tiles)
    assert steps == [(0, 3, 12), (3, 1, 4), (4, 252, 1008), (256, 256, 1024), (512, 238, 952)]
    assert schedule.done


@pytest.mark.parametrize("config", [CONFIG, UP_TO_DATE], ids=["lag", "none"])
def test_updates_become_visible_where_a_span_would_have_ended(config):
    schedule = Schedule(config, 3000, 1)
    found = []
    for limit in (3, 1, 252, 256, 200, 37, 1):
        step = schedule.step(limit)
        schedule.advance(0, step.tiles)
        found.append((step.drains, step.last, schedule.resumable))
    anywhere = not config.lag
    assert found == [
        *2 * [(False, False, anywhere)],
        *2 * [(True, False, True)],
        *2 * [(False, False, anywhere)],
        (True, True, True),
    ]


@pytest.mark.usefixtures("single")
def test_every_epoch_is_a_new_shuffle_of_all_samples():
    schedule = Schedule(CONFIG, 10, 3)
    steps = list(steps_of(schedule))
    assert [(epoch, tile, last) for epoch, tile, *_, last in steps] == [
        (epoch, tile, tile == 2) for epoch in (1, 2, 3) for tile in (0, 1, 2)
    ]
    orders = [[i for s in steps if s[0] == epoch for i in s[2]] for epoch in (1, 2, 3)]
    for epoch, order in enumerate(orders, 1):
        assert order == permutation(9, f"order/{epoch}", 10).tolist()
        assert sorted(order) == list(range(10))
    assert len({tuple(order) for order in orders}) == 3
    assert [len(s[2]) for s in steps[:3]] == [4, 4, 2]
    assert schedule.done


@pytest.mark.usefixtures("single")
def test_annealing_follows_the_epochs():
    steps = list(steps_of(Schedule(CONFIG, 4, 10)))
    assert [s[3] for s in steps] == [0, 0, 0, 0, 0, 0, 1, 2, 2, 3]


@pytest.mark.parametrize(
    ("errors", "damping"), [(64, 0), (33, 0), (32, 1), (9, 1), (8, 2), (3, 2), (2, 3), (0, 3)]
)
@pytest.mark.usefixtures("single")
def test_damping_follows_last_epochs_errors(errors, damping):
    schedule = Schedule(CONFIG, 64, 3)
    assert schedule.damping == 0
    for step in schedule:
        if step.epoch == 2:
            break
        schedule.advance(min(4, max(0, errors - 4 * step.tile)), step.tiles)
    assert schedule.history == [errors]
    assert schedule.damping == damping
    assert schedule.accuracy == [1 - errors / 64]


@pytest.mark.parametrize("config", [CONFIG, UP_TO_DATE])
def test_resumes_at_any_span(config, monkeypatch):
    monkeypatch.setattr(schedule_module, "SPAN", 2)
    whole = list(steps_of(Schedule(config, 17, 3)))
    assert len(whole) == 9
    for stop in range(len(whole) + 1):
        first = Schedule(config, 17, 3)
        for _ in range(stop):
            step = first.step()
            first.advance(errors_of(step), step.tiles)
        second = Schedule(
            config,
            17,
            3,
            epoch=first.epoch,
            sample=first.sample,
            errors=first.errors,
            history=tuple(first.history),
        )
        assert list(steps_of(second)) == whole[stop:]


def test_forgetting_to_advance_is_noticed():
    with pytest.raises(RuntimeError, match=r"advance\(\) must be called for every step"):
        for _ in Schedule(CONFIG, 10, 1):
            pass


def test_nothing_comes_after_the_end():
    schedule = Schedule(CONFIG, 4, 1)
    schedule.advance(0, 1)
    with pytest.raises(RuntimeError, match="training is over after 1 epochs"):
        schedule.step()


@pytest.mark.parametrize(
    ("position", "message"),
    [
        ({"epoch": 0}, "epoch must be 1 to 4, not 0"),
        ({"epoch": 5}, "epoch must be 1 to 4, not 5"),
        ({"sample": 3}, "sample must be a multiple of the tile size 4 below 10, .* not 3"),
        ({"sample": 12}, "not 12"),
        ({"epoch": 4, "sample": 4, "history": (0, 0, 0)}, "0 after the last epoch, not 4"),
        ({"sample": 4, "errors": 5}, "errors must be 0 to the samples done, 4, not 5"),
        ({"epoch": 2}, r"history must have 1 error counts of 0 to 10, not \[\]"),
        ({"epoch": 2, "history": (11,)}, r"not \[11\]"),
    ],
)
def test_bad_positions(position, message):
    with pytest.raises(ValueError, match=message):
        Schedule(UP_TO_DATE, 10, 3, **position)


def test_with_a_lag_there_is_no_position_within_a_span():
    message = "sample must be a multiple of the span size 1024 below 3000, .* not 1028"
    with pytest.raises(ValueError, match=message):
        Schedule(CONFIG, 3000, 1, sample=1028)
    assert Schedule(UP_TO_DATE, 3000, 1, sample=1028).step().tiles == 255
    assert Schedule(CONFIG, 3000, 1, sample=1024).step().tiles == 256


def test_bad_lengths():
    with pytest.raises(ValueError, match="samples must be at least 1, not 0"):
        Schedule(CONFIG, 0, 1)
    with pytest.raises(ValueError, match="epochs must be at least 1, not 0"):
        Schedule(CONFIG, 1, 0)


def test_indices_are_for_numpy():
    step = Schedule(CONFIG, 10, 1).step()
    assert np.arange(10)[step.indices].tolist() == step.indices.tolist()
