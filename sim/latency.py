"""How long a device with an encoder takes for a raw sample."""

from dataclasses import dataclass

import numpy as np

from ..host import packing
from ..host.cycles import WHOLE
from ..host.packing import Words
from ..host.session import Session
from .model import SimulatedDevice
from .supplied import SuppliedDriver

_FIRST_BYTE = 3
"""Cycles from the first cycle of a run to the one before the first byte of its first sample."""

_PATIENCE = 1_000_000


@dataclass(frozen=True)
class Latency:
    """What a raw sample has come to, and when.

    Attributes
    ----------
    prediction : int
        Number of the class.
    predicted : int
        Cycles from the last byte of the sample to its prediction.
    learnt : int
        To the end of all its updates.
    """

    prediction: int
    predicted: int
    learnt: int


def measure_latency(driver: SuppliedDriver, packed: Words, number: int) -> Latency:
    """Let a device learn a raw sample, whose bytes come one a cycle.

    Parameters
    ----------
    driver : SuppliedDriver
        With network and encoder loaded, in tiles of one sample; the device counts phases.
    packed : ndarray of uint64, shape (1, words)
        From :func:`.pack_raw`.
    number : int
        Of its class, as the device has it.
    """
    device: SimulatedDevice = driver.transport.device  # type: ignore[attr-defined]
    before = driver.statistics().cycles[WHOLE]
    words = np.frombuffer(packing.records(packed, np.array([number])), np.uint64)
    found = device.supply(words, 1)
    session = Session(driver.requester, 1)
    try:
        session.start(train=1, drain=1, raw=1)
        while device.unsupplied:
            device.run(1)
        last = device.cycles
        device.run_until_predicted(1, _PATIENCE)
        predicted = device.cycles - last
        session.finish()
    finally:
        device.cut_supply()
    assert driver.program is not None
    run = driver.statistics().cycles[WHOLE] - before
    learnt = run - _FIRST_BYTE - driver.program.frame.bytes
    return Latency(int(found[0]), predicted, learnt)
