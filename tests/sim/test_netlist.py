"""Netlists: the gates learn what golden does, a wrong gate is caught, block RAM is modelled."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from typer.testing import CliRunner

from metabit.cli import app
from metabit.errors import MetabitError
from metabit.hdl.shape import SHAPES, Shape
from metabit.host.compare import DivergenceError
from metabit.host.driver import Driver
from metabit.installation import install_command
from metabit.sim.model import SimulatedDevice
from metabit.sim.netlist import Netlist, device_netlist
from metabit.sim.simulate import simulation
from metabit.sim.verilate import build
from metabit.tools.errors import ToolFailedError
from tests.sim.cell_devices import ECP5, EPOCHS, ICE40, a_run, fitting
from tests.sim.small import Increment


@dataclass
class Gates:
    """A netlist in a folder, and the arguments with which Verilator reads it."""

    folder: Path
    arguments: list[str | Path]

    @classmethod
    def of(cls, source: Netlist, folder: Path) -> "Gates":
        return cls(folder, source.write(folder, print))

    @property
    def file(self) -> Path:
        return self.folder / "netlist.v"

    @property
    def cells(self) -> Counter[str]:
        return Counter(re.findall(r"^  ([A-Z]\w+) (?:#\(|\S+\s+\()", self.file.read_text(), re.M))

    def identity(self) -> str:
        return "\0".join(file.read_text() for file in sorted(self.folder.glob("*.v*")))

    def write(self, folder, report) -> list[str | Path]:
        return self.arguments


def check_agreement(gates: Gates, shape: Shape) -> None:
    run = a_run(fitting(shape))
    annealing, damping = set(), set()
    with simulation(run, shape, build(gates, optimise="-O0"), compare_every=1) as opened:
        assert type(opened.driver) is Driver, "samples go through the link"
        for span in opened.spans():
            annealing.add(span.step.annealing)
            damping.add(span.step.damping)
        outcome = opened.finish()
    assert annealing == {0, 1, 2}
    assert len(damping) > 1, "reinforcement follows the errors of the epoch before"
    assert outcome.samples == EPOCHS * len(run.data.train)
    # At the beginning, after every epoch, and at the end.
    assert outcome.comparisons == 2 + EPOCHS
    assert min(run.network.statistics.updates) > 10


@pytest.fixture(scope="module")
def ice40(tmp_path_factory) -> Gates:
    return Gates.of(device_netlist(ICE40, "ice40"), tmp_path_factory.mktemp("ice40"))


@pytest.mark.slow
@pytest.mark.build
def test_gates_of_an_ice40_learn_what_golden_does(ice40):
    assert ice40.cells["SB_SPRAM256KA"] == 4
    assert ice40.cells["SB_LUT4"] > 1000
    # Registers and adders of the updates lie in multiplier blocks.
    assert {"SB_CARRY", "SB_DFFESR", "SB_RAM40_4K", "SB_MAC16"} <= set(ice40.cells)
    check_agreement(ice40, ICE40)


@pytest.mark.slow
@pytest.mark.build
def test_gates_of_an_ecp5_learn_what_golden_does(tmp_path):
    gates = Gates.of(device_netlist(ECP5, "ecp5"), tmp_path)
    assert gates.cells["LUT4"] > 1000
    assert {"CCU2C", "TRELLIS_FF", "TRELLIS_DPR16X4", "DP16KD"} <= set(gates.cells)
    check_agreement(gates, ECP5)


@pytest.mark.slow
@pytest.mark.build
def test_a_wrong_bit_in_a_look_up_table_is_caught(ice40):
    """A parity in a popcount of the array is wrong when all four of its bits are 0."""
    parity = re.compile(r"(SB_LUT4 #\(\s*\.LUT_INIT\(16'h)6996(\)\s*\) \\core\.array\.)")
    right = ice40.file.read_text()
    wrong, count = parity.subn(r"\g<1>6997\g<2>", right, count=1)
    assert count == 1
    run = a_run(fitting(ICE40))
    try:
        ice40.file.write_text(wrong)
        library = build(ice40, optimise="-O0")
    finally:
        ice40.file.write_text(right)
    with (
        simulation(run, ICE40, library) as opened,
        pytest.raises(DivergenceError, match="device and golden differ after tile"),
    ):
        for _ in opened.spans():
            pass


WIDTHS = {1: 14, 2: 13, 4: 12, 9: 11, 18: 10, 36: 9}
"""Forms of an ECP5's block RAM: bits per word, and per address."""


class Memories(wiring.Component):
    """A memory of each form, read and written at random; ``tx`` sums up what they answer."""

    def __init__(self) -> None:
        streams = stream.Signature(8)
        super().__init__({"rx": In(streams), "tx": Out(streams)})

    def elaborate(self, platform):
        m = Module()
        noise, count = Signal(64, init=0x9E3779B97F4A7C15), Signal(16)
        first = noise ^ (noise << 13)[:64]
        second = first ^ (first >> 7)
        m.d.sync += [noise.eq(second ^ (second << 17)[:64]), count.eq(count + 1)]
        total = 0
        for width, bits in WIDTHS.items():
            rng = np.random.default_rng(width)
            init = [int(rng.integers(1 << width)) for _ in range(1 << bits)]
            m.submodules[f"memory_{width}"] = memory = Memory(
                shape=width, depth=1 << bits, init=init
            )
            # Parts of a word are written, as many as there are bytes of nine bits.
            parts = max(1, width // 9)
            write = memory.write_port(granularity=width // parts)
            read = memory.read_port()
            # Of few addresses at a time, so that what was written is read.
            slow = count[6:bits]
            m.d.comb += [
                write.addr.eq(Cat(noise[0:3], slow, noise[3:6])),
                write.data.eq(noise[10:46]),
                write.en.eq(noise[46 : 46 + parts]),
                read.addr.eq(Cat(noise[20:23], slow, noise[23:26])),
                read.en.eq(noise[50] | noise[51]),
            ]
            for start in range(0, width, 8):
                total = total ^ read.data[start : start + 8]
        m.d.comb += [self.tx.payload.eq(total), self.tx.valid.eq(1), self.rx.ready.eq(1)]
        return m


@pytest.mark.slow
@pytest.mark.build
def test_block_ram_of_an_ecp5_does_what_memories_do_in_all_its_forms(tmp_path):
    gates = Gates.of(Netlist(Memories, "ecp5", prepare=""), tmp_path)
    widths = re.findall(r"\.DATA_WIDTH_[AB]\(32'd(\d+)\)", gates.file.read_text())
    assert set(map(int, widths)) == set(WIDTHS)
    answers = []
    for source in (Memories(), gates):
        with SimulatedDevice(build(source, optimise="-O0")) as device:
            device.run(20_000)
            answers.append(b"".join(iter(device.receive, b"")))
    assert len(answers[0]) > 19_000
    assert answers[0] == answers[1]


def test_memory_that_the_fpga_lacks_is_refused():
    with pytest.raises(MetabitError, match=r"'spram' memory, which ulx3s-85f .* does not have"):
        device_netlist(SHAPES["up5k"], "ecp5")


def test_without_synthesis_the_command_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.delenv("YOSYS", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("metabit.tools.find.sysconfig.get_path", lambda name: str(tmp_path))
    monkeypatch.setattr("metabit.sim.verilate.toolchain", lambda: None)
    done = CliRunner().invoke(app, ["simulate", "--netlist", "ice40"])
    assert done.exit_code == 1
    assert f"yosys is not installed; run: {install_command('build')}" in done.output


@pytest.mark.build
def test_the_log_of_a_synthesis_that_fails_is_kept(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    with pytest.raises(ToolFailedError, match="No such command: no_such_command") as raised:
        Netlist(Increment, "ice40", prepare="no_such_command").write(folder, print)
    assert raised.value.log == tmp_path / "synthesis.log"
    assert "no_such_command" in raised.value.log.read_text()
    assert str(raised.value.log) in str(raised.value)
