"""Encoders against the pixel-by-pixel definition, and everything that they refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metabit.golden.encoding.encoders import NAMED, Encoder
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


def shifted(image, y, x, dy, dx):
    """Return the pixel at a displacement, 0 outside."""
    height, width = len(image), len(image[0])
    inside = 0 <= y + dy < height and 0 <= x + dx < width
    return image[y + dy][x + dx] if inside else 0


@pytest.mark.parametrize(
    ("spec", "vectors", "threshold", "counts", "cell"),
    [
        ("edges:d=1,t=8,c=0/3,dir=diagonals", [(1, 1), (1, -1)], 8, (0, 3), 4),
        ("edges:d=3,t=15,c=2,dir=diagonals", [(3, 3), (3, -3)], 15, (2,), 4),
        ("edges:d=1,t=12,c=0/4,dir=knights", [(1, 2), (2, 1), (1, -2), (2, -1)], 12, (0, 4), 4),
        ("edges:d=2,t=8,c=1/9/22,cell=8", [(0, 2), (2, 0)], 8, (1, 9, 22), 8),
    ],
)
def test_edges_of_other_directions_and_cells(spec, vectors, threshold, counts, cell):
    images = np.random.default_rng(5).integers(0, 256, (3, 12, 16)).astype(np.uint8)
    expected = []
    for image in images.astype(int).tolist():
        bits = []
        for dy, dx in vectors:
            for brighter in (True, False):
                for count in counts:
                    for top in range(0, 12 - cell + 1, 4):
                        for left in range(0, 16 - cell + 1, 4):
                            marks = 0
                            for y in range(top, top + cell):
                                for x in range(left, left + cell):
                                    here, there = image[y][x], shifted(image, y, x, dy, dx)
                                    if not brighter:
                                        here, there = there, here
                                    marks += here > there + threshold
                            bits.append(marks > count)
        expected.append(bits)
    encoder = Encoder(spec)
    assert encoder.encode(images).tolist() == expected
    assert encoder.bits((12, 16)) == len(expected[0])


def test_areas():
    images = np.random.default_rng(6).integers(0, 256, (3, 4, 6)).astype(np.uint8)
    expected = [
        [
            sum(image[y + dy][x + dx] > t for dy in (0, 1) for dx in (0, 1)) > c
            for t in (64, 192)
            for c in (0, 2)
            for y in (0, 2)
            for x in (0, 2, 4)
        ]
        for image in images.tolist()
    ]
    encoder = Encoder("areas:t=64/192,c=0/2")
    assert encoder.encode(images).tolist() == expected
    assert encoder.bits((4, 6)) == 24


def test_the_widest_named_encoder_has_the_bits_in_its_name():
    assert Encoder("edges-6992").bits((28, 28)) == 6992


def test_selection_keeps_columns_in_order():
    images = np.random.default_rng(7).integers(0, 256, (5000, 8, 8)).astype(np.uint8)
    pool = "thermometer:0,128+edges:d=1,t=8,c=0"
    selection = (3, 64, 70, 143)
    encoder = Encoder(f"select:4:{pool}", selection=selection)
    assert encoder.bits((8, 8)) == 4
    assert encoder.all_bits((8, 8)) == 144
    everything = Encoder(pool).encode(images)
    np.testing.assert_array_equal(encoder.encode(images), everything[:, selection])
    np.testing.assert_array_equal(encoder.encode_candidates(images), everything)
    columns = np.array([5, 63, 64, 140])
    some = encoder.encode_candidates(images, columns=columns)
    np.testing.assert_array_equal(some, everything[:, columns])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("select:edges-1568", "select needs a number of bits and an encoder, .* not 'select:edge"),
        ("edges:d=1,t=8,c=0,dir=up", "edge directions dir must be one of axes, .*, not 'up'"),
        ("edges:d=1,t=8,c=0,cell=3", "edge cell must be 4 to 15, not 3"),
        ("edges:d=1,t=8,c=0,cell=16", "edge cell must be 4 to 15, not 16"),
        ("edges:d=1,t=8,c=64,cell=8", "edge count c must be 0 to 63, not 64"),
        ("edges:d=1,d=2,t=8,c=0", "edges needs distance, threshold and counts"),
        ("areas:t=1", "areas needs thresholds and counts, .* not 'areas:t=1'"),
        ("areas:t=255,c=1", "areas threshold t must be 0 to 254, not 255"),
        ("areas:t=1,c=4", "areas count c must be 0 to 3, not 4"),
        ("areas:t=1,c=1,cell=1", "areas cell must be 2 to 15, not 1"),
    ],
)
def test_new_parts_refuse(spec, message):
    with pytest.raises(ConfigurationError, match=message):
        Encoder(spec)


def test_selection_refuses():
    encoder = Encoder("select:3:thermometer:0")
    images = np.zeros((2, 2, 2), np.uint8)
    with pytest.raises(DataError, match="must be fitted to training data first"):
        encoder.encode(images)
    for wrong in ((0, 1), (0, 2, 1), (1, 1, 2), (-1, 0, 1)):
        with pytest.raises(ConfigurationError, match="selection must be 3 different bits in asc"):
            encoder.select(wrong)
    encoder.select((0, 1, 4))
    with pytest.raises(DataError, match="selected bit 4 does not exist in samples of 2 x 2"):
        encoder.encode(images)
    with pytest.raises(DataError, match="select must keep 1 to 4 bits of 'select:5:therm"):
        Encoder("select:5:thermometer:0").bits((2, 2))
