"""Random Prototypes: the generated data set of the paper (section 4)."""

import numpy as np
import numpy.typing as npt

CLASSES, BITS, PER_CLASS = 10, 1000, 1200
FLIPPED = 0.44
"""Probability that a sample's bit differs from its class's prototype."""


def generate() -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Return the samples, shape (12000, 1000), and their classes, ordered by class.

    The set is defined by NumPy's generator with seed 42, as in the paper; everything else in
    Metabit draws from its own.
    """
    rng = np.random.default_rng(42)
    prototypes = rng.choice([-1, 1], size=(CLASSES, BITS)) > 0
    samples = [prototype ^ (rng.random((PER_CLASS, BITS)) < FLIPPED) for prototype in prototypes]
    return np.concatenate(samples), np.repeat(np.arange(CLASSES), PER_CLASS)
