"""What is recorded of the paper's own rule: right, complete after an interruption, harmless."""

import copy
import itertools

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rewriting import as_version_2, rewrite, without_observations

from metabit.golden.data.datasets import load_dataset
from metabit.golden.data.training_data import prepare
from metabit.golden.distribution import count_flips, hidden_histogram_of, merge_bins
from metabit.golden.errors import CheckpointError
from metabit.golden.modes.registry import load_any_checkpoint
from metabit.golden.paper.config import PaperConfig
from metabit.golden.paper.run import PaperRun

EPOCHS = 3
SPANS = 2
"""Of an epoch: 200 training samples, 30 to a batch, 4 batches to a span."""


def prepared(path, rule, clip):
    """A configuration of two layers, and the user's own data."""
    config = PaperConfig(
        rule=rule,
        dataset=str(path),
        inputs=24,
        classes=4,
        hidden=(12, 8),
        group=4,
        batch=30,
        weight_clip=clip,
        seed=4,
        epochs=EPOCHS,
    )
    return config, prepare(config, dataset=load_dataset(str(path)))


@pytest.fixture(params=[("paper", 0), ("paper", 9), ("baldassi", 0)], ids=str)
def data(own_npz, request, short_spans):
    """Both rules, and hidden weights with a limit."""
    return prepared(own_npz, *request.param)


@pytest.fixture(params=["numpy", "numba"])
def engine(request):
    """Each engine that is installed."""
    if request.param == "numba":
        pytest.importorskip("numba", reason="the extra 'fast' is not installed")
    return request.param


def train(run, spans=None):
    for _ in itertools.islice(run.spans(), spans):
        pass
    return run


def test_recording_changes_nothing(data, engine):
    watched = train(PaperRun.start(*data, engine=engine))
    alone = train(PaperRun.start(*data, observe=False, engine=engine))
    assert watched.state_sha256 == alone.state_sha256
    assert watched.network.statistics == alone.network.statistics
    assert watched.test_accuracy == alone.test_accuracy
    assert alone.observer is None
    assert alone.checkpoint().record.observations == ()


def test_observations_are_what_happened(data, engine):
    config, samples = data
    run = PaperRun.start(*data, engine=engine)
    before = [np.sign(values) for values in run.network.hidden]
    counts = copy.deepcopy(run.network.statistics)
    from_or_to_zero = 0
    for result in run.spans():
        if not result.step.last:
            continue
        observation = run.observer.observations[-1]
        assert observation.epoch == result.step.epoch
        scores = run.network.forward(samples.test).scores
        for layer, seen in enumerate(observation.layers):
            hidden = run.network.hidden[layer]
            signs = np.sign(hidden)
            assert seen.flips == np.sum(signs != before[layer])
            from_or_to_zero += np.sum((signs != before[layer]) & (signs * before[layer] == 0))
            assert seen.triggers == run.network.statistics.triggers[layer] - counts.triggers[layer]
            assert seen.updates == run.network.statistics.updates[layer] - counts.updates[layer]
            assert seen.zeros == np.sum(hidden == 0)
            at_clip = np.sum(np.isin(hidden, (-9, 9)))
            assert seen.saturated == (at_clip if config.weight_clip else None)
            span = 64 * seen.bin_width
            expected, _ = np.histogram(hidden, bins=128, range=(-span, span))
            assert seen.histogram == tuple(expected)
            assert sum(seen.histogram) == hidden.size
            right = scores[layer].argmax(axis=1) == samples.test_labels
            assert seen.accuracy == np.mean(right)
            margins = []
            for row, label in zip(scores[layer], samples.test_labels, strict=True):
                margins.append(row[label] - max(np.delete(row, label)))
            margins.sort()
            # Of 40 samples, the 2nd, 10th, 20th, 30th and 38th smallest.
            assert len(margins) == 40
            assert seen.margins == tuple(margins[i] for i in (1, 9, 19, 29, 37))
        assert observation.layers[-1].accuracy == run.test_accuracy[-1]
        before = [np.sign(values) for values in run.network.hidden]
        counts = copy.deepcopy(run.network.statistics)
    assert len(run.observer.observations) == EPOCHS
    assert from_or_to_zero > 0


def test_both_engines_see_the_same(data):
    pytest.importorskip("numba", reason="the extra 'fast' is not installed")
    one, other = (train(PaperRun.start(*data, engine=engine)) for engine in ("numpy", "numba"))
    assert one.observer.observations == other.observer.observations


@pytest.mark.parametrize("spans", [0, 1, 2, 3, 5, 6])
def test_a_resumed_run_sees_the_same(tmp_path, data, spans):
    _, samples = data
    whole = train(PaperRun.start(*data)).checkpoint().record
    path = tmp_path / "run.npz"
    train(PaperRun.start(*data), spans).checkpoint().save(path)
    resumed = train(PaperRun.resume(load_any_checkpoint(path), samples)).checkpoint().record
    assert resumed.observations == whole.observations
    assert len(resumed.observations) == EPOCHS


@pytest.mark.parametrize("engines", [("numpy", "numba"), ("numba", "numpy")])
def test_the_other_engine_goes_on(tmp_path, data, engines):
    pytest.importorskip("numba", reason="the extra 'fast' is not installed")
    _, samples = data
    whole = train(PaperRun.start(*data))
    path = tmp_path / "run.npz"
    train(PaperRun.start(*data, engine=engines[0]), 3).checkpoint().save(path)
    resumed = train(PaperRun.resume(load_any_checkpoint(path), samples, engine=engines[1]))
    assert resumed.observer.observations == whole.observer.observations


@pytest.mark.parametrize("spans", [SPANS, 3])
@pytest.mark.parametrize("old", [without_observations, as_version_2])
def test_older_checkpoints_go_on(tmp_path, data, spans, old):
    """What happened in the epoch that was under way is then not known, and said to be so."""
    _, samples = data
    whole = train(PaperRun.start(*data)).checkpoint().record
    path = tmp_path / "run.npz"
    train(PaperRun.start(*data), spans).checkpoint().save(path)
    rewrite(path, old)
    resumed = train(PaperRun.resume(load_any_checkpoint(path), samples)).checkpoint().record
    assert resumed.state_sha256 == whole.state_sha256
    assert [observation.epoch for observation in resumed.observations] == [2, 3]
    assert resumed.observations[-1] == whole.observations[-1]
    unknown = {"flips": None, "triggers": None, "updates": None} if spans == 3 else {}
    expected = whole.observations[1]
    layers = tuple(layer.model_copy(update=unknown) for layer in expected.layers)
    assert resumed.observations[0] == expected.model_copy(update={"layers": layers})


def one_row(record, arrays):
    arrays["opening_1"] = arrays["opening_1"][0]


def no_opening(record, arrays):
    del arrays["opening_0"]


def no_width(record, arrays):
    record["observations"][0]["layers"][1]["bin_width"] = None


def swap_epochs(record, arrays):
    record["observations"][0]["epoch"] = 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (one_row, r"opening_1 must be uint8 of shape \(2, 12\), not uint8 of shape \(12,\)"),
        (no_opening, "must hold hidden_0, hidden_1, opening_0, opening_1, not "),
        (no_width, "histograms must state the width of their bins in paper mode"),
        (swap_epochs, r"of increasing epochs below 2, not of \[2\]"),
    ],
)
@pytest.mark.usefixtures("short_spans")
def test_changed_observations_are_refused(tmp_path, own_npz, change, message):
    path = tmp_path / "run.npz"
    train(PaperRun.start(*prepared(own_npz, "paper", 0)), 3).checkpoint().save(path)
    rewrite(path, change)
    with pytest.raises(CheckpointError, match=message):
        load_any_checkpoint(path)


def test_any_change_of_a_three_valued_sign_is_one_flip():
    values = np.array(list(itertools.product((-5, 0, 2), repeat=2)))
    before, now = (
        np.stack([np.packbits(column > 0), np.packbits(column < 0)]) for column in values.T
    )
    assert count_flips(before, now) == 6
    assert count_flips(before, before) == 0


@example(values=[8, -8], bins=8, factor=1)
@example(values=[-8], bins=8, factor=2)
@example(values=[-9], bins=8, factor=2)
@given(
    values=st.lists(st.integers(-(2**24), 2**24), min_size=1, max_size=40),
    bins=st.sampled_from([2, 8, 128]),
    factor=st.sampled_from([1, 2, 32]),
)
def test_histograms_hold_every_hidden_weight(values, bins, factor):
    hidden = np.array([values], np.float32)
    counts, width = hidden_histogram_of(hidden, bins)
    assert width & (width - 1) == 0
    half = bins // 2
    # No weight is left out, and half the width would leave out some.
    assert counts.sum() == hidden.size
    reach = width // 2 * half
    assert width == 2 or hidden.min() < -reach or hidden.max() >= reach
    expected, _ = np.histogram(hidden, bins=bins, range=(-width * half, width * half))
    np.testing.assert_array_equal(counts, expected)
    wide = width * factor
    expected, _ = np.histogram(hidden, bins=bins, range=(-wide * half, wide * half))
    np.testing.assert_array_equal(merge_bins(counts, width, wide), expected)
