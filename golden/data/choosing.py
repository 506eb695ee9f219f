"""Which encoder suits the user's own data, where a configuration's thresholds are for others."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..config import MAX_INPUTS
from ..encoding.axes import COLOURS
from ..encoding.cells import Areas
from ..encoding.comparisons import planes_shape
from ..encoding.edges import Edges
from ..encoding.encoders import Encoder, Part, Thermometer
from ..encoding.levels import some_pixels
from ..encoding.narrow import widened
from ..errors import DataError

LARGEST = {"digits": 16, "mnist": 255, "fashion-mnist": 255}
"""Largest pixel of the data sets that absolute thresholds of configurations are made for."""

"""Colours of an image at most: what has more in its last axis need not be an image."""

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
            "samples are images, say their shape with --image-shape HxW, else choose another "
            "encoder, e.g. --encoder distributive:4"
        )
    found = _fitted(len(thresholds), images)
    return Suitable(found, _instead(found, spec, problem, "thresholds from the training data"))


def wide_enough(found: Suitable, shape: tuple[int, ...]) -> Suitable:
    """Return an encoder that delivers few bits in copies, and says so, or the same encoder.

    Parameters
    ----------
    found : Suitable
        For the data.
    shape : tuple of int
        Of a sample.
    """
    bits = Encoder(found.spec).bits(shape)
    spec = widened(found.spec, bits)
    if spec == found.spec:
        return found
    wide = Encoder(spec)
    copied = f"{bits} bits are few: {wide.copies} copies of each, and {wide.ones} ones"
    return Suitable(
        spec, f"{spec} ({copied})" if found.reason is None else f"{found.reason}; {copied}, {spec}"
    )


def _problem(
    encoder: Encoder,
    fixed: Sequence[Part],
    largest: int,
    images: npt.NDArray,
    only_thermometer: bool,
) -> str | None:
    """Return why images are none that an encoder is made for, or None."""
    low, high = images.min(), images.max()
    outside = low < 0 or high > largest
    dead = next((text for part in fixed for text in _dead(part, low, high)), None)
    if only_thermometer:
        if dead is None and not outside:
            return None
        return f"that is made for numbers of 0 to {largest}, and these are {low} to {high}"
    try:
        encoder.bits(images.shape[1:])
    except DataError as error:
        return str(error)
    if outside or images.dtype.kind not in "iu":
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
    """Return an encoder of no more bits than the configuration has, for images of any kind."""
    if _are_bits(images):
        return Suitable("none", _instead("none", spec, problem, "all pixels are bits already"))
    why = _no_comparisons(images.shape[1:])
    if why is None:
        candidates = min(MAX_INPUTS, max(FEWEST, CANDIDATES * inputs))
        found = f"select:{inputs},steps={STEPS}:comparisons:{candidates}"
        what = f"{inputs} of {candidates} comparisons of pixels, learnt from the training images"
        return Suitable(found, _instead(found, spec, problem, what))
    fitting = max(1, inputs // math.prod(images.shape[1:]))
    found = _fitted(min(thresholds, fitting), images)
    what = f"thresholds from the training images: {why}"
    return Suitable(found, _instead(found, spec, problem, what))


def _no_comparisons(shape: tuple[int, ...]) -> str | None:
    """Return why comparing pixels of samples makes no sense, or None."""
    if len(shape) > 3:
        return f"samples of {len(shape)} dimensions are no images to compare pixels of"
    colours, height, width = planes_shape(shape)
    if colours > COLOURS:
        return f"samples of {' x '.join(map(str, shape))} have more than {COLOURS} colours"
    if min(height, width) < SMALLEST:
        return (
            f"{height} x {width} pixels are too few to compare, at least {SMALLEST} x {SMALLEST} "
            "are needed"
        )
    return None


def _are_bits(images: npt.NDArray) -> bool:
    """Whether all numbers are 0 or 1; some of them tell most others at once."""
    return bool(np.isin(some_pixels(images), (0, 1)).all() and np.isin(images, (0, 1)).all())


def _instead(found: str, spec: str, problem: str, what: str) -> str:
    """Return what is used and why, in words."""
    return f"{found} ({what}) instead of {spec}: {problem}"


def _fitted(count: int, images: npt.NDArray) -> str:
    """Return an encoder of so many bits a number, with thresholds from the training data."""
    if _are_bits(images):
        return "none"
    values = np.unique(some_pixels(images))
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
