"""The image of an encoder: bytes that are read several at a time, from any place on."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from ..select import select
from .sizes import Sizes

BYTE = 8


class Image(wiring.Component):
    """Bytes in ``lanes`` banks, and two readers of ``lanes`` bytes a cycle.

    The byte at address a lies in bank ``a % lanes``. From ``pixel`` on, each bank holds one of
    ``lanes`` bytes, whatever the remainder: ``pixels[b]`` is that of bank b. ``neighbours[b]`` is
    the byte that is as far from it as ``neighbour`` is from ``pixel``. Both come a cycle after the
    addresses. So bytes of pixels are never turned, and those of neighbours by the distance alone.

    Parameters
    ----------
    sizes : Sizes

    Attributes
    ----------
    write : In(1)
        Write ``write_data`` to ``write_address``; nothing is read meanwhile.
    write_address, write_data : In
    pixel, neighbour : In
        Addresses.
    pixels, neighbours : Out(lanes x 8 bits)
    """

    def __init__(self, sizes: Sizes) -> None:
        self._sizes = sizes
        lanes = data.ArrayLayout(BYTE, sizes.lanes)
        super().__init__(
            {
                "write": In(1),
                "write_address": In(sizes.address_bits),
                "write_data": In(BYTE),
                "pixel": In(sizes.address_bits),
                "neighbour": In(sizes.address_bits),
                "pixels": Out(lanes),
                "neighbours": Out(lanes),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        lanes, bank_bits = self._sizes.lanes, self._sizes.bank_bits
        turned = Signal(max(1, bank_bits))
        m.d.sync += turned.eq((self.neighbour - self.pixel)[:bank_bits])
        read = []
        for bank in range(lanes):
            kept = memory.Memory(shape=BYTE, depth=self._sizes.pixels // lanes, init=[])
            m.submodules[f"bank_{bank}"] = kept
            write, first, second = kept.write_port(), kept.read_port(), kept.read_port()
            m.d.comb += [
                write.en.eq(self.write & (self.write_address[:bank_bits] == bank)),
                write.addr.eq(self.write_address[bank_bits:]),
                write.data.eq(self.write_data),
                first.addr.eq(self._place(self.pixel, bank)),
                second.addr.eq(self._place(self.neighbour, bank)),
                self.pixels[bank].eq(first.data),
            ]
            read.append(second.data)
        for lane in range(lanes):
            m.d.comb += self.neighbours[lane].eq(
                select([*read[lane:], *read[:lane]], turned) if bank_bits else read[lane]
            )
        return m

    def _place(self, address: Value, bank: int) -> Value:
        """Return where in a bank the first byte from an address on lies that is kept there."""
        bits = self._sizes.bank_bits
        return address[bits:] + Mux(bank < address[:bits], 1, 0) if bits else address
