"""What a driver reads from a device."""

from dataclasses import dataclass

from ..golden.binary_network import Statistics
from .packing import Counters


@dataclass(frozen=True)
class DeviceStatistics:
    """What a device has counted since its last load or clear, modulo ``2**32``.

    Attributes
    ----------
    counts : Statistics
        The counts that golden keeps, too.
    cycles : dict of str to int
        Clock cycles of each phase, if the device counts them; see
        :data:`metabit.hdl.statistics.PHASES`.
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
