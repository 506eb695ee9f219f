"""Many boards at once: each takes the next run when it is free, and may fail with it."""

import threading
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, fields
from queue import SimpleQueue
from typing import Any

from threadpoolctl import threadpool_limits

from ..errors import MetabitError
from ..hdl.shape import Shape
from ..host.compare import DivergenceError
from ..host.driver import Driver
from ..host.errors import DeviceError, PortError
from ..host.requester import LinkCounts
from ..host.traffic import Traffic
from .desk import Desk, Job
from .on_board import OnBoard, Watch, refusal
from .parts import Parts
from .point import Point
from .work import prepared, recorded

PAUSE = 10.0
"""Seconds after which a board that has failed is tried again; twice as many the next time."""

TRIES = 3
"""Failures in a row, without the end of an epoch in between, after which a board is left out."""

LOSSES = 3
"""Boards that may fail with a run, one after the other, before it is the run that has failed."""

SEVERAL = 3
"""Names of runs that a message says in full."""

Line = dict[str, Any]


@dataclass(eq=False)
class Board:
    """A board, and what it has done.

    Attributes
    ----------
    port : str
        Where it is.
    shape : Shape
        Its device.
    runs : int
        That have come to their end on it.
    failures : int
        Runs that it has not brought to an end.
    in_a_row : int
        Of those, how many since it has last come to the end of an epoch.
    traffic : Traffic
        Samples that its line has carried.
    link : LinkCounts
        What has happened on its line.
    left_out : str or None
        Why it gets no more runs.
    """

    port: str
    shape: Shape
    runs: int = 0
    failures: int = 0
    in_a_row: int = 0
    traffic: Traffic = field(default_factory=Traffic)
    link: LinkCounts = field(default_factory=LinkCounts)
    left_out: str | None = None

    def add(self, driver: Driver) -> None:
        """Count what a driver has carried."""
        for total, new in ((self.traffic, driver.traffic), (self.link, driver.link)):
            for count in fields(total):
                setattr(total, count.name, getattr(total, count.name) + getattr(new, count.name))

    def to_dict(self) -> dict[str, Any]:
        """Return what ``--json`` says of the board."""
        return {
            "port": self.port,
            "device": self.shape.name,
            "runs": self.runs,
            "failures": self.failures,
            "left_out": self.left_out,
            "samples": self.traffic.samples,
            "samples_per_second": self.traffic.samples_per_second,
            "link": {count.name: getattr(self.link, count.name) for count in fields(self.link)},
        }


class Watcher:
    """Is told what happens on boards, by the thread of each; a subclass shows it."""

    def say(self, text: str) -> None:
        """Take a message for the user."""

    def span(self, board: Board, job: Job) -> Watch:
        """Return what is called after every span of a run."""
        return lambda *_: None

    def idle(self, board: Board) -> None:
        """Take note that a board has no run."""


class Fleet:
    """Boards that do the runs of a sweep.

    Parameters
    ----------
    devices : dict of str to Shape
        Device at each port; from :func:`~metabit.sweep.ports.ask`.
    on_board : OnBoard
        How runs are done.
    parts : Parts
        Where checkpoints are kept.
    watcher : Watcher
        Is told what happens.

    Attributes
    ----------
    boards : list of Board
        With what they have done.
    """

    def __init__(
        self, devices: dict[str, Shape], on_board: OnBoard, parts: Parts, watcher: Watcher
    ) -> None:
        self.boards = [Board(port, shape) for port, shape in devices.items()]
        self.watcher = watcher
        self._on_board = on_board
        self._parts = parts
        self._preparing = threading.Lock()

    @property
    def name(self) -> str:
        """For people."""
        shown = ", ".join(f"{board.shape.name} at {board.port}" for board in self.boards)
        return f"{len(self.boards)} boards: {shown}"

    def plan(self, points: Sequence[Point]) -> list[Job]:
        """Return the jobs that runs are.

        Raises
        ------
        MetabitError
            If no board holds one of them; names all that none does, and what would fit.
        """
        shapes = {board.shape.name: board.shape for board in self.boards}
        jobs, names = [], []
        reasons: list[str] = []
        for point in points:
            refusals = {name: refusal(point, shape) for name, shape in shapes.items()}
            jobs.append(Job(point, frozenset(n for n, why in refusals.items() if why is None)))
            if not jobs[-1].devices:
                names.append(point.name)
                reasons = reasons or list(dict.fromkeys(filter(None, refusals.values())))
        if names:
            more = len(names) - SEVERAL
            shown = "; ".join(names[:SEVERAL]) + (f" and {more} more" if more > 0 else "")
            raise MetabitError(
                f"no board holds {len(names)} of the {len(points)} runs ({shown}), and none was "
                f"started. Of the first: {'; '.join(reasons)}"
            )
        return jobs

    def run_all(self, jobs: Sequence[Job]) -> Generator[Line, None, None]:
        """Do all runs, and yield the line of each, in the order in which they end.

        If the iterator is closed before its end, boards stop after the span that they are at, and
        checkpoints are kept; so it must be closed. If all boards fail that hold a run, it has no
        line.

        Parameters
        ----------
        jobs : sequence of Job
            From :meth:`plan`.
        """
        desk = Desk(jobs)
        lines: SimpleQueue[Line | None] = SimpleQueue()
        threads = [
            # A second Ctrl-C ends the program whatever they do.
            threading.Thread(target=self._serve, args=(board, desk, lines), daemon=True)
            for board in self.boards
        ]
        # Threads of BLAS, which wait for each other by spinning, cost more than they gain.
        with threadpool_limits(1, "blas"):
            for thread in threads:
                thread.start()
            try:
                working = len(threads)
                while working:
                    line = lines.get()
                    if line is None:
                        working -= 1
                        continue
                    yield line
                    if line["status"] == "done":
                        self._parts.remove(line["key"])
            except (KeyboardInterrupt, GeneratorExit):
                self.watcher.say("boards stop, and their runs are saved; Ctrl-C once more ends now")
                raise
            finally:
                desk.stop()
                for thread in threads:
                    thread.join()

    def _serve(self, board: Board, desk: Desk, lines: "SimpleQueue[Line | None]") -> None:
        """Have a board do runs until there are no more, or it is left out."""
        try:
            while board.left_out is None and (job := desk.take(board.shape.name)) is not None:
                try:
                    line = self._do(board, desk, job)
                except DeviceError as error:
                    failed = len(job.lost) >= LOSSES
                    if failed:
                        lines.put(self._given_up(job, error))
                        desk.finish(job)
                    else:
                        desk.give_back(job)
                    fate = "fails" if failed else "is given back"
                    pause = self._fail(board, f"{job.point.name}, which {fate}", error)
                    desk.pause(pause)
                    continue
                if line is None:
                    desk.give_back(job)
                    return
                board.runs += line["status"] == "done"
                lines.put(line)
                desk.finish(job)
                self.watcher.idle(board)
        finally:
            self.watcher.idle(board)
            lines.put(None)

    def _do(self, board: Board, desk: Desk, job: Job) -> Line | None:
        """Have a board do a run, and return its line; None: it was stopped.

        Raises
        ------
        DeviceError
            If the board fails.
        """
        stopped = False

        def train() -> dict[str, Any]:
            nonlocal stopped
            # One at a time: the choice of bits may take gigabytes.
            with self._preparing:
                if job.data is None:
                    job.data = prepared(job.point)
            with closing(self._on_board.line.open(board.port)) as transport:
                driver = Driver(transport, board.shape)
                try:
                    job.boards.append(board.port)
                    run = self._on_board.begin(driver, job.point, job.data, self._parts)
                    show = self.watcher.span(board, job)

                    def watch(*reached: Any) -> None:
                        run, result = reached
                        if result.step.last:
                            board.in_a_row = 0
                            job.lost.clear()
                        show(run, result)

                    stopped = not self._on_board.finish(
                        run, job.point, self._parts, watch, lambda: desk.stopped
                    )
                    if stopped:
                        return {}
                    results = self._on_board.results(run, board.port)
                    return {**results, "boards": job.boards}
                except DeviceError as error:
                    # A port that is gone says nothing about the run.
                    if not isinstance(error, PortError):
                        job.lost.add(board.port)
                    raise
                finally:
                    board.add(driver)

        line = recorded(job.point, train, (DeviceError,))
        return None if stopped else line

    def _fail(self, board: Board, run: str, error: DeviceError) -> float:
        """Leave a board out that has failed, or return the seconds until another try."""
        board.failures += 1
        board.in_a_row += 1
        self.watcher.idle(board)
        pause = PAUSE * 2 ** (board.in_a_row - 1)
        then = f"tried again in {pause:g} s"
        if isinstance(error, DivergenceError):
            board.left_out = "does not train as golden does"
        elif board.in_a_row >= TRIES:
            board.left_out = f"has failed {TRIES} times in a row"
        if board.left_out is not None:
            then, pause = f"left out: it {board.left_out}", 0.0
        self.watcher.say(f"{board.port} has failed with {run}: {error}; the board is {then}")
        return pause

    def _given_up(self, job: Job, error: DeviceError) -> Line:
        """Return the line of a run with which several boards have failed."""

        def fail() -> dict[str, Any]:
            ports = ", ".join(sorted(job.lost))
            raise MetabitError(f"{len(job.lost)} boards have failed with it ({ports}): {error}")

        return recorded(job.point, fail)
