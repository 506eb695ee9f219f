"""The fixed random classifiers of the hardware's rule.

Codes of *random* bits of two classes agree in half of the neurons, which therefore tell nothing
between these two. *Balanced* codes have as many ones as zeros in every neuron: two classes differ
in all of them, three or four pairwise in two thirds, ten in five ninths. They are as far from each
other as codes can be (equiangular), which matters where classes are few.
"""

import numpy as np
import numpy.typing as npt

from .config import WORD
from .generator import Generator

Bits = npt.NDArray[np.bool_]


def as_signs(bits: Bits) -> npt.NDArray[np.float32]:
    """Return +-1 for bits."""
    signs = bits.astype(np.float32)
    signs *= 2
    signs -= 1
    return signs


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
    1: of an odd number of classes, the smaller half in even neurons and the larger in odd ones.

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


FEW_CLASSES = 4
"""Classes up to which codes are balanced, where none are asked for."""


def suitable_codes(classes: int) -> str:
    """Return the kind of codes for so many classes, where none is asked for.

    Balanced ones up to :data:`FEW_CLASSES`: with random codes, half of the neurons are lost on two
    classes. Of ten classes both are equally accurate.
    """
    return "balanced" if classes <= FEW_CLASSES else "random"


def suitable_group(group: int, codes: str) -> int:
    """Return the size of groups with codes of a kind, where ``group`` suits random ones.

    Of a group of random codes, half cannot tell two classes; of balanced ones, half as many hold as
    many candidates.
    """
    return -(-group // 2) if codes == "balanced" else group


DRAWS = {"random": draw_codes, "balanced": draw_balanced_codes}
"""How a classifier is drawn, by the configuration's ``codes``."""
