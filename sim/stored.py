"""A simulated device with the memory chip that it plays samples from."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from ..boards.registry import board_of
from ..hdl.memory.pins import FLASH_PAD_CYCLES, SDRAM_PAD_CYCLES
from ..hdl.shape import Shape
from ..hdl.stored_device import StoredDevice
from ..host.driver import Driver
from .chips import Chip, Chips
from .model import SimulatedDevice
from .source import Report, Rtl
from .transport import SimulatedTransport, patience
from .verilate import build

_USUAL_MHZ = 40.0
"""Clock of a device that is built for no board."""

_PADS: dict[Literal["sdram", "flash"], int] = {
    "sdram": SDRAM_PAD_CYCLES,
    "flash": FLASH_PAD_CYCLES,
}
"""Cycles of a model's pads: its edges come as soon as pins change, a board's a cycle later."""


_CONFIGURED = {"tVSL": 0.0, "tPUW": 0.0, "asleep": 1.0}
"""A flash has been awake before the device is: the FPGA is configured from it, and leaves it in
power-down."""


def clock_mhz(shape: Shape) -> float:
    """Return the clock of the board that a shape is built for."""
    board = board_of(shape.name)
    return board.clock_of(shape.name) if board else _USUAL_MHZ


def build_stored(
    shape: Shape, *, exact_popcount: bool = False, report: Report = lambda step: None
) -> Path:
    """Compile a device with its controller; see :func:`~metabit.sim.verilate.build`."""
    source = Rtl(StoredDevice(shape, clock_mhz(shape)), exact_popcount=exact_popcount)
    return build(source, report=report)


def open_stored(
    library: Path,
    shape: Shape,
    *,
    blank: bool = False,
    flash: Mapping[str, float] = MappingProxyType({}),
) -> tuple[Driver, Chip]:
    """Return the driver of such a device, and its memory chip, whose rules it must keep.

    Parameters
    ----------
    library : Path
        From :func:`build_stored`.
    shape : Shape
        What was built.
    blank : bool
        An SDRAM may be read before it has been written: the host looks what is there.
    flash : mapping of str to float
        Settings of a flash memory; see :class:`~metabit.sim.chips.Chips`.
    """
    settings = {"watch_unwritten": 0.0} if blank else {}
    chips = Chips(
        1000 / clock_mhz(shape), sdram=settings, flash={**_CONFIGURED, **flash}, pads=_PADS
    )
    device = SimulatedDevice(library, chips)
    driver = Driver(SimulatedTransport(device, patience(shape)), shape)
    return driver, device.chips[shape.stored]  # type: ignore[index]
