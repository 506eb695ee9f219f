"""Raw samples for a device that encodes: its table, and samples as they come from a sensor."""

import numpy as np
import numpy.typing as npt

from ..errors import MetabitError
from ..golden.encoding.assemble import assemble
from ..golden.encoding.encoders import Encoder
from ..golden.encoding.program import Program
from ..golden.learner import Labels
from ..hdl.bundles import Space
from ..hdl.encode.frontend import BYTES
from ..hdl.encode.sizes import Sizes
from ..hdl.placement import Placement
from ..hdl.setup import TABLE
from ..hdl.shape import LANES, SHAPES, Shape
from .driver import Driver
from .errors import DeviceError
from .packing import Words

_LOW_HALF = np.uint64(0xFFFF_FFFF)


def sizes_of(shape: Shape) -> Sizes:
    """Return the size of the encoder of a device.

    Raises
    ------
    MetabitError
        If it has none.
    """
    if shape.encodes is None:
        have = ", ".join(other.name for other in SHAPES.values() if other.encodes is not None)
        raise MetabitError(
            f"device {shape.name} has no encoder, and takes no raw samples; {have} have one"
        )
    return shape.encodes


def program_for(encoder: Encoder, samples: tuple[int, ...], placement: Placement) -> Program:
    """Return the program of an encoder for the device that a network lies in.

    Parameters
    ----------
    encoder : Encoder
        Fitted.
    samples : tuple of int
        Shape of a sample.
    placement : Placement
        Of a network of as many inputs as the encoder has bits.

    Raises
    ------
    MetabitError
        If the device has no encoder, or too small a one.
    ConfigurationError
        If there is no program of such an encoder.
    DataError
        If samples are too large, or the encoder is not fitted.
    """
    sizes = sizes_of(placement.shape)
    width = LANES * placement.regions[0]
    program = assemble(encoder, samples, width=width, align=BYTES)
    sizes.check(program)
    return program


class LiveDevice:
    """A device that takes raw samples: it encodes them, predicts, and learns if they have labels.

    Parameters
    ----------
    driver : Driver
        Device; its network is loaded.
    program : Program
        From :func:`program_for`. Written to the device, read back and compared.

    Raises
    ------
    MetabitError
        If the device has no encoder, or too small a one.
    DeviceError
        If something else is in the table than what was written.
    """

    def __init__(self, driver: Driver, program: Program) -> None:
        sizes_of(driver.shape).check(program)
        self.driver = driver
        self.program = program
        written = np.array(program.words, np.uint64)
        driver.write_space(Space.SETUP, written, first=TABLE)
        found = driver.read_space(Space.SETUP, len(written), first=TABLE) & _LOW_HALF
        wrong = np.flatnonzero(found != written)
        if len(wrong):
            place = int(wrong[0])
            raise DeviceError(
                f"word {place} of the encoder's table of {driver.transport.name} is "
                f"{found[place]:#010x} and not {written[place]:#010x}, as it was written; "
                f"{len(wrong)} of {len(written)} differ"
            )

    def pack(self, samples: npt.NDArray) -> Words:
        """Return raw samples as they are sent, shape (n, words).

        Parameters
        ----------
        samples : ndarray of int, shape (n, ...)
            Numbers of 0 to 255.

        Raises
        ------
        DataError
            If they are of another shape or type.
        """
        return np.ascontiguousarray(self.program.frame.pack(samples)).view("<u8")

    def learn(
        self, packed: Words, labels: Labels, *, annealing: int = 0, damping: int = 0
    ) -> npt.NDArray[np.int64]:
        """Predict samples, learn them, and return the predictions, shape (n,).

        When it returns, all updates are done, and the next sample is judged by them.

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
            packed, labels, annealing=annealing, damping=damping, raw=True
        )

    def predict(self, packed: Words) -> npt.NDArray[np.int64]:
        """Return the classes of samples without labels, shape (n,); nothing is learnt."""
        return self.driver.predict_packed(packed, raw=True)
