"""Edge counts: how many pixels of a cell lie on an edge of a direction and polarity."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import ConfigurationError, DataError
from .cells import STRIDE, cell_counts, cells_of, check_image, eight_bits

DIRECTIONS = {
    "axes": ((0, 1), (1, 0)),
    "diagonals": ((1, 1), (1, -1)),
    "knights": ((1, 2), (2, 1), (1, -2), (2, -1)),
}
"""Displacements, rows and columns, between the two pixels that are compared, at distance 1: to the
right and down; along both diagonals; by a knight's moves."""


@dataclass(frozen=True)
class Edges:
    """Edge counts of one distance, compared with count thresholds.

    With ``Y`` the image shifted by ``distance`` in a direction, 0 outside, a pixel lies on an edge
    if ``I > Y + threshold``, or, for the other polarity, ``Y > I + threshold``. A bit is
    ``edge pixels of a cell > c``. Order of the bits: direction, polarity, count threshold, cell row
    by row.

    Parameters
    ----------
    distance : int
        Pixels between the two that are compared, at least 1.
    threshold : int
        Difference that is no edge yet, 0 to 254.
    counts : tuple of int
        Count thresholds, 0 to the pixels of a cell less one.
    directions : str
        A key of :data:`DIRECTIONS`.
    cell : int
        Height and width of a cell in pixels. Cells start every 4 pixels: larger ones overlap.

    Raises
    ------
    ConfigurationError
        If a value is out of range.
    """

    distance: int
    threshold: int
    counts: tuple[int, ...]
    directions: str = "axes"
    cell: int = STRIDE

    def __post_init__(self) -> None:
        if self.distance < 1:
            raise ConfigurationError(f"edge distance d must be at least 1, not {self.distance}")
        if not 0 <= self.threshold <= 254:
            raise ConfigurationError(f"edge threshold t must be 0 to 254, not {self.threshold}")
        if self.directions not in DIRECTIONS:
            raise ConfigurationError(
                f"edge directions dir must be one of {', '.join(DIRECTIONS)}, "
                f"not {self.directions!r}"
            )
        if not STRIDE <= self.cell <= 15:
            raise ConfigurationError(f"edge cell must be {STRIDE} to 15, not {self.cell}")
        last = self.cell * self.cell - 1
        for count in self.counts:
            if not 0 <= count <= last:
                raise ConfigurationError(f"edge count c must be 0 to {last}, not {count}")

    @property
    def vectors(self) -> list[tuple[int, int]]:
        """Displacements between the two pixels that are compared, rows and columns."""
        return [(y * self.distance, x * self.distance) for y, x in DIRECTIONS[self.directions]]

    def bits(self, shape: tuple[int, ...]) -> int:
        """Bits of an image of this shape.

        Raises
        ------
        DataError
            If the shape is not that of an image of whole cells larger than the distance.
        """
        check_image("edges", shape)
        height, width = shape
        reach = max(max(y, abs(x)) for y, x in self.vectors)
        if reach >= min(shape):
            raise DataError(
                f"edge distance d must be less than height and width, {height} x {width}, "
                f"not {reach}"
            )
        if self.cell > min(shape):
            raise DataError(
                f"edge cell must not exceed height and width, {height} x {width}, not {self.cell}"
            )
        rows, columns = cells_of(shape, self.cell, STRIDE)
        return 2 * len(self.vectors) * len(self.counts) * rows * columns

    def encode(self, images: npt.NDArray) -> npt.NDArray[np.bool_]:
        """Bits of images, shape (n, bits)."""
        pixels = eight_bits("edges", images)
        parts = []
        for vector in self.vectors:
            shifted = _shift(pixels, vector)
            # The larger less the smaller fits 8 bits: no wider type is needed for I - Y > t.
            larger = np.maximum(pixels, shifted)
            for smaller in (shifted, pixels):
                counts = cell_counts((larger - smaller) > self.threshold, self.cell, STRIDE)
                parts += [(counts > count).reshape(len(images), -1) for count in self.counts]
        return np.concatenate(parts, axis=1)


def _shift(pixels: npt.NDArray[np.uint8], vector: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return images whose pixel at (y, x) is what was at ``(y, x) + vector``; 0 from outside."""
    (y, x), (height, width) = vector, pixels.shape[1:]
    shifted = np.zeros_like(pixels)
    to_y, from_y = slice(0, height - y), slice(y, height)
    to_x, from_x = slice(max(0, -x), width - max(0, x)), slice(max(0, x), width - max(0, -x))
    shifted[:, to_y, to_x] = pixels[:, from_y, from_x]
    return shifted
