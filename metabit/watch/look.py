"""A look at a training: taken in its own thread, between two spans, and never changed after."""

from dataclasses import dataclass, field
from typing import Any

from ..golden.binary_network import Statistics
from ..golden.distribution import Signs, count_flips
from ..golden.runs.trainer import SpanResult
from .series import Point
from .source import Possible, Source, Window

_MOST_SHOWN = 64
"""Samples of a tile that are shown at most."""


@dataclass(frozen=True)
class Look:
    """What was seen.

    Attributes
    ----------
    facts : dict
        For the page, ready to become JSON.
    """

    facts: dict[str, Any] = field(repr=False)

    @property
    def version(self) -> int:
        """Counts looks."""
        return int(self.facts["version"])

    def told(self, **more: Any) -> "Look":
        """Return the same with more to be said."""
        return Look(self.facts | more)


class Looker:
    """Looks at a training, and compares with the look before.

    Parameters
    ----------
    source : Source
        The training.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._trained = 0
        self._spent = 0.0
        self._errors = 0
        self._samples = 0
        self._seconds = 0.0
        self._counts: Statistics = _copied(source.counts)
        self._cycles = dict(source.cycles)
        self._signs: tuple[Signs, ...] = source.network.signs()
        self._signs_at = 0
        self._window: Window | None = None
        self._possible: Possible | None = None
        self._layers = [self._layer(layer) for layer in range(source.network.config.layers)]

    def trained(self, result: SpanResult, took: float) -> None:
        """Take note of a span, or of a part of one.

        Parameters
        ----------
        result : SpanResult
            What was trained on.
        took : float
            Seconds, tests included: what is known of a span that does not say how long it took.
        """
        seconds = result.seconds or took
        self._trained += len(result.step.indices)
        self._samples += len(result.step.indices)
        self._errors += result.errors
        self._spent += seconds
        self._seconds += seconds

    def look(
        self, result: SpanResult | None, *, in_detail: bool = False
    ) -> tuple[Look, Point | None]:
        """Look.

        Parameters
        ----------
        result : SpanResult or None
            What was trained on last.
        in_detail : bool
            Say of each sample of the last tile what it was taken for.

        Returns
        -------
        look : Look
            What is there.
        point : dict or None
            What happened since the look before; None: nothing.
        """
        source, schedule = self._source, self._source.run.schedule
        point = self._point() if self._samples else None
        window, possible = self._window, self._possible
        return Look(
            {
                "epoch": min(schedule.epoch, schedule.epochs),
                "epochs": schedule.epochs,
                "sample": schedule.samples if schedule.done else schedule.sample,
                "samples": schedule.samples,
                "done": len(schedule.history) + schedule.sample / schedule.samples,
                "trained": self._trained,
                "seconds": _rounded(self._spent),
                "train": self._online(),
                "test": source.run.test_accuracy[-1] if source.run.test_accuracy else None,
                "rate": None if window is None else _rounded(window.rate),
                "cycles": {} if window is None else _each_rounded(window.cycles),
                "possible": None if possible is None else _rounded(possible.samples_per_second),
                "limit": None if possible is None else possible.limit,
                "layers": self._layers,
                "tile": self._tile(result) if in_detail and result is not None else None,
            }
        ), point

    def _online(self) -> float | None:
        """Return the accuracy of the epoch so far, or of the one that has just ended."""
        schedule = self._source.run.schedule
        if schedule.sample:
            return 1 - schedule.errors / schedule.sample
        return schedule.accuracy[-1] if schedule.history else None

    def _point(self) -> Point:
        """Return what happened since the point before, and begin the next."""
        source, samples = self._source, self._samples
        now, cycles = _copied(source.counts), dict(source.cycles)
        triggers = _each(now.triggers, self._counts.triggers, samples)
        updates = _each(now.updates, self._counts.updates, samples)
        self._window = Window(
            samples,
            self._seconds,
            {
                phase: (count - self._cycles.get(phase, 0)) / samples
                for phase, count in cycles.items()
            },
            tuple(triggers),
            tuple(updates),
            source.run.schedule.annealing,
        )
        self._possible = source.possible(self._window)
        flips = self._flips()
        if source.at_hand:
            self._layers = [self._layer(layer) for layer in range(len(triggers))]
        # A new list: the one before belongs to a look that others read.
        self._layers = [
            {
                **known,
                "triggers": triggers[layer],
                "updates": updates[layer],
                "flips": flips[layer],
            }
            for layer, known in enumerate(self._layers)
        ]
        schedule = source.run.schedule
        point = {
            "x": _rounded(len(schedule.history) + schedule.sample / schedule.samples),
            "train": _rounded(1 - self._errors / samples),
            "rate": _rounded(self._window.rate),
            "triggers": triggers,
            "updates": updates,
            "flips": flips,
        }
        self._counts, self._cycles = now, cycles
        self._samples = self._errors = 0
        self._seconds = 0.0
        return point

    def _flips(self) -> list[float | None]:
        """Return how many weights a sample have another sign than when they were last at hand."""
        if not self._source.at_hand:
            return [None] * len(self._signs)
        samples = max(1, self._trained - self._signs_at)
        now = self._source.network.signs()
        found: list[float | None] = [
            _rounded(count_flips(before, after) / samples)
            for before, after in zip(self._signs, now, strict=True)
        ]
        self._signs, self._signs_at = now, self._trained
        return found

    def _layer(self, layer: int) -> dict[str, Any]:
        """Return how the weights of a layer are spread."""
        network = self._source.network
        spread, weights = network.distribution(layer), network.config.shapes[layer]
        size = weights[0] * weights[1]
        limited = spread.zeros if spread.saturated is None else spread.saturated
        return {
            "neurons": weights[0],
            "fan_in": weights[1],
            "histogram": spread.histogram.tolist(),
            "limited": None if limited is None else _rounded(limited / size),
            "zeros": spread.saturated is None,
        }

    def _tile(self, result: SpanResult) -> list[dict[str, int]]:
        """Return the samples of the last tile, and what they were taken for."""
        run = self._source.run
        rest = (len(result.predictions) - 1) % run.schedule.config.tile + 1
        shown = min(rest, _MOST_SHOWN)
        if not len(result.predictions):
            return []
        indices = result.step.indices[-rest:][:shown]
        predictions = result.predictions[-rest:][:shown]
        return [
            {
                "sample": int(index % run.data.samples),
                "view": int(index // run.data.samples),
                "label": int(run.data.train_labels[index]),
                "prediction": int(prediction),
            }
            for index, prediction in zip(indices, predictions, strict=True)
        ]


def _copied(counts: Statistics) -> Statistics:
    return Statistics(counts.samples, counts.correct, [*counts.triggers], [*counts.updates])


def _each(now: list[int], before: list[int], samples: int) -> list[float]:
    return [_rounded((a - b) / samples) for a, b in zip(now, before, strict=True)]


def _each_rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: _rounded(value) for name, value in values.items()}


def _rounded(value: float) -> float:
    """Return five digits, which is more than can be seen."""
    return float(f"{value:.5g}")
