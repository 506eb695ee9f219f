"""Distributive thermometer: a column of numbers becomes bits by quantiles of its own."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..codes import Bits
from ..errors import ConfigurationError, DataError

Thresholds = tuple[tuple[float, ...], ...]
"""Thresholds of every column of numbers, as a checkpoint keeps them."""

_ARGUMENTS = re.compile(r"(\d+)(?:,n=(\d+))?")


@dataclass(frozen=True)
class Distributive:
    """Bits per column of numbers, ``x > t`` for quantiles t of the training samples.

    Threshold i of B is the value at place ``floor(N i / (B + 1))`` of the N sorted values, i from
    1, so that about equally many samples lie between two thresholds, as in the paper's tables of
    UCI data sets (there, B = 32). Columns after the first ``numbers`` are bits already: a bit for
    each category of a column of texts. The estimator's :class:`.Quantiles` takes the
    places ``floor((N - 1) i / (B + 1))``, which split N samples evenly where B + 1 divides N, and
    drops bits that tell nothing; here, places and number of bits are the paper's, so that a network
    is as wide as in its tables.

    Attributes
    ----------
    levels : int
        B, bits of a column.
    numbers : int or None
        Columns of numbers, which come first; None: all.
    thresholds : ndarray, shape (columns, B), or None
        None: not fitted yet.
    """

    levels: int
    numbers: int | None = None
    thresholds: npt.NDArray[np.float64] | None = None

    @classmethod
    def parse(cls, arguments: str) -> "Distributive":
        """Return the encoder that is written ``"B"`` or ``"B,n=N"``.

        Raises
        ------
        ConfigurationError
            If it is written otherwise.
        """
        match = _ARGUMENTS.fullmatch(arguments)
        if match is None or not 1 <= int(match[1]) <= 256:
            raise ConfigurationError(
                "distributive needs 1 to 256 bits a column, e.g. 'distributive:32', "
                f"not 'distributive:{arguments}'"
            )
        return cls(int(match[1]), None if match[2] is None else int(match[2]))

    def _numbers(self, columns: int) -> int:
        """Return how many columns are of numbers."""
        if self.numbers is None:
            return columns
        if self.numbers > columns:
            raise DataError(
                f"encoder 'distributive:{self.levels},n={self.numbers}' needs at least "
                f"{self.numbers} columns, and the data have {columns}"
            )
        return self.numbers

    def bits(self, shape: Sequence[int]) -> int:
        """Bits of a sample of this shape."""
        columns = math.prod(shape)
        return columns + self._numbers(columns) * (self.levels - 1)

    def fit(self, samples: npt.NDArray) -> "Distributive":
        """Return this encoder with the thresholds of training samples.

        Parameters
        ----------
        samples : ndarray, shape (n, ...)
            Training samples only.
        """
        values = samples.reshape(len(samples), -1)
        ordered = np.sort(values[:, : self._numbers(values.shape[1])], axis=0)
        places = len(samples) * np.arange(1, self.levels + 1) // (self.levels + 1)
        return Distributive(self.levels, self.numbers, ordered[places].T.astype(np.float64))

    def restored(self, thresholds: Thresholds) -> "Distributive":
        """Return this encoder with the thresholds of a checkpoint."""
        return Distributive(self.levels, self.numbers, np.array(thresholds, np.float64))

    def encode(self, samples: npt.NDArray) -> Bits:
        """Bits of samples, shape (n, bits), column by column.

        Raises
        ------
        DataError
            If the data have other columns than those that the thresholds belong to, or a column
            of bits holds something else.
        """
        values = samples.reshape(len(samples), -1)
        numbers = self._numbers(values.shape[1])
        if self.thresholds is None or self.thresholds.shape != (numbers, self.levels):
            raise DataError(
                f"encoder 'distributive:{self.levels}' must be fitted to data of {numbers} columns "
                "of numbers first"
            )
        rest = values[:, numbers:]
        if not np.isin(rest, (0, 1)).all():
            raise DataError(f"columns after the first {numbers} must hold bits, 0 or 1")
        above = values[:, :numbers, None] > self.thresholds
        return np.concatenate([above.reshape(len(samples), -1), rest > 0], axis=1)


def numbers_of_encoder(parts: Iterable[object], columns: int) -> int | None:
    """Return how many of the columns of a table an encoder takes for numbers; None: it is not told.

    Parameters
    ----------
    parts : iterable of Part
        Of the encoder.
    columns : int
        Columns of the table.
    """
    for part in parts:
        if isinstance(part, Distributive):
            return columns if part.numbers is None else part.numbers
    return None
