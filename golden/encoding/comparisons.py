"""Comparisons: pixels that exceed a neighbour, counted in small rectangles, for images of any kind.

A bit is made in three steps, each of them a comparison or a popcount:

1. a *map* marks every pixel that exceeds a neighbour at a fixed offset by more than a threshold;
2. the marks in a rectangle are counted;
3. the bit says whether there are more than so many.

Offsets, thresholds, rectangles and counts are a table, one :class:`Comparison` a bit. It is drawn
to fit training images (:mod:`metabit.golden.encoding.drawing`) and kept in checkpoints.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..codes import Bits
from ..errors import ConfigurationError, DataError
from .axes import colours_first
from .shifts import SHIFTS

_NUMBER = r"-?\d+(?:\.\d+)?"
_ARGUMENTS = re.compile(rf"(\d+)(?:,seed=(\d+))?(?:,t=({_NUMBER}(?:/{_NUMBER})*))?")

MAX_COMPARISONS = 1 << 16
"""Bits of a table at most: as many as there is time to judge."""

_CHUNK_BYTES = 1 << 20
"""Of the marks of a chunk of images: what a processor's cache holds."""

_LARGEST_EXACT = 1 << 29
"""Integers from here on are compared as double-precision numbers, as their differences must fit."""


class Comparison(NamedTuple):
    """One bit: ``sum over the rectangle of (p - q > threshold) > marks``.

    ``p`` is a pixel, ``q`` the pixel ``dy`` rows below and ``dx`` columns right of it. A pixel
    whose neighbour lies outside the image is not marked. A pixel is not compared with itself: if
    both offsets are 0 and both colours are the same, ``p > threshold`` marks it.

    Attributes
    ----------
    colour, other : int
        Colours of ``p`` and of ``q``; 0 in grey images.
    dy, dx : int
        Offset of the neighbour.
    threshold : float
        Difference that is not enough.
    top, left, bottom, right : int
        First row and column of the rectangle, and those behind its last.
    marks : int
        Marked pixels that are not enough.
    """

    colour: int
    other: int
    dy: int
    dx: int
    threshold: float
    top: int
    left: int
    bottom: int
    right: int
    marks: int

    @property
    def alone(self) -> bool:
        """Whether pixels are compared with the threshold alone."""
        return Map(*self[:5]).alone

    @property
    def valid(self) -> bool:
        """Whether there can be images that this compares pixels of."""
        return (
            min(self.colour, self.other, self.top, self.left, self.marks) >= 0
            and self.top < self.bottom
            and self.left < self.right
            and math.isfinite(self.threshold)
        )

    def within(self, shape: tuple[int, int, int]) -> bool:
        """Whether it can be made of images of so many colours, rows and columns."""
        colours, height, width = shape
        return (
            max(self.colour, self.other) < colours
            and max(self.bottom, abs(self.dy) + 1) <= height
            and max(self.right, abs(self.dx) + 1) <= width
        )


class Map(NamedTuple):
    """What marks pixels; see :class:`Comparison`."""

    colour: int
    other: int
    dy: int
    dx: int
    threshold: float

    @property
    def alone(self) -> bool:
        """Whether pixels are compared with the threshold alone."""
        return self.colour == self.other and not self.dy and not self.dx


Rectangles = npt.NDArray[np.int64]
"""Top, left, bottom, right; shape (n, 4)."""


def planes_shape(shape: Sequence[int]) -> tuple[int, int, int]:
    """Return colours, height and width of samples.

    See :func:`~metabit.golden.encoding.axes.colours_first` for samples of three dimensions.

    Raises
    ------
    DataError
        If samples are no images.
    """
    if len(shape) == 2:
        return 1, shape[0], shape[1]
    if len(shape) != 3:
        raise DataError(
            "comparisons need images, samples of (height, width) or (height, width, colours), "
            f"not of {tuple(shape)}; --image-shape says the shape of pixels in one row"
        )
    if colours_first(shape):
        return shape[0], shape[1], shape[2]
    return shape[2], shape[0], shape[1]


def planes_of(images: npt.NDArray) -> npt.NDArray:
    """Return images for comparing: a plane of each colour, the images side by side in each pixel.

    Parameters
    ----------
    images : ndarray, shape (n, height, width) or (n, height, width, colours)
        Numbers of any type; the colours may come first, see :func:`planes_shape`.

    Returns
    -------
    ndarray of int16, int32 or float64, shape (colours, height, width, n)
        In a type that holds every difference of two of them exactly, if they are integers.
    """
    planes_shape(images.shape[1:])
    if images.ndim == 3:
        ordered = images.transpose(1, 2, 0)[None]
    elif colours_first(images.shape[1:]):
        ordered = images.transpose(1, 2, 3, 0)
    else:
        ordered = images.transpose(3, 1, 2, 0)
    return np.ascontiguousarray(ordered, _difference_type(images))


def _difference_type(images: npt.NDArray) -> npt.DTypeLike:
    """Return the type that differences of pixels are computed in."""
    if images.dtype.kind not in "biu":
        return np.float64
    if images.dtype.itemsize == 1 or not images.size:
        return np.int16
    largest = max(int(images.max()), -int(images.min()))
    if largest < 1 << 14:
        return np.int16
    return np.int32 if largest < _LARGEST_EXACT else np.float64


class Counter:
    """Counts marked pixels of rectangles in a chunk of images.

    Parameters
    ----------
    planes : ndarray, shape (colours, height, width, n)
        See :func:`planes_of`.
    area : int
        Pixels of the largest rectangle.
    """

    def __init__(self, planes: npt.NDArray, area: int) -> None:
        self._planes = planes
        _, height, width, images = planes.shape
        # Sums wrap around, and their differences come out right as long as a count fits.
        self._sums = np.zeros((height + 1, width + 1, images), np.min_scalar_type(area))

    def differences(self, map_: Map) -> npt.NDArray:
        """Return ``p - q`` of all pixels with a neighbour, or ``p``; shape (rows, columns, n)."""
        if map_.alone:
            return self._planes[map_.colour]
        _, height, width, _ = self._planes.shape
        rows, columns = _inside(map_, height, width)
        theirs = (
            slice(rows.start + map_.dy, rows.stop + map_.dy),
            slice(columns.start + map_.dx, columns.stop + map_.dx),
        )
        return self._planes[map_.colour][rows, columns] - self._planes[map_.other][theirs]

    def counts(self, map_: Map, rectangles: Rectangles) -> npt.NDArray[np.unsignedinteger]:
        """Return the marks of rectangles, shape (rectangles, n)."""
        sums = self._sums
        _, height, width, _ = self._planes.shape
        rows, columns = _inside(map_, height, width)
        sums[1:, 1:] = 0
        threshold = _threshold(map_.threshold, self._planes.dtype)
        marked = self.differences(map_) > threshold
        sums[1:, 1:][rows, columns] = marked
        for row in range(1, len(sums) - 1):
            sums[row + 1] += sums[row]
        for column in range(1, sums.shape[1] - 1):
            sums[:, column + 1] += sums[:, column]
        flat = sums.reshape(-1, sums.shape[2])
        top, left, bottom, right = rectangles.T
        counts = flat[bottom * sums.shape[1] + right]
        counts -= flat[top * sums.shape[1] + right]
        counts -= flat[bottom * sums.shape[1] + left]
        counts += flat[top * sums.shape[1] + left]
        return counts


def _inside(map_: Map, height: int, width: int) -> tuple[slice, slice]:
    """Return rows and columns of the pixels whose neighbour is in an image of this size."""
    return (
        slice(max(0, -map_.dy), height - max(0, map_.dy)),
        slice(max(0, -map_.dx), width - max(0, map_.dx)),
    )


def _threshold(threshold: float, dtype: np.dtype) -> float | int:
    """Return a threshold in the type of differences; integers exceed t if they exceed floor(t)."""
    if dtype.kind != "i":
        return threshold
    limits = np.iinfo(dtype)
    return int(np.clip(np.floor(threshold), limits.min, limits.max))


def chunk_of(shape: tuple[int, int, int]) -> int:
    """Return how many images of this shape to count in at a time."""
    return max(1, _CHUNK_BYTES // ((shape[1] + 1) * (shape[2] + 1)))


@dataclass(frozen=True)
class Comparisons:
    """Bits of a table of comparisons.

    Attributes
    ----------
    count : int
        Bits.
    seed : int
        Of the draws that the table is made of.
    thresholds : tuple of float
        If there are any: pixels are first replaced by how many of these they exceed. Of a sensor
        with few bits a pixel, that is all that is known.
    table : tuple of Comparison, or None
        The bits; comparisons of the same map stand together. None: not fitted yet.
    """

    count: int
    seed: int = 0
    thresholds: tuple[float, ...] = ()
    table: tuple[Comparison, ...] | None = None

    @classmethod
    def parse(cls, arguments: str) -> "Comparisons":
        """Return the part that is written ``"N"``, ``"N,seed=S"``, ``"N,t=T/T"`` or with both.

        Raises
        ------
        ConfigurationError
            If it is written otherwise.
        """
        match = _ARGUMENTS.fullmatch(arguments)
        if match is None or not 1 <= int(match[1]) <= MAX_COMPARISONS:
            raise ConfigurationError(
                f"comparisons needs 1 to {MAX_COMPARISONS} bits, e.g. 'comparisons:4096' or "
                f"'comparisons:4096,seed=1', not 'comparisons:{arguments}'"
            )
        thresholds = tuple(float(number) for number in (match[3] or "").split("/") if number)
        if list(thresholds) != sorted(set(thresholds)):
            raise ConfigurationError(
                f"thresholds of comparisons must increase, not 'comparisons:{arguments}'"
            )
        return cls(int(match[1]), int(match[2] or 0), thresholds)

    def bits(self, shape: Sequence[int]) -> int:
        """Bits of an image of this shape.

        Raises
        ------
        DataError
            If samples of it are no images.
        """
        planes_shape(shape)
        return self.count

    def restored(self, table: Sequence[Comparison]) -> "Comparisons":
        """Return this part with the table of a checkpoint.

        Raises
        ------
        ConfigurationError
            If the table has another length, or a row that is no comparison.
        """
        if len(table) != self.count:
            raise ConfigurationError(
                f"the table of encoder 'comparisons:{self.count}' must have {self.count} rows, "
                f"not {len(table)}"
            )
        for bit in table:
            if not bit.valid:
                raise ConfigurationError(
                    f"the table of encoder 'comparisons:{self.count}' holds {tuple(bit)}, "
                    "which is no comparison"
                )
        return replace(self, table=tuple(table))

    def seen(self, images: npt.NDArray) -> npt.NDArray:
        """Return images as they are compared: of few levels, if there are thresholds."""
        if not self.thresholds:
            return images
        levels = np.zeros(images.shape, np.min_scalar_type(len(self.thresholds)))
        for threshold in self.thresholds:
            levels += images > threshold
        return levels

    def only(self, columns: Sequence[int] | npt.NDArray[np.integer]) -> "Comparisons":
        """Return a part of some of the bits, which takes less time than all of them."""
        assert self.table is not None
        return replace(
            self, count=len(columns), table=tuple(self.table[column] for column in columns)
        )

    def encode(self, images: npt.NDArray) -> Bits:
        """Bits of images, shape (n, bits).

        Raises
        ------
        DataError
            If there is no table yet, or it does not suit the images.
        """
        return self.encode_views(images, 1)[0]

    def encode_views(self, images: npt.NDArray, views: int) -> Bits:
        """Bits of images in each view, shape (views, n, bits).

        All views are parts of the image with its border repeated: what is marked there is counted
        once, in a rectangle for each view.

        Raises
        ------
        DataError
            If there is no table yet, or it does not suit the images.
        """
        shape = planes_shape(images.shape[1:])
        if self.table is None:
            raise DataError("encoder 'comparisons' must be fitted to training images first")
        self.check(shape)
        shifts = np.array(SHIFTS[:views])
        border = int(np.abs(shifts).max())
        groups = [
            (map_, _moved(_marked(map_, rectangles, shape), border - shifts), counts)
            for map_, rectangles, counts in grouped(self.table)
        ]
        area = max((b - t) * (r - le) for *_, t, le, b, r, _ in self.table)
        bits = np.empty((views, len(images), len(self.table)), bool)
        padding = ((0, 0), (border, border), (border, border), (0, 0))
        size = chunk_of((shape[0], shape[1] + 2 * border, shape[2] + 2 * border))
        for start in range(0, len(images), size):
            planes = planes_of(self.seen(images[start : start + size]))
            counter = Counter(np.pad(planes, padding, "edge") if border else planes, area)
            above = np.empty((views, len(self.table), planes.shape[3]), bool)
            column = 0
            for map_, rectangles, counts in groups:
                counted = counter.counts(map_, rectangles).reshape(views, len(counts), -1)
                columns = slice(column, column + len(counts))
                np.greater(counted, counts[:, None], out=above[:, columns])
                column += len(counts)
            bits[:, start : start + size] = above.transpose(0, 2, 1)
        return bits

    def check(self, shape: tuple[int, int, int]) -> None:
        """Check that every comparison lies within images of so many colours, rows and columns.

        Raises
        ------
        DataError
            If one does not.
        """
        assert self.table is not None
        for bit in self.table:
            if not bit.within(shape):
                raise DataError(
                    "the comparisons belong to images of another shape: one is of colours "
                    f"{bit.colour} and {bit.other}, offset {bit.dy}, {bit.dx}, rows {bit.top} to "
                    f"{bit.bottom - 1}, columns {bit.left} to {bit.right - 1}, and the images are "
                    f"{shape[1]} x {shape[2]}, colours {shape[0]}"
                )


def _marked(map_: Map, rectangles: Rectangles, shape: tuple[int, int, int]) -> Rectangles:
    """Return the parts of rectangles in which pixels can be marked, some of them empty."""
    rows, columns = _inside(map_, *shape[1:])
    first = np.clip(rectangles[:, :2], (rows.start, columns.start), (rows.stop, columns.stop))
    last = np.clip(rectangles[:, 2:], (rows.start, columns.start), (rows.stop, columns.stop))
    return np.concatenate([first, last], axis=1)


def _moved(rectangles: Rectangles, offsets: npt.NDArray[np.int64]) -> Rectangles:
    """Return rectangles moved down and right by each of some offsets, shape (offsets x n, 4)."""
    return (rectangles + np.tile(offsets, 2)[:, None]).reshape(-1, 4)


def grouped(
    table: Sequence[Comparison],
) -> Iterator[tuple[Map, Rectangles, npt.NDArray[np.int64]]]:
    """Yield the maps of a table, and rectangles and counts of each."""
    for fields, group in groupby(table, key=lambda bit: bit[:5]):
        values = np.array([bit[5:] for bit in group], np.int64)
        yield Map(*fields), values[:, :4], values[:, 4]
