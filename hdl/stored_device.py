"""A device with the controller of the memory chip that it plays samples from."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .device import Device
from .memory.flash import Flash
from .memory.parts import AS4C16M16SA_7
from .memory.pins import FlashPins, SdramPins
from .memory.sdram import Sdram
from .shape import Shape


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
        if self._shape.stored == "flash":
            m.submodules.flash = flash = Flash()
            wiring.connect(m, device.fetch, flash.fetch)
            wiring.connect(m, flash.pins, wiring.flipped(self.flash))
            return m
        m.submodules.sdram = sdram = Sdram(AS4C16M16SA_7, self._clock_mhz)
        wiring.connect(m, device.fetch, sdram.fetch)
        wiring.connect(m, device.store, sdram.store)
        wiring.connect(m, sdram.pins, wiring.flipped(self.sdram))
        return m
