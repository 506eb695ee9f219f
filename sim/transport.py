"""The simulated device as a transport, so that the driver takes it for a board."""

import math

from ..golden.config import WORD
from ..golden.encoding.program import MOST_SIDE
from ..hdl.shape import Shape
from ..host.errors import DeviceTimeoutError
from ..host.packets import DELIMITER
from .model import SimulatedDevice

_CYCLES_PER_WORD = 16

_MOMENT = 5_000
"""Cycles between two questions how far a device is."""


def patience(shape: Shape) -> int:
    """Return cycles after which a device through whose streams nothing passes never will go on.

    Nothing takes longer than updating the rows of all winners that wait, or running the longest
    program of an encoder.
    """
    rows = 2 * shape.winners * shape.samples
    encoding = 0 if shape.encodes is None else shape.encodes.words * MOST_SIDE**2
    return 100_000 + _CYCLES_PER_WORD * rows * -(-shape.inputs // WORD) + encoding


class SimulatedTransport:
    """Frames to and from a simulated device.

    Parameters
    ----------
    device : SimulatedDevice
        Is closed with the transport.
    cycles : int
        To wait while nothing passes any stream; see :func:`patience`.
    """

    def __init__(self, device: SimulatedDevice, cycles: int) -> None:
        self.device = device
        self.cycles = cycles

    @property
    def name(self) -> str:
        """What messages call it."""
        return "the simulated device"

    @property
    def patience(self) -> str:
        """Cycles."""
        return f"{self.cycles} cycles"

    @property
    def advice(self) -> str:
        """What to do: look at the waveform."""
        return "it hangs; record a waveform of it with --trace"

    @property
    def notice(self) -> str:
        """Nothing."""
        return ""

    def discard(self) -> None:
        """Forget what was received so far."""
        while self.device.receive():
            pass

    def send(self, raw: bytes) -> None:
        """Queue bytes as they are."""
        self.device.send(raw)

    def receive(self) -> bytes:
        """Return the next frame received; see :meth:`metabit.host.transport.Transport.receive`."""
        while self.device.run_until_frame(self.cycles):
            received = self.device.receive()
            if received != DELIMITER:
                return received[: -len(DELIMITER)]
        raise DeviceTimeoutError(f"no answer from {self.name} in {self.patience}")

    def wait(self) -> None:
        """Run for a while."""
        self.device.run(_MOMENT)

    def pause(self, seconds: float) -> None:
        """Run for so long, at the clock that memory chips beside the device know."""
        self.device.run(math.ceil(seconds / self.device.period))

    def close(self) -> None:
        """Free the device."""
        self.device.close()
