"""What samples cause in a device: triggers, rows to update, signs that flip."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..golden.config import WORD, Config


@dataclass(frozen=True)
class Row:
    """A row that is updated.

    Attributes
    ----------
    group : int
        Of its layer.
    phase : int
        Which words learn, with annealing.
    flips : tuple of int
        Stretches of 8 weights with new signs, of each visit. Empty: not known, none.
    """

    group: int
    phase: int = 0
    flips: tuple[int, ...] = ()


Rows = tuple[Row, ...] | None
"""Rows that a sample updates in a layer; None: it does not trigger."""


@dataclass
class Run:
    """Samples that a device trains in one go, or infers.

    Attributes
    ----------
    samples : list of tuple of Rows
        Of each sample, of each layer.
    annealing : int
        Exponent q.
    train : bool
    """

    samples: list[tuple[Rows, ...]] = field(default_factory=list)
    annealing: int = 0
    train: bool = True


@dataclass(frozen=True)
class Rates:
    """How often samples train.

    Attributes
    ----------
    triggers : tuple of float
        Share of the samples that trigger, of each layer.
    rows : tuple of float
        Rows that such a sample updates in a layer, at most one a group.
    flips : float
        Share of the stretches of 8 weights of a row in which a sign flips.
    annealing : int
        Exponent q.
    """

    triggers: tuple[float, ...]
    rows: tuple[float, ...]
    flips: float = 0.0
    annealing: int = 0


FLIP_WEIGHTS = 8
"""Weights whose signs are made visible together by a device with single-port RAM."""


def groups(config: Config, layer: int) -> int:
    """Return the number of groups of a layer: most rows that a sample updates there."""
    return -(-config.hidden[layer] // config.group)


def draw_run(
    config: Config, lanes: int, rates: Rates, samples: int, rng: np.random.Generator
) -> Run:
    """Return a run that happens at these rates; every sample is independent of the others.

    Parameters
    ----------
    config : Config
    lanes : int
        Inputs that the device takes in a visit.
    rates : Rates
    samples : int
    rng : numpy.random.Generator
    """
    run = Run(annealing=rates.annealing)
    for _ in range(samples):
        sample = tuple(_draw_rows(config, layer, lanes, rates, rng) for layer in _layers(config))
        run.samples.append(sample)
    return run


def _layers(config: Config) -> Sequence[int]:
    return range(config.layers)


def _draw_rows(
    config: Config, layer: int, lanes: int, rates: Rates, rng: np.random.Generator
) -> Rows:
    if rng.random() >= rates.triggers[layer]:
        return None
    number = groups(config, layer)
    fan_in = config.fan_in[layer]
    hit = np.flatnonzero(rng.random(number) < rates.rows[layer] / number)
    rows = []
    for group in hit:
        phase = int(rng.integers(1 << rates.annealing))
        flips: tuple[int, ...] = ()
        if rates.flips:
            flips = tuple(
                int(rng.binomial(-(-min(lanes, fan_in - start) // FLIP_WEIGHTS), rates.flips))
                for start in range(0, fan_in, lanes)
            )
        rows.append(Row(int(group), phase, flips))
    return tuple(rows)


def inference(config: Config, samples: int) -> Run:
    """Return a run without training."""
    return Run([(None,) * config.layers] * samples, train=False)


def touched_words(words: int, phase: int, annealing: int) -> int:
    """Return how many words of a row learn."""
    step = 1 << annealing
    return len(range(phase % step, words, step))


__all__ = ["FLIP_WEIGHTS", "WORD", "Rates", "Row", "Rows", "Run", "draw_run", "groups", "inference"]
