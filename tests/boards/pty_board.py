"""Boards behind pseudo-terminals: golden networks laid out as in the hardware, that may fail."""

import os
import select
import threading
from collections.abc import Sequence

from metabit.golden.config import Config
from metabit.hdl.link.protocol import Operation
from metabit.hdl.placement import Placement
from metabit.hdl.shape import Shape
from tests.host.model_device import ModelDevice

_POLL = 0.05
"""Seconds after which the far end looks whether it is to end."""


class AnyNetwork(ModelDevice):
    """A device that takes any of some networks, whichever it is loaded with.

    Parameters
    ----------
    shape : Shape
        What it pretends to be.
    configs : sequence of Config
        Networks that may come.
    """

    def __init__(self, shape: Shape, configs: Sequence[Config]) -> None:
        super().__init__(shape, configs[0])
        self._configs = [c for c in configs if not _misfit(c, shape)]

    def _ensure(self) -> None:
        if self.network is not None:
            return
        for config in self._configs:
            self.config = config
            try:
                super()._ensure()
            except (AssertionError, KeyError):
                continue
            return
        raise AssertionError("the network that was loaded is none of those that may come")


def _misfit(config: Config, shape: Shape) -> bool:
    return any(not need.met for need in Placement(config, shape, check=False).requirements)


class PtyBoard:
    """A model device behind a serial port.

    Parameters
    ----------
    device : ModelDevice

    Attributes
    ----------
    port : str
        Name of the port.
    dies_after, hangs_after, garbles_after : int or None
        Training and test runs of the device after which its port is gone, it says nothing any more,
        or nothing sound; None: never.
    """

    def __init__(self, device: ModelDevice) -> None:
        self.device = device
        self.dies_after: int | None = None
        self.hangs_after: int | None = None
        self.garbles_after: int | None = None
        self._far, near = os.openpty()
        self.port = os.ttyname(near)
        self._near: int | None = near
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def runs(self) -> int:
        """Runs of samples that the device has begun."""
        return self.device.executed.count(Operation.RUN)

    def _past(self, limit: int | None) -> bool:
        return limit is not None and self.runs > limit

    def _serve(self) -> None:
        buffer = b""
        try:
            while not self._ends.is_set():
                if not select.select([self._far], [], [], _POLL)[0]:
                    continue
                *frames, buffer = (buffer + os.read(self._far, 4096)).split(b"\0")
                for encoded in frames:
                    self.device.send(encoded + b"\0")
                    if self._past(self.dies_after):
                        return
                replies = [self.device.receive() for _ in range(len(self.device._replies))]
                if self._past(self.hangs_after):
                    continue
                if self._past(self.garbles_after):
                    replies = [reply[::-1] for reply in replies]
                os.write(self._far, b"".join(reply + b"\0" for reply in replies))
        finally:
            os.close(self._far)
            if self._near is not None:
                os.close(self._near)
                self._near = None

    def close(self) -> None:
        """End the board."""
        self._ends.set()
        self._thread.join(5)
