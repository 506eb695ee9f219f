"""The stream of spans: which samples, in what order, with what annealing and damping."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .streams import permutation
from .strides import strided_order
from .views import drawn_views

SPAN = 256
"""Tiles of an epoch after which training drains, and from one possible stop to the next.

The end of an epoch ends a span, too. A forward pass sees all updates of the spans before, whatever
the lag, so that counters and generator alone are the state between two spans. Part of the rule.
"""


class Scheduled(Protocol):
    """What a schedule needs to know of a configuration."""

    @property
    def tile(self) -> int:
        """Samples of a step."""

    @property
    def lag(self) -> int:
        """Tiles by which the weights of a forward pass are behind; 0: any tile is a state."""

    @property
    def seed(self) -> int:
        """Seed of the order."""

    @property
    def views(self) -> int:
        """Views of a sample that are learnt."""

    @property
    def order(self) -> str:
        """Who makes the order of samples: see :class:`~metabit.golden.config.Config`."""

    def annealing_exponent(self, epoch: int, epochs: int) -> int:
        """Return ``q`` of an epoch."""

    def reinforcement_damping(self, errors: int, samples: int) -> int:
        """Return ``j`` that follows from the errors of the epoch before."""


@dataclass(frozen=True)
class Step:
    """A span of the schedule, or its rest: tiles to train on, one after the other.

    Attributes
    ----------
    epoch : int
        Epoch, from 1.
    tile : int
        The first of the tiles within the epoch, from 0.
    indices : ndarray of int64, shape (B,)
        Training samples, in order. With views, view v of sample i is ``v * samples + i``.
    annealing, damping : int
        Exponent ``q`` and ``j`` of reinforcement.
    last : bool
        Whether the epoch ends with it.
    tiles : int
        Number of tiles, all but perhaps the last of them full.
    drains : bool
        Whether the span ends with it, so that all updates become visible.
    """

    epoch: int
    tile: int
    indices: npt.NDArray[np.int64] = field(repr=False)
    annealing: int
    damping: int
    last: bool
    tiles: int
    drains: bool


class Schedule:
    """Position in the training: goes from span to span, and learns how many errors there were.

    The samples come in another order every epoch, which follows from seed and epoch alone. Damping
    follows from the errors of the epoch before. A schedule is therefore completely described by its
    attributes, and resumes at any span; without lag, at any tile.

    Usage::

        for step in schedule:
            predictions = learner.train_tiles(packed, labels, step.indices, ...)
            schedule.advance(np.count_nonzero(predictions != labels[step.indices]), step.tiles)

    Parameters
    ----------
    config : Scheduled
        Gives tile size, annealing and seed.
    samples : int
        Training samples.
    epochs : int
        Length of the training; annealing depends on it.
    epoch : int
        Epoch to start in, from 1.
    sample : int
        Samples of that epoch which are done: a multiple of the span, or without lag of the tile.
    errors : int
        Wrong predictions among them.
    history : sequence of int
        Errors of each epoch before.

    Raises
    ------
    ValueError
        If the position does not exist.
    """

    def __init__(
        self,
        config: Scheduled,
        samples: int,
        epochs: int,
        *,
        epoch: int = 1,
        sample: int = 0,
        errors: int = 0,
        history: tuple[int, ...] = (),
    ) -> None:
        if samples < 1:
            raise ValueError(f"samples must be at least 1, not {samples}")
        if epochs < 1:
            raise ValueError(f"epochs must be at least 1, not {epochs}")
        if not 1 <= epoch <= epochs + 1:
            raise ValueError(f"epoch must be 1 to {epochs + 1}, not {epoch}")
        unit, what = config.tile, "tile"
        if config.lag:
            unit, what = unit * SPAN, "span"
        self._unit = unit
        if sample % unit or not 0 <= sample < samples or (epoch > epochs and sample):
            raise ValueError(
                f"sample must be a multiple of the {what} size {unit} below {samples}, "
                f"and 0 after the last epoch, not {sample}"
            )
        if not 0 <= errors <= sample:
            raise ValueError(f"errors must be 0 to the samples done, {sample}, not {errors}")
        if len(history) != epoch - 1 or not all(0 <= e <= samples for e in history):
            raise ValueError(
                f"history must have {epoch - 1} error counts of 0 to {samples}, not {list(history)}"
            )
        self.config = config
        self.samples = samples
        self.epochs = epochs
        self.epoch = epoch
        self.sample = sample
        self.errors = errors
        self.history = list(history)
        self._order = self._shuffle()

    def _shuffle(self) -> npt.NDArray[np.int64]:
        seed, epoch = self.config.seed, self.epoch
        if self.config.order == "strides":
            order = strided_order(seed, epoch, self.samples)
        else:
            order = permutation(seed, f"order/{epoch}", self.samples)
        if self.config.views > 1:
            order += self.samples * drawn_views(seed, epoch, self.samples)
        return order

    @property
    def done(self) -> bool:
        """Whether the last epoch is over."""
        return self.epoch > self.epochs

    @property
    def resumable(self) -> bool:
        """Whether a training can be resumed from here: between two spans, without lag anywhere."""
        return self.sample % self._unit == 0

    @property
    def annealing(self) -> int:
        """Annealing exponent ``q`` of this epoch."""
        return self.config.annealing_exponent(self.epoch, self.epochs)

    @property
    def damping(self) -> int:
        """``j`` of this epoch."""
        errors = self.history[-1] if self.history else self.samples
        return self.config.reinforcement_damping(errors, self.samples)

    @property
    def accuracy(self) -> list[float]:
        """Online training accuracy of each finished epoch, a fraction."""
        return [1 - errors / self.samples for errors in self.history]

    def step(self, tiles: int | None = None) -> Step:
        """Return what is next, up to the end of the span.

        A span that was begun before, which only training without lag can stop in, has its rest
        left: it ends where it would have ended.

        Parameters
        ----------
        tiles : int, optional
            Stop short of the end of the span after so many. Training with a lag cannot be resumed
            from there; a learner that has not been drained goes on.

        Raises
        ------
        RuntimeError
            If there is nothing left.
        """
        if self.done:
            raise RuntimeError(f"training is over after {self.epochs} epochs")
        first = self.sample // self.config.tile
        left = SPAN - first % SPAN
        tiles = left if tiles is None else min(tiles, left)
        indices = self._order[self.sample : self.sample + tiles * self.config.tile]
        last = self.sample + len(indices) >= self.samples
        return Step(
            self.epoch,
            first,
            indices,
            self.annealing,
            self.damping,
            last,
            -(-len(indices) // self.config.tile),
            last or tiles == left,
        )

    def advance(self, errors: int, tiles: int) -> None:
        """Go on.

        Parameters
        ----------
        errors : int
            Wrong predictions of the tiles just trained on.
        tiles : int
            How many those were.
        """
        self.errors += int(errors)
        self.sample += tiles * self.config.tile
        if self.sample >= self.samples:
            self.history.append(self.errors)
            self.epoch += 1
            self.sample = self.errors = 0
            self._order = self._shuffle()

    def __iter__(self) -> Iterator[Step]:
        """Yield the remaining spans; :meth:`advance` must be called for each."""
        while not self.done:
            position = self.epoch, self.sample
            yield self.step()
            if position == (self.epoch, self.sample):
                raise RuntimeError("advance() must be called for every step")
