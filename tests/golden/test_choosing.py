"""Thresholds for images of any range: taken from the training data, or refused by name."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metabit.golden.data.choosing import suitable_encoder
from metabit.golden.data.datasets import load_dataset
from metabit.golden.data.training_data import adapt, changing, prepare
from metabit.golden.encoding.encoders import Encoder
from metabit.golden.encoding.levels import levels_of
from metabit.golden.errors import ConfigurationError, DataError
from metabit.golden.named import named, override

DIGITS = "thermometer:0,4,8,12"


def digits(scale=1.0, offset=0, dtype=np.uint8):
    """Images like the digits, in another range."""
    images = load_dataset("digits").images[:400]
    return (images * scale + offset).astype(dtype)


# Thresholds from the data


def test_thresholds_worked_by_hand():
    """Of ten pixels, five are background; the five above are divided in three parts."""
    images = np.array([[0, 9, 0, 3, 0], [7, 0, 5, 0, 1]])
    assert levels_of(images, 3) == (0, 3, 7)
    # Without background, the ten are divided in four: places 10/4, 20/4 and 30/4.
    assert levels_of(np.arange(10).reshape(2, 5), 3) == (2, 5, 7)
    # The largest value is no threshold: nothing is above it.
    assert levels_of(np.array([[0, 5, 5, 5]]), 3) == (0, 0, 0)


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=60), st.integers(1, 8))
def test_every_threshold_divides_the_data(values, count):
    images = np.array(values)[:, None]
    if len(set(values)) == 1:
        with pytest.raises(DataError, match="values of the training data are"):
            levels_of(images, count)
        return
    found = levels_of(images, count)
    assert len(found) == count
    assert list(found) == sorted(found)
    assert all(min(values) <= threshold < max(values) for threshold in found)


def test_quantiles_are_an_encoder_like_any_other():
    images = np.array([[0, 9, 0, 3, 0], [7, 0, 5, 0, 1]])
    encoder = Encoder("quantiles:3")
    assert (encoder.ready, encoder.bits((5,))) == (False, 15)
    with pytest.raises(DataError, match="must be fitted to training data first"):
        encoder.encode(images)
    encoder.fit(images)
    assert encoder.thresholds == ((0, 3, 7),)
    np.testing.assert_array_equal(
        encoder.encode(images), np.concatenate([images > 0, images > 3, images > 7], axis=1)
    )
    again = Encoder("quantiles:3", thresholds=encoder.thresholds)
    np.testing.assert_array_equal(again.encode(images), encoder.encode(images))


@pytest.mark.parametrize("spec", ["quantiles:0", "quantiles:257", "quantiles:", "quantiles:4,5"])
def test_quantiles_are_counted(spec):
    with pytest.raises(ConfigurationError, match="quantiles needs 1 to 256 thresholds"):
        Encoder(spec)


def test_thresholds_belong_to_one_part():
    with pytest.raises(ConfigurationError, match="more than one part with thresholds from the tr"):
        Encoder("quantiles:2+distributive:3")
    with pytest.raises(ConfigurationError, match=r"must be 2 numbers, not \(\(1, 2, 3\),\)"):
        Encoder("quantiles:2", thresholds=((1, 2, 3),))


# Which encoder


@pytest.mark.parametrize(
    ("images", "spec"),
    [
        # The range that the thresholds are made for.
        (digits(), DIGITS),
        (digits(dtype=np.float32), DIGITS),
        (digits().reshape(400, 64), DIGITS),
        # Others.
        (digits(15), "quantiles:4"),
        (digits(14, 20), "quantiles:4"),
        (digits(1 / 17, dtype=np.float32), "quantiles:4"),
        (digits(0.5), "quantiles:4"),
        (digits(0.2, -1.3, np.float64).reshape(400, 64), "quantiles:4"),
        # Fewer values than thresholds.
        (digits(1 / 6), "quantiles:2"),
        (255 * (digits() > 7), "quantiles:1"),
        ((digits() > 7).astype(np.uint8), "none"),
        # Columns that have nothing to do with each other, few and many.
        (np.arange(40.0).reshape(10, 4), "distributive:32"),
        (np.random.default_rng(0).normal(size=(20, 50)), "distributive:4"),
    ],
)
def test_thresholds_that_do_not_suit_are_replaced(images, spec):
    assert suitable_encoder(DIGITS, "digits", "mine", images) == spec


@pytest.mark.parametrize(
    ("spec", "made_for"),
    [
        *(("median", "digits"), ("none", "digits"), ("quantiles:3", "digits")),
        ("distributive:8", "digits"),
        # Thresholds that cannot be meant for the digits were written for something else.
        *(("thermometer:0,64,128", "digits"), (DIGITS, "mine.npz")),
    ],
)
def test_other_encoders_stay(spec, made_for):
    assert suitable_encoder(spec, made_for, "mine", digits(15)) == spec


@pytest.mark.parametrize(
    ("spec", "images", "part"),
    [
        ("edges-1568", digits(14, 20), "thermometer of 0"),
        ("edges-1568", digits(0.5), "edges of t=8"),
        ("select:9:edges-6992", digits(), "edges of t=25"),
        ("areas:t=64/128,c=1", digits(6), "areas of 128"),
        ("edges-1568", digits(1 / 16, dtype=np.float32), "edges of t=8"),
    ],
)
def test_parts_that_would_never_change_are_refused_by_name(spec, images, part):
    low, high = images.min(), images.max()
    with pytest.raises(DataError) as caught:
        suitable_encoder(spec, "fashion-mnist", "mine.npz", images)
    assert f"those of mine.npz are {low} to {high}, so that its part {part} would" in str(
        caught.value
    )
    assert suitable_encoder(spec, "fashion-mnist", "mine.npz", digits(15)) == spec


@pytest.fixture
def own(tmp_path):
    def own(images):
        path = tmp_path / "own.npz"
        np.savez(path, x=images, y=load_dataset("digits").labels[: len(images)])
        return load_dataset(str(path))

    return own


def test_the_range_does_not_matter(own):
    """Images that only differ by their range become the same bits."""
    hashes = set()
    for images in (digits(15), digits(13, 40), digits(1 / 16, dtype=np.float64)):
        dataset = own(images)
        config = adapt(named("tiny"), dataset)
        assert (config.encoder, config.inputs) == ("quantiles:4", 256)
        hashes.add(prepare(config, dataset=dataset).sha256)
    assert len(hashes) == 1


def test_thresholds_come_from_the_training_samples_alone(own):
    dataset = own(digits(15))
    config = adapt(named("tiny"), dataset)
    data = prepare(config, dataset=dataset)
    assert data.encoder.thresholds == (levels_of(data.split.images, 4),)


def test_data_sets_with_a_name_and_encoders_that_are_asked_for_stay(own):
    dataset = own(digits(15))
    assert adapt(named("tiny"), dataset, DIGITS).encoder == DIGITS
    assert adapt(named("tiny"), load_dataset("digits")).encoder == DIGITS


def test_bits_that_never_change_are_nothing_to_learn_from(own):
    dataset = own(digits(14, 20))
    config = override(named("tiny"), encoder="thermometer:0", inputs=64)
    with pytest.raises(DataError, match=r"gives all 334 training samples .* the same 64 bits"):
        prepare(config, dataset=dataset)
    assert changing(np.array([[True, False, True], [True, False, False]])) == 1
