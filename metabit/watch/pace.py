"""How often a training is looked at, and in what strides it goes meanwhile."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..golden.schedule import SPAN

INTERVAL = 0.2
"""Seconds from look to look at least."""

SHARE = 0.02
"""Of the time that passes, what looking may take at most."""


class Pace:
    """Says when to look next, so that a training is not slowed by being watched.

    Attributes
    ----------
    looks : int
        How many there were.
    seconds : float
        What they took.
    """

    def __init__(self) -> None:
        self.looks = 0
        self.seconds = 0.0
        # A first span is no more than its first tile.
        self._next = time.perf_counter() + INTERVAL

    @property
    def due(self) -> bool:
        """Whether it is time to look again."""
        return time.perf_counter() >= self._next

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Measure a look; the longer it takes, the later is the next."""
        start = time.perf_counter()
        try:
            yield
        finally:
            end = time.perf_counter()
            took = end - start
            self.looks += 1
            self.seconds += took
            self._next = end + max(INTERVAL, took * (1 / SHARE - 1))


class Stride:
    """How many tiles are trained on in one go: as many as fit in between two looks.

    A simulated device takes seconds for a span, which would be too long a wait for who presses a
    button.

    Attributes
    ----------
    tiles : int or None
        At most; None: whole spans.
    """

    def __init__(self) -> None:
        # The first tile tells how fast it goes.
        self.tiles: int | None = 1

    def took(self, tiles: int, seconds: float) -> None:
        """Tell how long some tiles took."""
        fit = SPAN if seconds <= 0 else tiles * INTERVAL / seconds
        self.tiles = None if fit >= SPAN else max(1, int(fit))
