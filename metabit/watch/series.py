"""Points over time, of which no more are kept than a chart can show."""

import threading
from typing import Any

MOST = 1000
"""Points that are kept; of twice as many, every other one."""

Point = dict[str, Any]


class Series:
    """Points that one thread adds and others read.

    Each point gets a number ``n`` that counts up, by which a reader knows what it has already.
    """

    def __init__(self) -> None:
        self._points: list[Point] = []
        self._count = 0
        self._lock = threading.Lock()

    def add(self, point: Point) -> None:
        """Add a point."""
        with self._lock:
            self._points.append({"n": self._count, **point})
            self._count += 1
            if len(self._points) >= 2 * MOST:
                # The last one stays: it is where things are.
                self._points = self._points[1::2]

    def since(self, number: int) -> list[Point]:
        """Return the points from a number on."""
        with self._lock:
            # Readers are rarely far behind, and ask for the last few.
            first = len(self._points)
            while first and self._points[first - 1]["n"] >= number:
                first -= 1
            return self._points[first:]
