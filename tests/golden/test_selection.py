"""Learnt selection of bits."""

import numpy as np
import pytest

from metabit.golden.checkpoints.hardware import load_checkpoint, save_checkpoint
from metabit.golden.configurations.named import named, override
from metabit.golden.data.datasets import load_dataset
from metabit.golden.data.training_data import fit_and_encode, prepare
from metabit.golden.encoding.selection import select_bits
from metabit.golden.errors import DataError
from metabit.golden.runs.run import Run


def test_bits_that_tell_the_class_are_kept():
    random = np.random.default_rng(0)
    labels = random.integers(0, 4, 2000)
    codes = random.random((4, 24)) < 0.5
    samples = random.random((2000, 120)) < 0.5
    useful = np.sort(random.permutation(120)[:24])
    samples[:, useful] = codes[labels] ^ (random.random((2000, 24)) < 0.1)
    chosen, bits = select_bits(samples.copy(), labels, 24, seed=1, epochs=4)
    np.testing.assert_array_equal(bits, samples[:, chosen])
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    assert len(np.intersect1d(chosen, useful)) >= 22
    again, _ = select_bits(samples, labels, 24, seed=1, epochs=4)
    np.testing.assert_array_equal(again, chosen)


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


def test_more_bits_than_a_network_judges_are_refused_at_once():
    images = np.zeros((4, 28, 28), np.uint8)
    spec = "select:100:edges-6992+thermometer:0,1"
    with pytest.raises(DataError, match="selects from 8560 bits; a network judges 8192 at most"):
        fit_and_encode(spec, images, np.arange(4) % 2, 0)
