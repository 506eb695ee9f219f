"""Which encoder suits the user's own data, where a configuration's thresholds are for others."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..config import MAX_INPUTS
from ..encoding.cells import Areas
from ..encoding.edges import Edges
from ..encoding.encoders import Encoder, Thermometer
from ..encoding.levels import some_pixels
from ..errors import DataError

LARGEST = {"digits": 16, "mnist": 255, "fashion-mnist": 255}
"""Largest pixel of the data sets that absolute thresholds of configurations are made for."""

_FEW = 32
"""Columns of numbers up to which each gets as many bits as those of tables do."""


def suitable_encoder(spec: str, made_for: str, name: str, images: npt.NDArray) -> str:
    """Return a configuration's encoder if it suits the user's own data, else one that does.

    A thermometer for pixels of another range is replaced by one of as many thresholds taken from
    the training data; edges and areas cannot be, and are refused.

    Parameters
    ----------
    spec : str
        Encoder of the configuration.
    made_for : str
        Data set of the configuration.
    name : str
        Data set, for the message.
    images : ndarray, shape (n, ...)
        Its training images.

    Raises
    ------
    DataError
        If some of its bits would be the same for all samples.
    """
    encoder = Encoder(spec)
    fixed = [part for part in encoder.parts if isinstance(part, Thermometer | Edges | Areas)]
    thresholds = [t for part in fixed for t in _thresholds(part) if not math.isnan(t)]
    if not thresholds or made_for not in LARGEST or max(thresholds) >= LARGEST[made_for]:
        # Fitted to the training data anyway, or written by hand for something else.
        return spec
    low, high = images.min(), images.max()
    dead = next((text for part in fixed for text in _dead(part, low, high)), None)
    only_thermometer = len(fixed) == len(encoder.parts) == 1 and isinstance(fixed[0], Thermometer)
    if dead is None and (not only_thermometer or (low >= 0 and high <= LARGEST[made_for])):
        return spec
    if not only_thermometer:
        raise DataError(
            f"encoder {spec!r} of the configuration is made for pixels of 0 to "
            f"{LARGEST[made_for]}, and those of {name} are {low} to {high}, so that its part "
            f"{dead} would never change; scale the pixels, or choose another, e.g. "
            "--encoder quantiles:2"
        )
    return _fitted(len(thresholds), images)


def _fitted(count: int, images: npt.NDArray) -> str:
    """Return an encoder of so many bits a number, with thresholds from the training data."""
    values = np.unique(some_pixels(images))
    if np.isin(values, (0, 1)).all() and np.isin(images, (0, 1)).all():
        return "none"
    if images.ndim > 2 or _one_background(images):
        return f"quantiles:{max(1, min(count, len(values) - 1))}"
    # Columns of numbers need not have anything to do with each other.
    columns = images.shape[1]
    levels = 32 if columns <= _FEW else count
    return f"distributive:{max(1, min(levels, MAX_INPUTS // columns))}"


def _one_background(samples: npt.NDArray) -> bool:
    """Whether columns are pixels: more than a table has, and most reach the same smallest value."""
    if samples.shape[1] <= _FEW:
        return False
    smallest = samples.min(axis=0)
    return bool(2 * np.count_nonzero(smallest == smallest.min()) > len(smallest))


def _thresholds(part: object) -> Sequence[float]:
    """Return the absolute thresholds of a part."""
    if isinstance(part, Thermometer | Areas):
        return part.thresholds
    return (part.threshold,) if isinstance(part, Edges) else ()


def _dead(part: object, low: float, high: float) -> list[str]:
    """Return what of a part never changes if pixels lie between these."""
    if isinstance(part, Edges):
        return [f"edges of t={part.threshold}"] if high - low <= part.threshold else []
    what = "thermometer" if isinstance(part, Thermometer) else "areas"
    return [f"{what} of {t:g}" for t in _thresholds(part) if not low <= t < high]
