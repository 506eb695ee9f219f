"""The FPGAs of the boards: what a kind of them has, whatever its package."""

from dataclasses import dataclass
from typing import Literal

Family = Literal["ice40", "ecp5"]


@dataclass(frozen=True)
class Die:
    """An FPGA without its package.

    Parameters
    ----------
    family : {"ice40", "ecp5"}
        Chooses the tools and the form of the phase-locked loop.
    memories : tuple of str
        Kinds of memory that it has, as :class:`~metabit.hdl.shape.Shape` names them.
    block_rams : int
        Of 4 kbit on an iCE40, of 18 kbit on an ECP5.
    tiles : tuple of int
        Columns and rows of its grid, in nextpnr's coordinates.
    """

    family: Family
    memories: tuple[str, ...]
    block_rams: int
    tiles: tuple[int, int]


UP5K = Die("ice40", ("block", "spram"), 30, (26, 32))
HX8K = Die("ice40", ("block",), 32, (34, 34))
"""An HX4K is the same, and the tools open all of it."""

ECP5_25 = Die("ecp5", ("block",), 56, (73, 51))
"""An LFE5U-12F is the same, and the tools open all of it."""

ECP5_45 = Die("ecp5", ("block",), 108, (91, 72))
ECP5_85 = Die("ecp5", ("block",), 208, (127, 96))
