"""Encoders: how images become bits, by comparisons and popcounts only.

An encoder is written as its parts, joined by ``+``; their bits follow one another:

=========================  ==================================================================
part                       bits
=========================  ==================================================================
``none``                   the data are bits already
``median``                 pixel > median of all training pixels (fitted)
``thermometer:0,128``      pixel > t: all pixels for the first threshold, then the next
``edges:d=1,t=8,c=0/4``    edge counts: distance d, edge threshold t, count thresholds c
``distributive:32``        32 bits a column, above quantiles of the training samples (fitted)
=========================  ==================================================================

``edges-1568``, ``edges-1960`` and ``edges-2548`` (bits of a 28 x 28 image) are short for the sums
in :data:`NAMED`.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .distributive import Distributive, Thresholds
from .edges import Edges
from .errors import ConfigurationError, DataError

Bits = npt.NDArray[np.bool_]
Shape = tuple[int, ...]

NAMED = {
    "edges-1568": "edges:d=1,t=8,c=0/4+edges:d=3,t=15,c=0/4+thermometer:0",
    "edges-1960": "edges:d=1,t=8,c=0/3/6+edges:d=2,t=15,c=0/3/6+thermometer:0",
    "edges-2548": (
        "edges:d=1,t=8,c=0/3/6+edges:d=2,t=15,c=0/3/6+edges:d=3,t=15,c=0/3/6+thermometer:0"
    ),
}
"""Encoders that have a name, and their parts."""

KNOWN = (
    *("none", "median", "thermometer:T[,T...]", "edges:d=D,t=T,c=C[/C...]", "distributive:B"),
    *NAMED,
)
"""What an encoder, or a part of it, may look like."""

_CHUNK = 4096
_EDGES = re.compile(r"d=(\d+),t=(\d+),c=(\d+(?:/\d+)*)")


class Part(Protocol):
    """One part of an encoder."""

    def bits(self, shape: Shape) -> int:
        """Bits of an image of this shape."""

    def encode(self, images: npt.NDArray) -> Bits:
        """Bits of images, shape (n, bits)."""


@dataclass(frozen=True)
class Unchanged:
    """Data that are bits already."""

    def bits(self, shape: Shape) -> int:
        """Bits of an image of this shape."""
        return math.prod(shape)

    def encode(self, images: npt.NDArray) -> Bits:
        """Bits of images, shape (n, bits)."""
        bits = images.astype(bool)
        if images.dtype != bool and not np.array_equal(bits, images):
            raise DataError(
                "encoder 'none' needs bits, 0 or 1, and the data hold other values "
                f"({images.min()} to {images.max()}); choose an encoder, e.g. 'median'"
            )
        return bits.reshape(len(images), -1)


@dataclass(frozen=True)
class Thermometer:
    """One bit per pixel and threshold, ``pixel > t``, threshold by threshold."""

    thresholds: tuple[float, ...]

    def bits(self, shape: Shape) -> int:
        """Bits of an image of this shape."""
        return len(self.thresholds) * math.prod(shape)

    def encode(self, images: npt.NDArray) -> Bits:
        """Bits of images, shape (n, bits)."""
        pixels = images.reshape(len(images), -1)
        return np.concatenate([pixels > threshold for threshold in self.thresholds], axis=1)


class Encoder:
    """Turns images into the bits that a network is trained on.

    Parameters
    ----------
    spec : str
        The encoder's parts or name, see the module.
    median : float, optional
        Fitted median, as a checkpoint keeps it.
    thresholds : tuple of tuple of float, optional
        Fitted thresholds of a ``distributive`` part, likewise.

    Attributes
    ----------
    spec : str
        As given.
    median : float or None
        Threshold of ``median`` parts; None before :meth:`fit` and without such parts.
    thresholds : tuple of tuple of float, or None
        Thresholds of a ``distributive`` part, column by column; None likewise.

    Raises
    ------
    ConfigurationError
        If the specification is not understood.
    """

    def __init__(
        self, spec: str, median: float | None = None, thresholds: Thresholds | None = None
    ) -> None:
        self.spec = spec
        self._texts = NAMED.get(spec, spec).split("+")
        self._texts = [text for part in self._texts for text in NAMED.get(part, part).split("+")]
        self._parts = [_parse(text, spec) for text in self._texts]
        if sum(isinstance(part, Distributive) for part in self._parts) > 1:
            raise ConfigurationError(f"encoder {spec!r} has more than one 'distributive' part")
        self.median: float | None = None
        self.thresholds: Thresholds | None = None
        if median is not None and "median" in self._texts:
            self._set_median(median)
        if thresholds is not None:
            self._set_distributive(lambda part: part.restored(thresholds))

    @property
    def fitted(self) -> bool:
        """Whether a part takes something from the training data."""
        return "median" in self._texts or any(
            isinstance(part, Distributive) for part in self._parts
        )

    @property
    def ready(self) -> bool:
        """Whether every part knows what it takes from the training data."""
        return ("median" not in self._texts or self.median is not None) and all(
            part.thresholds is not None for part in self._parts if isinstance(part, Distributive)
        )

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts, in the order of their bits; a ``median`` is a thermometer."""
        return tuple(self._parts)

    def _set_median(self, median: float) -> None:
        if not math.isfinite(median):
            raise ConfigurationError(f"median of encoder must be finite, not {median}")
        self.median = float(median)
        self._parts = [
            Thermometer((self.median,)) if text == "median" else part
            for text, part in zip(self._texts, self._parts, strict=True)
        ]

    def _set_distributive(self, change: Callable[[Distributive], Distributive]) -> None:
        self._parts = [
            change(part) if isinstance(part, Distributive) else part for part in self._parts
        ]
        for part in self._parts:
            if isinstance(part, Distributive) and part.thresholds is not None:
                self.thresholds = tuple(map(tuple, part.thresholds.tolist()))

    def bits(self, shape: Shape) -> int:
        """Bits of an image of this shape.

        Raises
        ------
        DataError
            If images of this shape cannot be encoded.
        """
        return sum(part.bits(shape) for part in self._parts)

    def fit(self, images: npt.NDArray) -> "Encoder":
        """Take from training images what parts need to know, and return self.

        Parameters
        ----------
        images : ndarray, shape (n, ...)
            Training images only.
        """
        self._set_distributive(lambda part: part.fit(images))
        if "median" in self._texts:
            median, largest = float(np.median(images)), images.max()
            if median >= largest:
                raise DataError(
                    f"encoder 'median' is of no use: the median of the training data, {median:g}, "
                    "is their largest value, so that every bit would be 0; "
                    "use 'none' for bits, or 'thermometer:T' with a smaller T"
                )
            self._set_median(median)
        return self

    def encode(self, images: npt.NDArray) -> Bits:
        """Bits of images.

        Parameters
        ----------
        images : ndarray, shape (n, ...)
            Images or vectors of numbers.

        Returns
        -------
        ndarray of bool, shape (n, bits)

        Raises
        ------
        DataError
            If shape, type or values do not suit a part.
        """
        if not self.ready:
            raise DataError(f"encoder {self.spec!r} must be fitted to training data first")
        encoded = np.empty((len(images), self.bits(images.shape[1:])), bool)
        for start in range(0, len(images), _CHUNK):
            chunk = images[start : start + _CHUNK]
            column = 0
            for part in self._parts:
                bits = part.encode(chunk)
                encoded[start : start + len(chunk), column : column + bits.shape[1]] = bits
                column += bits.shape[1]
        return encoded


def _parse(text: str, spec: str) -> Part:
    """Return the part that a text describes."""
    name, _, arguments = text.partition(":")
    if text == "none":
        return Unchanged()
    if text == "median":
        # fit() puts the threshold in; until then its place is all that counts.
        return Thermometer((math.nan,))
    if name == "thermometer":
        try:
            thresholds = tuple(float(value) for value in arguments.split(","))
        except ValueError:
            thresholds = ()
        if not thresholds or not all(map(math.isfinite, thresholds)):
            raise ConfigurationError(
                f"thermometer needs numbers, e.g. 'thermometer:0,128', not {text!r}"
            )
        return Thermometer(thresholds)
    if name == "distributive":
        return Distributive.parse(arguments)
    if name == "edges":
        match = _EDGES.fullmatch(arguments)
        if match is None:
            raise ConfigurationError(
                f"edges needs distance, threshold and counts, e.g. 'edges:d=1,t=8,c=0/4', "
                f"not {text!r}"
            )
        counts = tuple(int(count) for count in match[3].split("/"))
        return Edges(int(match[1]), int(match[2]), counts)
    raise ConfigurationError(
        f"unknown encoder {text!r}"
        + (f" in {spec!r}" if text != spec else "")
        + f"; known: {', '.join(KNOWN)}, and sums of these joined by '+'"
    )
