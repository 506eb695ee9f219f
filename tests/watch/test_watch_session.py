"""Trainings that are watched: the same as ever, whatever is ordered meanwhile."""

import threading
import time
from itertools import pairwise

import numpy as np
import pytest

from metabit.errors import MetabitError
from metabit.golden.checkpoints.hardware import load_checkpoint
from metabit.golden.runs.run import Run
from metabit.golden.runs.trainer import SpanResult
from metabit.golden.schedule import Step
from metabit.watch import pace as pace_module
from metabit.watch import series
from metabit.watch.pace import Pace, Stride
from metabit.watch.series import Series
from metabit.watch.session import State, Unit
from metabit.watch.source import Source
from metabit.watch.tally import Tally
from tests.watch.watching import SAMPLES, SPAN, TILE, run_of, session_of, wait


def outcome(run):
    """All that a training comes to, but how long it took."""
    return run.checkpoint().record.model_dump(exclude={"seconds"})


def unwatched(**options):
    run = run_of(**options)
    run.finish()
    return outcome(run)


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize(("lag", "views"), [(0, 1), (1, 1), (1, 5)])
def test_a_watched_training_is_the_unwatched_one(engine, lag, views, start):
    pytest.importorskip(engine)
    run = run_of(lag=lag, views=views, engine=engine)
    session = session_of(run)
    start(session).join()
    assert session.error is None
    assert session.state is State.FINISHED
    assert session.pace.looks > 20
    assert outcome(run) == unwatched(lag=lag, views=views)


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("seed", range(3))
def test_no_order_changes_a_training(engine, seed, start):
    """Pauses, steps and checkpoints at random, from another thread."""
    pytest.importorskip(engine)
    run, rng = run_of(engine=engine), np.random.default_rng(seed)
    session = session_of(run, paused=True)
    thread = start(session)
    orders = [
        session.pause,
        session.resume,
        session.save,
        session.want_weights,
        *(lambda unit=unit: session.step(unit) for unit in Unit),
    ]
    given = 0
    for _ in range(60):
        if session.state.over:
            break
        orders[rng.integers(len(orders))]()
        given += 1
        time.sleep(0.002)
    assert given > 5
    session.resume()
    thread.join()
    assert session.error is None
    assert outcome(run) == unwatched()


def test_it_is_stepped_tile_by_tile(start):
    run = run_of(epochs=2)
    session = session_of(run, paused=True)
    start(session)
    wait(lambda: session.state is State.PAUSED)
    assert session.seen.facts["trained"] == 0

    def step(unit):
        version = session.seen.version
        session.step(unit)
        wait(lambda: session.state is State.PAUSED and session.seen.version > version)
        return session.seen.facts

    for tile in (1, 2):
        facts = step(Unit.TILE)
        assert facts["trained"] == tile * TILE
        assert not facts["resumable"]
        assert [one["label"] for one in facts["tile"]] == [
            run.data.train_labels[one["sample"]] for one in facts["tile"]
        ]
        assert len(facts["tile"]) == TILE
    facts = step(Unit.SPAN)
    assert facts["trained"] == SPAN * TILE
    assert facts["resumable"]
    facts = step(Unit.EPOCH)
    assert (facts["epoch"], facts["sample"]) == (2, 0)
    # The last tile of an epoch is short.
    assert len(facts["tile"]) == SAMPLES % TILE
    assert facts["test"] == run.test_accuracy[0]
    assert session.epochs.since(0)[0]["test"] == run.test_accuracy[0]
    assert outcome(run)["history"] == (session.source.run.schedule.history[0],)


def test_a_checkpoint_amid_a_span_is_made_at_its_end(start, tmp_path):
    run = run_of()
    session = session_of(run, paused=True, out=tmp_path / "run.npz")
    start(session)
    session.step(Unit.TILE)
    wait(lambda: session.seen.facts["trained"] == TILE and session.state is State.PAUSED)
    session.save()
    wait(lambda: session.seen.facts["saved"] and session.state is State.PAUSED)
    assert session.seen.facts["trained"] == SPAN * TILE
    assert session.seen.facts["message"] == f"saved {tmp_path / 'run.npz'}"
    resumed = Run.resume(load_checkpoint(tmp_path / "run.npz"), run.data)
    assert resumed.schedule.sample == SPAN * TILE
    resumed.finish()
    assert outcome(resumed) == unwatched()


def test_it_is_saved_after_every_epoch_and_when_it_is_stopped(start, tmp_path):
    run = run_of(epochs=50)
    session = session_of(run, out=tmp_path / "run.npz")
    thread = start(session)
    wait((tmp_path / "run.npz").exists)
    session.pause()
    wait(lambda: session.state is State.PAUSED)
    # Amid a span: it goes on to the end of that, or all since the last checkpoint would be lost.
    while session.seen.facts["resumable"]:
        trained = session.seen.facts["trained"]
        session.step(Unit.TILE)
        wait(lambda: session.state is State.PAUSED and session.seen.facts["trained"] > trained)  # noqa: B023
    session.stop()
    thread.join()
    assert session.state is State.STOPPED
    assert run.schedule.resumable
    record = load_checkpoint(tmp_path / "run.npz").record
    assert record.state_sha256 == run.state_sha256
    assert record.sample > 0
    assert record.epoch <= 50


def test_a_file_that_cannot_be_written_does_not_end_it(start, tmp_path):
    run = run_of()
    session = session_of(run, out=tmp_path / "no" / "run.npz")
    start(session).join()
    assert session.state is State.FINISHED
    assert session.seen.facts["message"].startswith("not saved: ")


def test_what_it_shows_is_what_happened(start, monkeypatch):
    monkeypatch.setattr(pace_module, "INTERVAL", 0.0)
    monkeypatch.setattr(pace_module, "SHARE", 1.0)
    run = run_of(epochs=2)
    session = session_of(run)
    session._stride.took = lambda tiles, seconds: None
    start(session).join()
    points, statistics = session.points.since(0), run.network.statistics
    # One tile in each, as the stride has stayed: that is a look after every tile.
    tiles = -(-SAMPLES // TILE)
    assert len(points) == 2 * tiles
    sizes = ([TILE] * (tiles - 1) + [SAMPLES % TILE]) * 2
    for layer in range(2):
        for key, count in (("triggers", statistics.triggers), ("updates", statistics.updates)):
            total = sum(point[key][layer] * size for point, size in zip(points, sizes, strict=True))
            assert total == pytest.approx(count[layer], rel=1e-3)
    errors = sum((1 - point["train"]) * size for point, size in zip(points, sizes, strict=True))
    assert errors == pytest.approx(sum(run.schedule.history), rel=1e-3)
    assert [point["x"] for point in points] == sorted(point["x"] for point in points)
    assert points[-1]["x"] == 2
    facts = session.seen.facts
    for layer, seen in enumerate(facts["layers"]):
        counters = run.network.counters[layer]
        assert sum(seen["histogram"]) == counters.size
        low, high = run.network.config.counter_range
        assert seen["limited"] == pytest.approx(np.isin(counters, (low, high)).mean(), abs=1e-4)
    for ours, theirs in zip(session.weights.hidden, run.network.hidden_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(session.after.predictions, run.network.predict(run.data.test))
    assert session.after.results["state_sha256"] == run.state_sha256


def test_flips_are_those_between_two_looks(start):
    """Of a step of one tile, which is looked at before and after."""
    run = run_of()
    session = session_of(run, paused=True)
    start(session)
    wait(lambda: session.state is State.PAUSED)
    for tile in range(1, 6):
        before = [layer >= 0 for layer in run.network.counters]
        session.step(Unit.TILE)
        wait(lambda: session.seen.facts["trained"] == tile * TILE)  # noqa: B023
        wait(lambda: session.state is State.PAUSED)
        flipped = [
            int(np.sum(was != (layer >= 0)))
            for was, layer in zip(before, run.network.counters, strict=True)
        ]
        assert session.points.since(0)[-1]["flips"] == [count / TILE for count in flipped]


def test_a_training_that_has_finished_is_shown(start):
    run = run_of()
    run.finish()
    session = session_of(run)
    start(session).join()
    assert session.state is State.FINISHED
    assert session.points.since(0) == []
    assert [epoch["test"] for epoch in session.epochs.since(0)] == run.test_accuracy
    np.testing.assert_array_equal(session.after.predictions, run.test_predictions)


def test_a_failure_is_kept_and_shown(start):
    class Broken(Source):
        def spans(self):
            yield from list(super().spans())[:3]
            raise MetabitError("the cable is off")

    session = session_of(Broken(run_of(), "nowhere"))
    start(session).join()
    assert session.state is State.FAILED
    assert isinstance(session.error, MetabitError)
    assert session.seen.facts["state"] == "failed"
    assert session.seen.facts["message"] == "the cable is off"


class Clock:
    """Time that passes only when it is told to."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(pace_module.time, "perf_counter", lambda: self.now)


def test_looking_takes_no_more_than_its_share(monkeypatch):
    """However long a look takes, and however often a training asks."""
    clock = Clock(monkeypatch)
    for took, most in ((0.0, 5.0), (0.002, 5.0), (0.02, 1.0), (0.5, 0.04)):
        pace, begun, looks = Pace(), clock.now, []
        while clock.now < begun + 1000:
            if pace.due:
                looks.append(clock.now)
                with pace.looking():
                    clock.now += took
            clock.now += 0.01
        passed = clock.now - begun
        assert pace.looks == len(looks)
        assert pace.looks / passed == pytest.approx(most, rel=0.1)
        assert pace.seconds / passed <= pace_module.SHARE + 1e-9
        assert min(after - before for before, after in pairwise(looks)) >= pace_module.INTERVAL


def test_strides_are_as_long_as_fits_in_between_two_looks():
    stride = Stride()
    assert stride.tiles == 1
    for tiles, seconds, expected in (
        (1, 0.01, 20),
        (20, 0.4, 10),
        (10, 30.0, 1),
        (1, 0.0, None),
        (256, 0.2, None),
        (256, 0.21, 243),
    ):
        stride.took(tiles, seconds)
        assert stride.tiles == expected


def test_a_slow_training_is_asked_within_its_spans(start, monkeypatch):
    run = run_of(epochs=1)
    slow = run._trainer.learner.train_tiles

    def train_tiles(packed, labels, indices, **rule):
        time.sleep(0.05 * len(indices) / TILE)
        return slow(packed, labels, indices, **rule)

    monkeypatch.setattr(run._trainer.learner, "train_tiles", train_tiles)
    monkeypatch.setattr(pace_module, "INTERVAL", 0.06)
    monkeypatch.setattr(pace_module, "SPAN", SPAN)
    session = session_of(run)
    start(session).join()
    # A tile at a time, where an epoch has only seven spans.
    assert len(session.points.since(0)) > 10
    assert run.checkpoint().record.state_sha256 == unwatched(epochs=1)["state_sha256"]


def test_points_are_thinned_out_and_read_on(monkeypatch):
    monkeypatch.setattr(series, "MOST", 10)
    points, read = Series(), []
    for number in range(107):
        points.add({"value": number})
        if number % 7 == 0:
            read += points.since(read[-1]["n"] + 1 if read else 0)
    kept = points.since(0)
    assert 10 <= len(kept) < 20
    assert kept[-1] == {"n": 106, "value": 106}
    assert all(point["n"] == point["value"] for point in kept)
    assert [point["n"] for point in kept] == sorted(point["n"] for point in kept)
    assert points.since(106) == [kept[-1]]
    assert points.since(107) == []
    # Who reads on gets each point once, in order.
    numbers = [point["n"] for point in read]
    assert numbers == sorted(set(numbers))


def test_hard_samples_are_those_that_were_missed(start):
    run = run_of(views=5, epochs=4)
    session, misses = session_of(run), np.zeros(SAMPLES, int)
    taken_for, add = {}, session.tally.add

    def recount(result, labels):
        for index, found in zip(result.step.indices, result.predictions, strict=True):
            if found != labels[index]:
                misses[index % SAMPLES] += 1
                taken_for[index % SAMPLES] = found
        add(result, labels)

    session.tally.add = recount
    start(session).join()
    hardest = session.tally.hardest(10)
    assert session.tally.passes == 4 * SAMPLES
    assert len(hardest) == 10
    assert [one.misses for one in hardest] == sorted(misses, reverse=True)[:10]
    for one in hardest:
        assert (one.passes, one.misses) == (4, misses[one.sample])
        assert one.taken_for == taken_for[one.sample]


def test_predictions_that_stay_on_a_device_are_not_counted():
    tally, step = Tally(4), Step(1, 0, np.arange(4), 0, 0, True, 1, True)
    tally.add(SpanResult(step, np.empty(0, np.int64), 3), np.zeros(4, np.int64))
    assert tally.passes == 0
    assert tally.hardest(3) == []


def test_sessions_train_side_by_side(start):
    runs = [run_of(seed=seed) for seed in range(3)]
    sessions = [session_of(run) for run in runs]
    for thread in [start(session) for session in sessions]:
        thread.join()
    assert [outcome(run) for run in runs] == [unwatched(seed=seed) for seed in range(3)]
    assert threading.active_count() < 10
