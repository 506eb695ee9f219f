"""What a driver reads from a device."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..golden.network import Bits, Statistics

Counters = npt.NDArray[np.int16]


@dataclass(frozen=True)
class DeviceStatistics:
    """What a device has counted since its last reset or clear, modulo ``2**32``.

    Attributes
    ----------
    counts : Statistics
        The counts that golden keeps, too.
    cycles : dict of str to int
        Clock cycles of each phase.
    """

    counts: Statistics
    cycles: dict[str, int]


@dataclass(frozen=True)
class DeviceState:
    """The training state of a device.

    Attributes
    ----------
    counters : list of ndarray of int16, shape (K_l, fan_in)
        Counters of each layer.
    generator_state : int
        State of the generator.
    """

    counters: list[Counters]
    generator_state: int


@dataclass(frozen=True)
class DeviceSigns:
    """The sign plane of a device.

    Attributes
    ----------
    weights : list of ndarray of bool, shape (K_l, fan_in)
        True where the counter is not negative.
    classifier : list of ndarray of bool, shape (C, K_l)
        Classifier of each layer.
    """

    weights: list[Bits]
    classifier: list[Bits]


@dataclass(frozen=True)
class DeviceForward:
    """What a forward pass left in a device.

    Attributes
    ----------
    preactivations : list of ndarray of int32, shape (B, K_l)
        ``z`` of each layer.
    scores : list of ndarray of int32, shape (B, C)
        Class scores of each layer.
    """

    preactivations: list[npt.NDArray[np.int32]]
    scores: list[npt.NDArray[np.int32]]
