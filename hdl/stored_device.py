"""A device with the controller of the memory chip that it plays samples from."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .device import Device
from .memory.flash import Flash
from .memory.parts import AS4C16M16SA_7
from .memory.pins import FlashPins, SdramPins
from .memory.sdram import Sdram
from .shape import Shape


def connect_memory(m: Module, device: Device, clock_mhz: float) -> Any:
    """Give a device the controller of the memory that its shape names, and return its pins.

    Parameters
    ----------
    m : Module
        Where the device is; gets the controller.
    device : Device
        Plays stored samples.
    clock_mhz : float
        Of domain ``sync``; the controller keeps the chip's times by it.
    """
    if device.shape.stored == "flash":
        m.submodules.flash = flash = Flash()
        wiring.connect(m, device.fetch, flash.fetch)
        if device.shape.keeps:
            wiring.connect(m, device.instruct, flash.instruct)
        return flash.pins
    m.submodules.sdram = sdram = Sdram(AS4C16M16SA_7, clock_mhz)
    wiring.connect(m, device.fetch, sdram.fetch)
    wiring.connect(m, device.store, sdram.store)
    return sdram.pins


class StoredDevice(wiring.Component):
    """Device and controller: what a board has between its serial line and its memory chip.

    Parameters
    ----------
    shape : Shape
        Of a device that plays stored samples.
    clock_mhz : float
        Of domain ``sync``; the controller keeps the chip's times by it.

    Attributes
    ----------
    rx, tx : streams of 8 bits, in and out
        As those of :class:`~metabit.hdl.device.Device`.
    sdram, flash : Out(SdramPins), Out(FlashPins)
        The one that the shape names.
    """

    def __init__(self, shape: Shape, clock_mhz: float) -> None:
        self._shape, self._clock_mhz = shape, clock_mhz
        pins = {"sdram": SdramPins, "flash": FlashPins}[shape.stored]
        super().__init__(
            {
                "rx": In(stream.Signature(8)),
                "tx": Out(stream.Signature(8)),
                shape.stored: Out(pins()),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.device = device = Device(self._shape)
        wiring.connect(m, wiring.flipped(self.rx), device.rx)
        wiring.connect(m, device.tx, wiring.flipped(self.tx))
        pins = connect_memory(m, device, self._clock_mhz)
        wiring.connect(m, pins, wiring.flipped(getattr(self, self._shape.stored)))
        return m
