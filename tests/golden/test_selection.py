"""Learnt selection of bits."""

import numpy as np
import pytest

from metabit.golden.checkpoints.hardware import load_checkpoint, save_checkpoint
from metabit.golden.configurations.named import named, override
from metabit.golden.data.datasets import load_dataset
from metabit.golden.data.training_data import fit_and_encode, prepare
from metabit.golden.encoding import selection
from metabit.golden.encoding.selection import select_bits
from metabit.golden.errors import DataError
from metabit.golden.runs.run import Run


def noisy(classes=4, useful=24, bits=120, samples=2000):
    """Return samples, labels, and which of the bits tell the class, with errors."""
    random = np.random.default_rng(0)
    labels = random.integers(0, classes, samples)
    codes = random.random((classes, useful)) < 0.5
    data = random.random((samples, bits)) < 0.5
    telling = np.sort(random.permutation(bits)[:useful])
    data[:, telling] = codes[labels] ^ (random.random((samples, useful)) < 0.1)
    return data, labels, telling


def test_bits_that_tell_the_class_are_kept():
    samples, labels, useful = noisy()
    chosen, bits = select_bits(lambda c: samples[:, c], 120, labels, 24, seed=1, epochs=4)
    np.testing.assert_array_equal(bits, samples[:, chosen])
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    assert len(np.intersect1d(chosen, useful)) >= 22
    again, _ = select_bits(lambda c: samples[:, c], 120, labels, 24, seed=1, epochs=4)
    np.testing.assert_array_equal(again, chosen)


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize(("largest", "leagues"), [(60, 2), (50, 3), (25, 5), (119, 2), (120, 1)])
def test_too_many_candidates_are_judged_in_leagues(monkeypatch, steps, largest, leagues):
    monkeypatch.setattr(selection, "MAX_INPUTS", largest)
    samples, labels, useful = noisy()
    encoded = []

    def encode(columns):
        encoded.append(columns.tolist())
        return samples[:, columns]

    chosen, bits = select_bits(encode, 120, labels, 24, seed=1, epochs=6, steps=steps)
    assert encoded == [list(range(league, 120, leagues)) for league in range(leagues)]
    assert len(chosen) == 24
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    np.testing.assert_array_equal(bits, samples[:, chosen])
    # A league cannot send more than its share.
    assert len(np.intersect1d(chosen, useful)) >= (20 if steps > 1 else 12)


def test_a_checkpoint_keeps_the_selection(tmp_path):
    spec = "select:100:thermometer:0,4,8,12"
    config = override(named("tiny"), encoder=spec, inputs=100)
    data = prepare(config, dataset=load_dataset("digits"))
    assert data.train.shape[1] == 100
    path = tmp_path / "run.npz"
    save_checkpoint(path, Run.start(config, data, 1).checkpoint())
    record = load_checkpoint(path).record
    encoder = record.encoder_of(spec)
    assert encoder.selection == data.encoder.selection
    np.testing.assert_array_equal(encoder.encode(data.split.images), data.train)


def test_more_bits_than_a_network_takes_are_refused_at_once():
    images = np.zeros((4, 28, 28), np.uint8)
    spec = "select:8193:edges-6992+thermometer:0,1"
    with pytest.raises(DataError, match="selects 8193 bits, and a network takes 8192"):
        fit_and_encode(spec, images, np.arange(4) % 2, 0)
