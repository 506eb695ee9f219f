"""What a sound device is asked while the tape runs; its answers are held against golden."""

import numpy as np

from ..errors import MetabitError
from ..golden.learner import GoldenLearner
from ..golden.network import Network
from ..hdl.shape import Shape
from ..host.driver import Driver
from ..host.lockstep import Lockstep
from ..selftest.run import selftest
from ..sim.model import SimulatedDevice
from ..sim.sweep import random_config, random_spans
from .tape import Tape, TapingTransport

NETWORKS = 8
"""Random networks that are trained."""

_SEED = 1
_STALL = 0.3
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
    for number in range(NETWORKS):
        tape.begin(f"network {number}")
        stall = _STALL * (number % 2)
        transport.stall(number, stall, stall)
        config = random_config(number, _SEED, shape)
        rng = np.random.default_rng([_SEED, number])
        driver = Driver(transport, shape)
        side = Lockstep(driver, GoldenLearner(Network(config)), compare_every=1)
        side.begin()
        for span in random_spans(config, rng):
            side.train(span)
        side.predict(rng.random((_COUNT, config.inputs)) < 0.5)
    return tape
