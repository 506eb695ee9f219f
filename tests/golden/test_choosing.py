"""Encoders for images of any range: fitted to the training data, and the choice is said."""

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metabit.commands.options import choose
from metabit.golden.configurations.named import named, override
from metabit.golden.data.choosing import suitable_encoder
from metabit.golden.data.datasets import load_dataset
from metabit.golden.data.summary import balance
from metabit.golden.data.training_data import adapt, changing, prepare
from metabit.golden.encoding.encoders import Encoder
from metabit.golden.encoding.levels import levels_of
from metabit.golden.errors import ConfigurationError, DataError

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


COMPARISONS = "select:256,steps=3:comparisons:2048"


def suitable(spec, made_for, images, inputs=256):
    return suitable_encoder(spec, inputs, made_for, "mine.npz", images)


@pytest.mark.parametrize(
    ("images", "spec"),
    [
        # The range that the thresholds are made for.
        (digits(), DIGITS),
        (digits(dtype=np.float32), DIGITS),
        (digits().reshape(400, 64), DIGITS),
        # Images of others, of any type, in colour or not.
        (digits(15), COMPARISONS),
        (digits(14, 20), COMPARISONS),
        (digits(1 / 17, dtype=np.float32), COMPARISONS),
        (digits(0.5), COMPARISONS),
        (-digits(dtype=np.int16), COMPARISONS),
        (np.stack([digits(15)] * 3, axis=3), COMPARISONS),
        (np.stack([digits(15)] * 4, axis=1), COMPARISONS),
        (255 * (digits() > 7), COMPARISONS),
        ((digits() > 7).astype(np.uint8), "none"),
        # Small ones: pixels, as many thresholds as the configuration's or as its inputs allow.
        (digits(15)[:, 2:7, 2:6], "quantiles:4"),
        (digits(15)[:, :, 2:7], "quantiles:4"),
        (np.stack([digits(15)[:, 2:7, 1:6]] * 4, axis=3), "quantiles:2"),
        # Fewer values than thresholds.
        (digits(1 / 6)[:, 2:7, 2:6], "quantiles:2"),
        # More dimensions or values of a pixel than images have.
        (digits(15).reshape(400, 4, 4, 2, 2), "quantiles:4"),
        (digits(15).reshape(400, 8, 8)[..., None].repeat(8, 3), "quantiles:1"),
        # Rows of pixels.
        (digits(0.2, -1.3, np.float64).reshape(400, 64), "quantiles:4"),
        # Columns that have nothing to do with each other, few and many.
        (np.arange(40.0).reshape(10, 4), "distributive:32"),
        (np.random.default_rng(0).normal(size=(20, 50)), "distributive:4"),
    ],
)
def test_thresholds_that_do_not_suit_are_replaced(images, spec):
    found = suitable(DIGITS, "digits", images)
    assert found.spec == spec
    if spec == DIGITS:
        assert found.reason is None
    else:
        low, high = images.min(), images.max()
        end = f"instead of {DIGITS}: that is made for numbers of 0 to 16, and these are {low} to"
        assert found.reason.startswith(f"{spec} (")
        assert found.reason.endswith(f"{end} {high}")


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (digits(15), "256 of 2048 comparisons of pixels, learnt from the training images"),
        (digits(15)[:, 2:7, 2:6], "5 x 4 pixels are too few to compare, at least 6 x 6 are needed"),
        (digits(15).reshape(400, 4, 4, 2, 2), "samples of 4 dimensions are no images to compare"),
        (np.stack([digits(15)] * 5, axis=3), "samples of 8 x 8 x 5 have more than 4 colours"),
        ((digits() > 7).astype(int), "(all pixels are bits already)"),
    ],
)
def test_what_replaces_them_says_why(images, words):
    assert words in suitable(DIGITS, "digits", images).reason


@pytest.mark.parametrize(
    ("inputs", "candidates"), [(1, 2048), (512, 2048), (1536, 6144), (2049, 8192), (8192, 8192)]
)
def test_candidates_follow_from_the_inputs(inputs, candidates):
    found = suitable("edges-1568", "fashion-mnist", digits(0.5), inputs)
    assert found.spec == f"select:{inputs},steps=3:comparisons:{candidates}"


@pytest.mark.parametrize(
    ("spec", "made_for"),
    [
        *(("median", "digits"), ("none", "digits"), ("quantiles:3", "digits")),
        *(("distributive:8", "digits"), ("comparisons:8", "digits")),
        # Thresholds that cannot be meant for the digits were written for something else.
        *(("thermometer:0,64,128", "digits"), (DIGITS, "mine.npz")),
    ],
)
def test_other_encoders_stay(spec, made_for):
    assert suitable(spec, made_for, digits(15)).spec == spec


@pytest.mark.parametrize(
    ("spec", "images", "problem"),
    [
        (
            "edges-1568",
            digits(14, 20),
            "its part thermometer of 0 would never change",
        ),
        ("edges-1568", digits(0.5), "its part edges of t=8 would never change"),
        ("select:9:edges-6992", digits(), "its part edges of t=25 would never change"),
        ("areas:t=64/128,c=1", digits(6), "its part areas of 128 would never change"),
        ("edges-1568", digits(1 / 16, dtype=np.float32), "these are float32, 0.0 to 1.0"),
        ("edges-1568", digits(15, dtype=np.int32) + 16, "that is made for integers of 0 to 255"),
        ("edges-1568", digits(15)[:, 1:, 1:], "edges need images whose height and width are mult"),
        ("edges-1568", np.stack([digits(15)] * 3, axis=3), "edges need images, shape"),
    ],
)
def test_images_that_edges_are_not_made_for_get_comparisons(spec, images, problem):
    found = suitable(spec, "fashion-mnist", images)
    assert found.spec == COMPARISONS
    assert re.search(f"instead of {spec}: .*{problem}", found.reason)
    assert Encoder(found.spec).bits(images.shape[1:]) == 256
    # Those in their range keep them.
    assert suitable(spec, "fashion-mnist", digits(15)).spec == spec


def test_edges_are_refused_where_samples_are_no_images():
    with pytest.raises(DataError, match=r"does not suit mine.npz: .* --image-shape HxW, else"):
        suitable("edges-1568", "fashion-mnist", digits(1 / 16, dtype=float).reshape(400, 64))


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
    for images in (digits(8), digits(2.0, -7, np.int8), digits(1 / 32, dtype=np.float64)):
        dataset = own(images)
        config = adapt(named("tiny"), dataset)
        assert (config.encoder, config.inputs) == (COMPARISONS, 256)
        hashes.add(prepare(config, dataset=dataset).sha256)
    assert len(hashes) == 1


def test_thresholds_come_from_the_training_samples_alone(own):
    dataset = own(digits(15)[:, 2:7, 2:6])
    config = adapt(named("tiny"), dataset)
    data = prepare(config, dataset=dataset)
    assert data.encoder.thresholds == (levels_of(data.split.images, 4),)
    dataset = own(digits(15))
    data = prepare(adapt(named("tiny"), dataset), dataset=dataset)
    table = Encoder("comparisons:2048").fit(data.split.images).comparisons
    assert data.encoder.comparisons == table


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


def test_what_is_chosen_is_said_before_the_training(own, tmp_path):
    own(digits(1 / 16, dtype=np.float32))
    choice = choose("tiny", dataset=str(tmp_path / "own.npz"))
    said = dict(choice.dataset.summary)["encoder"]
    assert said.startswith(f"{COMPARISONS} (256 of 2048 comparisons of pixels, learnt from")
    data = prepare(choice.config, dataset=choice.dataset)
    assert dict(data.summary)["input bits"] == balance(data.train)
    own(digits())
    assert "encoder" not in dict(choose("tiny", dataset=str(tmp_path / "own.npz")).dataset.summary)
    asked = choose("tiny", dataset=str(tmp_path / "own.npz"), encoder="quantiles:2")
    assert "encoder" not in dict(asked.dataset.summary)


def test_the_balance_of_bits_in_words():
    samples = np.zeros((10, 4), bool)
    samples[:, 0] = True
    samples[:2, 1] = True
    samples[:1, 2] = True
    assert balance(samples) == (
        "4, 2 never change, 1 balanced (1 for 20 to 80 % of the 10 training samples), "
        "32 % ones on average"
    )
    assert balance(samples[:, 1:3]).startswith("2, all of them change, 1 balanced")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"codes": "random", "group": 6}, ("random", 6)),
        ({"group": 6}, ("balanced", 6)),
    ],
)
def test_what_a_file_says_of_codes_and_groups_is_kept(tmp_path, said, expected):
    (tmp_path / "own.json").write_text(json.dumps({"inputs": 52, "hidden": [96]} | said))
    config = choose(str(tmp_path / "own.json"), dataset="wine").config
    assert (config.codes, config.group) == expected
