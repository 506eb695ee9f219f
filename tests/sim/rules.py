"""Sequences that keep a rule of a memory chip, and do not with a cycle less."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from metabit.sim.chips import Violation, ViolationError
from metabit.sim.model import SimulatedDevice
from tests.sim.players import FlashSteps, SdramSteps, chips, play


@dataclass
class Case:
    """Steps that are legal with a gap of so many cycles, and violate a check with one less.

    Attributes
    ----------
    name : str
        Of the check.
    build : callable
        Returns the steps for a gap.
    gap : int
        The least that is legal.
    settings : dict
        Of the chip.
    period : float
        In nanoseconds.
    text : str
        Part of what is said, where a name is that of several checks.
    """

    name: str
    build: Callable[[int], SdramSteps | FlashSteps]
    gap: int = 1
    settings: dict[str, float] = field(default_factory=dict)
    period: float = 10.0
    text: str = ""


def found(library: Path, case: Case, gap: int) -> list[Violation]:
    """Return what a chip says of a case."""
    kind = "flash" if isinstance(case.build(0), FlashSteps) else "sdram"
    with SimulatedDevice(library, chips(case.period, **{kind: case.settings})) as device:
        with suppress(ViolationError):
            play(device, case.build(gap))
        return device.chips[kind].violations


def check(library: Path, case: Case) -> None:
    """A case must be legal, and must not be with a cycle less."""
    assert found(library, case, case.gap) == []
    violations = found(library, case, case.gap - 1)
    assert violations
    assert violations[0].name == case.name, violations
    assert case.text in violations[0].text
