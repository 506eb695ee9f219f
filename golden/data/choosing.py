"""Which encoder suits the user's own data, where a configuration's thresholds are for others."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..config import MAX_INPUTS
from ..encoding.cells import Areas
from ..encoding.comparisons import planes_shape
from ..encoding.edges import Edges
from ..encoding.encoders import Encoder, Part, Thermometer
from ..encoding.levels import some_pixels
from ..errors import DataError

LARGEST = {"digits": 16, "mnist": 255, "fashion-mnist": 255}
"""Largest pixel of the data sets that absolute thresholds of configurations are made for."""

SMALLEST = 6
"""Rows and columns of an image from which on comparisons tell more than pixels."""

CANDIDATES = 4
"""Comparisons to choose from for each that is kept,"""

FEWEST = 2048
"""and how many there are at least."""

STEPS = 3
"""Trainings that choose among them."""

_FEW = 32
"""Columns of numbers up to which each gets as many bits as those of tables do."""


@dataclass(frozen=True)
class Suitable:
    """An encoder, and why it stands in for the configuration's.

    Attributes
    ----------
    spec : str
        The encoder.
    reason : str or None
        Why, in words; None: it is the configuration's.
    """

    spec: str
    reason: str | None = None


def suitable_encoder(
    spec: str, inputs: int, made_for: str, name: str, images: npt.NDArray
) -> Suitable:
    """Return a configuration's encoder if it suits the user's own data, else one that does.

    Images of another range, type or shape get comparisons drawn to fit them, as many as the
    configuration has inputs. Where these make no sense, in images smaller than :data:`SMALLEST`,
    and in columns of numbers, thresholds are taken from the training data.

    Parameters
    ----------
    spec : str
        Encoder of the configuration.
    inputs : int
        Its input bits.
    made_for : str
        Data set of the configuration.
    name : str
        Data set, for the message.
    images : ndarray, shape (n, ...)
        Its training images.

    Raises
    ------
    DataError
        If some bits of edges or areas would be the same for all samples, and samples are no
        images.
    """
    encoder = Encoder(spec)
    fixed = [part for part in encoder.parts if isinstance(part, Thermometer | Edges | Areas)]
    thresholds = [t for part in fixed for t in _thresholds(part) if not math.isnan(t)]
    if not thresholds or made_for not in LARGEST or max(thresholds) >= LARGEST[made_for]:
        # Fitted to the training data anyway, or written by hand for something else.
        return Suitable(spec)
    only_thermometer = len(fixed) == len(encoder.parts) == 1 and isinstance(fixed[0], Thermometer)
    problem = _problem(encoder, fixed, LARGEST[made_for], images, only_thermometer)
    if problem is None:
        return Suitable(spec)
    if images.ndim > 2:
        return _for_images(spec, inputs, len(thresholds), problem, images)
    if not only_thermometer:
        raise DataError(
            f"encoder {spec!r} of the configuration does not suit {name}: {problem}; if its "
            "samples are images, say their shape with --image-shape, else choose another encoder, "
            "e.g. --encoder distributive:4"
        )
    found = _fitted(len(thresholds), images)
    return Suitable(found, _instead(found, spec, problem, "with thresholds from the training data"))


def _problem(
    encoder: Encoder,
    fixed: Sequence[Part],
    largest: int,
    images: npt.NDArray,
    only_thermometer: bool,
) -> str | None:
    """Return why images are none that an encoder is made for, or None."""
    low, high = images.min(), images.max()
    dead = next((text for part in fixed for text in _dead(part, low, high)), None)
    if only_thermometer:
        if dead is None and low >= 0 and high <= largest:
            return None
        return f"that is made for numbers of 0 to {largest}, and these are {low} to {high}"
    try:
        encoder.bits(images.shape[1:])
    except DataError as error:
        return str(error)
    if images.dtype.kind not in "iu" or low < 0 or high > largest:
        kind = "" if images.dtype.kind in "iu" else f"{images.dtype}, "
        return f"that is made for integers of 0 to {largest}, and these are {kind}{low} to {high}"
    if dead is not None:
        return (
            f"that is made for pixels of 0 to {largest}, and these are {low} to {high}, "
            f"so that its part {dead} would never change"
        )
    return None


def _for_images(
    spec: str, inputs: int, thresholds: int, problem: str, images: npt.NDArray
) -> Suitable:
    """Return an encoder of about so many bits for images of any kind."""
    if np.isin(some_pixels(images), (0, 1)).all() and np.isin(images, (0, 1)).all():
        return Suitable("none", _instead("none", spec, problem, "as all pixels are bits already"))
    size = math.prod(images.shape[1:])
    if images.ndim <= 4:
        _, height, width = planes_shape(images.shape[1:])
        if min(height, width) >= SMALLEST:
            kept = min(inputs, MAX_INPUTS)
            candidates = min(MAX_INPUTS, max(FEWEST, CANDIDATES * kept))
            found = f"select:{kept},steps={STEPS}:comparisons:{candidates}"
            what = f"{kept} of {candidates} comparisons of pixels, learnt from the training images"
            return Suitable(found, _instead(found, spec, problem, what))
        why = f"images of {height} x {width} are too small for comparisons, below {SMALLEST}"
    else:
        why = f"samples of {images.ndim - 1} dimensions are no images to compare pixels of"
    found = _fitted(min(thresholds, max(1, inputs // size)), images)
    return Suitable(found, _instead(found, spec, problem, f"{why}: thresholds from the pixels"))


def _instead(found: str, spec: str, problem: str, what: str) -> str:
    """Return the reason in words."""
    return f"{found} ({what}) instead of {spec}: {problem}"


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
