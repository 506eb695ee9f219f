"""A training that is watched: its thread, its controls, and what was last seen of it."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import MetabitError
from ..golden.checkpoints.layers import Saved
from ..golden.data.class_names import class_names
from ..golden.runs.observation import Observation
from ..golden.runs.results import results_of
from ..golden.runs.trainer import SpanResult
from .look import Look, Looker
from .pace import Pace, Stride
from .series import Series
from .source import Source
from .tally import Tally

LOOKED_AT = 15.0
"""Seconds for which somebody who asked for weights is taken to want newer ones."""

WEIGHTS_EVERY = 1.0
"""Seconds from one copy of the weights to the next."""


_OF_DEVICE = ("device", "simulated_cycles")
"""What results of a training say of where it ran."""


class State(StrEnum):
    """What a session is at."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self in (State.FINISHED, State.STOPPED, State.FAILED)

    @property
    def at_rest(self) -> bool:
        """Whether nothing happens at the moment."""
        return self.over or self is State.PAUSED


class Unit(StrEnum):
    """How far a step goes."""

    TILE = "tile"
    SPAN = "span"
    EPOCH = "epoch"


@dataclass(frozen=True)
class Weights:
    """A copy of what neurons look for.

    Attributes
    ----------
    version : int
        Counts copies.
    hidden : list of ndarray of int32, shape (K_l, fan_in)
        Hidden weights of each layer.
    """

    version: int
    hidden: list[npt.NDArray[np.int32]]


@dataclass(frozen=True)
class Epochs:
    """What is known after finished epochs.

    Attributes
    ----------
    version : int
        Counts such states.
    results : dict or None
        As ``--json`` has them; None: no epoch has been finished and tested.
    predictions : ndarray of int or None, shape (n,)
        Of the test samples.
    observations : list of Observation
        Of finished epochs.
    device : dict
        What is to be said of the device at the end.
    """

    version: int
    results: dict[str, Any] | None
    predictions: npt.NDArray[np.integer] | None
    observations: list[Observation]
    device: dict[str, Any]


class Session:
    """A training that is watched.

    :meth:`train` belongs to one thread. Everything else may be called from any other, and never
    waits for it: the training publishes what is seen of it now and then, and asks between two spans
    what it is to do.

    Parameters
    ----------
    source : Source
        The training.
    out : Path or None
        File for checkpoints: after every epoch, when asked for, and at the end.
    paused : bool
        Wait for the first order.

    Attributes
    ----------
    source, out
        As above.
    pace : Pace
        How often was looked, and how long that took.
    points, epochs : Series
        What was seen at each look, and after each epoch.
    tally : Tally
        Of hard samples.
    error : Exception or None
        Why it failed.
    """

    def __init__(self, source: Source, *, out: Path | None = None, paused: bool = False) -> None:
        self.source = source
        self.out = out
        self.pace = Pace()
        self.points, self.epochs = Series(), Series()
        self.tally = Tally(source.run.data.samples)
        self.error: Exception | None = None
        self.saved: Saved | None = None
        self._labels = source.run.data.train_labels
        self._stride = Stride()
        self._looker = Looker(source)
        self._asked = threading.Condition()
        self._state = State.PAUSED if paused else State.WAITING
        self._paused = paused
        self._unit: Unit | None = None
        self._save = self._stop = False
        self._weights_wanted = 0.0
        self._weights_at = time.monotonic()
        self._told = self._epochs_told = 0
        self._epoch_over = bool(source.run.schedule.history)
        self._message = ""
        self.weights = Weights(0, source.network.hidden_weights())
        self.after = Epochs(0, None, None, [], {})
        self.seen = self._look(None)

    # For who watches

    @property
    def name(self) -> str:
        """What tells it from others."""
        config = self.source.run.network.config
        return f"{config.name}, seed {config.seed}"

    @property
    def names(self) -> list[str]:
        """Names of the classes."""
        data, config = self.source.run.data, self.source.run.network.config
        return class_names(data.dataset, config.classes, data.class_names)

    @property
    def state(self) -> State:
        """What it was at when it was last seen; all that belongs to this is there to be read."""
        return State(self.seen.facts["state"])

    def pause(self) -> None:
        """Stop after what is under way."""
        self._order(paused=True)

    def resume(self) -> None:
        """Go on."""
        self._order(paused=False)

    def step(self, unit: Unit) -> None:
        """Go on to the end of a tile, a span or an epoch, and pause there."""
        self._order(paused=True, unit=unit)

    def save(self) -> None:
        """Make a checkpoint, where the training can be resumed from next."""
        with self._asked:
            self._save = True
            self._asked.notify_all()

    def stop(self) -> None:
        """End after what is under way."""
        with self._asked:
            self._stop = True
            self._asked.notify_all()

    def want_weights(self) -> Weights:
        """Return the newest copy of the weights, and have newer ones made for a while."""
        self._weights_wanted = time.monotonic()
        return self.weights

    def _order(self, *, paused: bool, unit: Unit | None = None) -> None:
        with self._asked:
            self._paused, self._unit = paused, unit
            self._asked.notify_all()

    # The training

    def train(self) -> None:
        """Train to the end, or until it is stopped or fails; errors are kept, not raised."""
        result = None
        try:
            for result in self._spans():
                self._see(result)
            self._keep_last()
            done = self.source.run.schedule.done
            self._state = State.FINISHED if done else State.STOPPED
            self._publish(result, whole=True)
        except Exception as error:
            # Whatever it is: the page says it, and the command ends with it. What is trained may be
            # out of reach, so that there is nothing to look at.
            self.error = error
            self._state = State.FAILED
            self._told += 1
            self.seen = self.seen.told(
                version=self._told, state=self._state, message=str(error) or type(error).__name__
            )

    def _spans(self) -> Iterator[SpanResult]:
        """Yield spans, or parts of them, as long as nobody wants to stop."""
        spans, result = self.source.spans(), None
        while self._may_go_on(result):
            start = time.perf_counter()
            result = next(spans, None)
            if result is None:
                return
            took = time.perf_counter() - start
            self._looker.trained(result, took)
            if self._unit is not Unit.TILE:
                self._stride.took(result.step.tiles, took)
            yield result

    def _may_go_on(self, result: SpanResult | None) -> bool:
        """Wait as long as it is to pause; return whether it may go on."""
        self._step_done(result)
        while not self._stop:
            if self._save and self.source.run.schedule.resumable:
                self._save = False
                self._keep(self.source.checkpoint())
                self._publish(result)
            if not self._paused or self._unit is not None:
                self._state = State.RUNNING
                self.source.stride(1 if self._unit is Unit.TILE else self._stride.tiles)
                return True
            if self._save:
                # Where it stands, it could not be resumed: on to where it can.
                self._state = State.RUNNING
                self.source.stride(self._stride.tiles)
                return True
            if self._state is not State.PAUSED:
                self._state = State.PAUSED
                self._publish(result, whole=True)
            with self._asked:
                if not (self._stop or self._save or self._unit) and self._paused:
                    self._asked.wait()
        # What is to be kept goes on to where it can be resumed from.
        self.source.stride(None)
        return self.out is not None and not self.source.run.schedule.resumable

    def _step_done(self, result: SpanResult | None) -> None:
        """Pause, if a step has come to its end."""
        if result is None or self._unit is None:
            return
        over = {
            Unit.TILE: True,
            Unit.SPAN: result.step.drains,
            Unit.EPOCH: result.step.last,
        }
        if over[self._unit]:
            self._unit = None

    def _see(self, result: SpanResult) -> None:
        """Take note of what was trained on, and show it if it is time to."""
        self.tally.add(result, self._labels)
        if result.step.last:
            self._epoch_over = True
            if self.out is not None:
                self._keep(self.source.checkpoint())
        if self.pace.due:
            self._publish(result)

    def _keep_last(self) -> None:
        """Keep what the training has come to, as far as it can be resumed from there."""
        schedule = self.source.run.schedule
        if not schedule.resumable:
            self._message = "stopped within a span; a checkpoint is that of before"
        elif self.out is not None and not schedule.done:
            self._keep(self.source.checkpoint())
        elif self.out is None:
            self.saved = self.source.checkpoint()

    def _keep(self, checkpoint: Saved) -> None:
        self.saved = checkpoint
        if self.out is None:
            self._message = "the checkpoint can be downloaded"
            return
        try:
            checkpoint.save(self.out)
            self._message = f"saved {self.out}"
        except (OSError, MetabitError) as error:
            self._message = f"not saved: {error}"

    # What is published

    def _publish(self, result: SpanResult | None, *, whole: bool = False) -> None:
        """Look, and let others see it.

        Parameters
        ----------
        result : SpanResult or None
            What was trained on last.
        whole : bool
            Copy weights whether or not somebody looks at them.
        """
        with self.pace.looking():
            wanted = time.monotonic() - self._weights_wanted < LOOKED_AT
            due = time.monotonic() - self._weights_at > WEIGHTS_EVERY
            if whole or (wanted and due):
                self._weights_at = time.monotonic()
                hidden = self.source.network.hidden_weights()
                self.weights = Weights(self.weights.version + 1, hidden)
            if self._epoch_over or self._state.over:
                self._gather()
            self.seen = self._look(result)

    def _look(self, result: SpanResult | None) -> Look:
        look, point = self._looker.look(result, in_detail=self._paused)
        if point is not None:
            self.points.add(point)
        self._told += 1
        paused = self._state is State.PAUSED
        return look.told(
            version=self._told,
            state=self._state,
            message=self._message,
            saved=self.saved is not None,
            weights=self.weights.version,
            epochs_known=self.after.version,
            resumable=paused and self.source.run.schedule.resumable,
            looks=self.pace.looks,
            looking=self.pace.seconds,
        )

    def _gather(self) -> None:
        """Note what is known after an epoch."""
        run, observer = self.source.run, self.source.run.observer
        self._epoch_over = False
        tested = len(run.test_accuracy) == len(run.schedule.history) > 0
        first = self._epochs_told
        for epoch, train in enumerate(run.schedule.accuracy[first:], first + 1):
            test = run.test_accuracy[epoch - 1] if tested else None
            self.epochs.add({"epoch": epoch, "train": train, "test": test})
        self._epochs_told = len(run.schedule.history)
        results = results_of(run, views=False) if tested and run.seconds else None
        predictions = run.test_predictions
        if predictions is None and self._state.over and run.test_accuracy and self.source.at_hand:
            # It was tested before anybody watched.
            predictions = self.source.network.predict(run.data.test)
        device = self.source.results()
        if results is not None:
            results |= {name: device[name] for name in _OF_DEVICE if name in device}
        self.after = Epochs(
            self.after.version + 1,
            results,
            predictions,
            [] if observer is None else list(observer.observations),
            device,
        )
