"""A device as the file that is flashed: it learns through its pins what golden does."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from metabit.boards import build as building
from metabit.boards.registry import BOARDS
from metabit.boards.results import BuildResult
from metabit.cli import app
from metabit.errors import MetabitError
from metabit.hdl.shape import SHAPES
from metabit.host.compare import DivergenceError
from metabit.host.errors import DeviceError
from metabit.sim.bitstream.built import Built, find_built
from metabit.sim.bitstream.database import Database
from metabit.sim.bitstream.errors import BitstreamError
from metabit.sim.bitstream.source import Bitstream
from metabit.sim.bitstream.tiles import GRIDS, bit
from metabit.sim.bitstream.unpack import read
from metabit.sim.simulate import build_device, simulation
from tests.sim.cell_devices import EPOCHS, ICE40, a_run, fitting
from tests.sim.packing_bits import pack
from tests.sim.test_bitstream_decode import LUT_COLUMN, needs_icebox

BOARD = replace(BOARDS["icebreaker"], baud=9_000_000)
"""With a fast line, most of whose cycles would be waiting."""

GRID = GRIDS["5k"]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Built:
    folder = tmp_path_factory.mktemp("built")
    result = building.build(BOARD, ICE40, folder)
    return Built(Path(result.bitstream), BOARD, ICE40, BOARD.clock_mhz, BOARD.baud)


def flipped(built: Built, folder: Path, place: tuple[int, int], row: int, column: int) -> Built:
    """Return a bitstream with one bit of configuration flipped, and its check made right."""
    unpacked = read(built.file)
    rows, columns = GRID.bits(place)
    bank = unpacked.configuration[GRID.bank(place)]
    bank[rows[row], columns[column]] ^= True
    file = folder / "flipped.bin"
    file.write_bytes(pack(unpacked))
    return replace(built, file=file)


def train(built: Built) -> None:
    run = a_run(fitting(ICE40))
    library = build_device(ICE40, bitstream=built)
    with simulation(run, ICE40, library, compare_every=1) as opened:
        for _ in opened.spans():
            pass
        outcome = opened.finish()
    assert outcome.samples == EPOCHS * len(run.data.train)
    assert outcome.comparisons == 2 + EPOCHS
    assert min(run.network.statistics.updates) > 10


@needs_icebox
@pytest.mark.slow
@pytest.mark.build
def test_the_file_that_is_flashed_learns_what_golden_does(built):
    decoded = Bitstream(built).decoded
    models = {cell.model for cell in decoded.circuit.cells}
    assert {"SB_SPRAM256KA", "SB_MAC16", "SB_RAM40_4K", "SB_CARRY", "metabit_pll40"} <= models
    (loop,) = decoded.loops
    assert loop.output_mhz(BOARD.oscillator_mhz) == BOARD.clock_mhz
    train(built)


@needs_icebox
@pytest.mark.slow
@pytest.mark.build
def test_a_flipped_bit_of_a_look_up_table_is_caught(built, tmp_path):
    """A parity in a popcount of the array is wrong when all four of its bits are 0."""
    cells = Bitstream(built).decoded.circuit.cells
    parity = next(cell for cell in cells if cell.parameters.get("LUT_INIT") == "16'h6996")
    x, y, number = map(int, parity.name.split("_")[1:])
    wrong = flipped(built, tmp_path, (x, y), 2 * number, LUT_COLUMN)
    with pytest.raises((DivergenceError, DeviceError)):
        train(wrong)


@needs_icebox
@pytest.mark.slow
@pytest.mark.build
def test_a_loop_with_another_divider_is_refused(built, tmp_path):
    database = Database(GRID)
    x, y, setting = database.loops[0]["DIVF_0"]
    entry = next(e for e in database.entries((x, y)) if e.setting == f"PLL {setting}")
    row, column = next((r, c) for r in range(16) for c in range(18) if bit(r, c) == entry.value)
    wrong = flipped(built, tmp_path, (x, y), row, column)
    message = r"^flipped\.bin makes a clock of 35\.25 MHz of icebreaker's 12, but was built for 36$"
    with pytest.raises(BitstreamError, match=message):
        build_device(ICE40, bitstream=wrong)


@needs_icebox
@pytest.mark.slow
@pytest.mark.build
def test_a_bitstream_for_other_pins_is_refused(built):
    board = replace(BOARDS["icebreaker-bitsy"], baud=BOARD.baud)
    message = r"has pin 4 as nothing, which is rx of icebreaker-bitsy and an input of the FPGA$"
    with pytest.raises(BitstreamError, match=message):
        build_device(ICE40, bitstream=replace(built, board=board))


@needs_icebox
@pytest.mark.slow
@pytest.mark.build
def test_the_command_trains_a_bitstream(built, tmp_path, monkeypatch):
    monkeypatch.setitem(SHAPES, ICE40.name, ICE40)
    rng = np.random.default_rng(2)
    config = fitting(ICE40)
    np.savez(
        tmp_path / "data.npz",
        x=rng.random((30, config.inputs)) < 0.5,
        y=np.arange(30) % config.classes,
        x_test=rng.random((6, config.inputs)) < 0.5,
        y_test=np.arange(6) % config.classes,
    )
    (tmp_path / "config.json").write_text(config.model_dump_json())
    common = ["simulate", "--config", f"{tmp_path}/config.json", "--dataset"]
    common += [f"{tmp_path}/data.npz", "--samples", "12"]
    states = []
    for options in (
        ["--bitstream", str(built.file.parent)],
        ["--device", ICE40.name],
    ):
        out = tmp_path / "out.json"
        done = CliRunner().invoke(app, [*common, *options, "--json", str(out)])
        assert done.exit_code == 0, done.output
        states.append(json.loads(out.read_text()))
    bitstream, described = states
    assert bitstream["state_sha256"] == described["state_sha256"]
    assert bitstream["bitstream_sha256"] == hashlib.sha256(built.file.read_bytes()).hexdigest()
    assert bitstream["bit_exact"]


def result_file(folder: Path, **fields: str) -> Path:
    """Write what `metabit build` says of a bitstream, with other values."""
    shape = SHAPES["up5k"]
    result = BuildResult(
        board="icebreaker",
        device="iCE40UP5K-SG48",
        shape=shape.name,
        shape_digest=shape.digest.hex(),
        resources={},
        fmax_mhz={"sync": 40.0},
        target_mhz={"sync": 36.0},
        bitstream="elsewhere/metabit.bin",
        bytes=0,
        baud=1_000_000,
        seconds={},
        tools={},
    )
    (folder / building.RESULT_NAME).write_text(replace(result, **fields).to_json())
    return folder


def test_a_folder_of_a_build_says_what_its_bitstream_is(tmp_path):
    found = find_built(result_file(tmp_path))
    assert found == Built(
        tmp_path / "metabit.bin", BOARDS["icebreaker"], SHAPES["up5k"], 36.0, 1_000_000
    )
    assert found.package == "sg48"
    assert found.pins == {"clk": "35", "rx": "6", "tx": "9"}
    copied = tmp_path / "copied.bin"
    copied.write_bytes(b"")
    assert find_built(copied).file == copied
    assert replace(found, board=BOARDS["hx8k-evn"]).pins == {"clk": "J3", "rx": "B10", "tx": "B12"}
    assert replace(found, board=BOARDS["alhambra-ii"]).package == "tq144:4k"


def test_what_is_no_build_of_an_ice40_is_refused(tmp_path):
    with pytest.raises(MetabitError, match=r"build\.json is missing, which says what board"):
        find_built(tmp_path)
    with pytest.raises(MetabitError, match=r"of ulx3s-85f cannot be decoded: .* is no iCE40"):
        find_built(result_file(tmp_path, board="ulx3s-85f"))
    with pytest.raises(MetabitError, match=r"of another version: .* run: metabit build icebreaker"):
        find_built(result_file(tmp_path, shape_digest="00"))


def test_a_bitstream_holds_one_device(tmp_path):
    command = ["simulate", "--bitstream", str(tmp_path), "--device", "up5k", "--netlist", "ice40"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 1
    text = " ".join(done.output.split())
    assert "--netlist, --device cannot be given with --bitstream, which holds one device" in text
