"""Cycles of a network on a device, predicted, and the bounds that its memories and lanes set."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..golden.config import WORD
from ..golden.schedule import SPAN
from ..hdl.placement import Placement
from ..hdl.shape import LANES
from .block import BlockPipeline
from .events import Rates, Run, draw_run, inference
from .pipeline import Counts, Pipeline
from .spram import SpramPipeline

_SEED = 1


def count(placement: Placement, run: Run) -> Counts:
    """Return the cycles of a run.

    Parameters
    ----------
    placement : Placement
    run : Run
    """
    kinds: dict[str, type[Pipeline]] = {"block": BlockPipeline, "spram": SpramPipeline}
    return kinds[placement.shape.memory](placement, run).count()


def count_all(placement: Placement, runs: Sequence[Run]) -> Counts:
    """Return the cycles of several runs, added up."""
    return sum((count(placement, run) for run in runs), Counts())


def predict(placement: Placement, rates: Rates, tiles: int = SPAN) -> Counts:
    """Return the cycles of a span at some rates; triggers are drawn, always the same.

    Parameters
    ----------
    placement : Placement
    rates : Rates
    tiles : int
        Length of the span.
    """
    samples = tiles * placement.config.tile
    rng = np.random.default_rng(_SEED)
    run = draw_run(placement.config, placement.shape.lanes, rates, samples, rng)
    return count(placement, run)


def predict_inference(placement: Placement, tiles: int = SPAN) -> Counts:
    """Return the cycles of a span without training."""
    return count(placement, inference(placement.config, tiles * placement.config.tile))


@dataclass(frozen=True)
class Bounds:
    """Cycles a sample that no schedule can do without, as parts of a device work side by side.

    Attributes
    ----------
    array : float
        Every sign meets every sample's input, in all lanes at a time.
    update : float
        Of the ports of the counters, or of the beats of the update engine.
    inputs : float
        Of the way in of the samples, a word of 64 bits a cycle.
    port : float
        Single-port RAM: of everything that shares its port.
    memory : float
        Of the memory chip that a device plays samples from.
    """

    array: float
    update: float
    inputs: float
    port: float = 0.0
    memory: float = 0.0

    @property
    def cycles(self) -> float:
        """The largest of them."""
        return max(self.array, self.update, self.inputs, self.port, self.memory)

    @property
    def part(self) -> str:
        """What is busiest."""
        return max(vars(self), key=lambda name: getattr(self, name))


def bounds(placement: Placement, rates: Rates | None) -> Bounds:
    """Return the bounds of training at some rates, or of inference.

    Parameters
    ----------
    placement : Placement
    rates : Rates or None
        None: inference.
    """
    config, shape = placement.config, placement.shape
    weights = sum(k * n for k, n in zip(config.fan_in, config.hidden, strict=True))
    array = weights / (shape.lanes * shape.samples)
    inputs = float(1 + -(-config.inputs // LANES))
    update = 0.0
    for layer, fan_in in enumerate(config.fan_in):
        if rates is not None:
            rows = rates.triggers[layer] * rates.rows[layer] / (1 << rates.annealing)
            update += rows * _row(fan_in, shape.memory == "spram")
    port = update + 2 * inputs if shape.memory == "spram" else 0.0
    return Bounds(array, update, inputs, port, _record(placement))


def _record(placement: Placement) -> float:
    """Return the cycles in which a record comes from a memory chip; see docs/machine/memory.md."""
    each, begin = {"none": (0, 0), "sdram": (4, 4), "flash": (16, 24)}[placement.shape.stored]
    return float(each * placement.sample_words + begin)


def _row(fan_in: int, spram: bool) -> int:
    """Return the accesses of the memory of counters that a row takes."""
    if spram:
        # Eight counters are read and written; inputs are read 64 at a time.
        return 4 * -(-fan_in // WORD) + -(-fan_in // LANES)
    return -(-fan_in // LANES)
