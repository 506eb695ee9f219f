"""The place of a word in the device, and how it goes on to the next."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..bundles import Space
from ..shape import Shape
from .arithmetic import at_least, counted
from .protocol import MAX_WORDS, Request, limit

_PART_BITS = 3


class Place(wiring.Component):
    """Counter of places: part by part in space COUNTERS, address by address in the others.

    Parameters
    ----------
    shape : Shape
        Says how many parts and addresses there are.

    Attributes
    ----------
    load : in
        Start where ``header`` says.
    header : :class:`Request`, in
    step : in
        Go on to the next word.
    space, element, part, address : out
        Where we are. What does not fit is cut off by ``load``.
    beyond : out
        There is no such place, or none where ``header`` says; ``header`` must stand still. Comes a
        cycle late.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        limits = {space: limit(space, shape) for space in Space}  # type: ignore[attr-defined]
        self._limits = {space: end for space, end in limits.items() if end}
        # So that a transfer that leaves a space is seen to do so.
        self._address_bits = (max(self._limits.values()) + MAX_WORDS).bit_length()
        super().__init__(
            {
                "load": In(1),
                "header": In(Request()),
                "step": In(1),
                "space": Out(Space),
                "element": Out(ceil_log2(shape.elements)),
                "part": Out(_PART_BITS),
                "address": Out(self._address_bits),
                "beyond": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        shape, header = self._shape, self.header
        first = header.address[: self._address_bits]
        has_parts = Signal()
        last_part = Signal()
        m.d.comb += [
            has_parts.eq(self.space == Space.COUNTERS),
            last_part.eq(self.part == shape.parts - 1),
        ]
        with m.If(self.load):
            m.d.sync += [self.space.eq(header.space), self.element.eq(header.element)]
        with m.If(self.load | (self.step & (last_part | ~has_parts))):
            m.d.sync += self.address.eq(counted(self.address, self.load, first))
        with m.If(self.load):
            m.d.sync += self.part.eq(header.part)
        with m.Elif(self.step & has_parts):
            m.d.sync += self.part.eq(self.part + 1)
            if shape.parts != 1 << _PART_BITS:
                with m.If(last_part):
                    m.d.sync += self.part.eq(0)

        past_end, unknown = Signal(), Signal()
        with m.Switch(self.space):
            for space, end in self._limits.items():
                with m.Case(space):
                    m.d.sync += past_end.eq(at_least(self.address, end))
            with m.Default():
                m.d.sync += past_end.eq(1)
        m.d.sync += unknown.eq(
            header.address[self._address_bits :].any()
            | at_least(header.element, shape.elements)
            | at_least(header.part, shape.parts)
            | header.space[len(self.space.as_value()) :].any()
        )
        m.d.comb += self.beyond.eq(past_end | unknown)
        return m
