"""Training over a line that brings what nobody has sent, and loses and damages what was sent."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from ...golden.learner import GoldenLearner
from ...golden.network import Network
from ...hdl.shape import Shape
from ...host.driver import Driver
from ...host.lockstep import Lockstep
from ...host.packets import DELIMITER
from ..model import SimulatedDevice
from ..sweep import random_config, random_spans
from ..transport import SimulatedTransport, patience
from .pieces import Maker, sound_body

_SOUND = 12
"""Frames of both ways that pass unharmed behind one that does not, so that three tries do."""

_RATE = 0.5
"""Share of the frames that something happens to, unless one has just before."""

_BURSTS = 0.2
"""Share of the times that nothing is under way in which noise comes."""

_BURST = 60
"""Broken frames of such noise."""

_QUIET = 5_000
"""Cycles without a byte after which no answer is on its way."""

_STALL = 0.4
_SAMPLES = 9
"""That are predicted at the end."""


@dataclass
class Noise:
    """What a line has done.

    Attributes
    ----------
    sent : int
        Bytes that nobody had sent.
    fates : Counter of str
        Frames by what became of them.
    """

    sent: int = 0
    fates: Counter[str] = field(default_factory=Counter)


class NoisyTransport(SimulatedTransport):
    """The simulated device behind a bad line.

    Before a frame comes noise without any request in it; a frame may be lost, damaged, cut or come
    twice, and so may an answer.

    Parameters
    ----------
    device : SimulatedDevice
    shape : Shape
        What it is.
    rng : numpy.random.Generator
        Decides what the line does.
    """

    def __init__(self, device: SimulatedDevice, shape: Shape, rng: np.random.Generator) -> None:
        super().__init__(device, patience(shape))
        self.noise = Noise()
        self._rng = rng
        self._maker = Maker(shape, rng, sound=False)
        self._sound = 0

    def _fate(self, fates: tuple[str, ...]) -> str:
        self._sound -= 1
        if self._sound > 0 or self._rng.random() >= _RATE:
            return "sound"
        self._sound = _SOUND + 1
        fate = fates[int(self._rng.integers(len(fates)))]
        self.noise.fates[fate] += 1
        return fate

    def discard(self) -> None:
        """Forget what was received; nothing is under way, and the line may be noisy for long."""
        if self._rng.random() < _BURSTS:
            burst = b"".join(self._noise() for _ in range(_BURST))
            self.noise.sent += len(burst)
            self.noise.fates["burst"] += 1
            self.device.send(burst)
            self.device.run_until_sent(self.cycles)
            while self.device.run_until_frame(_QUIET):
                self.device.receive()
        super().discard()

    def send(self, raw: bytes) -> None:
        """Send bytes, or what the line makes of them."""
        fate = self._fate(("lost", "damaged", "cut", "doubled", "noise"))
        match fate:
            case "lost":
                return
            case "damaged":
                raw = self._broken(raw)
            case "cut":
                raw = raw[: int(self._rng.integers(len(raw)))]
            case "doubled":
                raw += raw
            case "noise":
                noise = self._noise()
                self.noise.sent += len(noise)
                raw = noise + raw
        super().send(raw)

    def _noise(self) -> bytes:
        """Return a broken frame: the device complains about it once, in the place of an answer."""
        raw = self._maker.piece().raw.replace(DELIMITER, b"") + DELIMITER
        if sound_body(raw[: -len(DELIMITER)]) is not None:
            return b""
        return raw

    def _broken(self, frame: bytes) -> bytes:
        """Return a frame with a byte that is wrong, so that it is no request."""
        spoilt = bytearray(frame)
        place = int(self._rng.integers(len(frame) - 1))
        spoilt[place] ^= 1 + int(self._rng.integers(255))
        return bytes(spoilt)

    def receive(self) -> bytes:
        """Return the next frame received, or what the line makes of it."""
        received = super().receive()
        if self._fate(("answer damaged",)) == "sound":
            return received
        spoilt = self._broken(received + DELIMITER).replace(DELIMITER, b"")
        return spoilt or received


def train(device: SimulatedDevice, shape: Shape, seed: int, number: int) -> tuple[Noise, int]:
    """Train a random network over such a line, and compare it with golden after every run.

    Parameters
    ----------
    device : SimulatedDevice
        Is reset first.
    shape : Shape
        What it is.
    seed, number : int
        Decide network, data and noise.

    Returns
    -------
    Noise
    int
        Samples trained.

    Raises
    ------
    DeviceError
        If the driver gives up, or golden and device differ.
    """
    device.reset()
    rng = np.random.default_rng([seed, number, 2])
    transport = NoisyTransport(device, shape, rng)
    device.stall(number, *(_STALL * rng.random(2) * (rng.random() < 0.5)).tolist())
    config = random_config(number, seed, shape)
    side = Lockstep(Driver(transport, shape), GoldenLearner(Network(config)), compare_every=1)
    side.begin()
    for span in random_spans(config, rng):
        side.train(span)
    side.predict(rng.random((_SAMPLES, config.inputs)) < 0.5)
    return transport.noise, side.samples
