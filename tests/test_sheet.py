"""Fields as one small picture, and samples as grey ones."""

import io

import numpy as np
import pytest
from PIL import Image

from metabit.golden.encoding.encoders import Encoder
from metabit.plots.looks import fields_of, scale_of, shown_neurons, wanted_by
from metabit.plots.maps import feature_maps
from metabit.plots.sheet import NEGATIVE, POSITIVE, make_sheet
from metabit.report.figures import grey_of
from metabit.report.looks import look_of

SHAPES = (
    ("thermometer:8", (5, 7)),
    ("thermometer:2,8,9", (4, 4)),
    ("edges-1568", (28, 28)),
    ("distributive:4", (6,)),
)


@pytest.mark.parametrize(("spec", "shape"), SHAPES)
def test_every_weight_is_a_pixel_of_its_neuron(spec, shape):
    encoder = Encoder(spec)
    if "distributive" in spec:
        encoder = encoder.fit(np.random.default_rng(0).random((50, *shape)))
    maps = feature_maps(encoder, shape)
    fields = np.random.default_rng(1).integers(-60, 61, (3, encoder.bits(shape))).astype(float)
    sheet = make_sheet(fields, maps)
    picture = np.asarray(Image.open(io.BytesIO(sheet.png)))
    assert picture.shape == (3 * sheet.height, sheet.width, 4)
    for neuron, field in enumerate(fields):
        own = picture[neuron * sheet.height : (neuron + 1) * sheet.height]
        strength = np.round(255 * np.minimum(np.abs(field) / scale_of(field), 1)).astype(int)
        shown = own[..., 3][own[..., 3] > 0]
        # Each weight once, in whatever order, and nothing else.
        assert sorted(shown) == sorted(strength[strength > 0])
        for sign, colour in ((-1, NEGATIVE), (1, POSITIVE)):
            found = own[(own[..., :3] == colour).all(axis=2) & (own[..., 3] > 0)][:, 3]
            assert sorted(found) == sorted(strength[(np.sign(field) == sign) & (strength > 0)])


def test_maps_are_laid_out_as_they_are():
    """One weight set: its pixel is at its place in its map, row by row."""
    shape = (3, 4)
    maps = feature_maps(Encoder("thermometer:1,2,3,4,5"), shape)
    for bit in range(5 * 12):
        field = np.zeros((1, 60))
        field[0, bit] = -3
        sheet = make_sheet(field, maps)
        # Five maps of three rows and four columns: two side by side, three lines.
        assert (sheet.width, sheet.height) == (2 * 5 - 1, 3 * 4 - 1)
        [[y, x]] = np.argwhere(np.asarray(Image.open(io.BytesIO(sheet.png)))[..., 3])
        number, (row, column) = bit // 12, divmod(bit % 12, 4)
        line, place = divmod(number, 2)
        assert (y, x) == (line * 4 + row, place * 5 + column)


def test_a_look_is_of_as_many_neurons_as_are_legible():
    maps = feature_maps(Encoder("thermometer:1"), (3, 3))
    rng = np.random.default_rng(2)
    hidden = [rng.integers(-9, 10, (70, 9)), rng.integers(-9, 10, (5, 70))]
    codes = [np.where(rng.random((3, width)) < 0.5, 1, -1) for width in (70, 5)]
    first = look_of(hidden, codes, maps, 0)
    assert (first.first, len(first.titles), first.neurons) == (0, 64, 70)
    rest = look_of(hidden, codes, maps, 0, 64)
    assert [title.split()[0] for title in rest.titles] == ["64", "65", "66", "67", "68", "69"]
    assert look_of(hidden, codes, maps, 0, 99).first == 69
    deep = look_of(hidden, codes, maps, 1)
    assert deep.sheet.png == make_sheet(fields_of(hidden, 1), maps).png
    assert [shown_neurons(100, count) for count in (1, 2, 25, 26)] == [64, 16, 16, 6]
    wanted = "".join(str(label) for label in range(3) if codes[0][label, 7] > 0)
    assert wanted_by(codes[0], 7) == f"for {wanted or 'none'}"
    assert wanted_by(np.ones((11, 70), int), 7) == ""


def test_samples_are_dark_on_light_over_the_whole_range():
    assert grey_of(np.array([[-2, 0], [2, 6]])).tolist() == [[255, 191], [128, 0]]
    assert grey_of(np.full((1, 2), 7)).tolist() == [[255, 255]]
    assert grey_of(np.array([[True, False]])).tolist() == [[0, 255]]
