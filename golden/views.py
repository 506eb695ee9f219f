"""Views: an image as it is, and moved by a pixel.

A network that learns an image in another view each epoch learns what does not depend on the pixel,
and one that judges all views of an image judges it better. Views are offsets of the same stored
image: nothing is computed but bits.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from .codes import Bits
from .encoding.shifts import check_views, view_of
from .generator import Generator
from .streams import derive

DRAWN = (0, 0, 0, 1, 2, 3, 4)
"""Views to draw from in training: the image itself three times as often as each other view."""

WEIGHTS = (2, 1, 1, 1, 1)
"""How often the class scores of each view count for a prediction."""


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
