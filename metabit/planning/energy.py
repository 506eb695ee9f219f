"""Energy of a training sample: an estimate, and how it is made. No board has been measured."""

from dataclasses import dataclass

from ..boards.dies import UP5K
from ..boards.registry import Board

VOLTS = 1.2
"""Supply of the core of an iCE40 UltraPlus."""

CLOCK_UA_MHZ = 43.0
"""Current of the clock tree, a MHz."""

CELL_UA_MHZ = 0.163
"""Current of a busy logic cell, a MHz."""

RAM_SHARE = 0.3
"""Share of the power that is the memories'; assumed."""

CELLS = 5_000
"""Busy logic cells of the device, if no build says how many there are."""

METHOD = (
    f"estimate, not a measurement: {VOLTS} V x clock x ({CLOCK_UA_MHZ:g} uA/MHz of clock tree + "
    f"{CELL_UA_MHZ} uA/MHz for each of {{cells:,}} logic cells, as if all were busy), from public "
    "measurements of another board (tinyvision-ai-inc/ice40_power), "
    f"and {RAM_SHARE:.0%} for memories, which is assumed; FPGA core only"
)

NONE = "no estimate: there are no public measurements of this FPGA to start from"


@dataclass(frozen=True)
class Energy:
    """An estimate.

    Attributes
    ----------
    milliwatts : float or None
        Of the core of the FPGA; None: no estimate.
    method : str
        How it was made.
    """

    milliwatts: float | None
    method: str

    def microjoules(self, samples_per_second: float) -> float | None:
        """Return the energy of a sample."""
        if self.milliwatts is None or not samples_per_second:
            return None
        return 1000 * self.milliwatts / samples_per_second


def estimate(board: Board | None, clock_mhz: float, cells: int = CELLS) -> Energy:
    """Return an estimate of a device's power.

    Parameters
    ----------
    board : Board or None
    clock_mhz : float
    cells : int
        Logic cells of the device.
    """
    if board is None or board.die is not UP5K:
        return Energy(None, NONE)
    microamperes = clock_mhz * (CLOCK_UA_MHZ + CELL_UA_MHZ * cells)
    return Energy(VOLTS * microamperes / 1000 / (1 - RAM_SHARE), METHOD.format(cells=cells))
