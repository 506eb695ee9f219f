"""The visible sign plane: what the forward passes see."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from ..bundles import SignFetch
from ..shape import LANES, Shape
from .flips import PARTS, SignWrite
from .ram import ByteRam


class SignPlane(wiring.Component):
    """A memory of 64 signs an element, all read side by side, eight signs written at a time.

    Four block RAMs of an iCE40 an element, for up to 256 addresses. While signs are written,
    nothing is read, so that no address is read in the cycle in which it is written.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    fetch : In(SignFetch)
    write : In(SignWrite)
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        super().__init__({"fetch": In(SignFetch(shape)), "write": In(SignWrite(shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        beat = self.write.beat
        mask = Signal(PARTS)
        m.d.comb += mask.eq(1 << beat.part)
        for element in range(self._shape.elements):
            m.submodules[f"signs_{element}"] = ram = ByteRam(LANES, self._shape.depth)
            m.d.comb += [
                ram.read.eq(~self.write.valid),
                ram.read_address.eq(self.fetch.addresses[element]),
                self.fetch.signs[element].eq(ram.read_data),
                ram.write.eq(self.write.valid & (beat.element == element)),
                ram.write_address.eq(self.write.address),
                ram.write_data.eq(beat.signs.replicate(PARTS)),
                ram.mask.eq(mask),
            ]
        return m
