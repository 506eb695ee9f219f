"""The simulated device as a transport, so that the driver takes it for a board."""

from ..boards.packets import DELIMITER
from ..boards.transport import DeviceTimeoutError
from ..golden.config import WORD, Config
from .model import SimulatedDevice


def patience(config: Config) -> int:
    """Return cycles after which a device that has not answered never will.

    No request takes longer than drawing all counters, 16 cycles a word and some for the store,
    or updating every row of every layer for every sample of a tile.
    """
    words = sum(width * count for width, count in zip(config.hidden, config.words, strict=True))
    return 1_000_000 + (4 * WORD + 16 * config.tile) * words


class SimulatedTransport:
    """Frames to and from a simulated device.

    Parameters
    ----------
    device : SimulatedDevice
        Is closed with the transport.
    cycles : int
        To wait for a frame; see :func:`patience`.
    """

    def __init__(self, device: SimulatedDevice, cycles: int) -> None:
        self.device = device
        self._cycles = cycles

    @property
    def name(self) -> str:
        """What messages call it."""
        return "the simulated device"

    @property
    def patience(self) -> str:
        """Cycles."""
        return f"{self._cycles} cycles"

    @property
    def advice(self) -> str:
        """What to do: look at the waveform."""
        return "it hangs; record a waveform of it with --trace"

    def exchange(self, frame: bytes) -> bytes:
        """Forget what was received, send a frame, and return the next one received.

        Raises
        ------
        DeviceTimeoutError
            If none came in time.
        """
        while self.device.receive():
            pass
        self.send(frame)
        return self.receive()

    def send(self, raw: bytes) -> None:
        """Queue bytes as they are."""
        self.device.send(raw)

    def receive(self) -> bytes:
        """Return the next frame received, without its delimiter; never empty.

        Raises
        ------
        DeviceTimeoutError
            If none came in time.
        """
        end = self.device.cycles + self._cycles
        while self.device.cycles < end:
            if self.device.run_until_frame(end - self.device.cycles):
                received = self.device.receive()
                if received != DELIMITER:
                    return received[: -len(DELIMITER)]
        raise DeviceTimeoutError(f"no answer from {self.name} in {self.patience}")

    def close(self) -> None:
        """Free the device."""
        self.device.close()
