"""Encoders: how images become bits, by comparisons and popcounts only.

An encoder is written as its parts, joined by ``+``; their bits follow one another:

=========================  ==================================================================
part                       bits
=========================  ==================================================================
``none``                   the data are bits already
``median``                 pixel > median of all training pixels (fitted)
``quantiles:4``            pixel > t for 4 thresholds between which equally many of all training
                           pixels lie that are no background (fitted)
``thermometer:0,128``      pixel > t: all pixels for the first threshold, then the next
``edges:d=1,t=8,c=0/4``    edge counts: distance d, edge threshold t, count thresholds c; with
                           ``dir=diagonals`` or ``knights`` in other directions, with ``cell=8``
                           in larger cells
``areas:t=64/128,c=1``     bright pixels of 2 x 2 cells: brightness t, count thresholds c
``distributive:32``        32 bits a column, above quantiles of the training samples (fitted)
``comparisons:4096``       4,096 comparisons of pixels with neighbours, counted in rectangles, drawn
                           to fit the training images; other ones with ``seed=1``; of pixels of one
                           bit with ``t=0`` (fitted)
=========================  ==================================================================

``edges-1568`` and the like (bits of a 28 x 28 image) are short for the sums in :data:`NAMED`.
``select:1808:edges-6992`` keeps the 1,808 most useful bits of another encoder, as learnt from the
training data (:mod:`metabit.golden.encoding.selection`); ``select:1536,steps=3:comparisons:6144``
comes down to them in three steps.

``copies:12,ones=24:none`` delivers the bits of another encoder twelve times, copy after copy, and
then 24 bits that are always 1. A neuron weighs every bit alike and has no bias; with copies of the
same bit, and ones, both of which it may weigh either way, it can do what weights of other sizes,
of zero too, and a threshold would do. See :func:`~metabit.golden.encoding.narrow.widened`.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from ..codes import Bits
from ..errors import ConfigurationError, DataError
from ..views import each_view
from .comparisons import Comparison, Comparisons
from .distributive import Distributive, Thresholds
from .drawing import fit as fit_comparisons
from .levels import levels_of
from .parts import KNOWN, NAMED, Part, Shape, Thermometer, Unchanged, parse_parts
from .shifts import check_views

__all__ = ["KNOWN", "NAMED", "Bits", "Encoder", "Part", "Shape", "Thermometer", "Unchanged"]

_CHUNK = 4096
"""Images, of all views, that are encoded at a time."""

_SELECT = re.compile(r"select:(\d+)(?:,steps=(\d+))?:(.+)")
_COPIES = re.compile(r"copies:(\d+)(?:,ones=(\d+))?:(.+)")


class Encoder:
    """Turns images into the bits that a network is trained on.

    Parameters
    ----------
    spec : str
        The encoder's parts or name, see the module.
    median : float, optional
        Fitted median, as a checkpoint keeps it.
    thresholds : tuple of tuple of float, optional
        Fitted thresholds of a ``distributive`` or ``quantiles`` part, likewise.
    selection : sequence of int, optional
        Fitted selection of ``select``, likewise.
    comparisons : sequence of Comparison, optional
        Fitted table of a ``comparisons`` part, likewise.

    Attributes
    ----------
    spec : str
        As given.
    median : float or None
        Threshold of ``median`` parts; None before :meth:`fit` and without such parts.
    thresholds : tuple of tuple of float, or None
        Thresholds of a ``distributive`` part, column by column, or of a ``quantiles`` part, for
        all pixels; None likewise.
    copies, ones : int
        How often the bits of the rest are delivered, and how many bits of 1 follow.
    selected : int or None
        How many bits ``select`` keeps; None: all.
    steps : int
        In how many steps it comes down to them.
    selection : tuple of int, or None
        Which, in ascending order; None before :meth:`select` and without ``select``.

    Raises
    ------
    ConfigurationError
        If the specification is not understood.
    """

    def __init__(
        self,
        spec: str,
        median: float | None = None,
        thresholds: Thresholds | None = None,
        selection: Sequence[int] | None = None,
        comparisons: Sequence[Comparison] | None = None,
    ) -> None:
        self.spec = spec
        match = _COPIES.fullmatch(spec)
        if spec.startswith("copies:") and (match is None or not int(match[1])):
            raise ConfigurationError(
                "copies needs their number and an encoder, e.g. 'copies:12,ones=24:none', "
                f"not {spec!r}"
            )
        self.copies = int(match[1]) if match else 1
        self.ones = int(match[2] or 0) if match else 0
        spec = match[3] if match else spec
        match = _SELECT.fullmatch(spec)
        if spec.startswith("select:") and (match is None or match[2] == "0"):
            raise ConfigurationError(
                f"select needs a number of bits and an encoder, e.g. 'select:1808:edges-6992', "
                f"not {spec!r}"
            )
        self.selected = int(match[1]) if match else None
        self.steps = int(match[2] or 1) if match else 1
        named = parse_parts(match[3] if match else spec)
        self._texts = [text for text, _ in named]
        self._parts = [part for _, part in named]
        self._levels = [
            len(part.thresholds)
            for text, part in named
            if text.startswith("quantiles:") and isinstance(part, Thermometer)
        ]
        distributive = sum(isinstance(part, Distributive) for part in self._parts)
        if distributive > 1:
            raise ConfigurationError(f"encoder {spec!r} has more than one 'distributive' part")
        if distributive + len(self._levels) > 1:
            raise ConfigurationError(
                f"encoder {spec!r} has more than one part with thresholds from the training data"
            )
        if sum(isinstance(part, Comparisons) for part in self._parts) > 1:
            raise ConfigurationError(f"encoder {spec!r} has more than one 'comparisons' part")
        self.median: float | None = None
        self.thresholds: Thresholds | None = None
        if median is not None and "median" in self._texts:
            self._set_median(median)
        if thresholds is not None and self._levels:
            self._set_levels(thresholds)
        elif thresholds is not None:
            self._set_distributive(lambda part: part.restored(thresholds))
        if comparisons is not None:
            self._set_comparisons(lambda part: part.restored(comparisons))
        self.selection: tuple[int, ...] | None = None
        if selection is not None and self.selected is not None:
            self.select(selection)

    @property
    def ready(self) -> bool:
        """Whether everything is known that is taken from the training data."""
        return self._ready and (self.selected is None or self.selection is not None)

    @property
    def _ready(self) -> bool:
        """Whether every part knows what it takes from the training data."""
        if self._levels and self.thresholds is None:
            return False
        return (
            ("median" not in self._texts or self.median is not None)
            and all(
                part.thresholds is not None
                for part in self._parts
                if isinstance(part, Distributive)
            )
            and all(part.table is not None for part in self._parts if isinstance(part, Comparisons))
        )

    @property
    def comparisons(self) -> tuple[Comparison, ...] | None:
        """Table of a ``comparisons`` part; None before :meth:`fit` and without such a part."""
        tables = [part.table for part in self._parts if isinstance(part, Comparisons)]
        return tables[0] if tables else None

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

    def _set_levels(self, thresholds: Thresholds) -> None:
        found = tuple(map(float, thresholds[0])) if thresholds else ()
        if (
            len(thresholds) != 1
            or len(found) != self._levels[0]
            or not all(map(math.isfinite, found))
        ):
            raise ConfigurationError(
                f"thresholds of encoder {self.spec!r} must be {self._levels[0]} numbers, "
                f"not {thresholds}"
            )
        self.thresholds = (found,)
        self._parts = [
            Thermometer(found) if text.startswith("quantiles:") else part
            for text, part in zip(self._texts, self._parts, strict=True)
        ]

    def _set_distributive(self, change: Callable[[Distributive], Distributive]) -> None:
        self._parts = [
            change(part) if isinstance(part, Distributive) else part for part in self._parts
        ]
        for part in self._parts:
            if isinstance(part, Distributive) and part.thresholds is not None:
                self.thresholds = tuple(map(tuple, part.thresholds.tolist()))

    def _set_comparisons(self, change: Callable[[Comparisons], Comparisons]) -> None:
        self._parts = [
            change(part) if isinstance(part, Comparisons) else part for part in self._parts
        ]

    def bits(self, shape: Shape) -> int:
        """Bits of an image of this shape.

        Raises
        ------
        DataError
            If images of this shape cannot be encoded, or do not have the bits to select from.
        """
        return self.copies * self.different_bits(shape) + self.ones

    def different_bits(self, shape: Shape) -> int:
        """Bits of an image of this shape without copies and ones; errors as for :meth:`bits`."""
        bits = self.all_bits(shape)
        if self.selected is None:
            return bits
        if not 1 <= self.selected <= bits:
            raise DataError(f"select must keep 1 to {bits} bits of {self.spec!r}")
        return self.selected

    def all_bits(self, shape: Shape) -> int:
        """Bits of an image of this shape before ``select`` and copies; errors as for `bits`."""
        return sum(part.bits(shape) for part in self._parts)

    def fit(self, images: npt.NDArray) -> "Encoder":
        """Take from training images what parts need to know, and return self.

        What ``select`` keeps is for :meth:`select` to say.

        Parameters
        ----------
        images : ndarray, shape (n, ...)
            Training images only.
        """
        self._set_distributive(lambda part: part.fit(images))
        self._set_comparisons(lambda part: fit_comparisons(part, images))
        if self._levels:
            self._set_levels((levels_of(images, self._levels[0]),))
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

    def select(self, selection: Sequence[int] | npt.NDArray[np.integer]) -> None:
        """Keep these bits.

        Parameters
        ----------
        selection : sequence of int
            As many as ``select`` keeps, in ascending order.

        Raises
        ------
        ConfigurationError
            If they are not.
        """
        chosen = tuple(int(bit) for bit in selection)
        if len(chosen) != self.selected or list(chosen) != sorted(set(chosen)) or chosen[0] < 0:
            raise ConfigurationError(
                f"selection must be {self.selected} different bits in ascending order, "
                f"not {len(chosen)}: {', '.join(map(str, chosen[:8]))}, ..."
            )
        self.selection = chosen

    def encode(self, images: npt.NDArray, views: int = 1) -> Bits:
        """Bits of images.

        Parameters
        ----------
        images : ndarray, shape (n, ...)
            Images or vectors of numbers.
        views : int
            Of each image; 1: as they are.

        Returns
        -------
        ndarray of bool, shape (views x n, bits)
            View after view.

        Raises
        ------
        DataError
            If shape, type or values do not suit a part, or samples are no images and there is more
            than one view.
        """
        if not self.ready:
            raise DataError(f"encoder {self.spec!r} must be fitted to training data first")
        if self.selection is not None and self.selection[-1] >= self.all_bits(images.shape[1:]):
            raise DataError(
                f"selected bit {self.selection[-1]} does not exist in samples of "
                f"{' x '.join(map(str, images.shape[1:]))}"
            )
        return self.widened(self._encode(images, self.selection, views))

    def encode_candidates(
        self, images: npt.NDArray, views: int = 1, columns: npt.NDArray[np.integer] | None = None
    ) -> Bits:
        """Bits before ``select`` and copies.

        Parameters
        ----------
        images, views
            See :meth:`encode`.
        columns : ndarray of int, optional
            Which of them, in ascending order; None: all.

        Returns
        -------
        ndarray of bool, shape (views x n, candidates)
            View after view.
        """
        if not self._ready:
            raise DataError(f"encoder {self.spec!r} must be fitted to training data first")
        if columns is not None and len(columns) == self.all_bits(images.shape[1:]):
            columns = None
        return self._encode(images, columns, views)

    def widened(self, bits: Bits) -> Bits:
        """Return bits in as many copies as there are to be, and with the ones behind them."""
        if self.copies == 1 and not self.ones:
            return bits
        ones = np.ones((len(bits), self.ones), bool)
        return np.concatenate([*self.copies * [bits], ones], axis=1)

    def _encode(
        self,
        images: npt.NDArray,
        selection: Sequence[int] | npt.NDArray[np.integer] | None,
        views: int,
    ) -> Bits:
        check_views(views, images.shape[1:])
        parts, columns = self._parts, None
        if selection is not None:
            parts, columns = self._making(selection, images.shape[1:])
        bits = sum(part.bits(images.shape[1:]) for part in parts)
        width = bits if columns is None else len(columns)
        encoded = np.empty((views, len(images), width), bool)
        # Whole samples of a chunk, before columns are taken from them.
        size = _CHUNK // views
        whole = np.empty((views, min(size, len(images)), bits), bool)
        for start in range(0, len(images), size):
            chunk = images[start : start + size]
            target = encoded[:, start : start + len(chunk)]
            buffer = target if columns is None else whole[:, : len(chunk)]
            column = 0
            for part in parts:
                part_bits = part.bits(images.shape[1:])
                for view, values in enumerate(_in_views(part, chunk, views)):
                    buffer[view, :, column : column + part_bits] = values
                column += part_bits
            if columns is not None:
                for view in range(views):
                    np.take(buffer[view], columns, axis=1, out=target[view])
        return encoded.reshape(-1, width)

    def needed(self, shape: Shape) -> tuple[list[Part], npt.NDArray[np.intp]]:
        """Return parts that make all bits but copies and ones, and where these are among theirs.

        Comparisons that are not selected are not made: they take most of the time. Other parts
        are made as a whole.

        Parameters
        ----------
        shape : tuple of int
            Of a sample.

        Returns
        -------
        list of Part
            The parts that some of the bits come from.
        ndarray of int, shape (bits,)
            Places of the bits in what these parts make, in ascending order.
        """
        if self.selection is None:
            return list(self._parts), np.arange(self.all_bits(shape))
        return self._making(self.selection, shape)

    def _making(
        self, selected: Sequence[int] | npt.NDArray[np.integer], shape: Shape
    ) -> tuple[list[Part], npt.NDArray[np.intp]]:
        """Return what :meth:`needed` does, for any bits in ascending order."""
        selection = np.asarray(selected, np.intp)
        parts: list[Part] = []
        columns = []
        first = made = 0
        for part in self._parts:
            bits = part.bits(shape)
            own = selection[(selection >= first) & (selection < first + bits)] - first
            first += bits
            if not len(own):
                continue
            if isinstance(part, Comparisons):
                part, own = part.only(own), np.arange(len(own))
            parts.append(part)
            columns.append(own + made)
            made += part.bits(shape)
        return parts, np.concatenate(columns)


def _in_views(part: Part, images: npt.NDArray, views: int) -> Iterable[Bits]:
    """Return what a part makes of each view of images."""
    if isinstance(part, Comparisons):
        return part.encode_views(images, views)
    return each_view(part.encode, images, views)
