"""What a device was asked and what it answered, frame by frame, to be asked again."""

from dataclasses import dataclass, field

from ..host.errors import DeviceTimeoutError
from ..host.packets import DELIMITER
from ..sim.model import SimulatedDevice
from ..sim.transport import SimulatedTransport

_CHUNK = 64
"""Cycles between two looks whether an answer is there."""

_PATIENCE = 50_000
"""Cycles more than the sound device took, after which an answer will not come."""


@dataclass(frozen=True)
class Begin:
    """A chapter of the tape."""

    title: str


@dataclass(frozen=True)
class Stall:
    """Hold the streams of bytes up; see :meth:`.SimulatedDevice.stall`."""

    seed: int
    receive: float
    transmit: float


@dataclass(frozen=True)
class Send:
    """Bytes to the device."""

    raw: bytes


@dataclass(frozen=True)
class Receive:
    """A frame from the device, and the cycles it took to come; None: none came."""

    frame: bytes | None
    cycles: int


@dataclass(frozen=True)
class Discard:
    """Forget what has come."""


@dataclass(frozen=True)
class Wait:
    """Some cycles pass."""

    cycles: int


Event = Begin | Stall | Send | Receive | Discard | Wait


@dataclass
class Tape:
    """Events in order.

    Attributes
    ----------
    events : list of Event
    """

    events: list[Event] = field(default_factory=list)

    def begin(self, title: str) -> None:
        """Begin a chapter."""
        self.events.append(Begin(title))

    def replay(self, device: SimulatedDevice) -> str | None:
        """Ask another device the same; returns the chapter of its first other answer, or None.

        Parameters
        ----------
        device : SimulatedDevice
            As new.
        """
        chapter = ""
        for event in self.events:
            match event:
                case Begin():
                    chapter = event.title
                case Stall():
                    device.stall(event.seed, event.receive, event.transmit)
                case Send():
                    device.send(event.raw)
                case Receive():
                    limit = _PATIENCE if event.frame is None else event.cycles + _PATIENCE
                    if _receive(device, limit)[0] != event.frame:
                        return chapter
                case Discard():
                    _discard(device)
                case Wait():
                    device.run(event.cycles)
        return None


class TapingTransport(SimulatedTransport):
    """The simulated device as a transport that keeps a tape.

    Parameters
    ----------
    device : SimulatedDevice
    tape : Tape
        Gets the events.

    Attributes
    ----------
    tape : Tape
    """

    def __init__(self, device: SimulatedDevice, tape: Tape) -> None:
        super().__init__(device, _PATIENCE)
        self.tape = tape

    def stall(self, seed: int, receive: float, transmit: float) -> None:
        """Hold the streams of bytes up from now on."""
        self.tape.events.append(Stall(seed, receive, transmit))
        self.device.stall(seed, receive, transmit)

    def discard(self) -> None:
        """Forget what was received so far."""
        self.tape.events.append(Discard())
        _discard(self.device)

    def send(self, raw: bytes) -> None:
        """Queue bytes as they are."""
        self.tape.events.append(Send(raw))
        self.device.send(raw)

    def receive(self) -> bytes:
        """Return the next frame received; see :meth:`metabit.host.transport.Transport.receive`."""
        while True:
            frame, cycles = _receive(self.device, self.cycles)
            self.tape.events.append(Receive(frame, cycles))
            if frame is None:
                raise DeviceTimeoutError(f"no answer from {self.name} in {self.patience}")
            if frame != DELIMITER:
                return frame[: -len(DELIMITER)]

    def wait(self) -> None:
        """Run for a while."""
        self.tape.events.append(Wait(_CHUNK))
        self.device.run(_CHUNK)

    def pause(self, seconds: float) -> None:
        """Run for so long; see :meth:`.SimulatedTransport.pause`."""
        before = self.device.cycles
        super().pause(seconds)
        self.tape.events.append(Wait(self.device.cycles - before))

    def close(self) -> None:
        """Leave the device, which others look at."""


def _receive(device: SimulatedDevice, limit: int) -> tuple[bytes | None, int]:
    """Return the next frame, or None if the limit is reached first, and the cycles it took."""
    received, cycles = device.receive(), 0
    while not received.endswith(DELIMITER):
        # A mutant may send without an end.
        if cycles >= limit:
            return None, cycles
        device.run(_CHUNK)
        cycles += _CHUNK
        received += device.receive()
    return received, cycles


def _discard(device: SimulatedDevice) -> None:
    while device.receive():
        pass
