"""The same soft errors in golden and in the simulated device, which must agree thereafter."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..golden.config import Config
from ..golden.data.training_data import TrainingData
from ..golden.learner import GoldenLearner
from ..golden.network import Network
from ..golden.schedule import Schedule
from ..golden.studies.soft_errors import Counters, Flips
from ..hdl.bundles import Space
from ..hdl.shape import Shape
from ..host.driver import Driver
from ..host.images import images_of
from ..host.lockstep import Lockstep
from ..sim.simulate import build_device, open_driver

TILES = 40
"""Tiles between two strikes."""


@dataclass(frozen=True)
class Struck:
    """A training in which golden and device had the same soft errors.

    Attributes
    ----------
    device : str
    rate : float
        Flips per bit and epoch.
    samples, flips, comparisons : int
        Trained on, turned over, and times that all state was compared.
    state_sha256 : str
        At the end, of both.
    """

    device: str
    rate: float
    samples: int
    flips: int
    comparisons: int
    state_sha256: str


def strike_both(
    config: Config, data: TrainingData, shape: Shape, rate: float, samples: int
) -> Struck:
    """Train golden and device with the same flips, and compare all state after every few tiles.

    Parameters
    ----------
    config : Config
        Its seed decides the flips, too.
    data : TrainingData
        Prepared for it.
    shape : Shape
        Device.
    rate : float
        Flips per bit and epoch.
    samples : int
        To train on, in whole tiles.

    Raises
    ------
    DivergenceError
        If they differ.
    """
    network = Network(config)
    flips = Flips(config.counter_bits, config.seed)
    schedule = Schedule(config, data.samples, 1 + samples // data.samples)
    with open_driver(build_device(shape), shape) as driver:
        # What is struck in between cannot be looked for again in shorter runs.
        side = Lockstep(driver, GoldenLearner(network), compare_every=1, keep_log=False)
        side.begin()
        packed = side.pack(data.train)
        while side.samples < samples and not schedule.done:
            step = schedule.step(TILES)
            side.train_tiles(
                packed,
                data.train_labels,
                step.indices,
                annealing=step.annealing,
                damping=step.damping,
            )
            schedule.advance(0, step.tiles)
            struck = flips.flip(network.counters, rate * len(step.indices) / data.samples)
            network.load(struck)
            write_counters(driver, struck)
            side.compare()
        side.predict(data.test[: config.tile])
    return Struck(
        shape.name, rate, side.samples, flips.count, side.comparisons, network.state_sha256
    )


def write_counters(driver: Driver, counters: Sequence[Counters]) -> None:
    """Write counters and signs of a network that is loaded; all else stays as it is."""
    placement = driver.placement
    # Codes and generator are not written.
    codes = Network(placement.config).classifier
    for image in images_of(placement, codes, counters, 1):
        if image.space in (Space.COUNTERS, Space.SIGNS):
            driver.write_space(image.space, image.words, image.element)
