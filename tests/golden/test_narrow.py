"""Few bits are delivered in copies, with ones: what that is, where it is the default, and why."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from metabit.cli import app
from metabit.estimator import MetabitClassifier
from metabit.golden.checkpoints.hardware import load_checkpoint
from metabit.golden.encoding.encoders import Encoder
from metabit.golden.encoding.narrow import ENOUGH, NARROW, widened
from metabit.golden.errors import ConfigurationError
from metabit.plots.maps import feature_maps

RNG = np.random.default_rng(5)
BITS = RNG.random((3000, 12)) < 0.5


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("ones", [0, 2])
def test_copies_and_ones(copies, ones):
    images = RNG.integers(0, 9, (5, 4))
    inner = Encoder("select:6:thermometer:2,5")
    outer = Encoder(f"copies:{copies},ones={ones}:select:6:thermometer:2,5")
    for encoder in (inner, outer):
        encoder.select((0, 1, 3, 4, 6, 7))
    expected = np.hstack([*copies * [inner.encode(images)], np.ones((5, ones), bool)])
    np.testing.assert_array_equal(outer.encode(images), expected)
    np.testing.assert_array_equal(outer.encode_candidates(images), inner.encode_candidates(images))
    assert outer.bits((4,)) == expected.shape[1]
    # Every bit has its place in a picture, once.
    places = np.concatenate([one.indices.ravel() for one in feature_maps(outer, (4,))])
    assert sorted(places[places >= 0]) == list(range(expected.shape[1]))


@pytest.mark.parametrize("spec", ["copies:0:none", "copies:none", "copies:2,ones=x:none"])
def test_what_copies_are_not(spec):
    with pytest.raises(ConfigurationError, match="copies needs their number and an encoder"):
        Encoder(spec)


@given(st.integers(1, 3 * NARROW))
def test_few_bits_are_widened(bits):
    encoder = Encoder(widened("none", bits))
    if bits > NARROW:
        assert encoder.spec == "none"
    else:
        assert encoder.copies % 2 == 0
        assert ENOUGH <= bits * encoder.copies < ENOUGH + 2 * bits
        assert encoder.ones == 2 * encoder.copies


TASKS = {
    "xor": BITS[:, 0] ^ BITS[:, 5],
    "and": BITS[:, 1] & BITS[:, 2],
    "multiplexer": np.where(BITS[:, 3], BITS[:, 4], BITS[:, 7]),
    "parity": BITS[:, 0] ^ BITS[:, 5] ^ BITS[:, 9],
    "and of xors": (BITS[:, 0] ^ BITS[:, 5]) & (BITS[:, 2] ^ BITS[:, 8]),
}


@pytest.mark.parametrize("task", TASKS)
def test_one_layer_learns_it_from_copies_alone(task):
    def accuracy(encoder, codes=None):
        network = MetabitClassifier(64, epochs=15, encoder=encoder, codes=codes, random_state=1)
        return network.fit(BITS[:2000], TASKS[task][:2000]).score(BITS[2000:], TASKS[task][2000:])

    assert accuracy("auto") == 1
    assert accuracy("none", "random") < 0.9


def test_half_of_random_codes_are_lost_on_two_classes():
    def accuracy(codes):
        network = MetabitClassifier(64, group=16, epochs=30, codes=codes, random_state=1)
        labels = TASKS["parity"]
        return network.fit(BITS[:2000], labels[:2000]).score(BITS[2000:], labels[2000:])

    assert accuracy(None) == accuracy("balanced") == 1
    assert accuracy("random") < 0.8


def test_every_door_does_the_same(tmp_path):
    """Bits of the estimator, an array of bits and one of numbers 0 and 1."""
    labels = TASKS["xor"].astype(np.int64)
    states = []
    for name, samples in (("bits", BITS), ("numbers", BITS.astype(np.uint8))):
        np.savez(tmp_path / f"{name}.npz", x=samples, y=labels)
        out = tmp_path / f"{name}.run.npz"
        options = ("--config", "tiny", "--dataset", tmp_path / f"{name}.npz", "--out", out)
        result = CliRunner().invoke(app, ["train", *map(str, options)])
        assert result.exit_code == 0, result.output
        printed = " ".join(result.output.split())
        assert "12 bits are few: 12 copies of each, and 24 ones" in printed
        assert "test accuracy 100.00 %" in printed
        checkpoint = load_checkpoint(out)
        assert checkpoint.config.encoder == "copies:12,ones=24:none"
        states.append(checkpoint.record.state_sha256)
    assert states[0] == states[1]
    classifier = MetabitClassifier(64, epochs=1).fit(BITS, labels)
    assert classifier.config_.encoder == "copies:12,ones=24:none"
    classifier.save(tmp_path / "classifier.npz")
    again = MetabitClassifier.load(tmp_path / "classifier.npz")
    np.testing.assert_array_equal(again.predict(BITS), classifier.predict(BITS))
