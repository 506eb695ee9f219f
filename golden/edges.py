"""Edge counts: how many pixels of a cell lie on an edge of a direction and polarity."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .errors import ConfigurationError, DataError

CELL = 4
"""Edge and stride of a cell in pixels."""


@dataclass(frozen=True)
class Edges:
    """Edge counts of one distance, compared with count thresholds.

    With ``Y`` the image shifted by ``distance``, 0 outside, a pixel lies on an edge if
    ``I > Y + threshold``, or, for the other polarity, ``Y > I + threshold``. A bit is
    ``edge pixels of a 4 x 4 cell > c``. Order of the bits: direction (horizontal, vertical),
    polarity, count threshold, cell row by row.

    Parameters
    ----------
    distance : int
        Pixels between the two that are compared, at least 1.
    threshold : int
        Difference that is no edge yet, 0 to 254.
    counts : tuple of int
        Count thresholds, 0 to 15 each.

    Raises
    ------
    ConfigurationError
        If a value is out of range.
    """

    distance: int
    threshold: int
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.distance < 1:
            raise ConfigurationError(f"edge distance d must be at least 1, not {self.distance}")
        if not 0 <= self.threshold <= 254:
            raise ConfigurationError(f"edge threshold t must be 0 to 254, not {self.threshold}")
        for count in self.counts:
            if not 0 <= count < CELL * CELL:
                raise ConfigurationError(f"edge count c must be 0 to 15, not {count}")

    def bits(self, shape: tuple[int, ...]) -> int:
        """Bits of an image of this shape.

        Raises
        ------
        DataError
            If the shape is not that of an image of whole cells larger than the distance.
        """
        if len(shape) != 2:
            raise DataError(f"edges need images, shape (n, height, width), not samples of {shape}")
        height, width = shape
        if height % CELL or width % CELL or not height or not width:
            raise DataError(
                f"edges need images whose height and width are multiples of {CELL}, "
                f"not {height} x {width}"
            )
        if self.distance >= min(shape):
            raise DataError(
                f"edge distance d must be less than height and width, {height} x {width}, "
                f"not {self.distance}"
            )
        return 4 * len(self.counts) * (height // CELL) * (width // CELL)

    def encode(self, images: npt.NDArray) -> npt.NDArray[np.bool_]:
        """Bits of images, shape (n, bits)."""
        pixels = _eight_bits(images)
        columns = []
        for axis in (2, 1):
            shifted = np.zeros_like(pixels)
            if axis == 2:
                shifted[:, :, : -self.distance] = pixels[:, :, self.distance :]
            else:
                shifted[:, : -self.distance] = pixels[:, self.distance :]
            # The larger less the smaller fits 8 bits: no wider type is needed for I - Y > t.
            larger = np.maximum(pixels, shifted)
            for smaller in (shifted, pixels):
                cells = _cell_sums((larger - smaller) > self.threshold)
                columns += [(cells > count).reshape(len(images), -1) for count in self.counts]
        return np.concatenate(columns, axis=1)


def _eight_bits(images: npt.NDArray) -> npt.NDArray[np.uint8]:
    """Return images as 8-bit pixels, or say why they are none."""
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind not in "iu":
        raise DataError(f"edges need integer pixels, 0 to 255, not {images.dtype}")
    if images.size and (images.min() < 0 or images.max() > 255):
        raise DataError(f"edges need pixels of 0 to 255, not {images.min()} to {images.max()}")
    return images.astype(np.uint8)


def _cell_sums(edges: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Count the edge pixels of every cell, shape (n, rows, columns)."""
    pixels = edges.view(np.uint8)
    rows = sum(pixels[:, offset::CELL] for offset in range(1, CELL)) + pixels[:, ::CELL]
    return sum(rows[:, :, offset::CELL] for offset in range(1, CELL)) + rows[:, :, ::CELL]
