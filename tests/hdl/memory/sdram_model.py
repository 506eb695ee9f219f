"""An SDRAM of 16 bits, cycle by cycle: it answers commands, and asserts what a data sheet demands.

Times are those of an AS4C16M16SA-7, written down here again.
"""

import math
import random
from typing import Any

from amaranth.sim import SimulatorContext

# In ns.
TRCD, TRP, TRAS, TRC, TRRD, TWR, TRFC, TMRD = 21, 21, 42, 63, 14, 14, 63, 14
INTERVAL = 7_800
POWER_UP = 200_000

LATENCY, BURST = 3, 4
PADS = 2  # a register on the way out, one on the way in

COMMANDS = {
    0b000: "mode",
    0b001: "refresh",
    0b010: "precharge",
    0b011: "activate",
    0b100: "write",
    0b101: "read",
    0b110: "stop",
    0b111: "nothing",
}


class Bank:
    """What a bank is doing; times are cycles."""

    def __init__(self) -> None:
        self.row: int | None = None
        self.activated = -1000
        self.precharged = -1000
        self.precharges_at: int | None = None  # by itself, behind a READ or WRITE
        self.written = -1000  # the last beat


class SdramModel:
    """A chip of 4 banks of 8,192 rows of 512 beats.

    Parameters
    ----------
    pins : interface
        :class:`metabit.hdl.memory.pins.SdramPins` of the controller.
    clock_mhz : float
    power_up : float
        ns before the first command.
    """

    def __init__(self, pins: Any, clock_mhz: float, power_up: float = POWER_UP) -> None:
        self._pins = pins
        self._clock_mhz = clock_mhz
        self._power_up = power_up
        self._banks = [Bank() for _ in range(4)]
        self._mode: int | None = None
        self._held = (-1000, 0)  # since a REFRESH or SET MODE, for how long
        self._to_drive: dict[int, int] = {}  # dq_i by cycle
        self._busy: set[int] = set()  # cycles in which the chip may drive the pins
        self._to_write: dict[int, tuple[int, int, int]] = {}
        self._precharged = False
        self._activated = -1000
        self._noise = random.Random(1)
        self.cycle = 0
        self.most_between_refreshes = int(INTERVAL * clock_mhz / 1000)
        self.memory: dict[tuple[int, int, int], int] = {}
        self.refreshes: list[int] = []
        self.reads = 0

    def _time(self, cycles: int) -> float:
        """Return how many ns some cycles last, rounded as a chip could not tell."""
        return round(cycles * 1000 / self._clock_mhz, 3)

    def word(self, address: int) -> int:
        """Return the 64 bits of a word of the controller."""
        return sum(self.beat(*place) << (16 * i) for i, place in enumerate(self._places(address)))

    def beat(self, bank: int, row: int, column: int) -> int:
        """Return 16 bits; what has not been written is a hash of its place."""
        unwritten = (bank * 0x9E37 + row * 0x85EB + column * 0xC2B3 + (row >> 4) * column) & 0xFFFF
        return self.memory.get((bank, row, column), unwritten)

    @staticmethod
    def _places(address: int) -> list[tuple[int, int, int]]:
        beat = address * 4
        return [((beat >> 9) & 3, (beat >> 11) & 0x1FFF, (beat & 0x1FF) + i) for i in range(BURST)]

    async def run(self, ctx: SimulatorContext) -> None:
        """Be a testbench that runs for ever."""
        while True:
            self._step(ctx)
            await ctx.tick()
            self.cycle += 1

    def _step(self, ctx: SimulatorContext) -> None:
        pins, now = self._pins, self.cycle
        ctx.set(pins.dq_i, self._to_drive.pop(now, self._noise.getrandbits(16)))
        for bank in self._banks:
            if bank.precharges_at is not None and now >= bank.precharges_at:
                self._precharge(bank, bank.precharges_at)
        if ctx.get(pins.dq_oe):
            assert now + 1 not in self._busy, f"cycle {now}: both sides drive the data pins"
        if self.refreshes and self._mode is not None:
            since = now - self.refreshes[-1]
            assert self._time(since) <= INTERVAL, f"cycle {now}: no REFRESH for {since} cycles"
        self._obey(ctx)
        if now in self._to_write:  # the first beat comes with the command
            assert ctx.get(pins.dq_oe), f"cycle {now}: a beat to write is not driven"
            self.memory[self._to_write.pop(now)] = ctx.get(pins.dq_o)

    def _obey(self, ctx: SimulatorContext) -> None:
        pins, now = self._pins, self.cycle
        if ctx.get(pins.cs_n):
            return
        assert ctx.get(pins.cke), "clock enable is low"
        code = ctx.get(pins.ras_n) << 2 | ctx.get(pins.cas_n) << 1 | ctx.get(pins.we_n)
        name = COMMANDS[code]
        if name == "nothing":
            return
        assert self._time(now) >= self._power_up, f"cycle {now}: {name} before power-up is over"
        assert self._time(now - self._held[0]) >= self._held[1], (
            f"cycle {now}: {name} too early after REFRESH or SET MODE"
        )
        getattr(self, f"_{name}_command")(ctx.get(pins.ba), ctx.get(pins.a), ctx.get(pins.dqm))

    def _precharge(self, bank: Bank, at: int) -> None:
        assert self._time(at - bank.activated) >= TRAS, f"cycle {at}: tRAS"
        assert self._time(at - bank.written) >= TWR, f"cycle {at}: tWR"
        assert at - bank.written >= 2, f"cycle {at}: two cycles of tWR"
        bank.row, bank.precharges_at, bank.precharged = None, None, at

    def _all_idle(self, name: str) -> None:
        for bank in self._banks:
            assert bank.row is None, f"cycle {self.cycle}: {name} while a row is open"
            since = self.cycle - bank.precharged
            assert self._time(since) >= TRP, f"cycle {self.cycle}: {name} before tRP is over"

    def _mode_command(self, bank: int, a: int, dqm: int) -> None:
        self._all_idle("SET MODE")
        assert self._precharged
        assert len(self.refreshes) >= 8, "mode is set before 8 REFRESH"
        assert (bank, a) == (0, 0b011_0_010), f"mode {a:b}: not latency 3, bursts of 4"
        self._mode = a
        self._held = self.cycle, TMRD

    def _refresh_command(self, bank: int, a: int, dqm: int) -> None:
        self._all_idle("REFRESH")
        self.refreshes.append(self.cycle)
        self._held = self.cycle, TRFC

    def _precharge_command(self, bank: int, a: int, dqm: int) -> None:
        self._precharged = True
        chosen = self._banks if a >> 10 & 1 else [self._banks[bank]]
        for one in chosen:
            assert one.precharges_at is None, f"cycle {self.cycle}: PRECHARGE behind another"
            if one.row is not None:
                self._precharge(one, self.cycle)
        if self._busy:
            assert max(self._busy) <= self.cycle + LATENCY + 1, "PRECHARGE cuts a burst"

    def _activate_command(self, number: int, a: int, dqm: int) -> None:
        bank, now = self._banks[number], self.cycle
        assert self._mode is not None, "ACTIVATE before the mode is set"
        assert bank.row is None, f"cycle {now}: ACTIVATE of a bank with an open row"
        assert self._time(now - bank.precharged) >= TRP, f"cycle {now}: tRP"
        assert self._time(now - bank.activated) >= TRC, f"cycle {now}: tRC"
        assert self._time(now - self._activated) >= TRRD, f"cycle {now}: tRRD"
        assert now - self._activated >= 2, f"cycle {now}: two cycles of tRRD"
        bank.row, bank.activated, self._activated = a, now, now

    def _open(self, number: int, dqm: int) -> Bank:
        bank = self._banks[number]
        assert bank.row is not None, f"cycle {self.cycle}: no row is open"
        assert bank.precharges_at is None, f"cycle {self.cycle}: the bank will be precharged"
        assert self._time(self.cycle - bank.activated) >= TRCD, f"cycle {self.cycle}: tRCD"
        assert dqm == 0, "data are masked"
        return bank

    def _read_command(self, number: int, a: int, dqm: int) -> None:
        bank, now = self._open(number, dqm), self.cycle
        self.reads += 1
        for i in range(BURST):
            at = now + LATENCY + PADS + i
            assert at not in self._to_drive, f"cycle {now}: READ cuts the burst before"
            column = (a & 0x1FC) + ((a + i) & 3)
            self._to_drive[at] = self.beat(number, bank.row, column)
        # On the pins, from the edge before the first beat to tHZ behind the last.
        self._busy = {c for c in self._busy if c > now}
        self._busy |= set(range(now + LATENCY, now + LATENCY + BURST + 2))
        if a >> 10 & 1:
            bank.precharges_at = now + BURST

    def _write_command(self, number: int, a: int, dqm: int) -> None:
        bank, now = self._open(number, dqm), self.cycle
        for i in range(BURST):
            column = (a & 0x1FC) + ((a + i) & 3)
            self._to_write[now + i] = number, bank.row, column
        bank.written = now + BURST - 1
        if a >> 10 & 1:
            # By itself, as soon as it may.
            bank.precharges_at = bank.written + max(2, math.ceil(TWR * self._clock_mhz / 1000))
