"""A serial line to a model device that loses, damages, doubles and delays frames."""

import random
from collections import deque

from metabit.host.errors import DeviceTimeoutError
from tests.host.model_device import ModelDevice

SOUND = 3
"""Frames in a row that pass unharmed behind one that does not, so that three tries do."""


class LossyLine:
    """Transport to a model device, the frames of which keep their order.

    Parameters
    ----------
    device : ModelDevice
    seed : int
        Of what happens to which frame.
    rate : float
        Share of the frames that something happens to, unless one has just before.
    """

    name = ModelDevice.name
    patience = ModelDevice.patience
    advice = ModelDevice.advice
    notice = ModelDevice.notice

    def __init__(self, device: ModelDevice, seed: int, rate: float) -> None:
        self.device = device
        self.fates: list[str] = []
        self._random = random.Random(seed)
        self._rate = rate
        self._sound = 0
        self._replies: deque[tuple[bool, bytes]] = deque()  # and whether they come late

    def _fate(self) -> str:
        self._sound -= 1
        if self._sound > 0 or self._random.random() >= self._rate:
            return "sound"
        self._sound = SOUND + 1
        self.fates.append(self._random.choice(["lost", "damaged", "doubled", "delayed"]))
        return self.fates[-1]

    def _broken(self, frame: bytes) -> bytes:
        spoilt = bytearray(frame)
        spoilt[self._random.randrange(len(spoilt))] ^= self._random.randint(1, 255)
        return bytes(spoilt)

    def send(self, raw: bytes) -> None:
        fate = self._fate()
        if fate != "lost":
            self.device.send(self._broken(raw) if fate == "damaged" else raw)
        if fate == "doubled":
            self.device.send(raw)
        while self.device._replies:
            late = fate == "delayed"
            self._come(self.device._replies.pop(0), late)

    def _come(self, reply: bytes, late: bool) -> None:
        fate = self._fate()
        if fate == "lost":
            return
        if fate == "damaged":
            # What the line makes of a frame may be several.
            for part in filter(None, self._broken(reply).split(b"\0")):
                self._replies.append((late, part))
            return
        self._replies.append((late or fate == "delayed", reply))
        if fate == "doubled":
            self._replies.append((late, reply))

    def discard(self) -> None:
        """Forget what has come; what comes late is still on its way then."""
        while self._replies and not self._replies[0][0]:
            self._replies.popleft()

    def receive(self) -> bytes:
        if not self._replies:
            raise DeviceTimeoutError(f"no answer from {self.name}")
        if self._replies[0][0]:
            # While nothing has come, all that is on its way arrives.
            self._replies = deque((False, reply) for _, reply in self._replies)
            raise DeviceTimeoutError(f"no answer from {self.name} yet")
        return self._replies.popleft()[1]

    def wait(self) -> None:
        self.device.wait()

    def pause(self, seconds: float) -> None:
        self.device.pause(seconds)

    def close(self) -> None:
        self.device.close()
