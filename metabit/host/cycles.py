"""Clock cycles that a device spends on training, and on nothing else."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .driver import Driver

_MODULUS = 2**32
"""What counts of a device are modulo."""

WHOLE = "run"
"""Phase that all others lie in."""


class CycleCount:
    """Adds up what a device counts of its cycles, by phase.

    Parameters
    ----------
    driver : Driver
        Device.
    clock : callable, optional
        Returns the cycles that the device has been clocked for, if that is known.
    """

    def __init__(self, driver: Driver, clock: Callable[[], int] | None = None) -> None:
        self._driver = driver
        self._clock = clock
        self._cycles: Counter[str] = Counter()
        self._seen: dict[str, int] = {}

    @property
    def total(self) -> dict[str, int]:
        """Cycles of training by phase; see :data:`metabit.hdl.statistics.PHASES`.

        Of a device that counts no phases, all are taken together as ``run``, from the request to
        the answer that the run is over, if it is known how far it was clocked; otherwise there are
        none.
        """
        return dict(self._cycles)

    @contextmanager
    def training(self) -> Iterator[None]:
        """Count what passes within a ``with`` statement."""
        start = 0 if self._clock is None else self._clock()
        yield
        passed = 0 if self._clock is None else self._clock() - start
        now = self._driver.statistics().cycles
        for phase, count in now.items():
            self._cycles[phase] += (count - self._seen.get(phase, 0)) % _MODULUS
        if not now and self._clock is not None:
            self._cycles[WHOLE] += passed
        self._seen = now

    def skip(self) -> None:
        """Leave out what has passed since the last training: it was none."""
        self._seen = self._driver.statistics().cycles
