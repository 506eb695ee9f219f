"""The fixed random classifiers of the hardware's rule.

Codes of *random* bits of two classes agree in half of the neurons, which therefore tell nothing
between these two. *Balanced* codes have as many ones as zeros in every neuron: any two of C classes
differ in C / (2 (C - 1)) of the neurons, two classes in all of them. They are as far from each other
as codes can be (equiangular), which matters where classes are few.
"""

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


def draw_balanced_codes(generator: Generator, classes: int, width: int) -> Bits:
    """Draw a classifier in which every neuron is for half of the classes.

    Neuron after neuron, a step per class; the classes with the smallest draws, half of them, get a
    1. Of an odd number of classes, even neurons are for the smaller half and odd ones for the larger.

    Parameters
    ----------
    generator : Generator
        Goes on by a step per neuron and class.
    classes, width : int
        Shape of the classifier, as for :func:`draw_codes`.
    """
    draws = generator.draw(classes * width).reshape(width, classes)
    # Draws never repeat within a period.
    ranks = draws.argsort(axis=1).argsort(axis=1)
    ones = classes // 2 + (np.arange(width) & classes & 1)
    return np.ascontiguousarray((ranks < ones[:, None]).T)


DRAWS = {"random": draw_codes, "balanced": draw_balanced_codes}
"""How a classifier is drawn, by the configuration's ``codes``."""
