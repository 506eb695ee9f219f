"""Thresholds that all pixels share, taken from the training images."""

import numpy as np
import numpy.typing as npt

from ..errors import DataError

_ENOUGH = 1 << 22
"""Pixels from which on a part of the images tells the distribution as well."""


def levels_of(images: npt.NDArray, count: int) -> tuple[float, ...]:
    """Return thresholds between which about equally many pixels lie.

    Images mostly are background: if the smallest value is frequent enough to fill a part of its
    own, it is the first threshold, and the others divide the pixels above it; a bit for each part
    of all pixels would tell background from background. No threshold is as large as the largest
    value, as nothing is above that.

    Parameters
    ----------
    images : ndarray, shape (n, ...)
        Training images only.
    count : int
        Number of thresholds; some are equal if there are fewer values.

    Raises
    ------
    DataError
        If all pixels have the same value.
    """
    values = some_pixels(images)
    values.sort()
    lowest = values[0]
    below = values[: np.searchsorted(values, values[-1])]
    if not len(below):
        raise DataError(f"all {images.size} values of the training data are {lowest}")
    background = int(np.searchsorted(values, lowest, "right"))
    first: list[float] = []
    parts = count + 1
    if background * parts >= len(values):
        first, parts, values = [float(lowest)], count, values[background:]
    places = len(values) * np.arange(1, parts) // parts
    return (*first, *(float(value) for value in np.minimum(values[places], below[-1])))


def some_pixels(images: npt.NDArray) -> npt.NDArray:
    """Return the pixels of images, of very many images only those of every so-many-th."""
    step = -(-images.size // _ENOUGH)
    return images[::step].reshape(-1).copy()
