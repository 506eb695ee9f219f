"""Models of memory chips at the pins of a simulated device."""

from pathlib import Path

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from metabit.sim.chips import Chips, ViolationError
from metabit.sim.model import SimulatedDevice
from metabit.sim.verilate import build
from tests.sim.players import FlashSteps, SdramSteps, chips, flash_player, play, sdram_player
from tests.sim.small import Increment


@pytest.fixture(scope="module")
def sdram() -> Path:
    return build(sdram_player(), optimise="-O0")


class Both(wiring.Component):
    """A device with pins of both chips that does nothing with them but hold them still."""

    def __init__(self) -> None:
        self._players = {"sdram": sdram_player(), "flash": flash_player()}
        members = {"rx": In(stream.Signature(8)), "tx": Out(stream.Signature(8))}
        for name, player in self._players.items():
            members[name] = Out(getattr(player, name).signature)
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        for name, player in self._players.items():
            m.submodules[name] = player
            wiring.connect(m, getattr(player, name), wiring.flipped(getattr(self, name)))
        m.d.comb += self.rx.ready.eq(1)
        return m


def test_a_device_may_have_both_chips(tmp_path):
    library = build(Both(), optimise="-O0")
    with SimulatedDevice(library, Chips(12.5)) as device:
        assert list(device.chips) == ["sdram", "flash"]
        device.run(1000)
        assert device.chips["sdram"].counters["edges"] == 1000  # none of those in reset
        assert device.chips["flash"].violations == []


def test_devices_with_and_without_pins_are_told_apart(sdram):
    with pytest.raises(ValueError, match="this device has pins of sdram; name its clock period"):
        SimulatedDevice(sdram)
    library = build(Increment(), optimise="-O0")
    with pytest.raises(ValueError, match="this device has no pins of memory chips"):
        SimulatedDevice(library, Chips(10))
    with SimulatedDevice(library) as device:
        assert device.chips == {}


def test_settings_that_are_none_are_refused(sdram):
    with pytest.raises(ValueError, match="the model of the sdram has no setting 'tXYZ'"):
        SimulatedDevice(sdram, Chips(10, sdram={"tXYZ": 1}))
    with pytest.raises(ValueError, match="a pad of the sdram takes 1 to 8 cycles, not 9"):
        SimulatedDevice(sdram, Chips(10, pads={"sdram": 9}))
    with pytest.raises(ValueError, match="period must be above 0 ns, not 0"):
        Chips(0)
    with SimulatedDevice(sdram, Chips(10, sdram={"tRP": 22.5})) as device:
        assert device.chips["sdram"].setting("tRP") == 22.5
        with pytest.raises(KeyError):
            device.chips["sdram"].setting("tXYZ")


@pytest.mark.parametrize("delay", [1, 2, 3])
def test_pads_delay_what_is_captured(sdram, delay):
    steps = SdramSteps().start().activate().wait(3).write(0, 0, (0x1234,)).wait(6)
    at = len(steps)
    steps.read(0, 0).wait(8)
    with SimulatedDevice(sdram, Chips(10, pads={"sdram": delay})) as device:
        seen = play(device, steps).tolist()
    assert seen[at:].index(0x1234) == 2 + delay


def test_violations_are_raised_once_and_the_device_goes_on(sdram):
    with SimulatedDevice(sdram, chips()) as device:
        device.supply(np.array(SdramSteps().refresh().wait(5), np.uint64), 6)
        with pytest.raises(
            ViolationError, match=r"sdram, 55\.000 ns: power-up: refresh after 15\.000"
        ):
            device.run(100)
        # It has stopped at once.
        assert device.cycles == 6
        device.run(100)
        assert device.cycles == 106
        assert {violation.name for violation in device.chips["sdram"].violations} == {
            "power-up",
            "initialisation",
        }


def test_a_reset_takes_the_power_of_the_chips_away(sdram):
    steps = SdramSteps().start().activate().wait(3).write(0, 0, (0x1234,)).wait(3)
    with SimulatedDevice(sdram, chips()) as device:
        chip = device.chips["sdram"]
        steps.play(device)
        assert chip.save(0, 2) == b"\x34\x12"
        device.reset()
        assert chip.save(0, 2) == b"\0\0"
        # Nothing is owed, all has to be set up again.
        steps.play(device)
        assert chip.counters["refreshes"] == 4
        device.reset()
        with pytest.raises(ViolationError, match="power-up: refresh after"):
            SdramSteps().refresh().play(device)


def test_a_flash_memory_keeps_its_contents_without_power():
    library = build(flash_player(), optimise="-O0")
    settings = {"tVSL": 0, "tPUW": 0, "tW": 1000}
    with SimulatedDevice(library, chips(flash=settings)) as device:
        device.chips["flash"].load(5, b"contents")
        steps = FlashSteps().instruct(0x50).instruct(0x31, 0x02).out(0x35).take(1).off()
        assert steps.play(device) == b"\x02"
        device.reset()
        assert FlashSteps().out(0x35).take(1).off().play(device) == b"\x00"
        assert device.chips["flash"].save(5, 8) == b"contents"
        steps = FlashSteps().instruct(0x06).instruct(0x31, 0x02, off=100)
        steps.play(device)
        device.reset()
        assert FlashSteps().out(0x35).take(1).off().play(device) == b"\x02"
