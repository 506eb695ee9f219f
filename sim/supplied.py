"""A driver that gives samples to a simulated device beside the link, at full speed."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..golden.learner import Labels
from ..hdl.shape import Shape
from ..host import packing
from ..host.driver import Driver
from ..host.errors import DeviceError, DeviceTimeoutError
from ..host.packing import Words
from ..host.session import Session
from .transport import SimulatedTransport


class SuppliedDriver(Driver):
    """Driver of a simulated device with a second way in for samples.

    A run is started and its end awaited through the link; its samples and predictions are moved
    by native code, without a return to Python. Everything else is the driver's.

    Parameters
    ----------
    transport : SimulatedTransport
        Is closed with the driver.
    shape : Shape
        What was built.

    Attributes
    ----------
    supplied : bool
        False: samples go through the link, as a board's do.
    pauses : list of (int, callable)
        Of the next run: what is called when so many predictions have come, in order.
    """

    def __init__(self, transport: SimulatedTransport, shape: Shape) -> None:
        super().__init__(transport, shape)
        self._device = transport.device
        self._patience = transport.cycles
        self.supplied = True
        self.pauses: list[tuple[int, Callable[[], None]]] = []

    def _run(self, packed: Words, labels: Labels, **flags: int) -> npt.NDArray[np.int64]:
        """Run samples through the device, and return their predictions."""
        if not self.supplied or not len(packed):
            return super()._run(packed, labels, **flags)
        words = np.frombuffer(packing.records(packed, labels), np.uint64)
        found = self._device.supply(words, len(packed))
        session = Session(self._requester, len(packed))
        try:
            session.start(**flags)
            for predictions, action in self.pauses:
                self._await(predictions)
                action()
            session.finish()
            self._check(len(packed))
        finally:
            self.pauses = []
            self._device.cut_supply()
        return found.astype(np.int64)

    def _await(self, predictions: int) -> None:
        """Let the device run until so many predictions have come."""
        if not self._device.run_until_predicted(predictions, self._patience):
            raise DeviceTimeoutError(
                f"no prediction from {self.transport.name} in {self.transport.patience}"
            )

    def _check(self, samples: int) -> None:
        """Raise an error if predictions are missing or samples are left."""
        name, predicted = self.transport.name, self._device.predicted
        if predicted != samples:
            raise DeviceError(f"{name} has answered {samples} samples with {predicted} predictions")
        if left := self._device.unsupplied:
            raise DeviceError(f"{name} has left {left} words of samples that it was given")
