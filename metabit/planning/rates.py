"""How often samples train: measured for known networks, measured on request, or assumed."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from ..golden.config import Config
from ..golden.engines import EngineName, make_learner
from ..golden.network import Network
from ..golden.runs.trainer import Samples, Trainer
from ..golden.schedule import Schedule
from .events import FLIP_WEIGHTS, Rates, Run, groups
from .record import Recorder, record

EPOCHS = (1, 10)
"""Epochs whose rates are known: the slowest, and one that is like most."""

TRAINING = 30
"""Epochs of the training that they belong to."""

ASSUMED = {1: 0.5, 10: 0.27}
"""Share of the samples that trigger in these epochs, in a layer of a network that nobody measured:
measured ones lie between 0.42 and 0.54, and 0.23 and 0.30, on Fashion-MNIST."""

ASSUMED_FLIPS = {1: 0.10, 10: 0.07}
"""Share of the stretches of 8 weights of a row in which a sign flips, likewise."""

_FILE = "rates.csv"


@dataclass(frozen=True)
class Known:
    """Rates of an epoch, and where they are from.

    Attributes
    ----------
    epoch : int
    rates : Rates
    source : str
        "measured", "table" or "assumed".
    """

    epoch: int
    rates: Rates
    source: str


@cache
def _table() -> dict[tuple[str, int], dict[str, str]]:
    text = resources.files(__package__).joinpath(_FILE).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {(row["network"], int(row["epoch"])): row for row in csv.DictReader(lines)}


def network_name(config: Config) -> str:
    """Return what networks of a table are known by, e.g. ``"1536-64 g1 o24"``.

    Inputs and neurons of the layers, groups of the widest layer, head offset, and margin and views
    if they are not the usual ones.
    """
    widths = "-".join(map(str, (config.inputs, *config.hidden)))
    most = max(groups(config, layer) for layer in range(config.layers))
    usual = Config.model_fields["margin"].default
    margin = "" if config.margin == usual else f" m{config.margin:g}"
    views = "" if config.views == 1 else f" v{config.views}"
    return f"{widths} g{most} o{config.head_offset}{margin}{views}"


def rates_of(config: Config, epoch: int) -> Known:
    """Return the rates of a network in an epoch of a training of 30: of the table, or assumed.

    Parameters
    ----------
    config : Config
    epoch : int
        One of :data:`EPOCHS`.
    """
    layers = range(config.layers)
    annealing = config.annealing_exponent(epoch, TRAINING)
    most = tuple(float(groups(config, layer)) for layer in layers)
    row = _table().get((network_name(config), epoch))
    if row is None:
        triggers = (ASSUMED[epoch],) * config.layers
        return Known(epoch, Rates(triggers, most, ASSUMED_FLIPS[epoch], annealing), "assumed")
    rates = Rates(
        _numbers(row["triggers"]),
        _numbers(row["rows"]) or most,
        float(row["flips"] or ASSUMED_FLIPS[epoch]),
        annealing,
    )
    return Known(epoch, rates, "table")


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split("/")) if text else ()


def measure(
    config: Config,
    data: Samples,
    lanes: int,
    engine: EngineName,
    wanted: Sequence[int] = EPOCHS,
    epochs: int = TRAINING,
) -> Iterator[tuple[int, list[Run]]]:
    """Train, and yield what samples cause in the epochs that are wanted, as a device's runs.

    Parameters
    ----------
    config : Config
    data : Samples
    lanes : int
        Inputs that the device takes in a visit.
    engine : {"numpy", "numba"}
        What trains in the epochs between.
    wanted : sequence of int
        Epochs, from 1, in order.
    epochs : int
        Length of the training.
    """
    network = Network(config)
    schedule = Schedule(config, len(data.train) // config.views, epochs)
    for epoch in wanted:
        if schedule.epoch < epoch:
            trainer = Trainer(make_learner(network, engine), data, schedule)
            for _ in trainer.spans():
                if schedule.epoch == epoch:
                    break
            network = trainer.learner.network  # type: ignore[attr-defined]
        recorder = Recorder(network, lanes)
        runs = []
        for run in record(recorder, data, schedule):
            runs.append(run)
            if schedule.epoch > epoch:
                break
        network = recorder.plain()
        yield epoch, runs


def rates_of_runs(config: Config, runs: Sequence[Run]) -> Rates:
    """Return the rates at which runs have happened.

    Parameters
    ----------
    config : Config
    runs : sequence of Run
        Of one epoch.
    """
    samples = sum(len(run.samples) for run in runs)
    triggers, rows = Counter[int](), Counter[int]()
    flips = stretches = 0
    for run in runs:
        for sample in run.samples:
            for layer, updated in enumerate(sample):
                if updated is None:
                    continue
                triggers[layer] += 1
                rows[layer] += len(updated)
                flips += sum(sum(row.flips) for row in updated)
                stretches += len(updated) * -(-config.fan_in[layer] // FLIP_WEIGHTS)
    layers = range(config.layers)
    return Rates(
        tuple(triggers[layer] / samples for layer in layers),
        tuple(rows[layer] / max(1, triggers[layer]) for layer in layers),
        flips / max(1, stretches),
        runs[0].annealing,
    )
