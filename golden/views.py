"""Views: an image as it is, and moved by a pixel.

A network that learns an image in another view each epoch learns what does not depend on the pixel,
and one that judges all views of an image judges it better. Views are offsets of the same stored
image: nothing is computed but bits.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from .codes import Bits
from .encoding.axes import colours_first, is_image
from .errors import DataError
from .generator import Generator
from .streams import derive

SHIFTS = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0))
"""Rows and columns by which a view is moved down and to the right, view by view."""

DRAWN = (0, 0, 0, 1, 2, 3, 4)
"""Views to draw from in training: the image itself three times as often as each other view."""

WEIGHTS = (2, 1, 1, 1, 1)
"""How often the class scores of each view count for a prediction."""


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


def each_view(
    encode: Callable[[npt.NDArray], Bits], images: npt.NDArray, views: int
) -> Iterator[Bits]:
    """Yield the bits of images in each view, shape (n, bits).

    Parameters
    ----------
    encode : callable
        From images to bits.
    images : ndarray, shape (n, ...)
        Images.
    views : int
        1: as they are.

    Raises
    ------
    DataError
        If samples are no images and there is more than one view.
    """
    check_views(views, images.shape[1:])
    for view in range(views):
        yield encode(view_of(images, view))


def every_view(encode: Callable[[npt.NDArray], Bits], images: npt.NDArray, views: int) -> Bits:
    """Return the bits of all views of images, view after view, shape (views x n, bits).

    See :func:`each_view`.
    """
    encoded = each_view(encode, images, views)
    first = next(encoded)
    if views == 1:
        return first
    # Filled view by view: all of them twice may not fit.
    bits = np.empty((views, *first.shape), bool)
    bits[0] = first
    for view, one in enumerate(encoded, 1):
        bits[view] = one
    return bits.reshape(-1, first.shape[1])


def drawn_views(seed: int, epoch: int, samples: int) -> npt.NDArray[np.int64]:
    """Return the view in which each sample of an epoch is learnt, in the order of the epoch.

    View ``DRAWN[floor(7 * draw / 2**32)]``, from a generator of its own.

    Parameters
    ----------
    seed, epoch, samples : int
        Seed of the run, epoch (from 1), and samples of an epoch.
    """
    draws = Generator(derive(seed, f"views/{epoch}")).draw(samples).astype(np.uint64)
    return np.array(DRAWN, np.int64)[(draws * np.uint64(len(DRAWN))) >> np.uint64(32)]


def summed(scores: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    """Return the class scores of all views together, weighted by :data:`WEIGHTS`.

    Parameters
    ----------
    scores : sequence of ndarray of int, shape (n, classes)
        Of each view; those of a single one are returned as they are.
    """
    if len(scores) == 1:
        return scores[0]
    return np.sum([w * one for w, one in zip(WEIGHTS, scores, strict=True)], axis=0)
