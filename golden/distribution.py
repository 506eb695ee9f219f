"""The weights of a layer at one moment, in any mode: their signs, and how they are spread."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BINS = 32
"""Bins of a counter histogram at most; counters of up to 5 bits have one for every value."""

HIDDEN_BINS = 128
"""Bins of a histogram of the paper's hidden weights: a few of them go far beyond all others."""

Signs = npt.NDArray[np.uint8]
"""Packed signs of a layer, neuron by neuron, 8 to a byte. Two-valued ones are a row of bits, 1 for
+1; three-valued ones are two, of the weights above and of those below zero."""


@dataclass(frozen=True)
class Distribution:
    """How the counters or hidden weights of a layer are spread.

    Attributes
    ----------
    histogram : ndarray of int64
        How many lie in each of equally wide bins, half of which are below zero.
    bin_width : int or None
        Values in a bin; None: the bins divide the range of the counters.
    saturated : int or None
        How many are at an end of their range; None: there is no range.
    zeros : int or None
        How many weights are zero; None: none can be.
    """

    histogram: npt.NDArray[np.int64]
    bin_width: int | None
    saturated: int | None
    zeros: int | None


def counter_distribution(
    counters: npt.NDArray[np.integer], counter_bits: int, limits: tuple[int, int]
) -> Distribution:
    """Return how the counters of a layer are spread.

    Parameters
    ----------
    counters : ndarray of int
        Counters of a layer.
    counter_bits : int
        Their width.
    limits : tuple of int
        Smallest and largest value of a counter.
    """
    low, high = limits
    saturated = int(np.count_nonzero((counters == low) | (counters == high)))
    return Distribution(histogram_of(counters, counter_bits), None, saturated, None)


def hidden_distribution(hidden: npt.NDArray, limits: tuple[int, int] | None) -> Distribution:
    """Return how the hidden weights of a layer are spread that follow the paper's rule.

    Parameters
    ----------
    hidden : ndarray of whole numbers
        Hidden weights of a layer.
    limits : tuple of int or None
        Smallest and largest value of a hidden weight; None: there is no limit.
    """
    saturated = None
    if limits is not None:
        saturated = int(np.count_nonzero((hidden <= limits[0]) | (hidden >= limits[1])))
    zeros = int(np.count_nonzero(hidden == 0))
    return Distribution(*hidden_histogram_of(hidden), saturated, zeros)


def two_valued_signs(values: npt.NDArray) -> Signs:
    """Return the packed signs of a layer where zero counts as positive."""
    return np.packbits(values >= 0)


def three_valued_signs(values: npt.NDArray) -> Signs:
    """Return the packed signs of a layer where zero has none."""
    return np.stack([np.packbits(values > 0), np.packbits(values < 0)])


def count_flips(before: Signs, now: Signs) -> int:
    """Return how many weights have another sign, three-valued ones also if one of the two is zero.

    Parameters
    ----------
    before, now : ndarray of uint8
        Signs of a layer, from :meth:`~.binary_network.BinaryNetwork.signs`.
    """
    changed = np.bitwise_or.reduce(np.atleast_2d(before ^ now), axis=0)
    return int(np.bitwise_count(changed).sum())


def histogram_of(
    counters: npt.NDArray[np.integer], counter_bits: int, bins: int = BINS
) -> npt.NDArray[np.int64]:
    """Count counters in equally wide bins over their whole range.

    Parameters
    ----------
    counters : ndarray of int
        Counters of a layer.
    counter_bits : int
        Their width.
    bins : int
        How many at most, a power of two.
    """
    shift = max(0, counter_bits - (bins.bit_length() - 1))
    indices = (counters.astype(np.int64) + (1 << (counter_bits - 1))) >> shift
    return np.bincount(indices.reshape(-1), minlength=1 << (counter_bits - shift))


def hidden_histogram_of(
    hidden: npt.NDArray, bins: int = HIDDEN_BINS
) -> tuple[npt.NDArray[np.int64], int]:
    """Count hidden weights in bins that reach as far below zero as above, and return their width.

    The width is the smallest power of two that leaves no weight out, so that histograms of
    different epochs can be compared; and even, because steps are of 2: every bin holds as many odd
    values as even ones.

    Parameters
    ----------
    hidden : ndarray of whole numbers
        Hidden weights of a layer.
    bins : int
        How many, an even number. The first begins at ``-width * bins / 2``, which it includes.
    """
    values, half = hidden.astype(np.int64), bins // 2
    width = 2
    while width * half <= max(values.max(), -values.min() - 1):
        width *= 2
    return np.bincount((values // width + half).reshape(-1), minlength=bins), width


def merge_bins(
    histogram: npt.NDArray[np.int64], bin_width: int, wider: int
) -> npt.NDArray[np.int64]:
    """Return the same number of bins around zero, each wider.

    Parameters
    ----------
    histogram : ndarray of int
        Counts in an even number of bins around zero.
    bin_width : int
        Their width.
    wider : int
        The new width, a multiple of it.
    """
    half = len(histogram) // 2
    indices = (np.arange(len(histogram)) - half) // (wider // bin_width) + half
    merged = np.zeros_like(histogram)
    np.add.at(merged, indices, histogram)
    return merged
