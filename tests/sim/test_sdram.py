"""The model of an SDRAM: what is read, and every check with a sequence that violates it."""

from pathlib import Path

import numpy as np
import pytest

from metabit.sim.chips import ViolationError
from metabit.sim.model import SimulatedDevice
from metabit.sim.verilate import build
from tests.sim.players import SdramSteps, chips, play, sdram_player
from tests.sim.rules import Case, check, found

FULL_PAGE = 7


@pytest.fixture(scope="module")
def sdram() -> Path:
    return build(sdram_player(), optimise="-O0")


def started(**mode: int) -> SdramSteps:
    return SdramSteps().start(**mode)


def refreshed(times: int) -> SdramSteps:
    """Return steps that open a row after so many refreshes."""
    steps = SdramSteps().wait(10_000).precharge().wait(1)
    for _ in range(times):
        steps.refresh().wait(5)
    return steps.mode().wait(1).activate()


def opened(**mode: int) -> SdramSteps:
    """Return steps after which rows of two banks are open, all of whose limits are kept."""
    return started(**mode).activate(0, 3).wait(1).activate(1, 5).wait(8)


def written() -> SdramSteps:
    return opened().write(0, 0, (0x1234,)).wait(2)


def after_reads(gap: int) -> SdramSteps:
    """Two words come out, then the controller writes."""
    steps = opened(burst=1).write(0, 0, (1, 2)).wait(3).read(0, 0, words=(1, 2)).wait(3)
    return steps.wait(gap).write(0, 0, (3, 4))


def masked_before_write(gap: int) -> SdramSteps:
    """A write cuts a burst off, whose word at that edge is masked two edges before, or is not."""
    steps = opened(burst=3).write(0, 0, range(1, 9)).wait(3).read(0, 0)
    # Two edges before the one before, too: the chip takes a while to let go of the lines.
    return steps.step(dqm=3).step(dqm=3 * bool(gap)).step(dqm=3).write(0, 0, range(1, 9))


def let_go(gap: int) -> SdramSteps:
    steps = written().read(0, 0, words=(0x1234,))
    return steps.wait(1) if gap else steps.step(dq=0)


SDRAM_CASES = [
    Case("power-up", lambda gap: started(wait=9_998 + gap)),
    Case("initialisation", lambda gap: SdramSteps().wait(10_000).precharge(None if gap else 0)
         .wait(2).refresh().wait(5).refresh()),
    Case("initialisation", lambda gap: started().wait(1).activate() if gap else
         SdramSteps().wait(10_000).precharge().wait(1).refresh().wait(5).refresh().wait(8).activate()),
    Case("initialisation", refreshed, gap=2),
    Case("initialisation", refreshed, gap=8, settings={"refreshes_before_use": 8}),
    Case("tMRD", lambda gap: started().mode().wait(gap - 1).activate(), gap=2),
    Case("tRFC", lambda gap: started().refresh().wait(gap - 1).activate(), gap=6),
    Case("tRFC", lambda gap: started().refresh().wait(gap - 1).refresh(), gap=6),
    Case("tRCD", lambda gap: written().precharge().wait(1).activate(0, 3).wait(gap - 1)
         .read(0, 0, words=(0x1234,)), gap=2),
    Case("tRCD", lambda gap: started().activate().wait(gap - 1).write(), gap=2),
    Case("tRP", lambda gap: opened().precharge(0).wait(gap - 1).activate(0, 1), gap=2),
    Case("tRP", lambda gap: opened().precharge().wait(gap - 1).refresh(), gap=2),
    Case("tRP", lambda gap: opened().precharge().wait(gap - 1).mode(), gap=2),
    Case("tRP", lambda gap: written().read(0, 0, auto=True, words=(0x1234,)).wait(gap - 1)
         .activate(0, 1), gap=3),
    # The word was written at the same edge as the command; tWR and tRP follow.
    Case("tRP", lambda gap: opened().write(0, 0, auto=True).wait(gap - 1).activate(0, 1), gap=3),
    Case("tRC", lambda gap: started().activate().wait(3).precharge().wait(gap - 5).activate(),
         gap=7, settings={"tRC": 70}),
    Case("tRC", lambda gap: started().activate().wait(3).precharge().wait(gap - 5).refresh(),
         gap=7, settings={"tRC": 70}),
    Case("tRAS", lambda gap: started().activate().wait(gap - 1).precharge(), gap=4),
    Case("tRAS", lambda gap: started().activate().wait(gap - 1).write(0, 0, auto=True).wait(5),
         gap=3, settings={"tRAS": 44}),
    Case("tRASmax", lambda gap: started().activate().wait(9_999 + (1 - gap)).precharge(),
         settings={"refreshes_behind": 1000}),
    Case("tRRD", lambda gap: started().activate(0).wait(gap - 1).activate(1), gap=2),
    Case("tWR", lambda gap: opened().write().wait(gap - 1).precharge(0), gap=2),
    Case("closed", lambda gap: opened().write(0 if gap else 2)),
    Case("closed", lambda gap: written().read(0 if gap else 2, 0).wait(3)),
    Case("closed", lambda gap: written().precharge(1 if gap else 0).wait(2).read(0, 0)),
    Case("open", lambda gap: opened().activate(2 if gap else 1, 1)),
    Case("idle", lambda gap: opened().precharge(None if gap else 1).wait(2).refresh()),
    Case("idle", lambda gap: opened().precharge(None if gap else 1).wait(2).mode()),
    Case("auto precharge", lambda gap: opened(burst=2).write(0, 0, (1, 2), auto=True)
         .write(1 if gap else 0, 0, (1, 2, 3, 4)), text="is interrupted"),
    Case("auto precharge", lambda gap: opened().write(0, 0, (7,), auto=not gap)
         .read(0, 0, words=(7,)), text="read while auto precharge is due"),
    Case("auto precharge", lambda gap: opened(burst=2).write(0, 0, (1, 2), auto=not gap).stop(),
         text="is terminated"),
    Case("auto precharge", lambda gap: opened(burst=FULL_PAGE).write(0, 0, (1, 2), auto=not gap)
         .stop(), text="a full page has no end"),
    Case("auto precharge", lambda gap: opened(burst=1).write(0, 0, (1, 2)).wait(3)
         .read(0, 0, auto=not gap, words=(1,)).precharge(0),
         text="precharge while auto precharge is due"),
    Case("mode", lambda gap: started().wait(1).mode(burst=3 if gap else 0b1011)),
    Case("mode", lambda gap: started().wait(1).mode(burst=FULL_PAGE if gap else 4)),
    Case("mode", lambda gap: SdramSteps(2 if gap else 4).start()),
    Case("conflict", masked_before_write),
    Case("tHZ", after_reads, gap=1, settings={"tHZ": 5.4}),
    Case("tLZ", let_go),
    Case("unwritten", lambda gap: written().read(0, 0 if gap else 1).wait(3)),
    Case("unwritten", lambda gap: opened().write(0, 0, (5,)).write(0, 0, dqm=2).write(0, 1, dqm=2)
         .wait(2).read(0, 0 if gap else 1).wait(3)),
    Case("undriven", lambda gap: opened().write() if gap else opened().step(0b100)),
    Case("cke", lambda gap: started().step(cke=gap)),
    Case("tCK", lambda gap: SdramSteps(2 + gap).start(wait=12_600).wait(3).activate().wait(5)
         .write(), period=8.0, settings={"tMRD": 0, "tRC": 0, "tRFC": 0, "tRP": 0}),
    Case("refresh", lambda gap: started().wait(7_015 - gap)),
    Case("refresh", lambda gap: started().refresh().wait(7_795 - gap)),
    # Sixteen rows: the first of them is refreshed again by the sixteenth refresh to follow.
    Case("tREF", lambda gap: started().wait(1_584 - gap),
         settings={"row_bits": 4, "tREF": 16_000, "refreshes_behind": 1000}),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(SDRAM_CASES)))
def test_every_rule_of_the_sdram_is_checked_to_the_cycle(sdram, number):
    check(sdram, SDRAM_CASES[number])


LENGTHS = {0: 1, 1: 2, 2: 4, 3: 8, FULL_PAGE: 512}
ROWS = 3


class Bursts:
    """Random bursts, legal ones, and what they leave in a chip.

    Parameters
    ----------
    latency, burst : int
        Of the mode register.
    seed : int
    """

    def __init__(self, latency: int, burst: int, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self.length = LENGTHS[burst]
        self.full = burst == FULL_PAGE
        self.steps = SdramSteps(latency).start(burst)
        self.bytes: dict[tuple[int, int, int], int] = {}

    def _draw(self, below: int) -> int:
        return int(self._random.integers(below))

    def columns(self, column: int, words: int) -> list[int]:
        """Sequential bursts go round in a block of their length."""
        first = column - column % self.length
        return [first + (column + n) % self.length for n in range(words)]

    def write(self, bank: int, row: int, column: int, words: int, auto: bool) -> None:
        values = [self._draw(1 << 16) for _ in range(words)]
        dqm = self._draw(4) if self._draw(3) == 0 else 0
        for at, value in zip(self.columns(column, words), values, strict=True):
            for byte in range(2):
                if not dqm >> byte & 1:
                    self.bytes[bank, row, 2 * at + byte] = value >> 8 * byte & 0xFF
        self.steps.write(bank, column, values, auto, dqm)

    def read(self, bank: int, row: int, column: int, words: int, auto: bool) -> bool:
        """Read what is known; returns whether it is."""
        places = [(bank, row, 2 * at) for at in self.columns(column, words)]
        if not all((b, r, at + n) in self.bytes for b, r, at in places for n in range(2)):
            return False
        values = [self.bytes[b, r, at] | self.bytes[b, r, at + 1] << 8 for b, r, at in places]
        self.steps.read(bank, column, auto, values).wait(words - 1)
        return True

    def burst(self) -> None:
        """Open a row, write or read a few times, and close it in one of the ways."""
        # About the end of a row and its beginning.
        bank, row, column = self._draw(4), self._draw(ROWS), (self._draw(12) - 6) % 512
        self.steps.activate(bank, row).wait(5)
        auto = bool(self._draw(2)) and not self.full
        words = self.length if auto or not self._draw(2) else 1 + self._draw(self.length)
        # Then the burst has to be stopped.
        cut = words < self.length or self.full
        if self._draw(2) or not self.read(bank, row, column, words, auto):
            self.write(bank, row, column, words, auto)
        if cut:
            self.steps.stop()
        self.steps.wait(6)
        if not auto:
            self.steps.precharge(bank if self._draw(2) else None)
        self.steps.wait(2)
        if self._draw(4) == 0:
            self.steps.refresh().wait(5)


@pytest.mark.parametrize("latency", [2, 3])
@pytest.mark.parametrize("burst", [0, 1, 2, 3, FULL_PAGE])
def test_bursts_read_what_was_written(sdram, latency, burst):
    bursts = Bursts(latency, burst, seed=10 * latency + burst)
    for _ in range(300):
        bursts.burst()
    assert len(bursts.steps.expected) > 50
    # Full pages take their time: refreshes are tested elsewhere.
    with SimulatedDevice(sdram, chips(sdram={"refreshes_behind": 1000})) as device:
        bursts.steps.play(device)
        counters = device.chips["sdram"].counters
        assert counters["activations"] == 300
        assert counters["bytes_read"] >= 2 * len(bursts.steps.expected)
        for (bank, row, at), value in bursts.bytes.items():
            address = 1024 * (4 * row + bank) + at
            assert device.chips["sdram"].save(address, 1) == bytes([value])


def test_a_word_comes_out_a_latency_after_its_column_and_no_other(sdram):
    for latency in (2, 3):
        steps = SdramSteps(latency).start(burst=1).activate(1, 8).wait(4)
        steps.write(1, 6, (0x1122, 0x3344)).wait(3)
        at = len(steps)
        steps.read(1, 6).wait(8)
        with SimulatedDevice(sdram, chips()) as device:
            seen = play(device, steps)
        # Captured a latency after the command, and seen in the next cycle.
        assert seen[at + latency + 1 : at + latency + 3].tolist() == [0x1122, 0x3344]
        assert not {0x1122, 0x3344} & set(seen[at : at + latency + 1].tolist())
        assert not {0x1122, 0x3344} & set(seen[at + latency + 3 : at + 9].tolist())


def test_bytes_are_masked_two_edges_later(sdram):
    steps = opened(burst=2).write(0, 0, (0x0101, 0x0202, 0x0303, 0x0404)).wait(3)
    at = len(steps)
    steps.read(0, 0).step(dqm=1).step(dqm=2).wait(8)
    with SimulatedDevice(sdram, chips()) as device:
        seen = play(device, steps)[at + 3 : at + 7]
        assert device.chips["sdram"].counters["bytes_read"] == 6
    assert seen[0] == 0x0101
    assert (seen[1] >> 8, seen[2] & 0xFF, seen[3]) == (0x02, 0x03, 0x0404)


@pytest.mark.parametrize("cut", ["stop", "precharge"])
def test_a_burst_that_is_cut_short_ends_a_latency_later(sdram, cut):
    for latency in (2, 3):
        steps = SdramSteps(latency).start(burst=3).activate(0, 3).wait(5)
        steps.write(0, 0, range(0x1001, 0x1009)).wait(3)
        at = len(steps)
        getattr(steps.read(0, 0).wait(2), cut)().wait(9)
        with SimulatedDevice(sdram, chips()) as device:
            seen = play(device, steps)[at + latency + 1 :]
        assert seen[:3].tolist() == [0x1001, 0x1002, 0x1003]
        assert 0x1004 not in seen.tolist()


def test_single_writes_with_read_bursts(sdram):
    steps = started(burst=2, single=1).activate(0, 3).wait(5)
    for column in range(4):
        steps.write(0, column, (0x5500 + column,))
    steps.wait(2).read(0, 2, words=(0x5502, 0x5503, 0x5500, 0x5501)).wait(6)
    with SimulatedDevice(sdram, chips()) as device:
        steps.play(device)


def test_reads_follow_each_other_without_a_gap(sdram):
    steps = opened().write(0, 0, (1,)).write(1, 0, (2,)).write(0, 1, (3,)).wait(2)
    steps.read(0, 0, words=(1,)).read(1, 0, words=(2,)).read(0, 1, words=(3,)).wait(4)
    with SimulatedDevice(sdram, chips()) as device:
        steps.play(device)


def test_what_was_never_written_may_be_looked_at(sdram):
    for watched in (0, 1):
        case = Case(
            "unwritten",
            lambda gap: opened().read(0, 0).wait(3),
            settings={"watch_unwritten": watched},
        )
        names = {violation.name for violation in found(sdram, case, 0)}
        assert names == ({"unwritten"} if watched else set())


@pytest.mark.parametrize("banks_low", [0, 1])
def test_contents_from_outside_lie_where_the_pins_find_them(sdram, banks_low):
    settings = {"column_bits": 10, "banks_low": banks_low}
    bank, row, column = 2, 700, 1000
    upper = 4 * row + bank if banks_low else 8192 * bank + row
    address = 2 * (1024 * upper + column)
    with SimulatedDevice(sdram, chips(sdram=settings)) as device:
        chip = device.chips["sdram"]
        chip.load(address, b"\x34\x12\x78\x56")
        steps = started().activate(bank, row).wait(3)
        steps.read(bank, column, words=(0x1234,)).read(bank, column + 1, words=(0x5678,)).wait(5)
        steps.write(bank, column + 2, (0xBEEF,)).wait(3)
        steps.play(device)
        assert chip.save(address, 8) == b"\x34\x12\x78\x56\xef\xbe\0\0"
        assert chip.save((64 << 20) - 1, 1) == b"\0"
        with pytest.raises(ValueError, match="2 bytes at 0x3ffffff are not all in the sdram"):
            chip.load((64 << 20) - 1, b"ab")


def test_refreshes_of_all_rows_in_time_are_enough(sdram):
    """At the slowest legal pace, for more than two rounds of all rows of a smaller chip."""
    settings = {"row_bits": 4, "tREF": 16_000, "refreshes_behind": 1}
    steps = started()
    for _ in range(40):
        steps.wait(98).refresh().wait(1)
    with SimulatedDevice(sdram, chips(sdram=settings)) as device:
        steps.play(device)
        assert device.chips["sdram"].counters["refreshes"] == 42


def test_a_row_that_the_refreshes_miss_for_too_long_is_found(sdram):
    """As many refreshes as are wanted on the average, but late in every round."""
    settings = {"row_bits": 4, "tREF": 16_000, "refreshes_behind": 1000}
    steps = started()
    for pause in (100, 1_510):
        steps.wait(pause)
        for _ in range(16):
            steps.refresh().wait(5)
    message = r"sdram, .* ns: tREF: a row was not refreshed for"
    with (
        SimulatedDevice(sdram, chips(sdram=settings)) as device,
        pytest.raises(ViolationError, match=message),
    ):
        steps.play(device)
