"""Proofs of the hardware's blocks: properties that hold for all inputs, not only for those tried.

A proof is a block in a :class:`~metabit.proofs.harness.Harness`: inputs are free, assumptions bind
them, and what is claimed is asserted. Yosys makes a transition system of it; an SMT solver shows
that no state violates the claim, by induction over the cycles, or finds a run from reset that does.
Every proof has twins, the same with a slip in the block, which must fail with such a run: a claim
that says nothing, or an assumption that nothing meets, would let them pass.

A module of this package holds the proofs of a block, or of a few that are alike, in ``PROOFS``.
"""

from importlib import import_module

from .proof import Proof

MODULES = ("aborts", "draws", "flow", "head", "link", "queues", "results", "search", "step")
"""Modules with proofs."""


def proofs(*names: str) -> list[Proof]:
    """Return the proofs of the named modules, or all.

    Raises
    ------
    LookupError
        If there is no module of a name.
    """
    found: list[Proof] = []
    for name in names or MODULES:
        if name not in MODULES:
            raise LookupError(f"proofs must be of {', '.join(MODULES)}, not {name!r}")
        found += import_module(f".{name}", __package__).PROOFS
    return found
