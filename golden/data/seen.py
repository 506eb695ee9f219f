"""What a network has seen of its training data, so that other data can be told from them."""

from collections.abc import Sequence
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from .summary import some, title

_NARROW = 4
"""A range that is so many times narrower than that of the training data is not the same scale."""

_ENOUGH = 10
"""Values from which on a narrow range is no accident."""


class Seen(BaseModel):
    """Shape, type and range of training samples, before they are encoded.

    Attributes
    ----------
    shape : tuple of int
        Of a sample.
    dtype : str
        Type of its numbers, such as ``"uint8"``.
    low, high : tuple of float
        Smallest and largest value: of each column of a table, or one for all pixels.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shape: tuple[Annotated[int, Field(ge=1)], ...]
    dtype: str
    low: tuple[FiniteFloat, ...]
    high: tuple[FiniteFloat, ...]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not 1 <= len(self.low) == len(self.high):
            raise ValueError("low and high must be equally many")
        if any(low > high for low, high in zip(self.low, self.high, strict=True)):
            raise ValueError("no low may be above its high")
        return self

    @classmethod
    def of(cls, images: npt.NDArray, *, columns: bool) -> Self:
        """Return what there is to see of training samples.

        Parameters
        ----------
        images : ndarray of numbers, shape (n, ...)
            Training samples only.
        columns : bool
            They are rows of a table, whose columns have nothing to do with each other.
        """
        axis = 0 if columns else None
        low, high = np.atleast_1d(images.min(axis=axis)), np.atleast_1d(images.max(axis=axis))
        return cls(
            shape=images.shape[1:],
            dtype=images.dtype.name,
            low=tuple(map(float, low)),
            high=tuple(map(float, high)),
        )

    def strange(self, images: npt.NDArray, names: Sequence[str] = ()) -> list[str]:
        """Return what is different about the range of new samples, in words; empty: nothing.

        Values outside the range of the training data are told, and a range that is so much
        narrower that the numbers seem to be in another unit.

        Parameters
        ----------
        images : ndarray of numbers, shape (n, ...)
            New samples.
        names : sequence of str
            Of the columns, if it is a table.
        """
        if len(self.low) == 1:
            told = self._compare(images.reshape(-1), self.low[0], self.high[0])
            return [] if told is None else [f"values: {told}"]
        values = images.reshape(len(images), -1)
        found = []
        for place, (low, high) in enumerate(zip(self.low, self.high, strict=True)):
            told = self._compare(values[:, place], low, high)
            if told is not None:
                name = title(names[place]) if names else str(place + 1)
                found.append(f"column {name}: {told}")
        if len(found) > 1:
            return [f"{len(found)} columns differ in range; {some(found)}"]
        return found

    @staticmethod
    def _compare(values: npt.NDArray, low: float, high: float) -> str | None:
        """Return how values differ from a range, or None."""
        here_low, here_high = float(values.min()), float(values.max())
        here, there = f"{here_low:g} to {here_high:g} here", f"{low:g} to {high:g} in training"
        outside = int(np.count_nonzero((values < low) | (values > high)))
        if outside:
            return f"{here}, {there} ({outside} of {values.size} outside)"
        if values.size >= _ENOUGH and _NARROW * (here_high - here_low) < high - low:
            return f"{here}, {there}: is it the same scale?"
        return None
