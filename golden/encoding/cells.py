"""Cells: pixels of an image with some property, counted in small squares."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import ConfigurationError, DataError

STRIDE = 4
"""Pixels from one edge cell to the next; images must be multiples of it high and wide."""


def check_image(part: str, shape: tuple[int, ...], multiple: int = STRIDE) -> None:
    """Check that samples are images which consist of whole cells.

    Parameters
    ----------
    part : str
        Part of the encoder, for the message.
    shape : tuple of int
        Shape of a sample.
    multiple : int
        What height and width must be multiples of.

    Raises
    ------
    DataError
        If they are not.
    """
    if len(shape) != 2:
        raise DataError(f"{part} need images, shape (n, height, width), not samples of {shape}")
    height, width = shape
    if height % multiple or width % multiple or not height or not width:
        raise DataError(
            f"{part} need images whose height and width are multiples of {multiple}, "
            f"not {height} x {width}"
        )


def eight_bits(part: str, images: npt.NDArray) -> npt.NDArray[np.uint8]:
    """Return images as 8-bit pixels.

    Raises
    ------
    DataError
        If they are none.
    """
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind not in "iu":
        raise DataError(f"{part} need integer pixels, 0 to 255, not {images.dtype}")
    if images.size and (images.min() < 0 or images.max() > 255):
        raise DataError(f"{part} need pixels of 0 to 255, not {images.min()} to {images.max()}")
    return images.astype(np.uint8)


def cells_of(shape: tuple[int, ...], cell: int, stride: int) -> tuple[int, int]:
    """Return rows and columns of cells of an image.

    Parameters
    ----------
    shape : tuple of int
        Height and width in pixels.
    cell, stride : int
        Edge of a cell, and distance between the beginnings of two.
    """
    height, width = shape
    return (height - cell) // stride + 1, (width - cell) // stride + 1


def cell_counts(marks: npt.NDArray[np.bool_], cell: int, stride: int) -> npt.NDArray[np.uint8]:
    """Count the marked pixels of every cell.

    Parameters
    ----------
    marks : ndarray of bool, shape (n, height, width)
        Marked pixels.
    cell, stride : int
        Edge of a cell, at most 15, and distance between the beginnings of two.

    Returns
    -------
    ndarray of uint8, shape (n, rows, columns)
    """
    count_y, count_x = cells_of(marks.shape[1:], cell, stride)
    pixels = marks.view(np.uint8)
    end_y, end_x = (count_y - 1) * stride + 1, (count_x - 1) * stride + 1
    rows = pixels[:, :end_y:stride].copy()
    for offset in range(1, cell):
        rows += pixels[:, offset : offset + end_y : stride]
    counts = rows[:, :, :end_x:stride].copy()
    for offset in range(1, cell):
        counts += rows[:, :, offset : offset + end_x : stride]
    return counts


@dataclass(frozen=True)
class Areas:
    """Bright pixels of small cells: ``pixels of a cell with I > t`` are more than c.

    Order of the bits: threshold, count threshold, cell row by row.

    Parameters
    ----------
    thresholds : tuple of int
        Of brightness, 0 to 254 each.
    counts : tuple of int
        Count thresholds, 0 to the pixels of a cell less one.
    cell : int
        Height and width of a cell in pixels, 2 to 15; cells lie side by side.

    Raises
    ------
    ConfigurationError
        If a value is out of range.
    """

    thresholds: tuple[int, ...]
    counts: tuple[int, ...]
    cell: int = 2

    def __post_init__(self) -> None:
        for threshold in self.thresholds:
            if not 0 <= threshold <= 254:
                raise ConfigurationError(f"areas threshold t must be 0 to 254, not {threshold}")
        if not 2 <= self.cell <= 15:
            raise ConfigurationError(f"areas cell must be 2 to 15, not {self.cell}")
        last = self.cell * self.cell - 1
        for count in self.counts:
            if not 0 <= count <= last:
                raise ConfigurationError(f"areas count c must be 0 to {last}, not {count}")

    def bits(self, shape: tuple[int, ...]) -> int:
        """Bits of an image of this shape.

        Raises
        ------
        DataError
            If the shape is not that of an image of whole cells.
        """
        check_image("areas", shape, self.cell)
        rows, columns = cells_of(shape, self.cell, self.cell)
        return len(self.thresholds) * len(self.counts) * rows * columns

    def encode(self, images: npt.NDArray) -> npt.NDArray[np.bool_]:
        """Bits of images, shape (n, bits)."""
        pixels = eight_bits("areas", images)
        parts = []
        for threshold in self.thresholds:
            counts = cell_counts(pixels > threshold, self.cell, self.cell)
            parts += [(counts > count).reshape(len(images), -1) for count in self.counts]
        return np.concatenate(parts, axis=1)
