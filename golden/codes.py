"""The fixed random classifiers of the hardware's rule."""

import numpy as np
import numpy.typing as npt

from .config import WORD
from .generator import Generator

Bits = npt.NDArray[np.bool_]


def draw_codes(generator: Generator, classes: int, width: int) -> Bits:
    """Draw the classifier ``P`` of a layer: the low 16 bits of a step per word, class by class.

    Parameters
    ----------
    generator : Generator
        Goes on by a step per word.
    classes, width : int
        Shape of the classifier: a code per class, a bit per neuron; 1 is +1, 0 is -1.
    """
    words = -(-width // WORD)
    draws = generator.draw(classes * words)
    bits = (draws[:, None] >> np.arange(WORD, dtype=np.uint32)) & 1
    return bits.astype(bool).reshape(classes, words * WORD)[:, :width]
