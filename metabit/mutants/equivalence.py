"""Whether a mutant changes anything at all, as far as Yosys can prove."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from .design import FLAT, Mutated, yosys

_ROUNDS = 3
"""Times that wires which differ are left out of the comparison."""

_FEW = 12
"""Wires that may differ at once: a change that reaches more is not masked any more."""

_CLOCK = "CLK"
"""Port of registers. Yosys compares them without a look at their clocks: nothing is proved then."""

_APART = "apart.txt"
_UNPROVEN = re.compile(r"Unproven \$equiv \S+: \\(\S+)_gold\b")
_OUTPUT = re.compile(r"^  wire .*\boutput \d+ \\(\S+)$", re.MULTILINE)

# A memory becomes one of both netlists if all its ports have the same drivers; what others read is
# unknown, as they have no model.
_COMPARE = r"""
read_rtlil {flat}
rename top gold
design -stash gold
read_rtlil {flat}
{change}
rename top gate
design -stash gate
design -copy-from gold -as gold gold
design -copy-from gate -as gate gate
equiv_make -blacklist {apart} gold gate equiv
hierarchy -top equiv
opt_clean
opt_merge
equiv_struct
equiv_simple -ignore-unknown-cells
tee -q -o {found} equiv_status
"""

_FOUND = "found.txt"


def changes_nothing(mutated: Mutated, number: int) -> bool:
    """Return whether a mutant is proved to answer as the sound device does.

    All wires of the same name are compared in both netlists, each from the ones before it. Wires
    that differ are then left out and what reads them is compared instead, until nothing differs:
    the change is masked. What makes no difference only because some state never comes is not found;
    inductions that find it take minutes for a mutant.

    Parameters
    ----------
    mutated : Mutated
    number : int
        Of the mutant, from 1.

    Raises
    ------
    ToolError
        If Yosys is missing or fails.
    """
    if mutated.mutants[number - 1].port == _CLOCK:
        return False
    flat, change = mutated.change(number)
    outputs = set(_OUTPUT.findall(flat))
    apart: set[str] = set()
    with TemporaryDirectory(prefix="metabit-") as name:
        folder = Path(name)
        (folder / FLAT).write_text(flat)
        for _ in range(_ROUNDS):
            differing = _compare(folder, change, apart)
            if not differing:
                return True
            if differing & outputs or len(differing) > _FEW:
                return False
            apart |= differing
    return False


def _compare(folder: Path, change: str, apart: set[str]) -> set[str]:
    """Return the names of the wires that are not proved equal."""
    (folder / _APART).write_text("".join(f"\\{name}\n" for name in sorted(apart)))
    script = _COMPARE.format(
        flat=FLAT,
        change=change,
        apart=_APART,
        found=_FOUND,
    )
    yosys(folder, script, "compare")
    return set(_UNPROVEN.findall((folder / _FOUND).read_text()))
