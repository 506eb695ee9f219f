"""CRC-32 of words of memory, to see that they are what was stored."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..shape import LANES

CRC_BITS = 32

_POLYNOMIAL = 0xEDB88320
"""Of IEEE 802.3, with the highest power in bit 0."""

_INITIAL = (1 << CRC_BITS) - 1

_STEP_BITS = 8
"""Bits of a word that are taken in a cycle."""


def crc_step(crc: Value, data: Value) -> Value:
    """Return the CRC, complemented as in its register, after more bits, lowest first."""
    # Each bit of the remainder as the set of bits of ``crc ^ data`` whose sum it is.
    sums: list[set[int]] = [{n} for n in range(CRC_BITS)]
    for _ in range(len(data)):
        out = sums[0]
        sums = [*sums[1:], set()]
        sums = [each ^ out if _POLYNOMIAL >> n & 1 else each for n, each in enumerate(sums)]
    mixed = crc ^ Cat(data, Const(0, CRC_BITS - len(data)))
    return Cat(_sum([mixed[n] for n in sorted(each)]) for each in sums)


def _sum(bits: Sequence[Value]) -> Value:
    return Cat(*bits).xor()


class Checksum(wiring.Component):
    """CRC-32 as of zlib, over the bytes of words of memory, lowest first.

    A word takes eight cycles, in which it must stand still, and its last byte another one.

    Attributes
    ----------
    start : In(1)
        Begin anew; nothing is taken in this cycle.
    words : In(stream of 64 bits)
    crc : Out(32)
        Of all words that were taken.
    """

    start: In(1)
    words: In(stream.Signature(LANES))
    crc: Out(CRC_BITS)

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        steps = LANES // _STEP_BITS
        step = Signal(range(steps))
        register = Signal(CRC_BITS, init=_INITIAL)
        byte, chosen = Signal(_STEP_BITS, reset_less=True), Signal()
        m.d.comb += [
            self.words.ready.eq((step == steps - 1) & ~self.start),
            self.crc.eq(~register),
        ]
        # A byte is chosen in one cycle, and summed in the next.
        m.d.sync += [
            byte.eq(self.words.payload.word_select(step, _STEP_BITS)),
            chosen.eq(self.words.valid & ~self.start),
        ]
        with m.If(self.start):
            m.d.sync += [register.eq(_INITIAL), step.eq(0)]
        with m.Else():
            with m.If(self.words.valid):
                m.d.sync += step.eq(step + 1)
            with m.If(chosen):
                m.d.sync += register.eq(crc_step(register, byte))
        return m
