"""Encoder programs: what their words make of samples is what the encoder makes of them."""

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metabit.golden.encoding import counted, interpret
from metabit.golden.encoding.assemble import assemble
from metabit.golden.encoding.comparisons import Comparison
from metabit.golden.encoding.encoders import Encoder
from metabit.golden.encoding.program import (
    FIELDS,
    WORD_BITS,
    Frame,
    Kind,
    Program,
    pack_word,
    unpack_word,
)
from metabit.golden.encoding.shifts import SHIFTS
from metabit.golden.errors import ConfigurationError, DataError
from tests.hdl.planted import plant


def images_of(shape: tuple[int, ...], seed: int = 0, count: int = 12) -> np.ndarray:
    """Images of large and of small differences, of which some are 0 and some 255."""
    rng = np.random.default_rng(seed)
    wide = rng.integers(0, 256, (count, *shape))
    narrow = rng.integers(100, 110, (count, *shape))
    pixels = np.where(rng.random((count, *shape)) < 0.5, wide, narrow)
    pixels[rng.random(pixels.shape) < 0.1] = 0
    pixels[rng.random(pixels.shape) < 0.1] = 255
    return pixels.astype(np.uint8)


def check(encoder: Encoder, images: np.ndarray, *, module: ModuleType = interpret) -> Program:
    """Compare a program's bits with the encoder's, and return it."""
    program = assemble(encoder, images.shape[1:])
    found = module.interpret(program, images)
    expected = encoder.encode(images)
    assert program.bits == expected.shape[1]
    np.testing.assert_array_equal(found[:, : program.bits], expected)
    assert not found[:, program.bits :].any()
    return program


SPECS = {
    "none": (5, 9),
    "median": (6, 5),
    "thermometer:0,99.5,128,254,255,300,-3": (28, 28),
    "quantiles:3": (3, 4, 2),
    "distributive:5": (7,),
    "distributive:4,n=3": (6,),
    "areas:t=64/128,c=0/3": (8, 6),
    "areas:t=104,c=120,cell=15": (15, 30),
    "edges-1960": (28, 28),
    "edges:d=3,t=0,c=0/15,dir=knights": (12, 16),
    "edges:d=6,t=9,c=1/7/20,dir=diagonals,cell=9": (20, 16),
    "edges:d=7,t=9,c=0": (8, 8),
    "comparisons:60": (13, 9),
    "comparisons:61,seed=3": (9, 8, 3),
    "comparisons:200": (2, 7, 11),
    "copies:3,ones=5:quantiles:2": (6,),
    "edges:d=1,t=8,c=0+thermometer:3+comparisons:33": (8, 12),
}


def fitted(spec: str, images: np.ndarray) -> tuple[Encoder, np.ndarray]:
    """Return an encoder, and images that it takes."""
    if spec == "none":
        images = images & 1
    if "n=3" in spec:
        images[:, 3:] &= 1
    return Encoder(spec).fit(images), images


@pytest.mark.parametrize("spec", SPECS)
def test_a_program_makes_the_bits_of_its_encoder(spec: str) -> None:
    encoder, images = fitted(spec, images_of(SPECS[spec]))
    program = check(encoder, images)
    bits = encoder.encode(images)
    assert bits.any(), "some bits must be 1"
    assert not bits.all(), "and some 0"
    assert all(0 <= word < 1 << WORD_BITS for word in program.words)


@given(
    spec=st.builds(
        "edges:d={},t={},c={},dir={},cell={}".format,
        st.integers(1, 5),
        st.integers(0, 254),
        st.sampled_from(["0", "0/3", "5/1"]),
        st.sampled_from(["axes", "diagonals", "knights"]),
        st.sampled_from([4, 5, 8, 10]),
    ),
    height=st.sampled_from([12, 16]),
    width=st.sampled_from([12, 20]),
    seed=st.integers(0, 99),
)
@settings(max_examples=30, deadline=None)
def test_edges_of_any_kind(spec: str, height: int, width: int, seed: int) -> None:
    spec = spec.replace("d=5", "d=2")
    check(Encoder(spec), images_of((height, width), seed))


@given(data=st.data(), colours=st.integers(1, 3), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_comparisons_of_any_kind(data: st.DataObject, colours: int, seed: int) -> None:
    height, width = data.draw(st.tuples(st.integers(4, 20), st.integers(4, 20)))

    def span(size: int) -> st.SearchStrategy[tuple[int, int]]:
        ends = st.tuples(st.integers(0, size - 1), st.integers(1, size))
        return ends.filter(lambda pair: pair[0] < pair[1])

    def drawn() -> Comparison:
        (top, bottom), (left, right) = data.draw(span(height)), data.draw(span(width))
        colour, other = data.draw(st.tuples(*2 * [st.integers(0, colours - 1)]))
        dy = data.draw(st.integers(1 - height, height - 1))
        dx = data.draw(st.integers(1 - width, width - 1))
        threshold = data.draw(st.sampled_from([-300.0, -256, -255, -0.5, 0, 7.25, 254, 255, 400]))
        marks = data.draw(st.integers(0, 60))
        return Comparison(*(colour, other, dy, dx, threshold), *(top, left, bottom, right), marks)

    table = tuple(sorted(drawn() for _ in range(6)))
    encoder = Encoder(f"comparisons:{len(table)}", comparisons=table)
    check(encoder, images_of((height, width, colours) if colours > 1 else (height, width), seed))


def test_selected_bits_come_in_order() -> None:
    images = images_of((12, 12))
    encoder = Encoder("select:90:edges:d=1,t=8,c=0/3+comparisons:100+thermometer:0").fit(images)
    chosen = np.random.default_rng(5).permutation(encoder.all_bits((12, 12)))[:90]
    encoder.select(np.sort(chosen))
    check(encoder, images)


@pytest.mark.parametrize("shape", [(12, 12), (8, 12, 3), (2, 7, 11)])
def test_views_are_another_origin(shape: tuple[int, ...]) -> None:
    images = images_of(shape)
    spec = "comparisons:90+thermometer:100" + ("+edges-1568" if len(shape) == 2 else "")
    encoder = Encoder(spec).fit(images)
    program = assemble(encoder, shape, border=1)
    views = encoder.encode(images, len(SHIFTS)).reshape(len(SHIFTS), len(images), -1)
    for view, expected in enumerate(views):
        found = interpret.interpret(program, images, view)
        np.testing.assert_array_equal(found[:, : program.bits], expected)
    with pytest.raises(ConfigurationError, match="view 1 moves an image by 0 rows and 1 columns"):
        interpret.interpret(assemble(encoder, shape), images, 1)


@pytest.mark.parametrize("border", [0, 1])
def test_zeros_fill_the_last_word_of_a_sample(border: int) -> None:
    images = images_of((7, 9))
    encoder = Encoder("comparisons:40+thermometer:100").fit(images)
    tight, whole = (assemble(encoder, (7, 9), border=border, align=align) for align in (1, 8))
    size, rest = tight.frame.bytes, -tight.frame.bytes % 8
    assert (whole.frame.bytes, rest > 0) == (size + rest, True)
    assert unpack_word(whole.words[0])[1]["last"] == size + rest - 1
    assert whole.words[1:] == tight.words[1:]
    packed = whole.frame.pack(images)
    assert np.array_equal(packed[:, :size], tight.frame.pack(images))
    assert not packed[:, size:].any()
    for view in range(len(SHIFTS) if border else 1):
        found, expected = (interpret.interpret(each, images, view) for each in (whole, tight))
        assert np.array_equal(found, expected)


def test_what_is_marked_is_said_once() -> None:
    """A word a bit, one a map; three where a cell's neighbours lie partly outside."""
    thermometer = assemble(Encoder("thermometer:9,20"), (4, 4))
    kinds = [unpack_word(word)[0] for word in thermometer.words]
    assert kinds == [
        *(Kind.FRAME, Kind.MAP, *16 * [Kind.PIECE], Kind.MAP, *16 * [Kind.PIECE]),
        # Zeros behind 32 bits of 64.
        *(*32 * [Kind.PIECE], Kind.END),
    ]
    edges = assemble(Encoder("edges:d=1,t=8,c=0/4"), (8, 8))
    assert len(edges.pieces) == 64 + 2 * 2 * 2
    kinds = [unpack_word(word)[0] for word in edges.words]
    assert kinds.count(Kind.MAP) == 4


def test_width_is_what_is_asked_for() -> None:
    images = images_of((4, 4))
    program = assemble(Encoder("thermometer:9"), (4, 4), width=128)
    assert interpret.interpret(program, images).shape == (len(images), 128)
    for width in (0, 65, -64):
        with pytest.raises(ConfigurationError, match=f"64 and at least the 16 bits .* not {width}"):
            assemble(Encoder("thermometer:9"), (4, 4), width=width)


@pytest.mark.parametrize("kind", Kind)
def test_words_are_unpacked_as_they_were_packed(kind: Kind) -> None:
    rng = np.random.default_rng(int(kind))
    for _ in range(20):
        fields = {}
        for name, bits, signed in FIELDS[kind]:
            ends = [-(1 << bits - 1), (1 << bits - 1) - 1] if signed else [0, (1 << bits) - 1]
            fields[name] = int(rng.choice([*ends, rng.integers(ends[0], ends[1] + 1)]))
        word = pack_word(kind, **fields)
        assert 0 <= word < 1 << WORD_BITS
        assert unpack_word(word) == (kind, fields)


def test_words_refuse_what_has_no_room() -> None:
    with pytest.raises(ValueError, match="last of FRAME must be 0 to 4095, not 4096"):
        pack_word(Kind.FRAME, pitch=3, last=4096)
    with pytest.raises(ValueError, match="threshold of MAP must be -256 to 255, not 256"):
        pack_word(Kind.MAP, offset=-4096, threshold=256)
    with pytest.raises(ValueError, match="END has "):
        pack_word(Kind.END, pitch=1)


def test_what_a_program_cannot_do_is_refused() -> None:
    with pytest.raises(DataError, match="65 x 64 take 4160 bytes with a border of 0"):
        assemble(Encoder("thermometer:1"), (65, 64))
    with pytest.raises(DataError, match="32 x 42 x 3 take 4488 bytes with a border of 1"):
        Frame((32, 42, 3), border=1)
    with pytest.raises(DataError, match="encoder 'median' must be fitted"):
        assemble(Encoder("median"), (4, 4))
    with pytest.raises(ConfigurationError, match=r"leave t=... out"):
        assemble(Encoder("comparisons:5,t=100").fit(images_of((9, 9))), (9, 9))
    large = Comparison(0, 0, 0, 1, 3.0, 0, 0, 40, 40, 3)
    with pytest.raises(ConfigurationError, match=r"up to 1024 pixels .* more than 3 of 1560"):
        assemble(Encoder("comparisons:1", comparisons=(large,)), (40, 40))
    with pytest.raises(DataError, match=r"8-bit|0 to 255"):
        interpret.interpret(assemble(Encoder("thermometer:1"), (2, 2)), np.full((1, 2, 2), 256))
    with pytest.raises(DataError, match=r"samples must be of \(2, 2\), not of \(2, 3\)"):
        Frame((2, 2)).pack(np.zeros((1, 2, 3), np.uint8))


def test_pieces_of_more_than_sixteen_rows_and_columns() -> None:
    images = images_of((36, 33))
    table = (Comparison(0, 0, 0, 0, 104.0, 1, 0, 30, 33, 400),)
    program = check(Encoder("comparisons:1", comparisons=table), images)
    pieces = [piece for piece in program.pieces if piece["marks"] == 400]
    assert len(pieces) == 6


SLIPS = {
    "neighbour of another pixel": (interpret, "places + offset", "places - offset"),
    "threshold itself": (interpret, "differences > threshold", "differences >= threshold"),
    "count itself": (interpret, "count >= 0", "count > 0"),
    "outside is not marked": (counted, "[cell]:", "[]:"),
    "neighbours outside": (counted, "cell.without(inside)", "()"),
    "the other way round": (counted, "Counted(-offset,", "Counted(offset,"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_planted_bugs_are_seen(slip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, right, wrong = SLIPS[slip]
    planted = plant(module, (right, wrong))
    if module is counted:
        monkeypatch.setattr("metabit.golden.encoding.assemble.counted_bits", planted.counted_bits)
        planted = interpret
    with pytest.raises((AssertionError, IndexError)):
        check(Encoder("edges:d=5,t=0,c=0/3"), images_of((8, 8)), module=planted)
