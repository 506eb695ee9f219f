"""The model of a flash memory: what is read, and every check with a sequence that violates it."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from metabit.sim.chips import ViolationError
from metabit.sim.model import SimulatedDevice
from metabit.sim.verilate import build
from tests.sim.players import FlashSteps, chips, flash_player
from tests.sim.rules import Case, check


@pytest.fixture(scope="module")
def flash() -> Path:
    return build(flash_player(), optimise="-O0")


READ, FAST, QUAD_OUTPUT, QUAD_IO = 0x03, 0x0B, 0x6B, 0xEB
CONTINUE, END = 0x20, 0x00


def reading(code: int, address: int, count: int, every: int = 1, mode: int = END) -> FlashSteps:
    """Return steps that read bytes, as the data sheet wants it."""
    return read_on(FlashSteps(every), code, address, count, mode)


def read_on(steps: FlashSteps, code: int, address: int, count: int, mode: int = END) -> FlashSteps:
    """Add a read to steps; code 0 goes on with continuous reads."""
    if code:
        steps.out(code)
    if code in (0, QUAD_IO):
        steps.out(address, 24, 4).out(mode, 8, 4).idle_clocks(4).take(count, 4)
    else:
        steps.out(address, 24).idle_clocks(0 if code == READ else 8)
        steps.take(count, 4 if code == QUAD_OUTPUT else 1)
    return steps.off()


def identity(steps: FlashSteps) -> FlashSteps:
    return steps.out(0x9F).take(3).off()


def enabled(*more: int, off: int = 5) -> FlashSteps:
    """Return steps that enable writing, and an instruction."""
    return FlashSteps().instruct(0x06).instruct(*more, off=off)


def wide() -> FlashSteps:
    """Return steps that make all four lines usable."""
    return FlashSteps().instruct(0x50).instruct(0x31, 0x02)


def quad_address(oe: int) -> FlashSteps:
    steps = wide().out(QUAD_IO).out(0, 24, 4, oe).out(END, 8, 4, oe)
    return steps.idle_clocks(4).take(1, 4).off()


def late_release(gap: int) -> FlashSteps:
    """Hold the lines a cycle longer than the dummy clocks last."""
    steps = wide().out(QUAD_IO).out(0, 32, 4).idle_clocks(4).clock(oe=0 if gap else 0xF)
    return steps.clock().off()


SLEEP_CYCLES, RESET_CYCLES, BUSY = 300, 3000, {"tW": 1000, "tPP": 1000, "tSE": 1000, "tBE2": 1000}

FLASH_CASES = [
    Case("frequency", lambda gap: reading(READ, 0, 2, every=max(gap, 1)), gap=2),
    Case("frequency", lambda gap: reading(FAST, 0, 2, every=max(gap, 1)), gap=2,
         settings={"period": 11}),
    Case("tSLCH", lambda gap: identity(FlashSteps().step() if gap else FlashSteps()), period=8.0,
         settings={"tSHSL1": 0}),
    Case("tCHSH", lambda gap: FlashSteps().out(0x9F).take(1).step(cs=gap).off(),
         settings={"tCHSH": 6}),
    Case("tSHSL1", lambda gap: identity(FlashSteps().out(0x9F).take(1).off(gap)), gap=2,
         settings={"tSHSL1": 20}),
    Case("tSHSL1", lambda gap: read_on(wide().out(QUAD_IO).out(0, 32, 4).idle_clocks(4).take(1, 4)
         .off(gap), QUAD_IO, 0, 1), gap=2, settings={"tSHSL1": 20}),
    Case("tSHSL2", lambda gap: identity(FlashSteps().instruct(0x06, off=gap)), gap=5),
    Case("tSHQZ", lambda gap: FlashSteps().out(0x9F).take(1).off(1, oe=0 if gap else 2).off()),
    Case("tVSL", lambda gap: identity(FlashSteps().off(1998 + gap)), settings={"tVSL": 20_000}),
    Case("tPUW", lambda gap: FlashSteps().off(491 + gap).instruct(0x06), settings={"tPUW": 5000}),
    Case("tPUW", lambda gap: FlashSteps().off(491 + gap).instruct(0x50), settings={"tPUW": 5000}),
    Case("asleep", lambda gap: identity(FlashSteps().instruct(0xB9, off=SLEEP_CYCLES)
         .instruct(0xAB if gap else 0x05, off=SLEEP_CYCLES))),
    Case("asleep", lambda gap: identity(FlashSteps().instruct(0xAB, off=SLEEP_CYCLES) if gap else
         FlashSteps()), settings={"asleep": 1}),
    Case("tDP", lambda gap: FlashSteps().instruct(0xB9, off=SLEEP_CYCLES - 1 + gap)
         .instruct(0xAB)),
    Case("tRES1", lambda gap: identity(FlashSteps().instruct(0xAB, off=SLEEP_CYCLES - 1 + gap))),
    Case("tRES2", lambda gap: identity(FlashSteps().out(0xAB).idle_clocks(24).take(1)
         .off(179 + gap))),
    Case("tRST", lambda gap: identity(FlashSteps().instruct(0x66)
         .instruct(0x99, off=RESET_CYCLES - 1 + gap))),
    Case("reset", lambda gap: FlashSteps().instruct(0x66 if gap else 0x04).instruct(0x99)),
    Case("reset", lambda gap: FlashSteps().instruct(0x66).instruct(0x66 if gap else 0x04)
         .instruct(0x99)),
    Case("busy", lambda gap: identity(enabled(0x20, 0, 0, 0, off=92 + gap)), settings=BUSY),
    Case("busy", lambda gap: identity(enabled(0xD8, 0, 0, 0, off=92 + gap)), settings=BUSY),
    Case("busy", lambda gap: identity(enabled(0x02, 0, 0, 0, 7, off=92 + gap)), settings=BUSY),
    Case("busy", lambda gap: identity(enabled(0x31, 2, off=92 + gap)), settings=BUSY),
    Case("enable", lambda gap: FlashSteps().instruct(0x06 if gap else 0x04)
         .instruct(0x02, 0, 0, 0, 1)),
    Case("enable", lambda gap: FlashSteps().instruct(0x06 if gap else 0x50)
         .instruct(0x20, 0, 0, 0)),
    Case("enable", lambda gap: FlashSteps().instruct(0x50 if gap else 0x04).instruct(0x11, 0x20)),
    Case("enable", lambda gap: enabled(0x06 if gap else 0x04).instruct(0xD8, 0, 0, 0)),
    Case("unknown", lambda gap: FlashSteps().instruct(0x06 if gap else 0x5A)),
    Case("quad", lambda gap: read_on(wide() if gap else FlashSteps(), QUAD_OUTPUT, 0, 2)),
    Case("quad", lambda gap: read_on(wide() if gap else FlashSteps(), QUAD_IO, 0, 2)),
    Case("undriven", lambda gap: FlashSteps().out(0x9F, oe=gap).take(1).off()),
    Case("undriven", lambda gap: FlashSteps().out(READ).out(0, 24, oe=gap).take(1).off(),
         settings={"period03": 10}),
    Case("undriven", lambda gap: quad_address(0xF if gap else 0x7)),
    Case("hold", lambda gap: FlashSteps().step(oe=8, dq=8 * gap).off()),
    Case("length", lambda gap: FlashSteps().out(0x06).idle_clocks(1 - gap).off()),
    Case("length", lambda gap: FlashSteps().out(0x06 >> (1 - gap), 7 + gap).off()),
    Case("length", lambda gap: FlashSteps().instruct(0x06).out(0x02).out(0, 24 + 8 * gap).off()),
    Case("length", lambda gap: FlashSteps().instruct(0x06).out(0x02).out(0, 31 + gap).off()),
    Case("length", lambda gap: FlashSteps().instruct(0x06).out(0x20).out(0, 23 + gap).off()),
    Case("length", lambda gap: FlashSteps().instruct(0x50).instruct(0x31, *[2] * (2 - gap))),
    Case("length", lambda gap: FlashSteps().out(READ).out(0, 24 if gap else 20).take(gap).off(),
         settings={"period03": 10}),
    Case("length", lambda gap: wide().out(QUAD_IO).out(0, 32, 4).idle_clocks(3 + gap).take(gap, 4)
         .off()),
    Case("clocks", lambda gap: FlashSteps().out(0x9F).take(2).idle_clocks(1 - gap).off()),
    Case("clocks", lambda gap: wide().out(QUAD_IO).out(0, 32, 4).idle_clocks(4).take(gap, 4).off()),
    # A dummy clock is left out, so that the last bit is not clocked.
    Case("clocks", lambda gap: FlashSteps().out(FAST).out(0, 24).idle_clocks(7 + gap).take(2)
         .off()),
    Case("page", lambda gap: enabled(0x02, 0, 0, 0, *range(256), *[9] * (1 - gap))),
    Case("erased", lambda gap: enabled(0x02, 0, 0, 0, 0xF0, off=100).instruct(0x06)
         .instruct(0x02, 0, 0, 0, 0x90 if gap else 0x91), settings=BUSY),
    Case("protection", lambda gap: FlashSteps().instruct(0x50).instruct(0x01, 0 if gap else 0x04)),
    Case("conflict", late_release),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(FLASH_CASES)))
def test_every_rule_of_the_flash_is_checked_to_the_cycle(flash, number):
    case = FLASH_CASES[number]
    case.settings = {"tVSL": 0, "tPUW": 0} | case.settings
    check(flash, case)


@pytest.mark.parametrize(("least", "names"), [(11, set()), (11.2, {"tCLH", "tCLL"})])
def test_the_clock_is_high_and_low_for_long_enough(flash, least, names):
    """45% of the shortest period: half of ten nanoseconds are enough for one of 11.1."""
    steps = identity(FlashSteps())
    settings = {"tVSL": 0, "period": least}
    with SimulatedDevice(flash, chips(flash=settings)) as device:
        device.supply(np.array(steps, np.uint64), len(steps))
        while device.unsupplied:
            with suppress(ViolationError):
                device.run(1)
        kinds = {violation.name for violation in device.chips["flash"].violations}
    assert kinds - {"frequency"} == names


IMAGE = np.random.default_rng(5).integers(0, 256, 1024, np.uint8).tobytes()


@pytest.fixture
def flash_device(flash):
    """Yield a device whose flash memory is quick, and holds an image."""
    settings = {"tVSL": 0, "tPUW": 0, "period03": 10, "quad": 1} | BUSY
    with SimulatedDevice(flash, chips(flash=settings)) as device:
        device.chips["flash"].load(0x123400, IMAGE)
        yield device


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("code", [READ, FAST, QUAD_OUTPUT, QUAD_IO])
def test_reads_return_the_image(flash_device, code, every):
    for address, count in ((0x123400, 100), (0x123477, 1), (0x1234FE, 300)):
        steps = reading(code, address, count, every)
        at = address - 0x123400
        assert steps.play(flash_device) == IMAGE[at : at + count]
    counters = flash_device.chips["flash"].counters
    assert (counters["reads"], counters["bytes_read"]) == (3, 401)


def test_addresses_go_round_at_the_end(flash_device):
    flash_device.chips["flash"].load(0xFFFFFF, b"\x12")
    flash_device.chips["flash"].load(0, b"\x34")
    assert reading(READ, 0xFFFFFF, 2).play(flash_device) == b"\x12\x34"
    assert flash_device.chips["flash"].save(0xFFFFFF, 1) == b"\x12"
    with pytest.raises(ValueError, match="2 bytes at 0xffffff are not all in the flash"):
        flash_device.chips["flash"].save(0xFFFFFF, 2)


def test_continuous_reads_need_no_instruction_until_they_end(flash_device):
    steps = reading(QUAD_IO, 0x123400, 4, mode=CONTINUE)
    read_on(steps, 0, 0x123410, 4, CONTINUE)
    read_on(steps, 0, 0x123420, 4, END)
    identity(steps)
    read_on(steps, QUAD_IO, 0x123400, 1, CONTINUE)
    # Eight clocks of ones on one line end them, too.
    identity(steps.instruct(0xFF))
    expected = IMAGE[:4] + IMAGE[16:20] + IMAGE[32:36] + b"\xef\x40\x18" + IMAGE[:1]
    assert steps.play(flash_device) == expected + b"\xef\x40\x18"


def test_a_chip_may_be_left_in_continuous_reads(flash):
    settings = {"tVSL": 0, "continuous": 1, "quad": 1}
    with SimulatedDevice(flash, chips(flash=settings)) as device:
        assert identity(FlashSteps().instruct(0xFF)).play(device) == b"\xef\x40\x18"
    with (
        SimulatedDevice(flash, chips(flash=settings)) as device,
        pytest.raises(ViolationError, match="undriven: nobody drives all lines of a quad address"),
    ):
        identity(FlashSteps()).play(device)


def test_bytes_are_programmed_into_erased_pages_and_go_round_in_them(flash_device):
    contents = bytes(range(100, 120))
    steps = FlashSteps().instruct(0x06)
    steps.instruct(0x02, 0x20, 0x00, 0xF6, *contents)
    steps.out(0x05).take(1).off(100).out(0x05).take(1).off()
    assert steps.play(flash_device) == b"\x03\x00"
    flash = flash_device.chips["flash"]
    assert flash.save(0x2000F6, 10) == contents[:10]
    assert flash.save(0x200000, 11) == contents[10:] + b"\xff"
    steps = enabled(0x20, 0x20, 0x0F, 0xFF, off=100)
    steps.instruct(0x06).out(0x05).take(1).off()
    assert steps.play(flash_device) == b"\x02"
    assert flash.save(0x200000, 4096) == b"\xff" * 4096
    assert (flash.counters["programs"], flash.counters["erases"]) == (1, 1)


def test_erasing_leaves_what_is_outside(flash_device):
    flash = flash_device.chips["flash"]
    for code, size in ((0x20, 4096), (0xD8, 65536)):
        flash.load(3 * size - 1, bytes(size + 2))
        enabled(code, *(3 * size + 77).to_bytes(3, "big"), off=100).play(flash_device)
        assert flash.save(3 * size - 1, size + 2) == b"\0" + b"\xff" * size + b"\0"


def test_a_reset_brings_back_what_is_not_volatile(flash):
    settings = {"tVSL": 0, "tPUW": 0} | BUSY
    with SimulatedDevice(flash, chips(flash=settings)) as device:
        steps = wide().out(0x35).take(1).off()
        steps.instruct(0x66).instruct(0x99, off=RESET_CYCLES).out(0x35).take(1).off()
        steps.instruct(0x06).instruct(0x01, 0, 2, off=100)
        steps.instruct(0x66).instruct(0x99, off=RESET_CYCLES).out(0x35).take(1).off()
        steps.instruct(0x06).instruct(0x11, 0x20, off=100).out(0x15).take(1).off()
        assert steps.play(device) == b"\x02\x00\x02\x20"
        assert device.chips["flash"].counters["resets"] == 2


def test_sleep_and_identities(flash):
    settings = {"tVSL": 0, "asleep": 1, "memory_type": 0x70}
    with SimulatedDevice(flash, chips(flash=settings)) as device:
        steps = FlashSteps().out(0xAB).idle_clocks(24).take(2).off(200)
        assert identity(steps).play(device) == b"\x17\x17\xef\x70\x18"


def test_data_are_not_valid_before_their_time(flash):
    with SimulatedDevice(flash, chips(flash={"tVSL": 0, "tCLQV": 11})) as device:
        assert identity(FlashSteps()).play(device) != b"\xef\x40\x18"
        assert identity(FlashSteps(every=2)).play(device) == b"\xef\x40\x18"
