"""The file of a bitstream: every bit is found where it was put, and what is damaged is refused."""

import re

import numpy as np
import pytest

from metabit.sim.bitstream.errors import BitstreamError
from metabit.sim.bitstream.tiles import GRIDS, Grid, configuration
from metabit.sim.bitstream.unpack import Unpacked, crc, read, unpack
from tests.sim.packing_bits import START, icepack, pack, random_configuration, text_of

GRID = GRIDS["5k"]


def random_memories(seed: int = 0) -> Unpacked:
    rng = np.random.default_rng(seed)
    banks = {number: rng.random(GRID.bank_shape(number)) < 0.5 for number in range(4)}
    contents = {number: rng.random((256, 80)) < 0.5 for number in range(4)}
    return Unpacked(banks, contents)


@pytest.fixture(scope="module")
def packed() -> bytes:
    return pack(random_memories())


def test_the_check_is_the_standard_one():
    assert crc(b"123456789") == 0x29B1
    assert crc(b"6789", crc(b"12345")) == 0x29B1


def test_memories_are_read_as_they_were_written(packed):
    found, written = unpack(packed), random_memories()
    for ours, theirs in (
        (found.configuration, written.configuration),
        (found.contents, written.contents),
    ):
        assert ours.keys() == theirs.keys()
        assert all((bank == theirs[number]).all() for number, bank in ours.items())


@pytest.mark.build
@pytest.mark.parametrize("grid", GRIDS.values(), ids=lambda grid: grid.name)
def test_every_bit_lies_in_the_tile_that_icepack_took_it_from(grid: Grid, tmp_path):
    written = random_configuration(grid, np.random.default_rng(5))
    number = grid.bank_shape(0)[1] - 1
    written.extra = {(0, number, 3), (3, number - 1, 7)}
    found = configuration(unpack(icepack(tmp_path, text_of(written))))
    assert found.grid == grid
    wrong = {place for place, tile in written.tiles.items() if found.tiles[place] != tile}
    assert not wrong
    assert found.tiles.keys() == written.tiles.keys()
    assert found.extra == written.extra
    assert found.contents == written.contents


def test_any_flipped_bit_behind_the_header_is_refused(packed):
    rng = np.random.default_rng(1)
    for place in rng.integers(len(START) + 3, len(packed) - 5, 30):
        damaged = bytearray(packed)
        damaged[place] ^= 1 << int(rng.integers(8))
        with pytest.raises(
            BitstreamError, match=r"damaged|no command|ends where|not zero|no whole"
        ):
            unpack(bytes(damaged))


def test_a_flipped_bit_of_a_bank_is_named_by_the_check(packed):
    damaged = bytearray(packed)
    damaged[20_000] ^= 1
    place = len(packed) - 6
    message = (
        rf"^mine\.bin, byte {place}: the check of the bytes before is wrong \(remainder "
        r"0x[0-9a-f]{4}\); the file is damaged: build or copy it again$"
    )
    with pytest.raises(BitstreamError, match=message):
        unpack(bytes(damaged), "mine.bin")


@pytest.mark.parametrize("kept", [0, 3, 8, 11, 5000, -4, -3, -1])
def test_a_file_that_ends_early_is_refused(packed, kept):
    ending = packed[:kept] if kept != -1 else packed[:-3] + b"\x01"
    with pytest.raises(BitstreamError, match=r"preamble|ends where|no end"):
        unpack(ending)


def test_what_is_no_bitstream_is_refused(tmp_path):
    for text in (b"hello", b"\xff\x00 no end", bytes(100)):
        with pytest.raises(BitstreamError, match="is this a bitstream of an iCE40"):
            unpack(text)
    with pytest.raises(BitstreamError, match=r"cannot read .*none\.bin: No such file"):
        read(tmp_path / "none.bin")


def test_a_comment_is_skipped_and_commands_are_known(packed):
    commented = b"\xff\x00made by hand\x00\x00\xff" + packed[4:]
    assert unpack(commented).configuration[0].any()
    with pytest.raises(BitstreamError, match="no command 13 with number 5"):
        unpack(packed.replace(START, START + b"\xd1\x05"))


def test_a_file_without_check_is_refused(packed):
    end = bytes.fromhex("0106 00")
    with pytest.raises(BitstreamError, match="no check stands"):
        unpack(packed.removesuffix(end)[:-3] + end)


def test_an_fpga_that_is_not_known_is_refused():
    banks = {number: np.zeros((144, 332), bool) for number in range(4)}
    message = "no FPGA that is known here (iCE40 5k, 8k): its banks of configuration have 144x332"
    with pytest.raises(BitstreamError, match=re.escape(message)):
        configuration(unpack(pack(Unpacked(banks, {}))))
