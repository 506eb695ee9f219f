"""The four single-port RAMs of an iCE40 UltraPlus, side by side."""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2
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
