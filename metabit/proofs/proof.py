"""What a proof is made of, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from .harness import Harness
from .planting import plant


@dataclass(frozen=True)
class Twin:
    """A slip in the block, with which the proof must fail.

    Attributes
    ----------
    right, wrong : str
        What stands in the source exactly once, and what stands there instead.
    module : module, optional
        Whose source; None: that of the block.
    """

    right: str
    wrong: str
    module: ModuleType | None = None

    def __str__(self) -> str:
        return f"{' '.join(self.wrong.split())} for {' '.join(self.right.split())}"


@dataclass(frozen=True)
class Proof:
    """A property of a block.

    Attributes
    ----------
    name : str
        Unique; module and property.
    source : module
        Where the block is described.
    claim : str
        The property, in a sentence.
    sizes : str
        For which sizes of the block it is shown.
    build : callable
        Puts the block of a module, ``source`` or a copy with a slip, into a harness.
    twins : tuple of Twin
    depth : int
        Cycles: of the induction, and of the runs from reset that its base case takes.
    bounded : bool
        Only runs from reset, of ``depth`` cycles: no induction. A single cycle shows what holds
        for all inputs of what has no state.
    any_start : bool
        Runs begin in any state of the registers, not only after reset; only with ``bounded``.
    twin_depth : int
        Longest run in which a twin must fail; 0: ``depth``.
    twin_start : int
        Cycle from which on it is looked at.
    """

    name: str
    source: ModuleType
    claim: str
    sizes: str
    build: Callable[[ModuleType], Harness]
    twins: tuple[Twin, ...]
    depth: int = 2
    bounded: bool = False
    any_start: bool = False
    twin_depth: int = 0
    twin_start: int = 0

    def __str__(self) -> str:
        return self.name

    @property
    def method(self) -> str:
        """How it is shown."""
        if not self.bounded:
            return "induction"
        if self.depth == 1:
            return "all inputs"
        return "bounded, any state" if self.any_start else "bounded"

    def planted(self, twin: Twin) -> ModuleType:
        """Return the module of the block, with the slip of a twin in it or in what it uses."""
        if twin.module is None:
            return plant(self.source, (twin.right, twin.wrong))
        slipped, block = plant(twin.module, (twin.right, twin.wrong)), plant(self.source)
        for name, value in vars(block).items():
            if getattr(value, "__module__", None) == twin.module.__name__:
                setattr(block, name, getattr(slipped, name))
        return block


@dataclass(frozen=True)
class Outcome:
    """What the solver has said.

    Attributes
    ----------
    holds : bool
    seconds : float
        Until it said so.
    said : str
        Its last words, if it does not hold.
    """

    holds: bool
    seconds: float
    said: str = ""


@dataclass(frozen=True)
class Result:
    """What came of a proof and of its twins.

    Attributes
    ----------
    name, block, claim, sizes, method : str
        Of the proof.
    depth : int
        Cycles.
    engine : str
        Who has shown it.
    holds : bool
    seconds : float
        With all twins.
    twins : tuple of (str, bool)
        Each slip, and whether a run from reset shows that the claim fails with it.
    said : str
        The solver's last words, if something is not as it should be.
    """

    name: str
    block: str
    claim: str
    sizes: str
    method: str
    depth: int
    engine: str
    holds: bool
    seconds: float
    twins: tuple[tuple[str, bool], ...]
    said: str = ""

    @property
    def sound(self) -> bool:
        """It holds, and fails with each slip."""
        return self.holds and all(refuted for _, refuted in self.twins)
