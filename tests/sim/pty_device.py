"""A simulated device behind a pseudo-terminal, as a board is behind a serial port."""

import os
import select
import threading
import tty

from metabit.sim.model import SimulatedDevice

_CYCLES = 2000
"""Cycles between two looks at the terminal."""


class PtyDevice:
    """Moves bytes between a device and a terminal until it is closed.

    Parameters
    ----------
    device : SimulatedDevice

    Attributes
    ----------
    port : str
        Name of the terminal.
    """

    def __init__(self, device: SimulatedDevice) -> None:
        self._device = device
        self._near, far = os.openpty()
        tty.setraw(far)
        self._far = far
        self.port = os.ttyname(far)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._move, daemon=True)
        self._thread.start()

    def _move(self) -> None:
        while not self._closing.is_set():
            if select.select([self._near], [], [], 0)[0]:
                self._device.send(os.read(self._near, 4096))
            self._device.run(_CYCLES)
            while part := self._device.receive():
                os.write(self._near, part)

    def close(self) -> None:
        self._closing.set()
        self._thread.join()
        for end in (self._near, self._far):
            os.close(end)
