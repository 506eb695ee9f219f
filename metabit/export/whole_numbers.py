"""Samples and thresholds as whole numbers, so that comparisons need no floating point.

A number ``x`` is written as ``ceil(x * 10**digits)`` and a threshold ``t`` of at most so many
digits as ``t * 10**digits``, exactly; then one is greater than the other as ``x`` is greater than
``t``. The digits are those of the shortest decimal number that rounds to a threshold in the type of
the data: of all numbers of the type, no two have theirs in the wrong order.
"""

from collections.abc import Iterable
from decimal import ROUND_CEILING, Decimal, localcontext

import numpy as np
import numpy.typing as npt

from .errors import ExportError

_PRECISION = 400
"""Digits that any double takes when its decimals are moved."""

_LARGEST = {"int32_t": 2**31 - 1, "int64_t": 2**63 - 1}


def decimal_of(value: float, dtype: np.dtype) -> Decimal:
    """Return the shortest decimal number that rounds to a value in a type.

    Raises
    ------
    ExportError
        If the value is none of that type.
    """
    typed = dtype.type(value)
    if float(typed) != value:
        raise ExportError(f"threshold {value!r} is no number of type {dtype}, as the data are")
    return Decimal(np.format_float_scientific(typed, unique=True, trim="-"))


def digits_of(thresholds: Iterable[float], dtype: np.dtype) -> int:
    """Return how many decimals the thresholds have; whole numbers are compared without any."""
    if dtype.kind != "f":
        return 0
    exponents = (decimal_of(t, dtype).normalize().as_tuple().exponent for t in thresholds)
    return max(0, *(-exponent for exponent in exponents if isinstance(exponent, int)), 0)


def scaled_thresholds(thresholds: Iterable[float], digits: int, dtype: np.dtype) -> list[int]:
    """Return thresholds as whole numbers.

    Parameters
    ----------
    thresholds : iterable of float
        What samples are compared with, ``x > t``.
    digits : int
        From :func:`digits_of`.
    dtype : dtype
        Of the samples; a whole number is above a fraction if it is above the next lower one.
    """
    if dtype.kind != "f":
        return [int(np.floor(threshold)) for threshold in thresholds]
    with localcontext(prec=_PRECISION):
        return [int(decimal_of(t, dtype).scaleb(digits)) for t in thresholds]


def scaled_samples(samples: npt.NDArray, digits: int) -> npt.NDArray[np.int64]:
    """Return samples as whole numbers, shape and order as they are.

    Parameters
    ----------
    samples : ndarray of numbers
        Any shape.
    digits : int
        From :func:`digits_of`.

    Raises
    ------
    ExportError
        If one is too large for 64 bits.
    """
    if samples.dtype.kind != "f":
        return samples.astype(np.int64)
    values, places = np.unique(samples, return_inverse=True)
    with localcontext(prec=_PRECISION):
        whole = [
            int(
                decimal_of(float(value), samples.dtype)
                .scaleb(digits)
                .to_integral_value(ROUND_CEILING)
            )
            for value in values
        ]
    type_for([*whole, 0])
    return np.array(whole, np.int64)[places].reshape(samples.shape)


def type_for(numbers: Iterable[int]) -> str:
    """Return the C type that holds all these numbers.

    Raises
    ------
    ExportError
        If there is none.
    """
    largest = max((abs(number) for number in numbers), default=0)
    for name, limit in _LARGEST.items():
        if largest <= limit:
            return name
    raise ExportError(
        f"thresholds and data would become whole numbers up to {largest:.1e}, more than 64 bits "
        "hold: train on data of fewer digits"
    )
