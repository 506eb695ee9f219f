"""Bitstreams of an iCE40 written by tests: from text by icepack, or from memories by hand."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from metabit.sim.bitstream.tiles import ROWS, Configuration, Grid, bit
from metabit.sim.bitstream.unpack import Unpacked, crc
from metabit.tools.find import find_tool

START = bytes.fromhex("ff00 00ff 7eaa997e 5100 0105")
"""An empty comment, the preamble, and commands up to the one that starts the check."""


def pack(unpacked: Unpacked, start: bytes = START) -> bytes:
    """Return a bitstream that writes what another one does."""
    parts = [bytes.fromhex("920020")]
    for code, banks in ((1, unpacked.configuration), (3, unpacked.contents)):
        for number, bank in banks.items():
            height, width = bank.shape
            parts += [
                b"\x62" + (width - 1).to_bytes(2),
                b"\x72" + height.to_bytes(2),
                b"\x82" + bytes(2),
                bytes([0x11, number, 0x01, code]),
                np.packbits(bank).tobytes() + bytes(2),
            ]
    body = b"".join(parts) + b"\x22"
    return start + body + crc(body).to_bytes(2) + bytes.fromhex("0106 00")


def icepack(folder: Path, text: str) -> bytes:
    """Return what icepack makes of a configuration in the form of a text."""
    (folder / "packed.asc").write_text(text)
    command = [*find_tool("icepack"), "packed.asc", "packed.bin"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return (folder / "packed.bin").read_bytes()


def kind_of(grid: Grid, x: int, y: int) -> str:
    """Return what the text calls the kind of a tile."""
    if grid.at_edge(y) or (grid.at_side(x) and grid.side_pins):
        return "io"
    if grid.at_side(x):
        multiplier = next((y - low for low in (5, 10, 15, 23) if low <= y < low + 4), None)
        return "ipcon" if multiplier is None else f"dsp{multiplier}"
    if x in grid.ram_columns:
        return "ramb" if y % 2 else "ramt"
    return "logic"


def columns_of(grid: Grid, x: int, y: int) -> int:
    """Return how many columns of bits a tile has."""
    return len(grid.bits((x, y))[1])


def random_configuration(grid: Grid, rng: np.random.Generator) -> Configuration:
    """Return a configuration of random bits."""
    found = Configuration(grid)
    for x, y in grid.places:
        bits = np.argwhere(rng.random((ROWS, columns_of(grid, x, y))) < 0.5)
        found.tiles[x, y] = sum(bit(int(row), int(column)) for row, column in bits)
    for place, _, _ in grid.memories():
        found.contents[place] = [int.from_bytes(rng.bytes(32)) for _ in range(ROWS)]
    return found


def text_of(configuration: Configuration) -> str:
    """Return a configuration in the form that icepack reads."""
    return "\n".join(_lines(configuration)) + "\n"


def _lines(configuration: Configuration) -> Iterator[str]:
    grid = configuration.grid
    yield f".device {grid.name}"
    for (x, y), tile in configuration.tiles.items():
        yield f".{kind_of(grid, x, y)}_tile {x} {y}"
        for row in range(ROWS):
            columns = range(columns_of(grid, x, y))
            yield "".join(str(int(bool(tile & bit(row, column)))) for column in columns)
    for (x, y), words in configuration.contents.items():
        yield f".ram_data {x} {y}"
        yield from (f"{word:064x}" for word in words)
    for extra in configuration.extra:
        yield ".extra_bit {} {} {}".format(*extra)
