"""The desk of a sweep on boards: what waits, who takes it, and what comes back unfinished."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Condition
from typing import cast

from ..golden.config import Config
from ..golden.data.training_data import TrainingData
from .point import Point


@dataclass(eq=False)
class Job:
    """A run that boards are to do.

    Attributes
    ----------
    point : Point
        What is trained.
    devices : frozenset of str
        Names of the devices that hold it.
    data : TrainingData or None
        Its data, once a board has had them prepared; the next one need not do it again.
    boards : list of str
        Ports of the boards that have had it, in order.
    lost : set of str
        Ports of those that have failed with it since it has last come to the end of an epoch.
    """

    point: Point
    devices: frozenset[str]
    data: TrainingData | None = None
    boards: list[str] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)

    @property
    def config(self) -> Config:
        """Its configuration: of the hardware's mode, or no device would hold it."""
        return cast(Config, self.point.plan.config)


class Desk:
    """Jobs that boards take, each in a thread of its own, and may give back.

    Parameters
    ----------
    jobs : sequence of Job
        In the order in which they are to be done.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._waiting = list(jobs)
        self._under_way: list[Job] = []
        self._stopped = False
        self._changed = Condition()

    @property
    def stopped(self) -> bool:
        """Whether boards are to stop where they are."""
        return self._stopped

    @property
    def _left(self) -> int:
        return len(self._waiting) + len(self._under_way)

    def take(self, device: str) -> Job | None:
        """Return a job that a device holds; waits for those that others may give back.

        Of several, it is one that few kinds of devices hold: others can do the rest.

        Parameters
        ----------
        device : str
            Name of the device.

        Returns
        -------
        Job or None
            None: there is none, and none will come.
        """
        with self._changed:
            while not self._stopped:
                fitting = [job for job in self._waiting if device in job.devices]
                if fitting:
                    job = min(fitting, key=lambda job: len(job.devices))
                    self._waiting.remove(job)
                    self._under_way.append(job)
                    return job
                if not any(device in job.devices for job in self._under_way):
                    return None
                self._changed.wait()
        return None

    def give_back(self, job: Job) -> None:
        """Put a job that is not done before all others."""
        with self._changed:
            self._under_way.remove(job)
            self._waiting.insert(0, job)
            self._changed.notify_all()

    def finish(self, job: Job) -> None:
        """Cross out a job that is done, or has failed for good."""
        with self._changed:
            self._under_way.remove(job)
            self._changed.notify_all()

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than there is something to do."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or not self._left, seconds)

    def stop(self) -> None:
        """Have boards stop after the span that they are at."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
