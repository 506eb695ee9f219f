"""How the device is synthesised, for bitstreams and for netlists that are simulated; and placed."""

from ..hdl.pipeline import OWN
from ..hdl.shape import Shape
from .registry import Family

MEMORIES = (
    *("*.core.store*", "*.core.totals*", "*.core.codes*", "*.core.head*"),
    *("*.link.receiver*", "*.link.encoder*"),
)
"""Modules whose memories are never read where they are written, or it does not matter what comes.

A star at the end: names of modules may end in a number that keeps them apart.
"""

_ALWAYS = [pattern for pattern in MEMORIES if pattern != "*.core.head*"]
"""Those of them that every device has; scores of several layers are summed in a memory only where
there are several layers."""

# Amaranth memories promise that a read of the address being written returns the old contents.
# Block RAM does not, and imitating it costs about 50 look-up tables and 83 flip-flops per port,
# so the promise is dropped.
COLLISIONS = "setparam -set COLLISION_X_MASK 1'1 " + " ".join(
    f"{pattern}/t:$memrd_v2" for pattern in MEMORIES
)
"""Command of Yosys between reading a block and synthesising it."""

OWN_REGISTERS = f"proc; setattr -set keep 1 a:{OWN} %ci1 t:*dff* %i"
"""Registers are equal but lie in different corners of a device."""

PREPARATION = "\n".join(
    [
        *(f"select -assert-any {pattern}/t:$memrd_v2" for pattern in _ALWAYS),
        COLLISIONS,
        OWN_REGISTERS,
    ]
)
"""The same for the device, which fails if it has no such memories; and what is not to be shared."""

NO_DISTRIBUTED = "setattr -unset ram_style m:*"
"""An iCE40 has no RAM of look-up tables: what asks for it gets block RAM, or flip-flops."""


def preparation(family: Family, shape: Shape) -> str:
    """Return the commands of Yosys between reading a device and synthesising it.

    Parameters
    ----------
    family : {"ice40", "ecp5"}
    shape : Shape
        What is built. Only a device of block RAM asks for distributed RAM.
    """
    if family == "ice40" and shape.memory == "block":
        return f"{PREPARATION}\n{NO_DISTRIBUTED}"
    return PREPARATION


OPTIONS: dict[Family, str] = {"ecp5": "-nowidelut", "ice40": ""}
"""Options of the command ``synth_<family>``.

Not ``-dsp`` for the iCE40: that pass looks for multipliers, and takes the clock away from the
multiplier blocks that the store uses as adders.
"""

PLACER: dict[Family, str] = {"ecp5": "--placer static", "ice40": ""}
"""Options of nextpnr. Its default placer scatters block RAMs so badly that routing hardly ends."""

PLACER_BY_HAND = "--placer heap"
"""The default one gives the faster device once they have been placed by hand."""

ROUTER: dict[Family, str] = {"ecp5": "--router router2", "ice40": ""}
"""Of nextpnr, too. A full ECP5 is routed by negotiation in minutes, one by one it takes hours."""
