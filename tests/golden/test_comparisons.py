"""Comparisons against a definition written anew, one pixel and one draw at a time."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metabit.golden.checkpoints.hardware import load_checkpoint, save_checkpoint
from metabit.golden.configurations.named import named, override
from metabit.golden.data.datasets import load_dataset
from metabit.golden.data.training_data import prepare
from metabit.golden.encoding import comparisons, drawing
from metabit.golden.encoding.comparisons import Comparison, Comparisons, Counter
from metabit.golden.encoding.encoders import Encoder
from metabit.golden.encoding.selection import select_bits
from metabit.golden.encoding.shifts import view_of
from metabit.golden.errors import ConfigurationError, DataError
from metabit.golden.generator import Generator
from metabit.golden.runs.run import Run
from metabit.golden.streams import derive, permutation

DTYPES = (np.uint8, np.int8, np.uint16, np.int32, np.int64, np.float16, np.float32, np.float64)


def colours_last(image):
    """Pixels as nested lists [row][column][colour], Python's own numbers."""
    if image.ndim == 2:
        image = image[:, :, None]
    elif image.shape[0] < image.shape[2]:
        image = image.transpose(1, 2, 0)
    return image.tolist()


def marked(pixels, bit, y, x):
    """Whether a comparison marks a pixel, by its definition."""
    p = pixels[y][x][bit.colour]
    if (bit.dy, bit.dx) == (0, 0) and bit.colour == bit.other:
        return p > bit.threshold
    if not (0 <= y + bit.dy < len(pixels) and 0 <= x + bit.dx < len(pixels[0])):
        return False
    return p - pixels[y + bit.dy][x + bit.dx][bit.other] > bit.threshold


def marks_of(pixels, bit):
    """Marked pixels of a rectangle, counted one by one."""
    return sum(
        marked(pixels, bit, y, x)
        for y in range(bit.top, bit.bottom)
        for x in range(bit.left, bit.right)
    )


def by_definition(table, images):
    return [
        [marks_of(pixels, bit) > bit.marks for bit in table] for pixels in map(colours_last, images)
    ]


def fitted_by_definition(images, count, seed, maps_wanted):
    """Return the table for training images, drawn as docs/algorithm.md says."""
    order = permutation(seed, "comparisons/samples", len(images))
    samples = [colours_last(images[i]) for i in order]
    height, width, colours = len(samples[0]), len(samples[0][0]), len(samples[0][0][0])
    assert len(images) <= 256
    generator = Generator(derive(seed, "comparisons"))

    def below(limit):
        return int(generator.draw(1)[0]) * limit // 2**32

    reach = max(3, math.ceil(min(height, width) / 10))
    side = max(3, math.ceil(min(height, width) / 3))
    ry, rx = min(reach, height - 1), min(reach, width - 1)
    maps = []
    for _ in range(16 * maps_wanted):
        kind, a, b = below(8), below(colours), below(colours)
        dy, dx = below(2 * ry + 1) - ry, below(2 * rx + 1) - rx
        level = below(8)
        if kind == 0:
            b, dy, dx = a, 0, 0
        elif (a, dy, dx) == (b, 0, 0):
            continue
        pixels = [(p, y, x) for p in samples for y in range(height) for x in range(width)]
        if kind == 0:
            values = [p[y][x][a] for p, y, x in pixels]
            lowest = min(values)
            sizes = sorted(v for v in values if v > lowest)
        else:
            values = [
                p[y][x][a] - p[y + dy][x + dx][b]
                for p, y, x in pixels
                if 0 <= y + dy < height and 0 <= x + dx < width
            ]
            lowest = 0
            sizes = sorted(abs(v) for v in values if v)
        if not sizes:
            continue
        # The whole ladder is the thresholds that something exceeds; a level above it draws none.
        ladder = [lowest, *(sizes[len(sizes) * i // 8] for i in range(1, 8))]
        ladder = [t for t in ladder if t < max(values)]
        if level < len(ladder) and (a, b, dy, dx, ladder[level]) not in maps:
            maps.append((a, b, dy, dx, ladder[level]))
        if len(maps) == maps_wanted:
            break
    balanced, others, taken = [], [], set()
    for _ in range(16):
        for _ in range(count):
            number = below(len(maps))
            rows, columns = 1 + below(min(side, height)), 1 + below(min(side, width))
            top, left = below(height - rows + 1), below(width - columns + 1)
            share = int(generator.draw(1)[0])
            where = (top, left, top + rows, left + columns)
            if (number, where) in taken:
                continue
            taken.add((number, where))
            counts = [marks_of(p, Comparison(*maps[number], *where, 0)) for p in samples]
            place = len(samples) * (20 * 2**32 + 60 * share) // (100 * 2**32)
            threshold = sorted(counts)[place]
            ones = sum(c > threshold for c in counts)
            bit = (*maps[number], *where, threshold)
            if 20 * len(samples) <= 100 * ones <= 80 * len(samples):
                balanced.append(bit)
            elif 0 < ones < len(samples):
                others.append((min(ones, len(samples) - ones), bit))
        if len(balanced) >= count:
            break
    others.sort(key=lambda other: -other[0])
    return sorted((balanced + [bit for _, bit in others])[:count])


@st.composite
def image_arrays(draw, count=9):
    """Images of any shape and type, of few values, so that many differences are equal."""
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    shape = draw(
        st.sampled_from([(height, width), (height + 3, width + 3, 3), (3, height + 3, width + 3)])
    )
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    values = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).integers(0, 6, (count, *shape))
    if dtype.kind == "f":
        return ((values - 2) * 0.375).astype(dtype)
    return ((values - (2 if dtype.kind == "i" else 0)) * 20).astype(dtype)


def fitted(images, count=12, seed=3):
    try:
        return Encoder(f"comparisons:{count},seed={seed}").fit(images)
    except DataError:
        return None


@settings(max_examples=60, deadline=None, derandomize=True)
@given(images=image_arrays())
def test_bits_are_those_of_the_definition(images):
    encoder = fitted(images)
    if encoder is None:
        return
    bits = encoder.encode(images)
    assert (bits.dtype, bits.shape) == (bool, (len(images), 12))
    assert bits.tolist() == by_definition(encoder.comparisons, images)


def check_views(encoder, images):
    bits = encoder.encode(images, 5).reshape(5, len(images), -1)
    for view in range(5):
        np.testing.assert_array_equal(bits[view], encoder.encode(view_of(images, view)))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(images=image_arrays())
def test_bits_of_all_views_are_those_of_each(images):
    encoder = fitted(images)
    if encoder is not None:
        check_views(encoder, images)


MOVED = comparisons._moved


@pytest.mark.parametrize(
    ("name", "mistake"),
    [
        # To the other side.
        ("_moved", lambda rectangles, offsets: MOVED(rectangles, offsets.max() - offsets)),
        ("_marked", lambda map_, rectangles, shape: rectangles),
    ],
)
def test_planted_mistakes_in_views_are_noticed(digits, monkeypatch, name, mistake):
    encoder = fitted(digits, 100)
    check_views(encoder, digits)
    monkeypatch.setattr(comparisons, name, mistake)
    with pytest.raises(AssertionError):
        check_views(encoder, digits)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(images=image_arrays(), seed=st.integers(0, 2**32 - 1))
def test_the_table_is_that_of_the_definition(images, seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing, "MAPS", 20)
        encoder = fitted(images, 8, seed)
    if encoder is not None:
        expected = fitted_by_definition(images, 8, seed, 20)
        assert [tuple(bit) for bit in encoder.comparisons] == expected


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits").images[:300]


@pytest.mark.parametrize(
    ("factor", "dtype"),
    [(8, np.uint8), (512, np.int16), (2**20, np.int64), (2**40, np.uint64), (2.0**-7, np.float32)],
)
def test_scaling_by_a_power_of_two_changes_no_bit(digits, factor, dtype):
    scaled = (digits.astype(np.float64) * factor).astype(dtype)
    bits = Encoder("comparisons:200").fit(digits).encode(digits)
    np.testing.assert_array_equal(Encoder("comparisons:200").fit(scaled).encode(scaled), bits)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(images=image_arrays(), exponent=st.integers(-6, 6))
def test_floats_scaled_by_a_power_of_two_give_the_same_bits(images, exponent):
    values = images.astype(np.float64)
    encoder, scaled = fitted(values), fitted(values * 2.0**exponent)
    assert (encoder is None) == (scaled is None)
    if encoder is not None:
        np.testing.assert_array_equal(encoder.encode(values), scaled.encode(values * 2.0**exponent))


def test_an_encoder_of_floats_reads_integers(digits):
    """The thresholds need not be of the type of the images."""
    encoder = Encoder("comparisons:100").fit(digits.astype(np.float32) + np.float32(0.25))
    np.testing.assert_array_equal(encoder.encode(digits), encoder.encode(digits.astype(np.float64)))


def test_bits_do_not_depend_on_what_is_encoded_beside_them(digits, monkeypatch):
    encoder = Encoder("comparisons:64").fit(digits)
    bits = encoder.encode(digits)
    monkeypatch.setattr(comparisons, "_CHUNK_BYTES", 700)
    np.testing.assert_array_equal(encoder.encode(digits), bits)
    np.testing.assert_array_equal(encoder.encode(digits[7:8]), bits[7:8])
    assert encoder.encode(digits[:0]).shape == (0, 64)


def test_bits_are_balanced(digits):
    bits = Encoder("comparisons:300").fit(digits).encode(digits)
    ones = bits.mean(axis=0)
    # 300 images are more than the sample that the table is drawn on has at least: all of them.
    assert ones.min() >= 0.2
    assert ones.max() <= 0.8
    assert len(np.unique(bits, axis=1).T) > 290


def test_the_seed_draws_other_bits(digits):
    tables = [Encoder(f"comparisons:50,seed={seed}").fit(digits).comparisons for seed in (0, 1)]
    assert tables[0] == Encoder("comparisons:50").fit(digits).comparisons
    assert tables[0] != tables[1]


def test_colours_are_compared_with_each_other():
    """Images whose colours alone tell them apart: one is above the other, or below."""
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, 60)
    images = np.full((60, 8, 8, 3), 100, np.uint8)
    images[..., 0] += (10 * labels)[:, None, None].astype(np.uint8)
    encoder = Encoder("comparisons:20").fit(images)
    assert any(bit.colour != bit.other for bit in encoder.comparisons)
    bits = encoder.encode(images)
    assert (bits == labels[:, None]).all(axis=0).any()
    first = encoder.encode(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    np.testing.assert_array_equal(first, bits)


# Planted mistakes


DIFFERENCES = Counter.differences


def swapped(counter, map_):
    """Differences the other way round."""
    return -DIFFERENCES(counter, map_)


@pytest.mark.parametrize(
    ("target", "name", "mistake"),
    [
        (Counter, "differences", swapped),
        (comparisons, "_threshold", lambda threshold, dtype: threshold - 1),
        (comparisons, "_difference_type", lambda images: np.int8),
    ],
)
def test_the_definition_finds_planted_mistakes(digits, monkeypatch, target, name, mistake):
    images = digits[:20] * np.uint8(15)
    encoder = Encoder("comparisons:40").fit(images)
    expected = by_definition(encoder.comparisons, images)
    assert encoder.encode(images).tolist() == expected
    monkeypatch.setattr(target, name, mistake)
    assert encoder.encode(images).tolist() != expected


# What is refused


@pytest.mark.parametrize("images", [np.full((5, 6, 6), 3), np.zeros((4, 8, 8, 3), np.float32)])
def test_constant_images_are_refused(images):
    with pytest.raises(DataError, match=r"finds nothing to compare: all \d+ values .* are [03]"):
        Encoder("comparisons:4").fit(images)


def test_images_that_differ_in_nothing_are_refused():
    images = np.tile(np.arange(36).reshape(1, 6, 6), (9, 1, 1))
    with pytest.raises(DataError, match="only 0 of 4 comparisons tell the training images of 6 x"):
        Encoder("comparisons:4").fit(images)


def test_samples_that_are_no_images_are_refused():
    with pytest.raises(DataError, match=r"comparisons need images, .* not of \(784,\); --image-sh"):
        Encoder("comparisons:4").bits((784,))
    with pytest.raises(DataError, match="need images"):
        Encoder("comparisons:4").fit(np.zeros((2, 3, 3, 3, 3)))


def test_images_of_another_shape_are_refused(digits):
    encoder = Encoder("comparisons:50").fit(digits)
    with pytest.raises(DataError, match=r"belong to images of another shape: .* 6 x 8, colours 1"):
        encoder.encode(digits[:, :6])
    with pytest.raises(DataError, match="must be fitted to training data first"):
        Encoder("comparisons:50").encode(digits)


@pytest.mark.parametrize(
    "spec", ["comparisons:", "comparisons:0", "comparisons:65537", "comparisons:4,sd=1"]
)
def test_specifications_are_checked(spec):
    with pytest.raises(ConfigurationError, match="comparisons needs 1 to 65536 bits"):
        Encoder(spec)


def test_one_table_an_encoder():
    with pytest.raises(ConfigurationError, match="more than one 'comparisons' part"):
        Encoder("comparisons:4+comparisons:4,seed=1")
    with pytest.raises(ConfigurationError, match="select needs a number of bits and an encoder"):
        Encoder("select:4,steps=0:comparisons:8")


@pytest.mark.parametrize(
    "change", [{"top": 3, "bottom": 3}, {"left": -1}, {"threshold": float("nan")}, {"marks": -1}]
)
def test_tables_that_make_no_sense_are_refused(digits, change):
    table = list(Encoder("comparisons:8").fit(digits).comparisons)
    assert Encoder("comparisons:8", comparisons=table).ready
    table[5] = table[5]._replace(**change)
    with pytest.raises(ConfigurationError, match="which is no comparison"):
        Encoder("comparisons:8", comparisons=table)
    with pytest.raises(ConfigurationError, match="must have 7 rows, not 8"):
        Encoder("comparisons:7", comparisons=table)


# Together with others


def taken_from(bits):
    """Return what encodes some columns: takes them from bits."""
    return lambda columns: bits[:, columns]


def test_sums_and_selections(digits):
    labels = load_dataset("digits").labels[:300]
    whole = Encoder("thermometer:4+comparisons:90+thermometer:9").fit(digits)
    bits = whole.encode(digits)
    assert bits.shape == (300, 64 + 90 + 64)
    chosen, kept = select_bits(
        taken_from(bits), bits.shape[1], labels, 40, seed=0, epochs=4, steps=2
    )
    np.testing.assert_array_equal(kept, bits[:, chosen])
    assert list(chosen) == sorted(set(chosen.tolist()))
    for selection in (chosen, np.arange(70, 110), np.arange(40)):
        some = Encoder("select:40,steps=2:thermometer:4+comparisons:90+thermometer:9")
        some.fit(digits).select(selection)
        np.testing.assert_array_equal(some.encode(digits), bits[:, selection])


def test_steps_end_with_as_many_bits_and_one_step_is_what_it_was(digits):
    labels = load_dataset("digits").labels[:300]
    bits = Encoder("comparisons:120").fit(digits).encode(digits)
    one, _ = select_bits(taken_from(bits), bits.shape[1], labels, 30, seed=0, epochs=6)
    again, _ = select_bits(taken_from(bits), bits.shape[1], labels, 30, seed=0, epochs=6, steps=1)
    np.testing.assert_array_equal(again, one)
    three, _ = select_bits(taken_from(bits), bits.shape[1], labels, 30, seed=0, epochs=6, steps=3)
    assert len(three) == 30
    assert three.tolist() != one.tolist()


def test_a_checkpoint_keeps_the_table(tmp_path):
    spec = "select:100,steps=2:comparisons:256"
    config = override(named("tiny"), encoder=spec, inputs=100)
    data = prepare(config, dataset=load_dataset("digits"))
    path = tmp_path / "run.npz"
    save_checkpoint(path, Run.start(config, data, 1).checkpoint())
    record = load_checkpoint(path).record
    assert record.comparisons == data.encoder.comparisons
    assert isinstance(record.comparisons[0], Comparison)
    np.testing.assert_array_equal(record.encoder_of(spec).encode(data.split.images), data.train)


def test_a_part_without_a_table_can_be_compared_and_copied():
    assert dataclasses.replace(Comparisons(4), seed=1) == Comparisons.parse("4,seed=1")


# Of few bits a pixel


@pytest.mark.parametrize(("part", "thresholds"), [("t=0", [0]), ("t=3/9.5", [3, 9.5])])
def test_thresholds_leave_few_bits_of_a_pixel(digits, part, thresholds):
    levels = sum((digits > threshold).astype(np.uint8) for threshold in thresholds)
    few = Encoder(f"comparisons:150,seed=4,{part}").fit(digits)
    same = Encoder("comparisons:150,seed=4").fit(levels)
    assert few.comparisons == same.comparisons
    np.testing.assert_array_equal(few.encode(digits, 5), same.encode(levels, 5))
    restored = Encoder(few.spec, comparisons=few.comparisons)
    np.testing.assert_array_equal(restored.encode(digits), same.encode(levels))


def test_thresholds_that_divide_nothing_are_refused(digits):
    with pytest.raises(DataError, match="0 to 16, which no threshold divides"):
        Encoder("comparisons:50,t=16/200").fit(digits)
    for wrong in ("comparisons:50,t=", "comparisons:50,t=a", "comparisons:50,t=1,seed=2"):
        with pytest.raises(ConfigurationError, match="comparisons needs 1 to 65536 bits"):
            Encoder(wrong)
    with pytest.raises(ConfigurationError, match="thresholds of comparisons must increase"):
        Encoder("comparisons:50,t=9/3")
