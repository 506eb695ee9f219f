import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from metabit.golden.config import Config
from metabit.golden.network import Network
from metabit.hdl.placement import Placement
from metabit.hdl.shape import SHAPES, Shape
from metabit.host.packing import (
    gather,
    pack_bits,
    pack_codes,
    pack_counters,
    pack_samples,
    records,
    scatter,
    unpack_bits,
    unpack_counters,
)

SMALL, SMALL_SPRAM = SHAPES["small"], SHAPES["small-spram"]
DEEP = Config(inputs=137, hidden=(12, 7, 5), classes=6, group=5, counter_bits=4, tile=3)
BLOCK_SHAPES = [
    Shape.model_validate({**SMALL.model_dump(), "counter_bits": bits}) for bits in range(2, 9)
]


@given(hnp.arrays(bool, st.tuples(st.integers(1, 4), st.integers(1, 150))), st.integers(0, 2))
def test_bits_are_packed_low_first_and_come_back(bits: np.ndarray, more: int) -> None:
    width = bits.shape[1]
    packed = pack_bits(bits, -(-width // 64) + more)
    for row, expected in zip(packed.tolist(), bits, strict=True):
        value = sum(word << 64 * number for number, word in enumerate(row))
        assert [value >> k & 1 for k in range(width)] == expected.tolist()
        assert value >> width == 0
    np.testing.assert_array_equal(unpack_bits(packed, width), bits)


@pytest.mark.parametrize("shape", [*BLOCK_SHAPES, SMALL_SPRAM])
def test_counters_are_packed_as_the_shape_keeps_them(shape: Shape) -> None:
    generator = np.random.default_rng(1)
    low = -(1 << shape.counter_bits - 1)
    counters = generator.integers(low, -low, (3, 5, 64)).astype(np.int16)
    counters[0, 0, :4] = low, -low - 1, 0, -1
    words = pack_counters(counters, shape)
    assert words.shape == (3, 5, shape.parts)
    for place in np.ndindex(3, 5):
        values = counters[place].tolist()
        for part, word in enumerate(words[place].tolist()):
            if shape.memory == "spram":
                eight = values[8 * part : 8 * part + 8]
                assert word == sum((v & 255) << 8 * lane for lane, v in enumerate(eight))
            else:
                assert word == sum((v >> part & 1) << lane for lane, v in enumerate(values))
    signs = counters >= 0 if shape.memory == "block" else None
    np.testing.assert_array_equal(unpack_counters(words, signs, shape), counters)


@pytest.mark.parametrize("inputs", [137, 256, 20])
def test_counters_lie_where_the_placement_says(inputs: int) -> None:
    config = DEEP.model_copy(update={"inputs": inputs})
    placement = Placement(config, SMALL)
    network = Network(config)
    beats = scatter(network.counters, placement)
    assert beats.shape == (SMALL.elements, placement.sign_words, 64)
    seen = np.zeros(beats.shape, bool)
    for layer, counters in enumerate(network.counters):
        width, fan_in = counters.shape
        for neuron in range(width):
            for weight in range(fan_in):
                visit, lane = divmod(weight, SMALL.lanes)
                address = placement.base[layer] + visit * width + neuron
                place = lane // 64, address, lane % 64
                assert beats[place] == counters[neuron, weight]
                seen[place] = True
    assert not beats[~seen].any()
    for found, expected in zip(gather(beats, placement), network.counters, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("code_bits", [3, 4, 5, 10, 64])
@pytest.mark.parametrize("classes", [3, 4, 6, 13])
def test_codes_lie_where_the_placement_says(classes: int, code_bits: int) -> None:
    config = DEEP.model_copy(update={"classes": classes, "summed_scores": False})
    shape = Shape.model_validate({**SMALL.model_dump(), "code_bits": code_bits})
    placement = Placement(config, shape)
    network = Network(config)
    words = pack_codes(network.classifier, placement)
    assert len(words) == placement.codes
    expected = [0] * placement.codes
    for layer, code in enumerate(network.classifier):
        for label in range(classes):
            for neuron in range(config.hidden[layer]):
                word, bit = divmod(placement.class_number(label), 1 << shape.position_bits)
                address = placement.code_base[layer] + neuron * placement.code_words + word
                expected[address] |= int(code[label, neuron]) << bit
    assert words.tolist() == expected


def test_records_have_their_label_in_front() -> None:
    placement = Placement(DEEP, SMALL)
    generator = np.random.default_rng(2)
    samples = generator.random((5, DEEP.inputs)) < 0.5
    data = records(pack_samples(samples, placement), np.array([0, 5, 1, 2, 3]))
    assert len(data) == 5 * 8 * placement.sample_words
    for number, label in enumerate((0, 5, 1, 2, 3)):
        record = data[number * 8 * placement.sample_words :][: 8 * placement.sample_words]
        assert int.from_bytes(record[:8], "little") == label
        value = int.from_bytes(record[8:], "little")
        assert [value >> k & 1 for k in range(DEEP.inputs)] == samples[number].tolist()
        assert value >> DEEP.inputs == 0


def test_an_epoch_is_packed_in_no_time() -> None:
    config = Config(inputs=1568, hidden=(64,), group=16, counter_bits=7)
    placement = Placement(config, SHAPES["ecp5"])
    samples = np.random.default_rng(3).random((50_000, 1568)) < 0.5
    start = time.perf_counter()
    data = records(pack_samples(samples, placement), np.zeros(50_000, np.int64))
    assert time.perf_counter() - start < 5
    assert len(data) == 50_000 * 8 * placement.sample_words
