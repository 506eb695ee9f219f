"""A serial flash, pulse by pulse: it answers commands, and asserts how they must be sent.

What a W25Q128JV does, as far as a reader may use it.
"""

import random
from typing import Any

from amaranth.sim import SimulatorContext

WAKE_CYCLES = 130  # 3 us at 41 MHz
WRITE_DESELECT = 3  # 50 ns at 41 MHz
SIZE = 1 << 24


class FlashModel:
    """A chip that wakes up as its last user left it.

    Parameters
    ----------
    pins : interface
        :class:`metabit.hdl.memory.pins.FlashPins` of the controller.
    asleep : bool
        It is in power-down.
    in_continuous : bool
        It expects an address, no command.
    quad : bool
        Quad enable is set.
    """

    def __init__(
        self,
        pins: Any,
        *,
        asleep: bool = False,
        in_continuous: bool = False,
        quad: bool = False,
    ) -> None:
        self._pins = pins
        self._asleep = asleep
        self._continuous = in_continuous
        self._quad = quad
        self._volatile = False
        self._noise = random.Random(2)
        self._history: list[int | None] = [None, None]  # what stood on the pins: two pads' delay
        self._driven: int | None = None
        self._wakes = 0
        self._selected = False
        self._deselected = 0
        self._pause = 1  # cycles of deselection that the last command demands
        self._clocks: list[tuple[int, int]] = []  # dq and which bits are driven, of every pulse
        self.cycle = 0
        self.commands: list[int] = []
        self.pulses = 0

    def byte(self, address: int) -> int:
        """Return what lies at an address: a hash of it."""
        return ((address * 0x9E3779B1) >> 11 ^ address >> 3) & 0xFF

    def word(self, address: int) -> int:
        """Return the 64 bits of a word of the controller."""
        return sum(self.byte((8 * address + k) % SIZE) << 8 * k for k in range(8))

    async def run(self, ctx: SimulatorContext) -> None:
        """Be a testbench that runs for ever."""
        while True:
            self._step(ctx)
            await ctx.tick()
            self.cycle += 1

    def _step(self, ctx: SimulatorContext) -> None:
        pins = self._pins
        seen = self._history.pop(0)
        ctx.set(pins.dq_i, self._noise.getrandbits(4) if seen is None else seen)
        # The pins in this cycle's turn: stable until the pulse falls.
        before = self._driven
        driving = ctx.get(pins.dq_oe)
        assert before is None or not driving, f"cycle {self.cycle}: both sides drive the pins"
        if ctx.get(pins.cs_n):
            assert not ctx.get(pins.sck), f"cycle {self.cycle}: a pulse while deselected"
            if self._selected:
                self._deselect()
            self._deselected += 1
        else:
            if not self._selected:
                assert self._deselected >= self._pause, f"cycle {self.cycle}: deselected too short"
                self._selected, self._deselected, self._clocks = True, 0, []
            if ctx.get(pins.sck):
                self.pulses += 1
                self._clocks.append((ctx.get(pins.dq_o), driving))
                self._pulse()
        self._history.append(before)

    def _deselect(self) -> None:
        self._selected, self._driven, self._pause = False, None, 1
        clocks, sent = len(self._clocks), self._bytes()
        if self._continuous:
            # A mode byte has to come, or the chip goes on to expect an address.
            if clocks >= 8:
                self._continuous = self._mode(0) & 0x30 == 0x20
            return
        if clocks < 8:
            return
        self.commands.append(sent[0])
        if self._asleep:
            assert sent[0] in (0xFF, 0xAB), f"command {sent[0]:02x} while asleep"
            if sent[0] == 0xAB:
                self._asleep, self._wakes = False, self.cycle + WAKE_CYCLES
            return
        assert self.cycle >= self._wakes or sent[0] == 0xFF, "command before it is awake"
        if sent[0] == 0x50:
            self._volatile = True
        elif sent[0] == 0x31:
            assert self._volatile, "status is written without leave"
            assert sent[1:] == [0x02], f"status register 2 becomes {sent[1:]}"
            self._quad, self._volatile, self._pause = True, False, WRITE_DESELECT
        elif sent[0] == 0xEB:
            self._continuous = self._mode(8) & 0x30 == 0x20
        else:
            assert sent[0] in (0xFF, 0xAB), f"command {sent[0]:02x} is not known"

    def _bytes(self) -> list[int]:
        """Return what was sent on IO0 alone."""
        bits = [dq & 1 for dq, _ in self._clocks]
        return [int("".join(map(str, bits[i : i + 8])), 2) for i in range(0, len(bits) // 8 * 8, 8)]

    def _nibble(self, clock: int) -> int:
        dq, driven = self._clocks[clock]
        assert driven == 0xF, f"clock {clock} of an address: pins float"
        return dq

    def _mode(self, command_clocks: int) -> int:
        high, low = (self._nibble(command_clocks + i) for i in (6, 7))
        return high << 4 | low

    def _pulse(self) -> None:
        """Drive what follows this pulse."""
        first = 0 if self._continuous else 8
        clocks = len(self._clocks)
        if not self._continuous:
            if not self._quad:
                dq, driven = self._clocks[-1]
                assert driven & 0xC == 0xC, "a pin floats that protects or holds"
                assert dq & 0xC == 0xC, "write protect or hold is active"
            if clocks < 8 or self._bytes()[0] != 0xEB:
                return
            assert self._quad, "quad read without quad enable"
            assert not self._asleep, "read while asleep"
            assert self.cycle >= self._wakes, "read before it is awake"
        header = first + 6 + 2 + 4
        if clocks < header:
            return
        assert clocks > header or self._clocks[-1][1] == 0, "pins are driven up to the first nibble"
        address = 0
        for i in range(6):
            address = address << 4 | self._nibble(first + i)
        number = clocks - header
        byte = self.byte((address + number // 2) % SIZE)
        self._driven = byte & 15 if number % 2 else byte >> 4
