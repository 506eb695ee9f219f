"""What a sound device is asked while the tape runs; its answers are held against golden."""

import numpy as np

from ..errors import MetabitError
from ..golden.learner import GoldenLearner
from ..golden.network import Network
from ..hdl.bundles import Space
from ..hdl.shape import LANES, Shape
from ..host.driver import Driver
from ..host.lockstep import Lockstep, Span
from ..selftest.run import selftest
from ..sim.model import SimulatedDevice
from ..sim.sweep import random_config, random_spans
from .draws import draws, network
from .tape import Tape, TapingTransport

NETWORKS = 12
"""Random networks that are trained."""

_SEED = 1
_STALL = 0.3
_ENOUGH = 8
"""Samples of which one is learnt."""

_COUNT = 9
"""Samples that are predicted after each training."""


def rehearse(device: SimulatedDevice, shape: Shape) -> Tape:
    """Test a sound device, and train networks on it; returns the tape.

    Every other network with streams that stall.

    Parameters
    ----------
    device : SimulatedDevice
        As new; with a netlist of mutants, none of which is alive.
    shape : Shape
        What it was built as.

    Raises
    ------
    MetabitError
        If any answer is wrong: a tape of it would be worth nothing.
    """
    tape = Tape()
    transport = TapingTransport(device, tape)
    result, _ = selftest(transport, report=tape.begin)
    if not result.ok:
        raise MetabitError(
            "the device without mutants fails: "
            + "; ".join(outcome.found for outcome in result.outcomes if not outcome.ok)
        )
    _learn_networks(transport, shape)
    _draw_ones(transport, shape)
    return tape


def _learn_networks(transport: TapingTransport, shape: Shape) -> None:
    """Train random networks."""
    for number in range(NETWORKS):
        transport.tape.begin(f"network {number}")
        stall = _STALL * (number % 2)
        transport.stall(number, stall, stall)
        config = random_config(number, _SEED, shape)
        rng = np.random.default_rng([_SEED, number])
        side = _beside(transport, shape, Network(config))
        for span in random_spans(config, rng):
            side.train(span)
        side.predict(rng.random((_COUNT, config.inputs)) < 0.5)
    transport.stall(NETWORKS, 0, 0)


def _draw_ones(transport: TapingTransport, shape: Shape) -> None:
    """Train with draws of a single one, which random trainings do not come by."""
    transport.tape.begin("draws")
    golden = Network(network(shape))
    side = _beside(transport, shape, golden)
    rng = np.random.default_rng(_SEED)
    for draw in draws():
        golden.generator.state = draw.state
        side.driver.write_space(Space.GENERATOR, np.array([draw.state], np.uint64))
        samples = rng.random((_ENOUGH, LANES)) < 0.5
        side.train(Span(samples, rng.integers(0, 2, _ENOUGH), 0, draw.damping))
        if golden.generator.state == draw.state:
            raise MetabitError("the network that is to draw learns nothing")


def _beside(transport: TapingTransport, shape: Shape, golden: Network) -> Lockstep:
    """Load a network into the device, which then learns beside golden."""
    side = Lockstep(Driver(transport, shape), GoldenLearner(golden), compare_every=1)
    side.begin()
    return side
