"""The build, with stand-ins for the slow tools."""

import fnmatch
import json
import sys
from pathlib import Path

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module
from amaranth.lib import io, wiring

from metabit.boards.build import BuildOptions, _plan, build
from metabit.boards.clocking import clock_mhz
from metabit.boards.registry import (
    BOARDS,
    ON_BOARD,
    boards_of_devices,
    check_memory,
    find_board,
)
from metabit.boards.results import DesignTooLargeError, TimingError, load_result
from metabit.boards.synthesis import MEMORIES, NO_DISTRIBUTED, PREPARATION, preparation
from metabit.boards.top import Top
from metabit.errors import MetabitError
from metabit.golden.configurations.named import load_config, override
from metabit.hdl.device import Device
from metabit.hdl.shape import SHAPES
from metabit.locking import only_writer
from metabit.planning.explore import explore
from metabit.planning.plan import make_plan
from metabit.tools.errors import ToolFailedError, ToolNotFoundError
from metabit.tools.find import find_tool
from metabit.tools.run import run_tool

SMALL = SHAPES["small-spram"]

# Stand-ins write what the real tools would and count their calls in a file.
YOSYS = """
open("calls", "a").write("y")
open("top.json", "w").write("{}")
"""
NEXTPNR = """
import json, os, sys
open("calls", "a").write("n")
cells = {
    "device.core.array.total_SB_DFF_Q": {"type": "ICESTORM_LC", "bel": "X1/Y2/lc3"},
    "device.core.store.0.0_RAM": {"type": "ICESTORM_RAM", "bel": "X6/Y15/ram"},
    "$nextpnr_ICESTORM_LC_1": {"type": "ICESTORM_LC", "bel": "X1/Y2/lc4"},
}
for cell in cells.values():
    cell["attributes"] = {"NEXTPNR_BEL": cell.pop("bel")}
path = [{"delay": 1.0, "from": {"cell": "a"}, "to": {"cell": "a"}},
        {"delay": 2.0, "from": {"cell": "a"}, "to": {"cell": "b"}}]
used = int(os.environ.get("USED", "100"))
report = {
    "utilization": {"ICESTORM_LC": {"used": used, "available": 5280},
                    "ICESTORM_DSP": {"used": 0, "available": 8}},
    "fmax": {"device.clk": {"achieved": float(os.environ.get("FMAX", "50.123")),
                            "constraint": 36.0}},
    "critical_paths": [{"from": "posedge device.clk", "to": "posedge device.clk", "path": path}],
}
packing = "--pack-only" in sys.argv
if os.environ.get("BROKEN"):
    sys.exit("ERROR: out of luck.")
if packing or used <= 5280:
    json.dump(report, open("report.json", "w"))
if used > 5280 and not packing:
    sys.exit("ERROR: Failed to expand region.")
json.dump({"modules": {"top": {"cells": cells}}}, open("placed.json", "w"))
if report["fmax"]["device.clk"]["achieved"] < 36.0:
    sys.exit("ERROR: Max frequency for clock 'device.clk'.")
"""
ICEPACK = """
open("calls", "a").write("i")
open("top.bin", "wb").write(b"bits")
"""


class Blinker(wiring.Component):
    """A design that is elaborated at once."""

    def __init__(self, *_):
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.submodules.lamp = lamp = io.Buffer("o", platform.request("led", 0, dir="-"))
        m.d.sync += lamp.o.eq(~lamp.o)
        return m


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Replace the tools of the iCE40 flow."""
    for name, script in (("YOSYS", YOSYS), ("NEXTPNR_ICE40", NEXTPNR), ("ICEPACK", ICEPACK)):
        file = tmp_path / f"{name}.py"
        file.write_text(f'if "--version" in __import__("sys").argv: exit(print("1.0"))\n{script}')
        monkeypatch.setenv(name, f"{sys.executable} {file}")
    return tmp_path


@pytest.fixture
def blinker(monkeypatch):
    """Build something smaller than the device."""
    monkeypatch.setattr("metabit.boards.build.Top", Blinker)


def run(folder: Path, **options):
    return build(find_board("icebreaker"), SMALL, folder, BuildOptions(**options))


def test_result(tools):
    steps = []
    result = build(
        find_board("icebreaker"),
        SMALL,
        tools / "out",
        progress=lambda step, number, count, log: steps.append((step, number, count, log.name)),
    )
    assert steps == [
        ("synthesis", 1, 3, "synthesis.log"),
        ("place and route", 2, 3, "place-and-route.log"),
        ("bitstream", 3, 3, "bitstream.log"),
    ]
    assert json.loads(result.to_json())["resources"] == {
        "logic cells": {"used": 100, "total": 5280}
    }
    assert result.fmax_mhz == {"sync": 50.12}
    assert result.target_mhz == {"sync": 36.0}
    assert result.critical_path == ("a", "b")
    assert result.blocks == {
        "array": {"logic cells": 1},
        "store": {"block RAMs": 1},
        "routing": {"logic cells": 1},
    }
    assert (result.shape, result.shape_digest) == ("small-spram", SMALL.digest.hex())
    assert Path(result.bitstream).read_bytes() == b"bits"
    assert result.bytes == 4
    assert Path(result.bitstream).name == "metabit-icebreaker-small-spram.bin"
    assert Path(result.picture).read_bytes().startswith(b"\x89PNG")
    assert load_result(tools / "out" / "build.json") == result


@pytest.mark.usefixtures("blinker")
def test_cache(tools):
    out = tools / "out"
    first = run(out)
    second = run(out)
    assert (out / "calls").read_text() == "yni"
    assert first.seconds
    assert not second.seconds
    run(out, force=True)
    assert (out / "calls").read_text() == "yniyni"
    run(out, seed=2)
    assert (out / "calls").read_text() == "yniyniyni"
    Path(first.bitstream).unlink()
    run(out, seed=2)
    assert (out / "calls").read_text() == "yniyniyniyni"


@pytest.mark.usefixtures("blinker")
def test_too_large(tools, monkeypatch):
    monkeypatch.setenv("USED", "6000")
    with pytest.raises(DesignTooLargeError) as error:
        run(tools / "out")
    assert str(error.value) == (
        "the design does not fit icebreaker: it needs 6,000 logic cells of 5,280 (720 too many); "
        "choose a smaller --device"
    )


@pytest.mark.usefixtures("blinker")
def test_too_slow(tools, monkeypatch):
    monkeypatch.setenv("FMAX", "11.5")
    with pytest.raises(TimingError) as error:
        run(tools / "out", seed=3)
    assert str(error.value) == (
        "timing is not met: clock sync reaches 11.50 MHz, needs 36.00 MHz; "
        "try another --seed (now 3) or a lower --freq"
    )
    assert not list((tools / "out").glob("metabit-*"))


@pytest.mark.usefixtures("blinker")
def test_tool_fails(tools, monkeypatch):
    monkeypatch.setenv("BROKEN", "1")
    log = tools / "out" / "place-and-route.log"
    with pytest.raises(ToolFailedError) as error:
        run(tools / "out")
    assert str(error.value) == f"nextpnr-ice40 failed: out of luck; see {log}"


@pytest.mark.usefixtures("blinker")
def test_failure_is_not_cached(tools, monkeypatch):
    run(tools / "out")
    monkeypatch.setenv("FMAX", "11.5")
    with pytest.raises(TimingError):
        run(tools / "out", force=True)
    with pytest.raises(TimingError):
        run(tools / "out")


@pytest.mark.parametrize("name", BOARDS)
def test_board_is_complete(name):
    board = find_board(name)
    platform = board.create_platform()
    assert board.name == name
    speed = getattr(platform, "speed", "")
    assert board.device == f"{platform.device}-{speed}{platform.package}"
    assert platform.family.lower() == board.family
    assert platform.default_clk_frequency == board.oscillator_mhz * 1e6
    assert clock_mhz(board, None) == pytest.approx(board.clock_mhz, rel=1e-3)
    assert board.line == ON_BOARD or board.line.startswith("adapter: ")
    assert board.baud <= board.adapter_baud
    for resource in (("uart", 0), ("led", 0), ("led", 1)):
        platform.lookup(*resource)
    check_memory(board, SHAPES[board.shape])


@pytest.mark.parametrize("board", BOARDS.values(), ids=lambda board: board.name)
def test_device_of_a_board_fits_its_block_rams(board):
    shape = SHAPES[board.shape]
    config = next(explore(shape)).config
    used, total = make_plan(config, shape, board).block_rams
    assert total == board.die.block_rams
    assert 0.75 * total <= used <= total


@pytest.mark.parametrize("board", BOARDS.values(), ids=lambda board: board.name)
def test_every_board_is_planned_for_a_named_network(board):
    shape = SHAPES[board.shape]
    config = override(load_config("tiny"), counter_bits=shape.counter_bits)
    plan = make_plan(config, shape, board)
    assert plan.fits
    assert all(speed.samples_per_second(plan.clock_mhz) > 0 for speed in plan.speeds)


@pytest.mark.parametrize("board", BOARDS.values(), ids=lambda board: board.name)
def test_files_of_a_board_can_be_written(board, tmp_path, monkeypatch):
    """Pins, clock and commands, of something that is elaborated at once."""
    monkeypatch.setattr("metabit.boards.build.place_memories", lambda *_: "")
    shape = SHAPES["small"]
    mhz = clock_mhz(board, None)
    _plan(board, shape, Top(board, shape, mhz), board.seed).extract(tmp_path)
    text = (tmp_path / ("top.pcf" if board.family == "ice40" else "top.lpf")).read_text()
    for pin in ("uart_0__rx", "uart_0__tx", "led_0", "led_1"):
        assert pin in text
    commands = json.loads((tmp_path / "build_top.json").read_text())["commands"]
    assert [command[0].partition("-")[0] for command in commands] == [
        *("yosys", "nextpnr"),
        "icepack" if board.family == "ice40" else "ecppack",
    ]


@pytest.mark.parametrize(("name", "kind"), [("hx8k-evn", "CORE"), ("alhambra-ii", "PAD")])
def test_oscillators_at_other_pins_reach_the_loop_through_the_fabric(name, kind, tmp_path):
    board, shape = find_board(name), SHAPES["hx8k"]
    _plan(board, shape, Top(board, shape, 75.0), 1).extract(tmp_path)
    assert f"\\SB_PLL40_{kind} " in (tmp_path / "top.il").read_text()


def test_first_board_of_a_device_stands_for_it():
    first = boards_of_devices()
    assert (first["up5k"].name, first["ecp5"].name) == ("icebreaker", "ulx3s-85f")
    assert first.keys() == {board.shape for board in BOARDS.values()}


def test_clocks_that_were_promised():
    assert find_board("icebreaker").clock_mhz >= 36.0
    assert find_board("ulx3s-85f").clock_mhz >= 80


def test_unknown_board():
    with pytest.raises(MetabitError) as error:
        find_board("breadboard")
    assert str(error.value) == f"board must be one of {', '.join(BOARDS)}, not 'breadboard'"


def test_board_without_single_port_ram():
    with pytest.raises(MetabitError) as error:
        check_memory(find_board("ulx3s-85f"), SHAPES["up5k"])
    assert str(error.value) == (
        "device up5k keeps its counters in 'spram' memory, which ulx3s-85f "
        "(LFE5U-85F-6BG381) does not have; build one that keeps them in 'block'"
    )


@pytest.mark.parametrize(
    ("board", "shape"),
    [("icebreaker", SMALL), ("icebreaker", SHAPES["small"]), ("ulx3s-85f", SHAPES["small"])],
)
def test_every_memory_is_prepared_for_synthesis(board, shape):
    """Each is in a module that a pattern names, and each pattern that must match does."""
    text = rtlil.convert(
        Device(shape), platform=find_board(board).create_platform(), emit_src=False
    )
    module, modules = "", set()
    for line in text.splitlines():
        if line.startswith("module "):
            module = line.removeprefix("module ")
        elif "$memrd_v2" in line:
            modules.add(module)
    matched = {pattern: fnmatch.filter(modules, pattern) for pattern in MEMORIES}
    assert modules == set().union(*matched.values())
    for command in PREPARATION.splitlines():
        if command.startswith("select -assert-any "):
            assert matched[command.split()[-1].partition("/")[0]]


def test_only_an_ice40_of_block_ram_is_told_that_it_has_no_other():
    shapes = SHAPES["hx8k"], SHAPES["up5k"]
    assert [preparation("ice40", shape) for shape in shapes] == [
        f"{PREPARATION}\n{NO_DISTRIBUTED}",
        PREPARATION,
    ]
    assert preparation("ecp5", SHAPES["ecp5-25"]) == PREPARATION


def test_override_that_names_nothing(monkeypatch):
    monkeypatch.setenv("NEXTPNR_ECP5", "/no/such/tool --fast")
    with pytest.raises(ToolNotFoundError) as error:
        find_tool("nextpnr-ecp5")
    assert str(error.value) == (
        "NEXTPNR_ECP5='/no/such/tool --fast' names no program; unset it or correct it"
    )


def test_missing_tool():
    with pytest.raises(
        ToolNotFoundError, match=r"^no-such-tool is not installed; run: sudo apt-get install"
    ):
        find_tool("no-such-tool")


def test_tool_without_a_message(tmp_path, monkeypatch):
    monkeypatch.setenv("YOSYS", f"{sys.executable} -c exit(3)")
    log = tmp_path / "log"
    with pytest.raises(ToolFailedError) as error:
        run_tool(["yosys", "-q"], tmp_path, log)
    assert str(error.value) == f"yosys failed: exit status 3; see {log}"
    assert error.value.log == log


def test_damaged_result(tmp_path):
    file = tmp_path / "build.json"
    file.write_text("{}")
    with pytest.raises(MetabitError, match="is no result of `metabit build`"):
        load_result(file)


def test_without_matplotlib_there_is_a_bitstream_and_later_a_picture(tools, monkeypatch, blinker):
    out = tools / "out"
    with monkeypatch.context() as without:
        for module in ("matplotlib", "matplotlib.backends.backend_agg"):
            without.setitem(sys.modules, module, None)
        without.delitem(sys.modules, "metabit.boards.drawing", raising=False)
        assert run(out).picture == ""
    assert (out / "metabit-icebreaker-small-spram.bin").read_bytes() == b"bits"
    cached = run(out)
    assert cached.seconds == {}
    assert cached.picture == str(out / "placement.png")
    assert load_result(out / "build.json").picture == cached.picture
    assert (out / "placement.png").exists()


def test_two_builds_of_a_folder_do_not_meet(tools, blinker):
    out = tools / "out"
    out.mkdir()
    with only_writer(out / ".lock", ""), pytest.raises(MetabitError, match="another build is"):
        run(out)
    assert run(out).bytes == 4


def test_the_log_that_is_announced_is_the_one_that_grows(tools, blinker, monkeypatch):
    """The tools are told neither to be quiet nor to write elsewhere only."""
    script = tools / "YOSYS.py"
    script.write_text("import sys; print('said', sys.argv[1:])\n" + script.read_text())
    logs = {}
    build(
        find_board("icebreaker"),
        SMALL,
        tools / "out",
        BuildOptions(),
        lambda step, number, count, log: logs.update({step: log}),
    )
    said = logs["synthesis"].read_text()
    assert "said" in said
    assert "'-q'" not in said
