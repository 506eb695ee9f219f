"""What is recorded of a training: right, complete after an interruption, and without influence."""

import copy
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rewriting import as_version_2, rewrite, without_observations

from metabit.golden.checkpoints.hardware import load_checkpoint, save_checkpoint
from metabit.golden.configurations.named import named, override
from metabit.golden.data.datasets import load_dataset
from metabit.golden.data.training_data import adapt, prepare
from metabit.golden.distribution import histogram_of
from metabit.golden.errors import CheckpointError
from metabit.golden.runs.observation import margins_of
from metabit.golden.runs.run import Run
from metabit.golden.state import network_sha256

EPOCHS = 3


@pytest.fixture(params=[0, 1])
def data(own_npz, request, short_spans):
    """The user's own bits and two hidden layers; epochs of 29 tiles, in 8 spans."""
    fields = {"hidden": (13, 9), "group": 5, "counter_bits": 5, "tile": 7, "seed": 4}
    config = override(named("tiny"), lag=request.param, **fields)
    dataset = load_dataset(str(own_npz))
    config = adapt(config, dataset)
    return config, prepare(config, dataset=dataset)


def train(run, spans=None):
    for _ in itertools.islice(run.spans(), spans):
        pass
    return run


def test_recording_changes_nothing(data):
    watched = train(Run.start(*data, EPOCHS))
    alone = train(Run.start(*data, EPOCHS, observe=False))
    assert network_sha256(watched.network) == network_sha256(alone.network)
    assert watched.network.statistics == alone.network.statistics
    assert watched.test_accuracy == alone.test_accuracy
    assert alone.observer is None
    assert alone.checkpoint().record.observations == ()


def test_observations_are_what_happened(data):
    _, prepared = data
    run = Run.start(*data, EPOCHS)
    before = [values >= 0 for values in run.network.counters]
    counts = copy.deepcopy(run.network.statistics)
    for result in run.spans():
        if not result.step.last:
            continue
        observation = run.observer.observations[-1]
        assert observation.epoch == result.step.epoch
        forward = run.network.forward(prepared.test)
        scores = forward.scores
        for layer, seen in enumerate(observation.layers):
            counters = run.network.counters[layer]
            assert seen.flips == np.sum((counters >= 0) != before[layer])
            assert seen.triggers == run.network.statistics.triggers[layer] - counts.triggers[layer]
            assert seen.updates == run.network.statistics.updates[layer] - counts.updates[layer]
            assert seen.saturated == np.sum(np.isin(counters, (-16, 15)))
            expected, _ = np.histogram(counters, bins=32, range=(-16, 16))
            assert seen.histogram == tuple(expected)
            right = scores[layer].argmax(axis=1) == prepared.test_labels
            assert seen.accuracy == np.mean(right)
            margins = []
            for row, label in zip(scores[layer], prepared.test_labels, strict=True):
                margins.append(row[label] - max(np.delete(row, label)))
            margins.sort()
            # Of 40 samples, the 2nd, 10th, 20th, 30th and 38th smallest.
            assert len(margins) == 40
            assert seen.margins == tuple(margins[i] for i in (1, 9, 19, 29, 37))
        assert run.test_accuracy[-1] == np.mean(forward.predictions == prepared.test_labels)
        before = [values >= 0 for values in run.network.counters]
        counts = copy.deepcopy(run.network.statistics)
    assert len(run.observer.observations) == EPOCHS
    assert run.observer.observations[0].layers[0].flips > 0


@pytest.mark.parametrize("spans", [0, 1, 7, 8, 9, 11, 23, 24])
def test_a_resumed_run_sees_the_same(tmp_path, data, spans):
    _, prepared = data
    whole = train(Run.start(*data, EPOCHS)).checkpoint().record
    path = tmp_path / "run.npz"
    save_checkpoint(path, train(Run.start(*data, EPOCHS), spans).checkpoint())
    resumed = train(Run.resume(load_checkpoint(path), prepared)).checkpoint().record
    assert resumed.observations == whole.observations
    assert len(resumed.observations) == EPOCHS


@pytest.mark.parametrize("spans", [8, 11])
def test_checkpoints_of_version_1_go_on(tmp_path, data, spans):
    """What happened in the epoch that was under way is then not known, and said to be so."""
    _, prepared = data
    whole = train(Run.start(*data, EPOCHS)).checkpoint().record
    path = tmp_path / "run.npz"
    save_checkpoint(path, train(Run.start(*data, EPOCHS), spans).checkpoint())
    rewrite(path, without_observations)
    resumed = train(Run.resume(load_checkpoint(path), prepared)).checkpoint().record
    assert resumed.state_sha256 == whole.state_sha256
    assert [observation.epoch for observation in resumed.observations] == [2, 3]
    assert resumed.observations[-1] == whole.observations[-1]
    unknown = {"flips": None, "triggers": None, "updates": None} if spans == 11 else {}
    expected = whole.observations[1]
    layers = tuple(layer.model_copy(update=unknown) for layer in expected.layers)
    assert resumed.observations[0] == expected.model_copy(update={"layers": layers})


def test_of_old_checkpoints_the_last_layer_predicts(tmp_path, data):
    config, prepared = data
    config = override(config, summed_scores=False)
    whole = train(Run.start(config, prepared, EPOCHS)).checkpoint().record
    path = tmp_path / "run.npz"
    save_checkpoint(path, train(Run.start(config, prepared, EPOCHS), 11).checkpoint())
    rewrite(path, lambda record, arrays: record["config"].pop("summed_scores"))
    resumed = train(Run.resume(load_checkpoint(path), prepared)).checkpoint().record
    assert resumed.config == config
    assert resumed.test_accuracy == whole.test_accuracy
    assert resumed.state_sha256 == whole.state_sha256


def test_checkpoints_of_version_2_go_on(tmp_path, data):
    """They told the same, in fewer words."""
    _, prepared = data
    whole = train(Run.start(*data, EPOCHS)).checkpoint().record
    path = tmp_path / "run.npz"
    save_checkpoint(path, train(Run.start(*data, EPOCHS), 11).checkpoint())
    rewrite(path, as_version_2)
    resumed = train(Run.resume(load_checkpoint(path), prepared)).checkpoint().record
    assert resumed.observations == whole.observations
    assert resumed.state_sha256 == whole.state_sha256


def swap_epochs(record, arrays):
    record["observations"][0]["epoch"] = 2


def repeat_epoch(record, arrays):
    record["observations"] *= 2


def drop_layer(record, arrays):
    del record["observations"][0]["layers"][1]


def drop_count(record, arrays):
    record["opening"]["updates"] = [1]


def shorten(record, arrays):
    arrays["opening_1"] = arrays["opening_1"][:-1]


def state_width(record, arrays):
    record["observations"][0]["layers"][1]["bin_width"] = 2


def no_accuracy(record, arrays):
    record["observations"][0]["layers"][0]["accuracy"] = 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (swap_epochs, r"of increasing epochs below 2, not of \[2\]"),
        (repeat_epoch, r"of increasing epochs below 2, not of \[1, 1\]"),
        (drop_layer, "observations must be of 2 layers, not 1, 2"),
        (drop_count, "observations must be of 2 layers, not 1, 2"),
        (shorten, r"opening_1 must be uint8 of shape \(15,\), not uint8 of shape \(14,\)"),
        (state_width, "state the width of their bins in paper mode, and only there"),
        (no_accuracy, r"observations\.0\.layers\.0\.accuracy must be 0 to 1, not 2"),
    ],
)
def test_changed_observations_are_refused(tmp_path, data, change, message):
    path = tmp_path / "run.npz"
    save_checkpoint(path, train(Run.start(*data, EPOCHS), 11).checkpoint())
    rewrite(path, change)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(path)


@given(counter_bits=st.integers(2, 16), seed=st.integers(0, 2**32 - 1))
def test_histograms_hold_every_counter(counter_bits, seed):
    low, high = -(1 << (counter_bits - 1)), 1 << (counter_bits - 1)
    counters = np.random.default_rng(seed).integers(low, high, (7, 11)).astype(np.int16)
    bins = min(32, 1 << counter_bits)
    expected, _ = np.histogram(counters, bins=bins, range=(low, high))
    np.testing.assert_array_equal(histogram_of(counters, counter_bits), expected)


def test_margins_of_two_classes():
    scores = np.array([[3, -5], [-5, 3], [4, 4]], np.int32)
    np.testing.assert_array_equal(margins_of(scores, np.array([0, 0, 1])), [8, -8, 0])
