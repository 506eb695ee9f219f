"""Processes that take turns in the order of their cycles: what the cycle model is made of."""

import heapq
from bisect import bisect_right, insort
from collections.abc import Generator
from typing import Any

Process = Generator["int | Times", None, Any]
"""Yields the cycle in which it wants to go on, or what it waits for."""


class Kernel:
    """Let processes go on in the order of time.

    When a process goes on in cycle t, all others have done what they do before t.

    Attributes
    ----------
    now : int
        Present cycle.
    """

    def __init__(self) -> None:
        self.now = 0
        self._queue: list[tuple[int, int, Process]] = []
        self._count = self._left = 0

    def start(self, process: Process) -> None:
        """Let a process begin now."""
        self._left += 1
        self.add(process, self.now)

    def add(self, process: Process, cycle: int) -> None:
        """Let a process go on in a cycle, or now if that has passed."""
        self._count += 1
        heapq.heappush(self._queue, (max(cycle, self.now), self._count, process))

    def run(self) -> None:
        """Go on until all processes have ended.

        Raises
        ------
        RuntimeError
            If some wait for each other.
        """
        while self._queue:
            self.now, _, process = heapq.heappop(self._queue)
            waits = next(process, None)
            if isinstance(waits, Times):
                waits.waiting.append(process)
            elif waits is not None:
                self.add(process, waits)
            else:
                self._left -= 1
        if self._left:
            raise RuntimeError(f"{self._left} processes wait for each other from cycle {self.now}")


class Times:
    """Cycles in which something happens again and again, which processes may wait for.

    Parameters
    ----------
    kernel : Kernel
        Of these processes.

    Attributes
    ----------
    waiting : list of Process
        Those that wait for the next time.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._times: list[int] = []
        self.waiting: list[Process] = []

    def __len__(self) -> int:
        return len(self._times)

    def __getitem__(self, number: int) -> int:
        return self._times[number]

    def add(self, cycle: int) -> None:
        """Let it happen once more, in this cycle or later."""
        self._times.append(cycle)
        self.wake(cycle)

    def wake(self, cycle: int) -> None:
        """Let those that wait look again, in this cycle or later."""
        for process in self.waiting:
            self._kernel.add(process, cycle)
        self.waiting.clear()

    def reach(self, number: int) -> Process:
        """Wait until it has happened ``number + 1`` times; returns the cycle of the last."""
        while len(self._times) <= number:
            yield self
        if self._times[number] > self._kernel.now:
            yield self._times[number]
        return self._times[number]


class Windows:
    """Stretches of cycles in which something is taken, in the order of time."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def add(self, start: int, end: int) -> None:
        """Take cycles ``start`` to ``end - 1``, none of which has been taken."""
        insort(self._starts, start)
        insort(self._ends, end)

    def after(self, start: int, cycles: int, late: int = 0) -> int:
        """Return the cycle after so many free ones.

        Parameters
        ----------
        start : int
            First cycle that counts.
        cycles : int
            Free ones that are needed.
        late : int
            Cycles by which all windows are late.
        """
        end = start + cycles
        for number in range(bisect_right(self._ends, start - late), len(self._ends)):
            begins, ends = self._starts[number] + late, self._ends[number] + late
            if begins >= end:
                break
            end += ends - max(begins, start)
        return end

    def work(self, kernel: Kernel, start: int, cycles: int, late: int = 0) -> Process:
        """Do something that takes so many free cycles; returns the cycle after it.

        Parameters
        ----------
        kernel : Kernel
        start, cycles, late
            See :meth:`after`.
        """
        end = start + cycles
        while True:
            if end > kernel.now:
                yield end
            longer = self.after(start, cycles, late)
            if longer == end:
                return end
            end = longer
