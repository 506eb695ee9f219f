import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from metabit.boards.packing import (
    code_indices,
    gather,
    pack_bits,
    pack_counters,
    scatter,
    unpack_bits,
    unpack_counters,
    weight_indices,
)
from metabit.golden.config import ArrayShape, Config
from metabit.hdl.layout import Layout


@given(st.integers(2, 16).flatmap(lambda bits: st.tuples(st.just(bits), words(bits))))
def test_counters_are_packed_low_first_and_come_back(drawn: tuple[int, np.ndarray]) -> None:
    bits, values = drawn
    packed = pack_counters(values, bits)
    assert packed.shape == (len(values), 2 * bits)
    for word, row in zip(values, packed, strict=True):
        expected = sum((int(v) % (1 << bits)) << (bits * lane) for lane, v in enumerate(word))
        assert int.from_bytes(row.tobytes(), "little") == expected
    np.testing.assert_array_equal(unpack_counters(packed, bits), values)


def words(bits: int) -> st.SearchStrategy[np.ndarray]:
    low = -(1 << (bits - 1))
    return hnp.arrays(
        np.int16, st.tuples(st.integers(0, 5), st.just(16)), elements=st.integers(low, -low - 1)
    )


@given(hnp.arrays(bool, st.tuples(st.integers(1, 4), st.integers(1, 50))))
def test_bits_are_packed_low_first_and_come_back(bits: np.ndarray) -> None:
    packed = pack_bits(bits)
    width = bits.shape[1]
    for row, expected in zip(packed, bits, strict=True):
        assert len(row) == 2 * -(-width // 16)
        value = int.from_bytes(row.tobytes(), "little")
        assert [value >> k & 1 for k in range(width)] == expected.tolist()
        assert value >> width == 0
    back = unpack_bits(packed).reshape(len(bits), -1)[:, :width]
    np.testing.assert_array_equal(back, bits)


@pytest.mark.parametrize("array", [ArrayShape(), ArrayShape(rows=2, lanes=64), ArrayShape(rows=1)])
def test_every_word_has_its_own_place(array: ArrayShape) -> None:
    config = Config(inputs=70, hidden=(9, 35), classes=5, group=4, array=array)
    layout = Layout(config)
    weights = np.concatenate([weight_indices(layout, layer).ravel() for layer in range(2)])
    codes = np.concatenate([code_indices(layout, layer).ravel() for layer in range(2)])
    every = np.concatenate([weights, codes])
    assert len(set(every.tolist())) == len(every) == 9 * 5 + 35 * 1 + 5 * 1 + 5 * 3
    assert weights.max() < layout.counter_words <= codes.min()
    assert codes.max() < layout.sign_words


def test_scatter_and_gather_are_inverse() -> None:
    generator = np.random.default_rng(1)
    indices = generator.permutation(12).reshape(4, 3)[:, :2]
    rows = generator.integers(-9, 9, (4, 29)).astype(np.int16)
    memory = np.full((12, 16), 99, np.int16)
    scatter(memory, indices, rows)
    np.testing.assert_array_equal(gather(memory, indices, 29), rows)
    np.testing.assert_array_equal(gather(memory, indices, 32)[:, 29:], 0)
    untouched = np.setdiff1d(np.arange(12), indices)
    assert (memory[untouched] == 99).all()
