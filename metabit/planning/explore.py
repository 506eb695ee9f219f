"""Networks that fill a device: how fast they would train, and how accurate they are known to be."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

from ..golden.config import Config
from ..golden.configurations.named import make_config
from ..hdl.placement import Placement
from ..hdl.shape import Shape
from .cycles import bounds, predict, predict_inference
from .fit import shortages
from .rates import EPOCHS, network_name, rates_of

FEWEST = 16
"""Neurons of the narrowest network that is looked at."""

_TILES = 32
"""Of the runs that are predicted: a rough figure is enough to choose by."""

_NEARLY = 0.9
"""Part of the neurons that fit, with which a network fills a device."""

_FILE = "accuracies.csv"


@dataclass(frozen=True)
class Accuracy:
    """A measured accuracy.

    Attributes
    ----------
    percent : float
        Of the validation split.
    config : Config
    seeds, epochs : int
    """

    percent: float
    config: Config
    seeds: int
    epochs: int


@dataclass(frozen=True)
class Candidate:
    """A network that fills a device.

    Attributes
    ----------
    config : Config
    share : float
        Of the sign words in use.
    cycles : dict of str to float
        Cycles a sample: epochs and "inference".
    assumed : bool
        Rates of training are assumed.
    accuracy : Accuracy or None
        If it has been measured.
    """

    config: Config
    share: float
    cycles: dict[str, float]
    assumed: bool
    accuracy: Accuracy | None


@cache
def accuracies() -> tuple[Accuracy, ...]:
    """Return the accuracies that have been measured."""
    text = resources.files(__package__).joinpath(_FILE).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return tuple(_accuracy(row) for row in csv.DictReader(lines))


def _accuracy(row: dict[str, str]) -> Accuracy:
    inputs, neurons = int(row["inputs"]), int(row["neurons"])
    views = int(row["views"])
    fields: dict[str, object] = {"margin": float(row["margin"]), "views": views}
    if row["encoder"]:
        fields["encoder"] = row["encoder"]
    if views > 1:
        fields["name"] = f"{inputs}-{neurons}, {views} views"
    groups, offset, bits = (int(row[name]) for name in ("groups", "head_offset", "counter_bits"))
    config = network(inputs, neurons, groups, offset, bits, **fields)
    return Accuracy(float(row["accuracy"]), config, int(row["seeds"]), int(row["epochs"]))


def network(
    inputs: int,
    neurons: int,
    groups: int,
    head_offset: int,
    counter_bits: int,
    **fields: object,
) -> Config:
    """Return a network of a hidden layer on Fashion-MNIST; on hand-made bits, if nothing else."""
    return make_config(
        {
            "name": f"{inputs}-{neurons}",
            "encoder": f"select:{inputs}:edges-6992",
            "inputs": inputs,
            "hidden": (neurons,),
            "group": -(-neurons // groups),
            "head_offset": head_offset,
            "counter_bits": counter_bits,
            **fields,
        }
    )


def fills(config: Config, shape: Shape) -> bool:
    """Return whether a network has about as many neurons as fit beside its inputs."""
    visits = -(-config.inputs // shape.lanes)
    return config.hidden[0] >= _NEARLY * min(shape.neurons, shape.depth // visits)


def explore(shape: Shape) -> Iterator[Candidate]:
    """Yield the networks that fill a device, and those of measured accuracy that fit it.

    Of a hidden layer, with as many neurons as fit beside the inputs, which are whole visits. A
    device that plays samples from a memory chip has them in the order and in the one view that it
    can play.

    Parameters
    ----------
    shape : Shape
    """
    played = shape.stored != "none"
    known = [
        found
        for found in accuracies()
        if not shortages(found.config, shape) and not (played and found.config.views > 1)
    ]
    order = {"order": "strides"} if played else {}
    for found in known:
        yield _candidate(found.config.model_copy(update=order), shape, found)
    measured = {(found.config.inputs, found.config.hidden[0]) for found in known}
    for visits in range(1, shape.inputs // shape.lanes + 1):
        neurons = min(shape.neurons, shape.depth // visits)
        inputs = visits * shape.lanes
        if neurons < FEWEST or (inputs, neurons) in measured:
            continue
        config = network(
            inputs, neurons, _groups(neurons), _offset(inputs), shape.counter_bits, **order
        )
        if not shortages(config, shape):
            yield _candidate(config, shape, None)


def _groups(neurons: int) -> int:
    """Return groups as accurate networks have them: of some 50 neurons."""
    return max(1, round(neurons / _GROUP))


def _offset(inputs: int) -> int:
    """Return a head offset as accurate networks have it: it grows with the spread of sums."""
    return max(8, round(_OFFSET * inputs**0.5 / 8) * 8)


_GROUP = 56
_OFFSET = 0.7


def _candidate(config: Config, shape: Shape, accuracy: Accuracy | None) -> Candidate:
    placement = Placement(config, shape)
    known = [rates_of(config, epoch) for epoch in EPOCHS]
    slowest = bounds(placement, None).memory
    cycles = {}
    for rates in known:
        counts = predict(placement, rates.rates, _TILES)
        cycles[f"epoch {rates.epoch}"] = max(slowest, counts.run / counts.samples)
    counts = predict_inference(placement, _TILES)
    cycles["inference"] = max(slowest, counts.run / counts.samples)
    assumed = any(rates.source == "assumed" for rates in known)
    share = placement.sign_words / shape.depth
    return Candidate(config, share, cycles, assumed, accuracy)


__all__ = ["Accuracy", "Candidate", "accuracies", "explore", "network", "network_name"]
