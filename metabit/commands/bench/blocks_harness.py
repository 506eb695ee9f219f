"""Registers around a block, by which the clock that it reaches alone is measured."""

from collections.abc import Iterator

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

_RUN = 64
"""Longest run of registers: synthesis follows it by recursion."""


class Harness(wiring.Component):
    """Put a register before every input of a component and behind every output.

    Paths that begin or end at a port are then paths between registers, and two pins are enough for
    any number of ports: the registers of the inputs are shift registers, and what those of the
    outputs hold is folded into others, an XOR a bit. No register has a reset, and between two of
    them lies at most one look-up table.

    Parameters
    ----------
    block : Component
    name : str
        Of the block, as a submodule.

    Attributes
    ----------
    serial : In(1)
        Comes to all inputs.
    folded : Out(1)
        Depends on all outputs.
    """

    def __init__(self, block: wiring.Component, name: str) -> None:
        self._block = block
        self._name = name
        super().__init__({"serial": In(1), "folded": Out(1)})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules[self._name] = block = self._block
        before, behind = [], []
        for path, member, port in block.signature.flatten(block):
            value = Value.cast(port)
            register = Signal(len(value), name="__".join(("at", *map(str, path))), reset_less=True)
            if member.flow is In:
                m.d.comb += value.eq(register)
                before.append(register)
            else:
                m.d.sync += register.eq(value)
                behind.append(register)
        self._shift(m, Cat(before))
        self._fold(m, Cat(behind))
        return m

    def _shift(self, m: Module, registers: Value) -> None:
        """Fill registers bit by bit, no two of them alike: those would become one."""
        runs = list(_runs(registers))
        source = Signal(len(runs) + 1, reset_less=True)
        m.d.sync += source.eq(Cat(self.serial, source))
        for n, run in enumerate(runs):
            m.d.sync += run.eq(Cat(source[n] ^ source[n + 1], run))

    def _fold(self, m: Module, registers: Value) -> None:
        """Make a bit of all."""
        while len(registers) > 1:
            ends = []
            for run in _runs(registers):
                fold = Signal(len(run), reset_less=True)
                m.d.sync += fold.eq(run ^ (fold << 1))
                ends.append(fold[-1])
            registers = Cat(ends)
        m.d.comb += self.folded.eq(registers)


def _runs(registers: Value) -> Iterator[Value]:
    for start in range(0, len(registers), _RUN):
        yield registers[start : start + _RUN]
