"""What is kept in a board's flash: written, found, and never half of it."""

import json
import random

import numpy as np
import pytest
from pty_device import PtyDevice
from small import write_dataset
from typer.testing import CliRunner

from metabit.boards.played import StoredSets
from metabit.cli import app
from metabit.golden.config import Config
from metabit.golden.data.datasets import load_dataset
from metabit.golden.data.training_data import prepare
from metabit.hdl.link.protocol import WORD_BYTES
from metabit.hdl.placement import Placement
from metabit.hdl.shape import SHAPES
from metabit.host import flash as commands
from metabit.host.driver import Driver
from metabit.host.errors import DeviceError
from metabit.host.flash import BLOCK, PAGE, FlashMemory
from metabit.host.keeping import CAPACITY, SLOT_BYTES, Keeper, first_slot
from metabit.sim.stored import build_stored, open_stored

SHAPE = SHAPES["small-flash"]
QUICK = {"tBE2": 20_000.0, "tPP": 2_000.0}
"""Nanoseconds: seconds would be as many million cycles."""

FIRST = first_slot(SHAPE)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(commands, "BLOCK_ERASE", QUICK["tBE2"] * 1e-9)
    monkeypatch.setattr(commands, "PAGE_PROGRAM", QUICK["tPP"] * 1e-9)


@pytest.fixture
def board():
    driver, chip = open_stored(build_stored(SHAPE), SHAPE, flash=QUICK)
    with driver:
        yield driver, chip


def some(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, count, np.uint8).tobytes()


def test_the_host_erases_programs_and_reads(board):
    driver, chip = board
    memory = FlashMemory(driver)
    memory.settle()
    chip.load(FIRST - 8, bytes(BLOCK + 16))
    memory.erase(FIRST)
    assert chip.save(FIRST - 8, BLOCK + 16) == bytes(8) + b"\xff" * BLOCK + bytes(8)
    memory.program(FIRST + 3 * PAGE, some(PAGE))
    memory.program(FIRST + 9 * PAGE, some(40, 1))
    assert chip.save(FIRST + 3 * PAGE, PAGE + 1) == some(PAGE) + b"\xff"
    assert chip.save(FIRST + 9 * PAGE, 41) == some(40, 1) + b"\xff"
    assert memory.read(FIRST + 3 * PAGE - 8, 400) == chip.save(FIRST + 3 * PAGE - 8, 400)
    assert (chip.counters["erases"], chip.counters["programs"]) == (1, 2)
    assert chip.violations == []


def test_what_is_kept_is_found_and_goes_to_the_slots_in_turn(board):
    driver, chip = board
    keeper = Keeper(driver)
    assert keeper.newest is None
    assert [slot.fault for slot in keeper.slots] == ["nothing that was kept to the end"] * 2
    # Of no whole word, of whole pages, of more than a block.
    for number, count in enumerate((1, 2 * PAGE, BLOCK + 3), 1):
        keeper.keep(some(count, number))
        for found in (keeper, Keeper(driver)):
            assert (found.newest.number, found.newest.place) == (number, (number - 1) % 2)
            assert found.newest.contents == some(count, number)
    assert [slot.number for slot in keeper.slots] == [3, 2]
    assert chip.counters["erases"] == 4
    for contents in (b"", bytes(CAPACITY + 1)):
        with pytest.raises(DeviceError, match=r"bytes cannot be kept in the flash; a slot has"):
            keeper.keep(contents)


@pytest.mark.parametrize(
    ("byte", "fault"),
    [
        (0, "its head is damaged, or was not written to the end"),
        (21, "its head is damaged, or was not written to the end"),
        (PAGE + 77, "number 2 is damaged: its checksum is another"),
    ],
)
def test_a_slot_that_is_damaged_is_named_and_the_other_one_is_taken(board, byte, fault):
    driver, chip = board
    keeper = Keeper(driver)
    for number in (1, 2):
        keeper.keep(some(300, number))
    place = FIRST + SLOT_BYTES + byte
    chip.load(place, bytes([chip.save(place, 1)[0] ^ 0x10]))
    found = Keeper(driver)
    assert str(found.slots[1]) == f"slot 1: {fault}"
    assert found.newest.contents == some(300, 1)


def test_a_memory_that_does_not_keep_what_is_written_is_found(board, monkeypatch):
    keeper = Keeper(board[0])
    program = FlashMemory.program
    monkeypatch.setattr(
        FlashMemory, "program", lambda memory, at, page: program(memory, at, page[:-8])
    )
    with pytest.raises(DeviceError, match="slot 0 of the flash does not hold what was written"):
        keeper.keep(some(600))
    assert keeper.newest is None


def test_a_device_without_flash_keeps_nothing():
    class Other:
        shape = SHAPES["small-sdram"]

    with pytest.raises(DeviceError, match="small-sdram has no flash memory that the host can"):
        FlashMemory(Other())


class CutError(Exception):
    """Power goes, of the board or of the host."""


class Cuts:
    """Cuts a transport off at a moment: a request is not sent, or a wait not ended.

    Parameters
    ----------
    transport : SimulatedTransport
    seed : int
        How far the board comes until the cut.
    """

    def __init__(self, transport, seed=0):
        self._send, self._pause = transport.send, transport.pause
        self._device, self._rng = transport.device, random.Random(seed)
        self.moments, self.at = 0, None
        transport.send, transport.pause = self.send, self.pause

    def send(self, raw):
        self._moment(0.2e-6)
        self._send(raw)

    def pause(self, seconds):
        self._moment(seconds)
        self._pause(seconds)

    def _moment(self, seconds):
        self.moments += 1
        if self.moments == self.at:
            self._device.run(int(self._rng.random() * seconds / self._device.period))
            raise CutError


def power_cut(driver, chip):
    """Take the board's power away; return it as it is then: of all state, the flash is left."""
    assert chip.violations == []
    driver.transport.device.reset()  # tears what the chip is at
    contents = chip.save(0, 1 << 24)
    driver.close()
    again, fresh = open_stored(build_stored(SHAPE), SHAPE, flash=QUICK)
    fresh.load(0, contents)
    return again, fresh


OLD, NEW, NEXT = some(500, 7), some(700, 8), some(90, 9)


MOMENTS = 7
"""Of which one is tried, down from the last: not each, for the sake of time."""


def moments_of_keeping():
    driver, _ = open_stored(build_stored(SHAPE), SHAPE, flash=QUICK)
    with driver:
        keeper = Keeper(driver)
        keeper.keep(OLD)
        cuts = Cuts(driver.transport)
        keeper.keep(NEW)
        return cuts.moments


@pytest.mark.parametrize("who", ["board", "host"])
def test_whenever_power_goes_the_old_or_the_new_is_there(who):
    torn, outcomes = 0, []
    moments = moments_of_keeping()
    for moment in sorted(range(moments, 0, -MOMENTS)):
        driver, chip = open_stored(build_stored(SHAPE), SHAPE, flash=QUICK)
        keeper = Keeper(driver)
        keeper.keep(OLD)
        plain = driver.transport.send, driver.transport.pause
        cuts = Cuts(driver.transport, moment)
        cuts.at = moment
        with pytest.raises(CutError):
            keeper.keep(NEW)
        driver.transport.send, driver.transport.pause = plain
        if who == "board":
            driver, chip = power_cut(driver, chip)
        found = Keeper(driver)
        assert found.newest.contents in (OLD, NEW)
        outcomes.append(found.newest.contents)
        torn += "its head is damaged" in found.slots[1].fault
        found.keep(NEXT)
        assert Keeper(driver).newest.contents == NEXT
        assert chip.violations == []
        driver.close()
    # The new one is there from some moment on, and only then.
    assert outcomes == sorted(outcomes, key=(OLD, NEW).index)
    assert set(outcomes) == {OLD, NEW}
    assert torn > 0 or who == "host"


# Whole runs, by the command, behind a pseudo-terminal.

CONFIG = Config(
    name="small",
    inputs=137,
    hidden=(9,),
    classes=3,
    group=4,
    counter_bits=SHAPE.counter_bits,
    tile=3,
    order="strides",
    margin=0.5,
)
EPOCHS = 6


def metabit(*arguments, status=0):
    result = CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": "300"})
    assert result.exit_code == status, result.output
    return " ".join(result.output.split())


class Desk:
    """A board with samples in its flash, which may lose its power; and a golden training."""

    def __init__(self, folder):
        (folder / "small.json").write_text(json.dumps(CONFIG.model_dump()))
        data = write_dataset(folder / "own.npz", 61)
        self.run = ("--config", folder / "small.json", "--dataset", data, "--split", "official")
        golden = folder / "train.json"
        metabit("train", *self.run, "--epochs", EPOCHS, "--json", golden)
        self.expected = json.loads(golden.read_text())["state_sha256"]
        self.found = folder / "run.json"
        self.driver, self.chip = open_stored(build_stored(SHAPE), SHAPE, flash=QUICK)
        prepared = prepare(CONFIG, dataset=load_dataset(str(data)), split_name="official")
        sets = StoredSets.of(Placement(CONFIG, SHAPE), prepared)
        self.chip.load(sets.base * WORD_BYTES, sets.image)
        self.open()

    def open(self):
        self.pty = PtyDevice(self.driver.transport.device)
        self.board = ("run", "--port", self.pty.port)

    def cut_power(self):
        self.pty.close()
        self.driver, self.chip = power_cut(self.driver, self.chip)
        self.open()

    def close(self):
        self.pty.close()
        assert self.chip.violations == []
        self.driver.close()

    @property
    def state(self):
        return json.loads(self.found.read_text())["state_sha256"]


@pytest.fixture
def desk(tmp_path):
    opened = Desk(tmp_path)
    yield opened
    opened.close()


def test_a_training_that_is_done_comes_back_after_a_power_cut(desk):
    printed = metabit(
        *desk.board, *desk.run, "--epochs", EPOCHS, "--keep-state", 4, "--json", desk.found
    )
    assert desk.state == desk.expected
    # After epochs 4 and 6.
    assert "kept in the flash: slot 0: number 1" in printed
    assert "kept in the flash: slot 1: number 2" in printed
    desk.cut_power()
    printed = metabit(*desk.board, "--kept", "--json", desk.found)
    assert "the board keeps a training of 6 epochs, which is done" in printed
    assert desk.state == desk.expected
    assert "device and host predict the same, and keep the same state" in printed


@pytest.mark.parametrize("moment", [40, 250])
@pytest.mark.parametrize("who", ["board", "host"])
def test_an_interrupted_training_ends_as_an_undisturbed_one(desk, monkeypatch, who, moment):
    """Cut in the middle of loading, learning or keeping; then go on, or find nothing and say so."""
    requests, ask = [0], Driver.ask

    def asked(driver, request):
        requests[0] += 1
        if requests[0] == moment:
            raise CutError
        return ask(driver, request)

    monkeypatch.setattr(Driver, "ask", asked)
    arguments = (*desk.board, *desk.run, "--epochs", EPOCHS, "--keep-state", 1)
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert isinstance(result.exception, CutError)
    monkeypatch.setattr(Driver, "ask", ask)
    if who == "board":
        desk.cut_power()
    if moment < 100:
        printed = metabit(*desk.board, "--kept", status=1)
        assert "nothing that can be used is kept in the flash: slot 0: nothing that was" in printed
        return
    metabit(*desk.board, "--kept", "--keep-state", 2, "--json", desk.found)
    assert desk.state == desk.expected


def test_what_is_kept_of_other_data_is_refused(desk, tmp_path):
    metabit(*desk.board, *desk.run, "--epochs", 1, "--keep-state", 1)
    other = write_dataset(tmp_path / "other.npz", 62)
    printed = metabit(*desk.board, "--kept", "--dataset", other, status=1)
    assert "data" in printed


def test_options_that_would_change_what_is_kept_are_refused(desk):
    printed = metabit(*desk.board, "--kept", "--seed", 3, status=1)
    assert "--seed cannot be given with --kept" in printed
