"""Which axes of samples are rows, columns and colours."""

from collections.abc import Sequence

COLOURS = 4
"""Most colours of an image: with more, samples are taken for something else."""


def colours_first(shape: Sequence[int]) -> bool:
    """Whether the first axis of a sample of this shape is its colours.

    The colours of samples of three dimensions are the shorter of the first and the last, the last
    if both are equal.
    """
    return len(shape) == 3 and shape[0] < shape[2]


def is_image(shape: Sequence[int]) -> bool:
    """Whether samples of this shape are images: rows and columns, and perhaps colours."""
    return len(shape) == 2 or (len(shape) == 3 and min(shape[0], shape[2]) <= COLOURS)
