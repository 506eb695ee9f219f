"""Encoders against the pixel-by-pixel definition, and everything that they refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metabit.golden.encoders import NAMED, Encoder
from metabit.golden.errors import ConfigurationError, DataError


def edges_by_definition(image, d, t, counts):
    """Bits of an image, in the documented order, one pixel at a time."""
    height, width = image.shape
    bits = []
    for dy, dx in ((0, d), (d, 0)):
        maps = [[], []]
        for y in range(height):
            for x in range(width):
                inside = y + dy < height and x + dx < width
                here, there = int(image[y, x]), int(image[y + dy, x + dx]) if inside else 0
                maps[0].append(here > there + t)
                maps[1].append(there > here + t)
        for edge in maps:
            for c in counts:
                for row in range(0, height, 4):
                    for column in range(0, width, 4):
                        cell = [
                            edge[y * width + x]
                            for y in range(row, row + 4)
                            for x in range(column, column + 4)
                        ]
                        bits.append(sum(cell) > c)
    return bits


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    d=st.integers(1, 7),
    t=st.integers(0, 254),
    counts=st.lists(st.integers(0, 15), min_size=1, max_size=3),
    rows=st.integers(2, 4),
    columns=st.integers(2, 4),
    seed=st.integers(0, 2**32 - 1),
)
def test_edges(d, t, counts, rows, columns, seed):
    rng = np.random.default_rng(seed)
    images = rng.choice([0, 3, 100, 250, 255], (3, 4 * rows, 4 * columns)).astype(np.uint8)
    spec = f"edges:d={d},t={t},c={'/'.join(map(str, counts))}"
    encoded = Encoder(spec).encode(images)
    assert encoded.dtype == bool
    assert encoded.shape == (3, Encoder(spec).bits(images.shape[1:]))
    assert encoded.tolist() == [edges_by_definition(image, d, t, counts) for image in images]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("edges-1568", [(1, 8, (0, 4)), (3, 15, (0, 4))]),
        ("edges-1960", [(1, 8, (0, 3, 6)), (2, 15, (0, 3, 6))]),
        ("edges-2548", [(1, 8, (0, 3, 6)), (2, 15, (0, 3, 6)), (3, 15, (0, 3, 6))]),
    ],
)
def test_named_encoders(name, parts):
    images = np.random.default_rng(1).integers(0, 256, (2, 28, 28)).astype(np.uint8)
    images[:, :5] = 0
    encoded = Encoder(name).encode(images)
    expected = [
        [bit for part in parts for bit in edges_by_definition(image, *part)]
        + (image.reshape(-1) > 0).tolist()
        for image in images
    ]
    assert encoded.tolist() == expected
    assert encoded.shape[1] == int(name.split("-")[1])


def test_names_may_be_part_of_a_sum():
    images = np.random.default_rng(2).integers(0, 256, (2, 28, 28)).astype(np.uint8)
    encoded = Encoder("edges-1568+thermometer:128").encode(images)
    np.testing.assert_array_equal(encoded[:, :1568], Encoder("edges-1568").encode(images))
    np.testing.assert_array_equal(encoded[:, 1568:], images.reshape(2, -1) > 128)


def test_wider_integers_encode_like_bytes():
    images = np.random.default_rng(3).integers(0, 256, (2, 28, 28))
    np.testing.assert_array_equal(
        Encoder("edges-1568").encode(images), Encoder("edges-1568").encode(images.astype(np.uint8))
    )


def test_thermometer_goes_threshold_by_threshold():
    images = np.array([[[0, 1], [128, 129]]], np.uint8)
    encoded = Encoder("thermometer:0,128").encode(images)
    assert encoded.astype(int).tolist() == [[0, 1, 1, 1, 0, 0, 0, 1]]
    assert Encoder("thermometer:0.5").encode(np.array([[0.25, 0.75]])).tolist() == [[False, True]]


def test_median_is_that_of_the_training_data():
    encoder = Encoder("median").fit(np.array([[0, 1, 2], [3, 4, 5]]))
    assert encoder.median == 2.5
    assert encoder.encode(np.array([[2, 3, 100]])).tolist() == [[False, True, True]]
    restored = Encoder("median", encoder.median)
    assert restored.encode(np.array([[2, 3, 100]])).tolist() == [[False, True, True]]


def test_chunks_leave_no_seam():
    images = np.random.default_rng(4).integers(0, 256, (5000, 4, 4)).astype(np.uint8)
    encoded = Encoder("thermometer:9+edges:d=1,t=8,c=0").encode(images)
    for index in (0, 4095, 4096, 4999):
        one = Encoder("thermometer:9+edges:d=1,t=8,c=0").encode(images[index : index + 1])
        np.testing.assert_array_equal(encoded[index], one[0])


def test_none_takes_bits():
    bits = np.array([[[0, 1], [1, 0]]])
    for dtype in (bool, np.uint8, np.int64, np.float64):
        assert Encoder("none").encode(bits.astype(dtype)).astype(int).tolist() == [[0, 1, 1, 0]]


@pytest.mark.parametrize("value", [2, -1, 0.5])
def test_none_refuses_anything_else(value):
    with pytest.raises(DataError, match="encoder 'none' needs bits, 0 or 1, and the data hold"):
        Encoder("none").encode(np.array([[0, value]]))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("edges-9", "unknown encoder 'edges-9'; known: none, median, thermometer:T"),
        ("median+foo", r"unknown encoder 'foo' in 'median\+foo'; known: none"),
        ("", "unknown encoder ''"),
        ("thermometer", "thermometer needs numbers, e.g. 'thermometer:0,128', not 'thermometer'"),
        ("thermometer:1,x", "not 'thermometer:1,x'"),
        ("thermometer:nan", "not 'thermometer:nan'"),
        ("edges:d=1", "edges needs distance, threshold and counts, .* not 'edges:d=1'"),
        ("edges:d=0,t=8,c=0", "edge distance d must be at least 1, not 0"),
        ("edges:d=1,t=255,c=0", "edge threshold t must be 0 to 254, not 255"),
        ("edges:d=1,t=8,c=0/16", "edge count c must be 0 to 15, not 16"),
    ],
)
def test_bad_specifications(spec, message):
    with pytest.raises(ConfigurationError, match=message):
        Encoder(spec)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 784), np.uint8), r"edges need images, shape \(n, height, width\)"),
        (np.zeros((2, 30, 28), np.uint8), "multiples of 4, not 30 x 28"),
        (np.zeros((2, 0, 28), np.uint8), "multiples of 4, not 0 x 28"),
        (np.zeros((2, 4, 28), np.uint8), "less than height and width, 4 x 28, not 5"),
        (np.zeros((2, 8, 8)), "edges need integer pixels, 0 to 255, not float64"),
        (np.full((2, 8, 8), 256), "edges need pixels of 0 to 255, not 256 to 256"),
        (np.full((2, 8, 8), -1), "edges need pixels of 0 to 255, not -1 to -1"),
    ],
)
def test_edges_refuse(images, message):
    with pytest.raises(DataError, match=message):
        Encoder("edges:d=5,t=8,c=0").encode(images)


def test_median_must_be_fitted_and_useful():
    with pytest.raises(DataError, match="encoder 'median' must be fitted to training data first"):
        Encoder("median").encode(np.zeros((1, 2)))
    with pytest.raises(DataError, match="the median of the training data, 1, is their largest"):
        Encoder("median").fit(np.array([[0, 1, 1]]))
    with pytest.raises(ConfigurationError, match="median of encoder must be finite, not nan"):
        Encoder("median", float("nan"))


def test_every_name_parses():
    for name in NAMED:
        assert Encoder(name).bits((28, 28)) == int(name.split("-")[1])
