"""Popcount: how many of many bits are set."""

from amaranth.hdl import Cat, ClockSignal, Instance, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..behavioural import Behavioural


def _compress(columns: list[Value]) -> list[Value]:
    """Apply one level of 3:2 compressors (full adders) to columns of bits of equal weight.

    The compressors of a column work on vectors: the same gates as one by one, but far less to
    elaborate and to simulate.
    """
    reduced: list[list[Value]] = [[] for _ in range(len(columns) + 1)]
    for weight, column in enumerate(columns):
        if third := len(column) // 3:
            a, b, c = (column[n * third : (n + 1) * third] for n in range(3))
            reduced[weight].append(a ^ b ^ c)
            reduced[weight + 1].append((a & b) | (a & c) | (b & c))
        reduced[weight].append(column[3 * third :])
    return [Cat(parts) for parts in (reduced if reduced[-1] else reduced[:-1])]


def _levels(width: int) -> int:
    """Compressor levels until no weight has more than two bits left."""
    heights, levels = [width], 0
    while max(heights) > 2:
        carries = [0, *(height // 3 for height in heights)]
        heights = [h // 3 + h % 3 for h in heights] + [0]
        heights = [h + c for h, c in zip(heights, carries, strict=True)]
        levels += 1
    return levels


class Popcount(wiring.Component):
    """Count the ones of a word with a pipelined compressor tree.

    Explicit full adders take fewer LUTs than a tree of ``+`` operators, and a register after
    every other level costs nothing where each LUT has a flip-flop behind it. On platform
    :class:`~metabit.hdl.behavioural.Behavioural` the tree is an instance of a module that counts.

    Parameters
    ----------
    width : int
        Bits to count.

    Attributes
    ----------
    latency : int
        Cycles from ``bits`` to ``count``; one word enters every cycle.
    bits : In(width)
    count : Out(range(width + 1))
    """

    _LEVELS_PER_STAGE = 2

    def __init__(self, width: int) -> None:
        self._depth = _levels(width)
        self.latency = self._depth // self._LEVELS_PER_STAGE + 1
        super().__init__({"bits": In(width), "count": Out(range(width + 1))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if isinstance(platform, Behavioural):
            m.submodules.count = Instance(
                platform.POPCOUNT,
                p_WIDTH=len(self.bits),
                p_LATENCY=self.latency,
                i_clk=ClockSignal(),
                i_bits=self.bits,
                o_count=self.count,
            )
            return m
        columns: list[Value] = [self.bits]
        for level in range(1, self._depth + 1):
            registered = level % self._LEVELS_PER_STAGE == 0
            domain = m.d.sync if registered else m.d.comb
            compressed = _compress(columns)
            columns = []
            for weight, bits in enumerate(compressed):
                column = Signal(len(bits), name=f"level_{level}_weight_{weight}", reset_less=True)
                domain += column.eq(bits)
                columns.append(column)
        addends = [
            Cat(column[n] if len(column) > n else 0 for column in columns)
            for n in range(max(map(len, columns)))
        ]
        count = Signal.like(self.count, reset_less=True)
        m.d.sync += count.eq(sum(addends[1:], addends[0]))
        m.d.comb += self.count.eq(count)
        return m
