"""What a self-test has found."""

from dataclasses import asdict, dataclass, field
from typing import Any

from ..errors import MetabitError


class FaultError(MetabitError):
    """A device does not do what it should; says what, and what it should do."""


@dataclass(frozen=True)
class Outcome:
    """One check.

    Attributes
    ----------
    group, name : str
        What was looked at.
    ok : bool
    found : str
        In words: how much was tried, or what was wrong.
    seconds : float
        That it took.
    """

    group: str
    name: str
    ok: bool
    found: str
    seconds: float


@dataclass
class Result:
    """A whole self-test.

    Attributes
    ----------
    device : str
        Name of its shape; empty: nobody knows.
    digest : str
        As the device says it; empty: it said nothing.
    outcomes : list of Outcome
        Of the checks, in order; those behind one without which they make no sense are missing.
    complete : bool
        None is missing.
    link : dict of str to int
        What has happened on the line; see :class:`metabit.host.requester.LinkCounts`.
    """

    device: str = ""
    digest: str = ""
    outcomes: list[Outcome] = field(default_factory=list)
    complete: bool = False
    link: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Everything was tried, and nothing was wrong."""
        return self.complete and all(outcome.ok for outcome in self.outcomes)

    def to_dict(self) -> dict[str, Any]:
        """Return what ``--json`` writes."""
        return asdict(self) | {"ok": self.ok}
