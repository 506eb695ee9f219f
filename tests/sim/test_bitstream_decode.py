"""Decoded bitstreams: small designs answer as their sources do; what makes no sense is refused."""

import re
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from metabit.sim.bitstream.database import Database, Entry
from metabit.sim.bitstream.decode import Decoded, decode
from metabit.sim.bitstream.errors import BitstreamError
from metabit.sim.bitstream.tiles import GRIDS, ROWS, Configuration, Place, bit, configuration
from metabit.sim.bitstream.unpack import read
from metabit.sim.model import SimulatedDevice
from metabit.sim.source import Source
from metabit.sim.verilate import build
from metabit.tools.errors import ToolNotFoundError
from metabit.tools.icebox import VARIABLE, icebox_folder
from tests.sim.chips_of_bits import (
    DESIGNS,
    UP5K,
    Chains,
    Chip,
    Contents,
    Design,
    Multipliers,
    Part,
    Registers,
    SinglePort,
    build_bits,
    described,
)

try:
    icebox_folder()
    MISSING = ""
except ToolNotFoundError as error:
    MISSING = str(error)

needs_icebox = pytest.mark.skipif(bool(MISSING), reason=MISSING)
CYCLES = 4000

LUT_COLUMN = 40
"""Of a bit, in the first row of a logic cell, of its look-up table."""

CARRY_COLUMN = 44
"""Of the bit, in the first row of a logic cell, that lets it pass a carry on."""

CELLS = {
    Chains: {"SB_CARRY": 40},
    Registers: {"SB_DFFNSR": 8, "SB_DFFESS": 4, "SB_DFFESR": 4, "SB_DFFER": 8},
    Contents: {"SB_RAM40_4K": 4},
    SinglePort: {"SB_SPRAM256KA": 1},
    Multipliers: {"SB_MAC16": 4},
}
"""Cells that a design has at least, so that it tests what it is for."""


def answers(source: Source) -> bytes:
    """Return what a design answers, every cycle, to some bytes."""
    with SimulatedDevice(build(source, optimise="-O0")) as device:
        device.send(bytes(range(1, 256)) * 8)
        device.run(CYCLES)
        return b"".join(iter(device.receive, b""))


class Bits:
    """Bitstreams of designs, each made once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[tuple[type[Design], Part], Path] = {}

    def of(self, design: type[Design], part: Part = UP5K) -> tuple[Configuration, Decoded]:
        if (design, part) not in self._made:
            folder = self._folder / (design.__name__ + part.option)
            folder.mkdir()
            self._made[design, part] = build_bits(design(), folder, part)
        found = configuration(read(self._made[design, part]))
        return found, decode(found, part.package)


@pytest.fixture(scope="module")
def bits(tmp_path_factory) -> Bits:
    return Bits(tmp_path_factory.mktemp("bits"))


@needs_icebox
@pytest.mark.slow
@pytest.mark.build
@pytest.mark.parametrize(
    ("part", "design"),
    [(part, design) for part, designs in DESIGNS.items() for design in designs],
    ids=lambda value: value.package if isinstance(value, Part) else value.__name__,
)
def test_a_decoded_design_answers_as_its_source_does(part, design, bits):
    _, decoded = bits.of(design, part)
    cells = Counter(cell.model for cell in decoded.circuit.cells)
    assert all(cells[model] >= count for model, count in CELLS[design].items()), cells
    expected = answers(described(design()))
    assert len(set(expected)) > 150
    assert len(expected) > CYCLES - 10
    assert answers(Chip(decoded, part)) == expected


@needs_icebox
@pytest.mark.slow
@pytest.mark.build
def test_a_flipped_bit_of_contents_changes_the_answers(bits):
    configuration, _ = bits.of(Contents)
    place = next(place for place, words in configuration.contents.items() if any(words))
    configuration.contents[place][7] ^= 1 << 40
    assert answers(Chip(decode(configuration, UP5K.package))) != answers(described(Contents()))


@needs_icebox
@pytest.mark.slow
@pytest.mark.build
def test_a_flipped_bit_of_a_look_up_table_changes_the_answers(bits):
    configuration, decoded = bits.of(Chains)
    cells = decoded.circuit.cells
    parity = next(c for c in cells if c.parameters.get("LUT_INIT") == "16'h6996")
    x, y, number = map(int, parity.name.split("_")[1:])
    configuration.tiles[x, y] ^= bit(2 * number, LUT_COLUMN)
    assert answers(Chip(decode(configuration, UP5K.package))) != answers(described(Chains()))


@needs_icebox
@pytest.mark.build
def test_a_carry_that_ends_in_the_middle_is_refused(bits):
    configuration, decoded = bits.of(Chains)
    cells = {cell.name for cell in decoded.circuit.cells if cell.model == "SB_CARRY"}
    x, y, number = next(
        (x, y, number)
        for x, y, number in (map(int, name.split("_")[1:]) for name in sorted(cells))
        if {f"carry_{x}_{y}_{number + 1}", f"carry_{x}_{y}_{number - 1}"} <= cells
    )
    configuration.tiles[x, y] ^= bit(2 * number, CARRY_COLUMN)
    where = rf"logic cell {number + 1} of tile \({x}, {y}\)"
    with pytest.raises(BitstreamError, match=rf"{where} comes from a cell that passes none on$"):
        decode(configuration, UP5K.package)


@needs_icebox
@pytest.mark.build
def test_two_cells_that_drive_a_net_are_refused(bits):
    configuration, decoded = bits.of(Chains)
    nets = decoded.circuit.nets

    def joins(place: Place, entry: Entry) -> bool:
        """Whether an entry, added to what is there, makes one net of two."""
        if entry.kind != "routing" or configuration.tiles[place] & entry.mask:
            return False
        roots = {nets.find((*place, name)) for name in entry.names}
        return len(roots) == len(entry.names) and None not in roots

    database = Database(configuration.grid)
    place, entry = next(
        (place, entry)
        for place in database.places(configuration, "LOGIC")
        for entry in database.entries(place)
        if joins(place, entry)
    )
    with pytest.raises(BitstreamError, match=r"^\w+ of tile .* and \w+ of tile .* drive the same"):
        decode(changed(configuration, place, entry.value), UP5K.package)


def changed(configuration: Configuration, place: Place, bits: int) -> Configuration:
    """Return a configuration with some bits of a tile flipped."""
    tile = configuration.tiles[place] ^ bits
    return replace(configuration, tiles=configuration.tiles | {place: tile})


def entry_of(database: Database, place: Place, setting: str) -> Entry:
    """Return what a setting's bits are."""
    return next(entry for entry in database.entries(place) if entry.setting == setting)


@needs_icebox
@pytest.mark.build
def test_a_global_wire_behind_a_column_buffer_that_is_off_is_refused(bits):
    configuration, decoded = bits.of(Chains)
    database = Database(configuration.grid)
    name = next(cell.name for cell in decoded.circuit.cells if cell.name.startswith("ff_"))
    x, y, _ = map(int, name.split("_")[1:])
    source = database.column_buffers[x, y]
    found = set()
    for number in range(8):
        entry = entry_of(database, source, f"ColBufCtrl glb_netwk_{number}")
        try:
            decode(changed(configuration, source, entry.value), UP5K.package)
        except BitstreamError as error:
            found.add(re.sub(r"\(.*?\)|\d", "*", str(error)))
    text = "global wire * is used in tile *, but its column buffer in tile * is off"
    assert found == {text}


@needs_icebox
@pytest.mark.build
def test_bits_that_mean_what_is_not_known_are_refused(bits):
    configuration, _ = bits.of(Chains)
    database = Database(configuration.grid)
    place = 1, 1
    free = next(
        bit(row, column)
        for row in range(ROWS)
        for column in range(54)
        if not any(entry.mask & bit(row, column) for entry in database.entries(place))
        and column not in range(36, 46)
    )
    with pytest.raises(BitstreamError, match=r"is not known: 1 bits of tile \(1, 1\)$"):
        decode(changed(configuration, place, free), UP5K.package)
    edge = 12, 31
    entry = entry_of(database, edge, "PLL PLLCONFIG_8")
    with pytest.raises(BitstreamError, match=r"is not known: PLL PLLCONFIG_8 of tile \(12, 31\)"):
        decode(changed(configuration, edge, entry.value), UP5K.package)
    extra = replace(configuration, extra={*configuration.extra, (0, 690, 3)})
    with pytest.raises(BitstreamError, match=r"what bit \(0, 690, 3\) outside the tiles does"):
        decode(extra, UP5K.package)


@needs_icebox
@pytest.mark.build
def test_an_input_that_is_not_enabled_is_refused(bits):
    configuration, _ = bits.of(Registers)
    database = Database(configuration.grid)
    pad = database.pins(UP5K.package)[UP5K.pins["rx__payload[0]"]]
    x, y, number = database.input_enables[pad]
    entry = entry_of(database, (x, y), f"IoCtrl IE_{number}")
    with pytest.raises(BitstreamError, match=r"^pin_2 is read, but its input is not enabled$"):
        decode(changed(configuration, (x, y), entry.value), UP5K.package)


@needs_icebox
@pytest.mark.build
def test_block_ram_without_contents_is_refused(bits):
    configuration, _ = bits.of(Contents)
    with pytest.raises(BitstreamError, match=r"^block RAM of tile .* is used, but never written$"):
        decode(replace(configuration, contents={}), UP5K.package)


def test_without_the_database_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    message = rf"^ICEBOX='{tmp_path}' is no folder with icebox\.py; unset it or correct it$"
    with pytest.raises(ToolNotFoundError, match=message):
        decode(Configuration(GRIDS["5k"]), UP5K.package)
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("metabit.tools.icebox._FOLDERS", ())
    with pytest.raises(ToolNotFoundError, match="run: sudo apt-get install fpga-icestorm"):
        decode(Configuration(GRIDS["5k"]), UP5K.package)


def test_a_database_that_cannot_be_loaded_is_named(tmp_path, monkeypatch):
    (tmp_path / "icebox.py").write_text("raise RuntimeError('broken')")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.delitem(sys.modules, "icebox", raising=False)
    with pytest.raises(ToolNotFoundError, match=r"icebox\.py cannot be loaded: RuntimeError"):
        decode(Configuration(GRIDS["5k"]), UP5K.package)
