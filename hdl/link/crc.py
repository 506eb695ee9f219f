"""CRC-16/IBM-3740, a byte a cycle."""

from amaranth.hdl import Cat, Const, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

_BITS = 16
_INITIAL = 0xFFFF


def crc_step(crc: Value, data: Value) -> Value:
    """Return the CRC after another byte.

    The polynomial x^16 + x^12 + x^5 + 1 is so sparse that the eight steps of a byte fold into
    one sum: with ``t`` the high byte plus the data, and ``x = t + (t >> 4)``, the remainder is
    ``(crc << 8) + (x << 12) + (x << 5) + x``, all without carry.
    """
    high = crc[8:] ^ data
    folded = Cat(high[:4] ^ high[4:], high[4:])
    sum_ = Cat(Const(0, 8), crc[:8]) ^ Cat(Const(0, 12), folded[:4])
    return (sum_ ^ Cat(Const(0, 5), folded, Const(0, 3)) ^ folded)[:_BITS]


class Crc(wiring.Component):
    """CRC of the bytes since ``start``.

    About 24 logic cells: written as generic matrix of sums it takes twice as many.

    Attributes
    ----------
    start : in
        Begin anew; nothing is taken in this cycle.
    valid, data : in
        A byte.
    crc : out
        Of all bytes so far. Taking its own high byte moves the low one to where that was.
    zero : out
        It is zero, as after a body with its right CRC.
    """

    start: In(1)
    valid: In(1)
    data: In(8)
    crc: Out(_BITS, init=_INITIAL)
    zero: Out(1)

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.d.comb += self.zero.eq(self.crc == 0)
        with m.If(self.start):
            m.d.sync += self.crc.eq(_INITIAL)
        with m.Elif(self.valid):
            m.d.sync += self.crc.eq(crc_step(self.crc, self.data))
        return m
