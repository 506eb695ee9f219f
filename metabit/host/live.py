"""Live learning: raw samples as they come from a sensor, predicted at once, and learnt."""

import numpy as np
import numpy.typing as npt

from ..golden.encoding.encoders import Encoder
from ..golden.learner import Labels
from ..golden.network import Network
from .driver import Driver
from .packing import Words
from .raw import pack_raw, program_for


class LiveDevice:
    """A device that takes raw samples: it encodes them, predicts, and learns if they have labels.

    Parameters
    ----------
    driver : Driver
        Device.
    network : Network
        Is loaded. In tiles of one sample and with a lag of 0, every sample is judged by all that
        was learnt before it.
    encoder : Encoder
        Fitted; its program is loaded, too.
    samples : tuple of int
        Shape of a sample.

    Raises
    ------
    CapacityError
        If the network does not fit the device.
    MetabitError
        If the device has no encoder, or too small a one, or there is no program of this encoder.
    DeviceError
        If the device does not keep the encoder's table.
    """

    def __init__(
        self, driver: Driver, network: Network, encoder: Encoder, samples: tuple[int, ...]
    ) -> None:
        self.driver = driver
        driver.load(network)
        self.program = program_for(encoder, samples, driver.placement)
        driver.write_table(self.program)

    def pack(self, samples: npt.NDArray) -> Words:
        """Return raw samples as they are sent; see :func:`.pack_raw`."""
        return pack_raw(samples, self.program.frame)

    def learn(
        self, packed: Words, labels: Labels, *, annealing: int = 0, damping: int = 0
    ) -> npt.NDArray:
        """Predict samples, learn them, and return the predictions, shape (n,).

        When it returns, all updates are done.

        Parameters
        ----------
        packed : ndarray of uint64, shape (n, words)
            From :meth:`pack`.
        labels : ndarray of int, shape (n,)
            Their classes.
        annealing, damping : int
            Exponent ``q`` and ``j`` of reinforcement, 0 to 3.
        """
        return self.driver.train_packed(
            packed, np.asarray(labels), annealing=annealing, damping=damping, raw=True
        )

    def predict(self, packed: Words) -> npt.NDArray:
        """Return the classes of samples without labels, shape (n,); nothing is learnt."""
        return self.driver.predict_packed(packed, raw=True)
