"""A run of a sweep on a board, whole or from where another board has left it."""

import os
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any, cast

from ..boards.run import DeviceRun
from ..errors import MetabitError
from ..golden.data.training_data import TrainingData
from ..golden.modes.registry import DEFAULT
from ..golden.runs.run import Run
from ..golden.runs.trainer import SpanResult
from ..hdl.placement import CapacityError
from ..hdl.shape import Shape
from ..host.driver import Driver
from ..host.errors import DeviceError
from ..planning.fit import place
from ..planning.line import SpeedOf
from .parts import Parts
from .point import Point
from .ports import Line
from .work import prepared, recorded, results_of, work

BOARD = "METABIT_BOARD"
"""Variable of a worker of a cluster: the serial port of its board."""

_in_use = threading.Lock()
"""Of the board of this process, which trains one run at a time."""

Watch = Callable[[DeviceRun, SpanResult], None]
"""Called after every span."""


def refusal(point: Point, shape: Shape) -> str | None:
    """Return why a device cannot do a run, and what it could do instead; None: it can."""
    if point.plan.config.mode != DEFAULT:
        return f"mode {point.plan.config.mode} is that of no device; leave out --boards"
    try:
        place(cast(Any, point.plan.config), shape)
    except CapacityError as error:
        return str(error)
    return None


@dataclass(frozen=True)
class OnBoard:
    """How runs are done on boards.

    Attributes
    ----------
    line : Line
        To the boards.
    verify : bool
        Whether golden trains alongside, and every bit is compared.
    """

    line: Line
    verify: bool

    def begin(
        self, driver: Driver, point: Point, data: TrainingData, parts: Parts | None
    ) -> DeviceRun:
        """Load a run into a device, at its beginning or where its last checkpoint is."""
        checkpoint = None if parts is None else parts.load(point)
        engine = point.plan.engine_for(data)
        if checkpoint is None:
            run = cast(Run, point.plan.start(data, observe=False))
        else:
            run = Run.resume(checkpoint, data, engine=engine)
            run.observer = None
        return DeviceRun(driver, run, verify=self.verify)

    def finish(
        self,
        run: DeviceRun,
        point: Point,
        parts: Parts | None,
        watch: Watch,
        stopped: Callable[[], bool],
    ) -> bool:
        """Train to the end and return True, or until it is stopped and return False.

        A checkpoint is kept after every epoch, and when it is stopped.

        Parameters
        ----------
        run : DeviceRun
            From :meth:`begin`.
        point : Point
            What it is of.
        parts : Parts or None
            Where checkpoints are kept; None: nowhere.
        watch : callable
            Called after every span.
        stopped : callable
            Asked after every span.
        """
        for result in run.spans():
            stop = stopped() and not run.schedule.done
            if parts is not None and (result.step.last or stop):
                parts.save(point, run.checkpoint())
            watch(run, result)
            if stop:
                return False
        return True

    def results(self, run: DeviceRun, port: str) -> dict[str, Any]:
        """Return what the line of a run that has come to its end says of it."""
        driver = run.driver
        speed = SpeedOf(run.network.config, driver.shape, self.line.baud)
        return {
            **results_of(run),
            "engine": "board",
            "board": port,
            "device": driver.shape.name,
            "verified": self.verify,
            "link": speed.report(driver),
        }


def work_at_hand(on_board: OnBoard, point: Point) -> dict[str, Any]:
    """Train a point on the board of this worker, or on the worker itself, and return its line.

    The board is that whose port the variable :data:`BOARD` of the worker names. If there is none,
    or it is at work, holds no such network or fails, the worker trains: the result is the same, and
    the line says why (``no_board``).

    Parameters
    ----------
    on_board : OnBoard
        How.
    point : Point
        What to do.
    """
    port = os.environ.get(BOARD)
    if port is None:
        return work(point)
    if not _in_use.acquire(blocking=False):
        return {**work(point), "no_board": f"{port} was at work"}
    try:
        return recorded(
            point, lambda: _train_at(port, on_board, point), (DeviceError, _MisfitError)
        )
    except (DeviceError, _MisfitError) as error:
        reason = str(error)
    finally:
        _in_use.release()
    return {**work(point), "no_board": reason}


class _MisfitError(MetabitError):
    """The device of a worker does not hold a network."""


def _train_at(port: str, on_board: OnBoard, point: Point) -> dict[str, Any]:
    """Train a point on the board at a port, and return its results."""
    with closing(on_board.line.open(port)) as transport:
        driver = Driver.find(transport)
        if reason := refusal(point, driver.shape):
            raise _MisfitError(reason)
        run = on_board.begin(driver, point, prepared(point), None)
        on_board.finish(run, point, None, lambda *_: None, lambda: False)
        return on_board.results(run, port)
