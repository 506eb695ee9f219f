"""Raw samples for devices that encode: the encoder's program, and samples of bytes."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..errors import MetabitError
from ..golden.encoding.assemble import assemble
from ..golden.encoding.encoders import Encoder
from ..golden.encoding.program import Frame, Program
from ..golden.network import Bits
from ..hdl.encode.frontend import BYTES
from ..hdl.encode.sizes import Sizes
from ..hdl.placement import Placement
from ..hdl.shape import LANES, SHAPES, Shape
from .packing import Words


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


def program_for(encoder: Encoder, samples: Sequence[int], placement: Placement) -> Program:
    """Return the program of an encoder for the device that a network lies in.

    Parameters
    ----------
    encoder : Encoder
        Fitted.
    samples : sequence of int
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


def pack_raw(samples: npt.NDArray, frame: Frame) -> Words:
    """Return raw samples as words, shape (n, bytes / 8), without labels.

    Parameters
    ----------
    samples : ndarray of int, shape (n, ...)
        Numbers of 0 to 255.
    frame : Frame
        Of a program of :func:`program_for`.

    Raises
    ------
    DataError
        If they are of another shape or type.
    """
    return np.ascontiguousarray(frame.pack(samples)).view("<u8")


class RawSamples:
    """What samples of bits were, before they were encoded: a driver sends that instead.

    Parameters
    ----------
    encoder : Encoder
        Fitted.
    known : sequence of (ndarray of bool, shape (n, inputs); ndarray, shape (n, ...))
        Encoded samples, and the raw ones that they came from.
    """

    def __init__(self, encoder: Encoder, known: Sequence[tuple[Bits, npt.NDArray]]) -> None:
        self._encoder = encoder
        self._known = tuple(known)

    def program(self, placement: Placement) -> Program:
        """Return the encoder's program; see :func:`program_for`."""
        return program_for(self._encoder, self._known[0][1].shape[1:], placement)

    def pack(self, samples: Bits, frame: Frame) -> Words:
        """Return the raw samples that these came from, as :func:`pack_raw` does.

        Parameters
        ----------
        samples : ndarray of bool, shape (n, inputs)
            Those of one of the pairs, all of them or the first ones.
        frame : Frame

        Raises
        ------
        ValueError
            If they are others.
        """
        for bits, raw in self._known:
            if samples is bits or np.array_equal(samples, bits[: len(samples)]):
                return pack_raw(raw[: len(samples)], frame)
        raise ValueError(f"nothing is known of what {len(samples)} encoded samples came from")
