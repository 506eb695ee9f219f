"""Phase-locked loops, placement and programmer."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from metabit.boards.build import _plan
from metabit.boards.clocking import clock_mhz, find_pll
from metabit.boards.floorplan import place_memories
from metabit.boards.placement import block_of, read_placement
from metabit.boards.programmer import (
    Cable,
    ProgrammerError,
    default_bitstream,
    library_fix,
    missing_libraries,
    program_board,
)
from metabit.boards.registry import BOARDS, find_board
from metabit.boards.top import Top
from metabit.cli import app
from metabit.errors import MetabitError
from metabit.golden.configurations.named import named
from metabit.golden.data.datasets import load_dataset
from metabit.golden.data.training_data import prepare
from metabit.golden.strides import stored_order
from metabit.hdl.shape import find_shape
from metabit.host.packing import unpack_bits
from metabit.tools.errors import ToolNotFoundError


def test_ulx3s_loop():
    pll = find_pll("ecp5", 25, 50)
    assert (pll.reference, pll.feedback, pll.divider) == (1, 2, 12)
    assert pll.output_mhz == 50


def test_icebreaker_loop():
    pll = find_pll("ice40", 12, 24)
    assert (pll.reference, pll.feedback, pll.divider) == (1, 64, 32)
    assert pll.output_mhz == 24


@given(st.sampled_from(["ecp5", "ice40"]), st.sampled_from([12, 25, 48, 100]), st.floats(10, 200))
def test_loops_keep_their_limits(family, oscillator, wanted):
    try:
        pll = find_pll(family, oscillator, wanted)
    except MetabitError:
        return
    assert pll.output_mhz == pytest.approx(wanted, rel=0.005)
    assert pll.detector_mhz == oscillator / pll.reference
    if family == "ecp5":
        assert pll.output_mhz == pll.detector_mhz * pll.feedback
        assert 400 <= pll.output_mhz * pll.divider <= 800
        assert 3.125 <= pll.detector_mhz <= 400
    else:
        assert pll.output_mhz == pll.detector_mhz * pll.feedback / pll.divider
        assert 533 <= pll.detector_mhz * pll.feedback <= 1066
        assert 10 <= pll.detector_mhz <= 133


def test_clock_is_exact():
    assert clock_mhz(find_board("icebreaker"), None) == 36
    assert clock_mhz(find_board("icebreaker"), 12) == 12
    assert clock_mhz(find_board("ulx3s-85f"), None) == 80
    assert clock_mhz(find_board("ulx3s-85f"), 25) == 25


def test_clocks_that_are_named_can_be_had() -> None:
    for board in BOARDS.values():
        for wanted in (0.1, 1.0, 3.3, 5.0, 8.5, 9.4, 1e6):
            try:
                clock_mhz(board, wanted)
            except MetabitError as error:
                named = str(error).partition("--freq ")[2].split(" or ")
                assert named
                for clock in named:
                    assert clock_mhz(board, float(clock)) == pytest.approx(float(clock), rel=1e-3)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (0, "frequency must be positive, not 0 MHz"),
        (
            5,
            "frequency 5 MHz cannot be made from 12 MHz; the closest is 8.438 MHz; "
            "the nearest for icebreaker: --freq 9",
        ),
        (
            9.375,
            "baud 1000000 is missed by 4.2% at 9.375e+06 Hz; nearest possible: 1041667; "
            "the nearest for icebreaker: --freq 9 or 9.9375",
        ),
    ],
)
def test_impossible_clock(wanted, message):
    with pytest.raises(MetabitError) as error:
        clock_mhz(find_board("icebreaker"), wanted)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("name", "block"),
    [
        ("device.core.array.element_1.popcount.sum_SB_DFF_Q", "array"),
        ("device.core.store$183.planes$7.current_0.0.0", "store"),
        ("device.link.receiver.crc_SB_LUT4_O", "link"),
        ("device.core.right_SB_DFF_Q", "core"),
        ("device.tx_SB_LUT4_O", "device"),
        ("uart.transmitter.timer_SB_DFF_Q", "uart"),
        ("beat_SB_DFF_Q", "top"),
        ("cd_sync.ready_SB_DFF_Q", "clocking"),
        ("$nextpnr_ICESTORM_LC_16", "routing"),
        ("$gbuf$device.clk", "routing"),
    ],
)
def test_block_of(name, block):
    assert block_of(name) == block


@pytest.mark.parametrize(
    ("family", "kind", "bel", "box"),
    [
        ("ice40", "ICESTORM_LC", "X4/Y22/lc3", (4, 22.375, 1, 0.125)),
        ("ice40", "ICESTORM_RAM", "X6/Y15/ram", (6, 15, 1, 2)),
        ("ecp5", "TRELLIS_COMB", "X7/Y15/SLICED.K1", (7.25, 15.75, 0.25, 0.25)),
        ("ecp5", "TRELLIS_FF", "X2/Y29/SLICEB.FF1", (2.75, 29.25, 0.25, 0.25)),
        ("ecp5", "DP16KD", "X17/Y22/EBR2", (17, 22, 1, 1)),
    ],
)
def test_extent(tmp_path, family, kind, bel, box):
    file = tmp_path / "placed.json"
    cells = {
        "a": {"type": kind, "attributes": {"NEXTPNR_BEL": bel}},
        "unplaced": {"type": kind, "attributes": {}},
    }
    file.write_text(json.dumps({"modules": {"top": {"cells": cells}}}))
    (cell,) = read_placement(file, family)
    assert (cell.x, cell.y, cell.width, cell.height) == box


@pytest.fixture
def programmer(tmp_path, monkeypatch):
    """Replace openFPGALoader by a program that says what it is told to."""
    script = tmp_path / "programmer.py"
    script.write_text(
        "import os, pathlib, sys\n"
        "if '--Version' in sys.argv: exit(print('openFPGALoader v9'))\n"
        "pathlib.Path(os.environ['SEEN']).write_text(' '.join(sys.argv[1:]))\n"
        "print(os.environ.get('SAYS', ''))\n"
        "exit(bool(os.environ.get('SAYS')))\n"
    )
    monkeypatch.setenv("OPENFPGALOADER", f"{sys.executable} {script}")
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "flash", "arguments"),
    [
        ("icebreaker", False, "-b ice40_generic"),
        ("icebreaker", True, "-b ice40_generic"),
        ("ulx3s-85f", False, "-b ulx3s"),
        ("ulx3s-85f", True, "-b ulx3s -f"),
    ],
)
def test_program(programmer, name, flash, arguments):
    board = find_board(name)
    file = programmer / f"top{board.bitstream_suffix}"
    file.write_bytes(b"bits")
    program_board(board, file, flash=flash)
    assert (programmer / "seen").read_text() == f"{arguments} {file}"


def test_samples_go_to_the_flash_beside_the_bitstream(programmer, monkeypatch):
    (programmer / "own.json").write_text(
        json.dumps(named("tiny").model_dump() | {"name": "own", "order": "strides"})
    )
    kept = programmer / "kept.bin"
    # The file is gone when the command ends.
    monkeypatch.setattr(
        "metabit.boards.programmer._run",
        lambda board, arguments, file: (
            kept.write_bytes(file.read_bytes()),
            (programmer / "seen").write_text(" ".join(arguments)),
        ),
    )
    command = ["program", "icebreaker", "--samples", str(programmer / "own.json")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert (programmer / "seen").read_text() == ("-b ice40_generic -f -o 0x100000 --file-type raw")
    data = prepare(named("tiny"), dataset=load_dataset("digits"))
    words = np.frombuffer(kept.read_bytes(), "<u8").reshape(-1, 1 + 6)
    order = stored_order(len(data.train))
    assert words[: len(data.train), 0].tolist() == data.train_labels[order].tolist()
    bits = unpack_bits(words[: len(data.train), 1:], data.train.shape[1])
    assert np.array_equal(bits, data.train[order])
    assert len(words) == len(data.train) + len(data.test)


@pytest.mark.parametrize(
    ("board", "says"),
    [
        ("ulx3s-85f", "ulx3s-85f has sdram, which metabit run writes"),
        ("hx8k-evn", "hx8k-evn has no such device"),
    ],
)
def test_samples_for_boards_without_such_a_flash_are_refused(programmer, board, says):
    result = CliRunner().invoke(app, ["program", board, "--samples", "tiny"])
    assert result.exit_code == 1
    assert says in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("says", "start"),
    [
        (
            "empty\nunable to open ftdi device: -3 (device not found)\n"
            "JTAG init failed with: unable to open ftdi device",
            "no 1BitSquared iCEBreaker found on USB; check the cable",
        ),
        (
            "unable to open ftdi device: -4 (usb_open() failed)\n"
            "JTAG init failed with: unable to open ftdi device",
            "no permission to use the board on USB; run: echo 'SUBSYSTEM",
        ),
        ("Error: wrong header\nmore", "openFPGALoader failed: Error: wrong header"),
    ],
)
def test_program_fails(programmer, monkeypatch, says, start):
    monkeypatch.setenv("SAYS", says)
    file = programmer / "top.bin"
    file.write_bytes(b"bits")
    with pytest.raises(ProgrammerError) as error:
        program_board(find_board("icebreaker"), file)
    assert str(error.value).startswith(start)


def test_all_that_the_programmer_says_is_shown(programmer, monkeypatch):
    says = b"Loading: [=>    ]\\rLoading: [===>]\\nError: wrong header\\nat byte 7"
    monkeypatch.setenv("SAYS", says.decode("unicode_escape"))
    file = programmer / "top.bin"
    file.write_bytes(b"bits")
    with pytest.raises(ProgrammerError) as error:
        program_board(find_board("icebreaker"), file)
    assert str(error.value) == (
        "openFPGALoader failed: Error: wrong header\n"
        "openFPGALoader says:\nLoading: [===>]\nError: wrong header\nat byte 7"
    )


@pytest.mark.parametrize(
    ("cable", "arguments"),
    [
        (Cable(usb="1:12"), "--busdev-num 1:12"),
        (Cable(serial_number="FT4711"), "--ftdi-serial FT4711"),
    ],
)
def test_one_of_several_boards_is_chosen(programmer, monkeypatch, cable, arguments):
    board, file = find_board("icebreaker"), programmer / "top.bin"
    file.write_bytes(b"bits")
    ports = [
        SimpleNamespace(vid=0x0403, pid=0x6010, serial_number=number)
        for number in ("FT4711", "FT4711", "FT4712")
    ]
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: ports)
    with pytest.raises(MetabitError, match=r"--serial-number FT4711 or FT4712$"):
        program_board(board, file)
    program_board(board, file, cable=cable)
    assert (programmer / "seen").read_text() == f"{arguments} -b ice40_generic {file}"
    # Others on USB are not in the way.
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: ports[:2])
    program_board(board, file)


@pytest.mark.parametrize(
    ("cable", "message"),
    [
        (Cable(usb="one"), "--usb must be bus and device .* not 'one'"),
        (Cable(usb="1:2", serial_number="F"), "--usb and --serial-number cannot both be given"),
    ],
)
def test_choices_that_make_no_sense(cable, message):
    with pytest.raises(MetabitError, match=message):
        cable.arguments()


def test_bitstream_of_another_family(tmp_path):
    with pytest.raises(MetabitError) as error:
        program_board(find_board("icebreaker"), tmp_path / "top.bit")
    assert str(error.value) == "a bitstream for icebreaker ends in .bin, not top.bit"


def test_no_bitstream(tmp_path):
    with pytest.raises(MetabitError) as error:
        default_bitstream(find_board("icebreaker"), tmp_path)
    assert str(error.value) == (
        f"no bitstream for icebreaker in {tmp_path}/; run: metabit build icebreaker"
    )


def test_programmer_override_that_names_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENFPGALOADER", "/no/such/loader")
    file = tmp_path / "top.bin"
    file.touch()
    with pytest.raises(ToolNotFoundError, match="names no program"):
        program_board(find_board("icebreaker"), file)


def test_libraries():
    assert missing_libraries([sys.executable]) == []
    assert library_fix(["libusb-1.0.so.0", "libftdi1.so.2"]) == (
        "sudo apt-get install libusb-1.0-0 libftdi1-2"
    )
    assert library_fix(["libfoo.so.1"]) == (
        "install libfoo.so.1 with your system's package manager"
    )


# Floor plan


def test_every_block_ram_of_the_core_has_a_site_of_its_own() -> None:
    board = find_board("ulx3s-85f")
    commands = place_memories(board, find_shape("ecp5")).splitlines()
    sites = [line.split('"')[1] for line in commands if line.startswith("setattr")]
    # Beside them there are the two of the link.
    assert len(sites) == len(set(sites)) == 204
    assert len(commands) == 2 * len(sites)
    # Each must name one cell, or the build ends.
    names = [line.split()[-1] for line in commands]
    assert names[::2] == names[1::2]
    assert len(set(names)) == len(sites)


@pytest.mark.parametrize(
    ("board", "shape"), [("ulx3s-85f", "small"), ("icebreaker", "up5k"), ("icebreaker", "ecp5")]
)
def test_the_placer_is_left_alone_where_it_does_well(board: str, shape: str) -> None:
    assert place_memories(find_board(board), find_shape(shape)) == ""


# What a device is reset by


@pytest.mark.parametrize(
    ("name", "device", "mhz", "resets"),
    [("icebreaker", "small-spram", 36, True), ("ulx3s-85f", "small", 50, False)],
)
def test_registers_are_reset_by_the_clock_only_where_they_need_it(
    tmp_path, name, device, mhz, resets
):
    board, shape = BOARDS[name], find_shape(device)
    _plan(board, shape, Top(board, shape, clock_mhz(board, mhz)), 1).extract(tmp_path)
    text = (tmp_path / "top.il").read_text()
    assert ("\\rst" in text) == resets
    # Without a reset, the line that comes in rests until the clock is steady.
    top = text.split("\nmodule \\top\n")[1].split("\nend\n")[0]
    assert ("connect \\i \\rx_pin [0]" in top) == resets
