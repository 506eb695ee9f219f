"""SDRAM chips: what their data sheets say, and what it means in cycles of a clock."""

import math
from dataclasses import dataclass

BURST = 4
"""Beats of 16 bits of a READ or WRITE: a word."""

MOST_COLUMN_BITS = 10
"""Of READ and WRITE; address bit 10 stands for precharge."""

_LEAST = 2
"""Cycles that some data sheets demand at the least where others give a time."""


@dataclass(frozen=True)
class SdramPart:
    """A single data rate SDRAM of 16 bits and four banks. All times in ns.

    Parameters
    ----------
    column_bits, row_bits : int
        Of the address of a beat in a row, and of a row in a bank.
    cas_latency : int
        Cycles from READ to its first beat.
    power_up : float
        From power to the first command.
    activate_to_read : float
        tRCD.
    precharge : float
        tRP.
    row_open : float
        tRAS: from ACTIVATE to PRECHARGE.
    row_cycle : float
        tRC: between two ACTIVATE of a bank.
    between_rows : float
        tRRD: between two ACTIVATE of different banks.
    write_recovery : float
        tWR: from the last beat written to PRECHARGE.
    refresh : float
        tRFC: from REFRESH to the next command.
    set_mode : float
        tMRD: from MODE REGISTER SET to the next command.
    refresh_interval : float
        Between two REFRESH, at the most.
    shortest_cycle : float
        tCK with this CAS latency.
    """

    column_bits: int
    row_bits: int
    cas_latency: int
    power_up: float
    activate_to_read: float
    precharge: float
    row_open: float
    row_cycle: float
    between_rows: float
    write_recovery: float
    refresh: float
    set_mode: float
    refresh_interval: float
    shortest_cycle: float


AS4C16M16SA_7 = SdramPart(
    column_bits=9,
    row_bits=13,
    cas_latency=3,
    power_up=200_000,
    activate_to_read=21,
    precharge=21,
    row_open=42,
    row_cycle=63,
    between_rows=14,
    write_recovery=14,
    refresh=63,
    set_mode=14,
    refresh_interval=7_800,
    shortest_cycle=7,
)
"""Alliance AS4C16M16SA-7, 32 MiB; data sheet revision 3.0, table 16.

No time is shorter than those of the Winbond W9825G6JH-6 (revision A04, section 9.5), which has the
same geometry: tRC 60, tRAS 42, tRCD 15, tRP 15, tRRD and tWR two cycles. A controller for this part
serves that one, too.
"""


@dataclass(frozen=True)
class SdramCycles:
    """A part at a clock: every time of :class:`SdramPart` in cycles.

    Parameters
    ----------
    part : SdramPart
    clock_mhz : float

    Raises
    ------
    ValueError
        If the part is too slow for the clock, or has more columns than the command READ can name.
    """

    part: SdramPart
    clock_mhz: float

    def __post_init__(self) -> None:
        if self.part.column_bits > MOST_COLUMN_BITS:
            raise ValueError(
                f"column_bits must be at most {MOST_COLUMN_BITS}, not {self.part.column_bits}: "
                "the address bit above asks for a precharge"
            )
        most = 1000 / self.part.shortest_cycle
        if self.clock_mhz > most:
            raise ValueError(
                f"clock_mhz must be at most {most:.1f} for this part, not {self.clock_mhz}; "
                "take a slower clock or a faster part"
            )

    @property
    def power_up(self) -> int:
        """From power to the first command."""
        return self._at_least(self.part.power_up)

    @property
    def activate_to_read(self) -> int:
        """From ACTIVATE to READ, WRITE, or ACTIVATE of another bank."""
        least = self._at_least(self.part.row_open) - BURST  # precharge begins BURST after READ
        return max(
            self._at_least(self.part.activate_to_read),
            self._at_least(self.part.between_rows),
            least,
            _LEAST,
        )

    @property
    def precharge(self) -> int:
        """From PRECHARGE to ACTIVATE or REFRESH, and long enough for the cycle of a row."""
        least = self._at_least(self.part.row_cycle) - self.activate_to_read - BURST
        return max(self._at_least(self.part.precharge), least)

    @property
    def close(self) -> int:
        """From any command of a row to PRECHARGE of all banks, by which all are idle or open."""
        return max(self._at_least(self.part.row_open), BURST + self.precharge)

    @property
    def write_recovery(self) -> int:
        """From the last beat of a WRITE to precharge."""
        return max(self._at_least(self.part.write_recovery), _LEAST)

    @property
    def refresh(self) -> int:
        """From REFRESH to the next command."""
        return self._at_least(self.part.refresh)

    @property
    def set_mode(self) -> int:
        """From MODE REGISTER SET to the next command."""
        return max(self._at_least(self.part.set_mode), _LEAST)

    @property
    def refresh_interval(self) -> int:
        """Between the times at which a REFRESH falls due.

        What is under way delays it, a write at the longest; no two are further apart than the part
        allows even if one comes at once and the next one is delayed.
        """
        write = self.activate_to_read + BURST + self.write_recovery + self.precharge
        states = 4  # write, recover, serve, close
        return math.floor(self.part.refresh_interval * self.clock_mhz / 1000) - write - states

    def _at_least(self, time: float) -> int:
        """Cycles that last ``time`` ns or longer."""
        # Rounded first: 25 ns are two cycles of 80 MHz, whatever floating point says.
        return math.ceil(round(time * self.clock_mhz / 1000, 6))
