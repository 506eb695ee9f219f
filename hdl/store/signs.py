"""The visible sign plane: what the forward passes see."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In

from ..bundles import SignFetch
from ..shape import LANES, Shape
from .flips import BEAT, PARTS, SignWrite


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
        for element in range(self._shape.elements):
            memory = Memory(shape=LANES, depth=self._shape.depth, init=[])
            m.submodules[f"signs_{element}"] = memory
            write_port, read_port = memory.write_port(granularity=BEAT), memory.read_port()
            m.d.comb += [
                read_port.addr.eq(self.fetch.addresses[element]),
                read_port.en.eq(~self.write.valid),
                self.fetch.signs[element].eq(read_port.data),
                write_port.addr.eq(self.write.address),
                write_port.data.eq(beat.signs.replicate(PARTS)),
            ]
            with m.If(self.write.valid & (beat.element == element)):
                m.d.comb += write_port.en.eq(1 << beat.part)
        return m
