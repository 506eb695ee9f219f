"""Images moved by a pixel: the views of an image, in which it is learnt and judged."""

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .axes import colours_first, is_image

SHIFTS = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0))
"""Rows and columns by which a view is moved down and to the right, view by view."""


def check_views(views: int, shape: tuple[int, ...]) -> None:
    """Check that samples have so many views.

    Parameters
    ----------
    views : int
        1, or as many as :data:`SHIFTS`.
    shape : tuple of int
        Of a sample.

    Raises
    ------
    DataError
        If samples are no images and there is more than one view.
    """
    if views > 1 and not is_image(shape):
        raise DataError(
            f"{views} views are moved by a pixel, and samples of "
            f"{' x '.join(map(str, shape))} are no images: leave --views out, or say their shape "
            "with --image-shape HxW"
        )


def view_of(images: npt.NDArray, view: int) -> npt.NDArray:
    """Return a view of images; at the border, the last row or column is repeated.

    Parameters
    ----------
    images : ndarray, shape (n, height, width), (n, height, width, colours) or (n, colours, ...)
        Images.
    view : int
        Which of :data:`SHIFTS`.
    """
    down, right = SHIFTS[view]
    if not (down or right):
        return images
    first = 1 + colours_first(images.shape[1:])
    height, width = images.shape[first : first + 2]
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    return np.take(np.take(images, rows, axis=first), columns, axis=first + 1)
