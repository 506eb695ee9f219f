"""Shapes: what names hardware, and what follows from it."""

import pytest
from amaranth.back import rtlil

from metabit.hdl.encode.sizes import MOST_WORDS, Sizes
from metabit.hdl.learn.codes import Codes
from metabit.hdl.shape import LANES, SHAPES, Shape
from metabit.hdl.store.columns import Columns
from metabit.hdl.store.commit import Commit
from metabit.hdl.store.counters import part_bits

SMALL = SHAPES["small"]


@pytest.mark.parametrize(
    ("name", "digest"),
    [("up5k", "93b66618da6edbcf"), ("ecp5", "7b726f747416095b"), ("small", "5093abf4b3b36fc2")],
)
def test_hardware_keeps_its_name_when_shapes_learn_something_new(name: str, digest: str) -> None:
    assert SHAPES[name].digest.hex() == digest
    for changes in ({"lut_memories": True}, {"encodes": Sizes(pixels=64, lanes=1, words=2)}):
        assert SHAPES[name].model_copy(update=changes).digest.hex() != digest


@pytest.mark.parametrize(("bits", "part"), [(3, 99), (7, 99), (8, 117)])
def test_a_bank_is_spread_over_four_rows_of_block_ram(bits: int, part: int) -> None:
    shape = SMALL.model_copy(update={"counter_bits": bits})
    assert part_bits(shape) == part
    assert -(-LANES * (bits - 1) // part) <= 4


@pytest.mark.parametrize(("block", "count"), [(Columns, SMALL.samples), (Codes, 2), (Commit, 1)])
def test_small_memories_of_look_up_tables(block: type, count: int) -> None:
    def asked_for(**changes: bool) -> int:
        return rtlil.convert(block(SMALL.model_copy(update=changes))).count('"distributed"')

    # Winners lie there in any case.
    assert asked_for(lut_memories=True) - asked_for() == count


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("confusion", "confusion needs stored='sdram', not 'none'"),
        ("keeps", "keeps needs stored='flash', not 'none'"),
        ("lut_memories", "lut_memories needs memory='block', not 'spram'"),
    ],
)
def test_options_without_effect_are_refused(option: str, message: str) -> None:
    fields = SHAPES["small-spram"].model_dump()
    with pytest.raises(ValueError, match=message):
        Shape(**{**fields, option: True})


@pytest.mark.parametrize("device", ["small-flash", "small-sdram"])
def test_what_is_stored_is_encoded(device: str) -> None:
    fields = SHAPES[device].model_dump() | {"encodes": {"pixels": 64, "lanes": 2, "words": 100}}
    with pytest.raises(ValueError, match="encodes needs stored='none', not "):
        Shape(**fields)
    assert Shape(**fields | {"stored": "none", "confusion": False, "keeps": False}).encodes == (
        Sizes(pixels=64, lanes=2, words=100)
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lanes": 3}, "lanes of an encoder must be 1, 2, 4 or 8, not 3"),
        ({"pixels": 100}, "pixels of an encoder must be a power of two, 4 to 4096, not 100"),
        ({"words": MOST_WORDS + 1}, "words of an encoder must be 2 to 4096, not 4097"),
        ({"words": 1}, "words of an encoder must be 2 to 4096, not 1"),
    ],
)
def test_encoders_that_cannot_be_are_refused(changes: dict[str, int], message: str) -> None:
    sizes = {"pixels": 64, "lanes": 2, "words": 100} | changes
    with pytest.raises(ValueError, match=message):
        Shape(**SHAPES["small-spram"].model_dump() | {"encodes": sizes})
