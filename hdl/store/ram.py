"""RAMs of an iCE40 UltraPlus, each with a model for everything else."""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2, exact_log2
from amaranth.vendor import LatticeICE40Platform

from ..shape import LANES, SPRAM_WORDS

ADDRESS_BITS = exact_log2(SPRAM_WORDS)
"""Bits of the address of a word of 64 bits."""

_RAM_BITS = 16
"""Bits of a word of one of the RAMs."""


class Spram(wiring.Component):
    """One single-port RAM of 16,384 x 16 bits, its contents undefined at power-up.

    Inputs of the primitive SB_SPRAM256KA that we do not use (nibble mask, stand-by, sleep,
    power-off) are tied off. Anywhere but on an iCE40 it is a memory that behaves the same.

    Attributes
    ----------
    address : In(14)
    write : In(1)
        Write instead of read.
    write_data : In(16)
    read_data : Out(16)
        What stood at the address of the last cycle, if that was a read.
    """

    address: In(ADDRESS_BITS)
    write: In(1)
    write_data: In(_RAM_BITS)
    read_data: Out(_RAM_BITS)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if isinstance(platform, LatticeICE40Platform):
            m.submodules.ram = Instance(
                "SB_SPRAM256KA",
                i_ADDRESS=self.address,
                i_DATAIN=self.write_data,
                i_MASKWREN=Const(0b1111, 4),
                i_WREN=self.write,
                i_CHIPSELECT=Const(1),
                i_CLOCK=ClockSignal("sync"),
                i_STANDBY=Const(0),
                i_SLEEP=Const(0),
                i_POWEROFF=Const(1),
                o_DATAOUT=self.read_data,
            )
            return m
        m.submodules.memory = memory = Memory(shape=_RAM_BITS, depth=SPRAM_WORDS, init=[])
        write_port, read_port = memory.write_port(), memory.read_port()
        m.d.comb += [
            write_port.addr.eq(self.address),
            write_port.data.eq(self.write_data),
            write_port.en.eq(self.write),
            read_port.addr.eq(self.address),
            read_port.en.eq(~self.write),
            self.read_data.eq(read_port.data),
        ]
        return m


class WideSpram(wiring.Component):
    """Four :class:`Spram` with one address: a word of 64 bits an access, one access a cycle.

    Attributes
    ----------
    address : In(14)
    write : In(1)
        Write instead of read.
    write_data : In(64)
    read_data : Out(64)
        What stood at the address of the last cycle, if that was a read.
    """

    address: In(ADDRESS_BITS)
    write: In(1)
    write_data: In(LANES)
    read_data: Out(LANES)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rams = [Spram() for _ in range(LANES // _RAM_BITS)]
        for n, ram in enumerate(rams):
            m.submodules[f"ram_{n}"] = ram
            m.d.comb += [
                ram.address.eq(self.address),
                ram.write.eq(self.write),
                ram.write_data.eq(self.write_data.word_select(n, _RAM_BITS)),
            ]
        m.d.comb += self.read_data.eq(Cat(ram.read_data for ram in rams))
        return m


class ByteRam(wiring.Component):
    """A memory with one read and one write port, the latter for the bytes that ``mask`` names.

    On an iCE40 a row of block RAMs of 256 x 16, if they are deep enough. That one signal enables a
    write and others choose the bytes is lost where it is inferred, and takes a look-up table for
    every byte. No address may be read while it is written.

    Parameters
    ----------
    width : int
        A multiple of 16.
    depth : int

    Attributes
    ----------
    read, write : In(1)
    read_address, write_address : In
    read_data : Out(width)
    write_data : In(width)
    mask : In(width // 8)
        Bytes that are written.
    """

    _DEPTH = 256

    def __init__(self, width: int, depth: int) -> None:
        self._width, self._depth = width, depth
        bits = ceil_log2(depth)
        super().__init__(
            {
                "read": In(1),
                "read_address": In(bits),
                "read_data": Out(width),
                "write": In(1),
                "write_address": In(bits),
                "write_data": In(width),
                "mask": In(width // 8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if isinstance(platform, LatticeICE40Platform) and self._depth <= self._DEPTH:
            for n in range(self._width // _RAM_BITS):
                kept = Cat(bit.replicate(8) for bit in ~self.mask[2 * n : 2 * n + 2])
                m.submodules[f"ram_{n}"] = Instance(
                    "SB_RAM40_4K",
                    p_READ_MODE=0,
                    p_WRITE_MODE=0,
                    i_RCLK=ClockSignal("sync"),
                    i_RCLKE=Const(1),
                    i_RE=self.read,
                    i_RADDR=Cat(self.read_address, Const(0, 11 - len(self.read_address))),
                    i_WCLK=ClockSignal("sync"),
                    i_WCLKE=Const(1),
                    i_WE=self.write,
                    i_WADDR=Cat(self.write_address, Const(0, 11 - len(self.write_address))),
                    i_MASK=kept,
                    i_WDATA=self.write_data.word_select(n, _RAM_BITS),
                    o_RDATA=self.read_data.word_select(n, _RAM_BITS),
                )
            return m
        m.submodules.memory = memory = Memory(shape=self._width, depth=self._depth, init=[])
        write_port, read_port = memory.write_port(granularity=8), memory.read_port()
        m.d.comb += [
            read_port.addr.eq(self.read_address),
            read_port.en.eq(self.read),
            self.read_data.eq(read_port.data),
            write_port.addr.eq(self.write_address),
            write_port.data.eq(self.write_data),
            write_port.en.eq(Mux(self.write, self.mask, 0)),
        ]
        return m
