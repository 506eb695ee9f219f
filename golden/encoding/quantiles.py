"""Distributive thermometer: numbers become bits by thresholds that follow their distribution."""

import numpy as np
import numpy.typing as npt

from ..errors import ConfigurationError, DataError
from .encoders import Bits
from .shifts import check_views


class Quantiles:
    """One bit per feature and threshold, ``x > t``, with quantiles of each feature as thresholds.

    About equally many training samples lie between two thresholds. A threshold that several
    quantiles fall on, as in a feature of few values, is used once: a feature of two values gets
    one bit, and a constant one none. That is where it differs from the paper's
    :class:`.Distributive`, whose columns have B bits each whatever they hold: here, no input of a
    network is spent on a bit that another repeats or that never changes.

    Parameters
    ----------
    levels : int
        Thresholds of a feature at most.

    Attributes
    ----------
    columns : ndarray of int, shape (bits,)
        Feature that each bit comes from; set by :meth:`fit`.
    thresholds : ndarray, shape (bits,)
        Threshold of each bit, values of the training data; set by :meth:`fit`.

    Raises
    ------
    ConfigurationError
        If there is no level.
    """

    def __init__(self, levels: int) -> None:
        if levels < 1:
            raise ConfigurationError(f"levels must be at least 1, not {levels}")
        self.levels = levels
        self.columns: npt.NDArray[np.intp] = np.empty(0, np.intp)
        self.thresholds: npt.NDArray = np.empty(0)

    def fit(self, samples: npt.NDArray) -> "Quantiles":
        """Take thresholds from training samples, and return self.

        Parameters
        ----------
        samples : ndarray of numbers, shape (n, features)
            Training samples only.

        Raises
        ------
        DataError
            If no feature has two different values.
        """
        fractions = np.arange(1, self.levels + 1) / (self.levels + 1)
        ordered = np.sort(samples, axis=0)
        indices = (fractions * (len(samples) - 1)).astype(np.intp)
        columns, thresholds = [], []
        for feature in range(samples.shape[1]):
            values = ordered[:, feature]
            # Nothing is above the largest value; the one below it does not lose what it tells.
            below = values[values < values[-1]]
            if len(below):
                found = np.unique(np.minimum(values[indices], below[-1]))
                thresholds.append(found)
                columns.append(np.full(len(found), feature))
        if not columns:
            raise DataError(
                f"no feature has two different values among {len(samples)} training samples: "
                "there is nothing to learn from"
            )
        self.columns, self.thresholds = np.concatenate(columns), np.concatenate(thresholds)
        return self

    def encode(self, samples: npt.NDArray, views: int = 1) -> Bits:
        """Bits of samples, shape (n, bits).

        Parameters
        ----------
        samples : ndarray of numbers, shape (n, features)
            Samples.
        views : int
            As of an :class:`~metabit.golden.encoding.encoders.Encoder`.

        Raises
        ------
        DataError
            If more than one view is asked for: features are no images.
        """
        check_views(views, samples.shape[1:])
        return samples[:, self.columns] > self.thresholds
