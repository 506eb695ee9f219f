"""The meaning of encoder programs: what their words make of samples, one by one."""

import numpy as np
import numpy.typing as npt

from ..codes import Bits
from .program import Kind, Program, unpack_word


def interpret(program: Program, samples: npt.NDArray, view: int = 0) -> Bits:
    """Return the bits that a program makes of samples, shape (n, width).

    Parameters
    ----------
    program : Program
        Of samples of this shape.
    samples : ndarray of int, shape (n, ...)
        Numbers of 0 to 255.
    view : int
        In which they are seen; others than 0 need a border.

    Raises
    ------
    DataError
        If the samples do not suit the program.
    ConfigurationError
        If its border is too narrow for the view.
    """
    memory = program.frame.pack(samples).astype(np.int16)
    origin = program.frame.origin(view)
    bits = np.zeros((len(samples), program.width), bool)
    made, count, first = 0, np.zeros(len(samples), np.int64), True
    offset = threshold = pitch = 0
    for word in program.words:
        kind, fields = unpack_word(word)
        if kind == Kind.FRAME:
            pitch = fields["pitch"]
        elif kind == Kind.MAP:
            offset, threshold = fields["offset"], fields["threshold"]
        elif kind == Kind.PIECE:
            if first:
                count = np.full(len(samples), -fields["marks"] - 1)
            rows = np.arange(fields["rows"] + 1)[:, None] * pitch
            places = (origin + fields["address"] + rows + np.arange(fields["columns"] + 1)).ravel()
            differences = memory[:, places]
            if not fields["alone"]:
                assert places.min() + offset >= 0, "a neighbour lies before the image"
                differences = differences - memory[:, places + offset]
            count = count + (differences > threshold).sum(axis=1)
            first = not fields["more"]
            if first:
                bits[:, made] = count >= 0
                made += 1
    return bits
