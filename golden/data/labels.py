"""Classes of arrays, in the ways in which people write them: numbers, names, one-hot rows."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .numbers import is_missing
from .roles import plain

MAX_CLASSES = 256

_ENOUGH = 20
"""Samples from which on as many classes as samples are no accident."""

Labels = npt.NDArray[np.int64]


def classes_of(
    parts: Sequence[tuple[str, npt.NDArray]],
) -> tuple[list[Labels], tuple[str, ...]]:
    """Return classes as numbers, and their names if they have any.

    Parameters
    ----------
    parts : sequence of tuple of str and ndarray
        Name, for messages, and labels: of the training samples, and of the test set.

    Raises
    ------
    DataError
        If labels are no classes.
    """
    plain_parts = [(name, _flat(name, labels)) for name, labels in parts]
    texts = [labels.dtype.kind == "U" for _, labels in plain_parts]
    if any(texts):
        if not all(texts):
            raise DataError(
                f"{' and '.join(name for name, _ in plain_parts)} must both be names of classes, "
                "or both be numbers"
            )
        return _named(plain_parts)
    found = []
    for name, labels in plain_parts:
        low, high = (int(labels.min()), int(labels.max())) if len(labels) else (0, 0)
        if low < 0 or high >= MAX_CLASSES:
            raise DataError(
                f"{name} must hold classes of 0 to {MAX_CLASSES - 1}, not {low} to {high}"
            )
        found.append(labels.astype(np.int64))
    name, first = plain_parts[0]
    if len(first) >= _ENOUGH and len(np.unique(first)) == len(first):
        raise DataError(f"{name} holds {len(first)} classes of {len(first)} samples: no classes")
    return found, ()


def _flat(name: str, labels: npt.NDArray) -> npt.NDArray:
    """Return labels as integers or texts, shape (n,)."""
    if labels.ndim > 1 and labels[:1].size == 1:
        labels = labels.reshape(-1)
    if labels.ndim == 2 and labels.dtype.kind in "biuf":
        one_hot = np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all()
        if one_hot and len(labels):
            return labels.argmax(axis=1)
    if labels.ndim != 1:
        raise DataError(
            f"{name} must have shape (samples,), or be one-hot, 1 for the class and 0 for others, "
            f"not {labels.shape}"
        )
    if labels.dtype.kind == "S":
        try:
            labels = np.char.decode(labels, "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"{name} holds bytes that are no UTF-8 text: {error}") from error
    if labels.dtype.kind == "U":
        return np.char.strip(labels)
    if labels.dtype.kind == "b":
        return labels.astype(np.int64)
    if labels.dtype.kind == "f":
        odd = ~(np.isfinite(labels) & (np.trunc(labels) == labels) & (np.abs(labels) < 2**31))
        if odd.any():
            row = int(np.argmax(odd))
            raise DataError(
                f"{name} must hold classes, whole numbers or names, but "
                f"{name.split()[-1]}[{row}] is {labels[row]}"
            )
        return labels.astype(np.int64)
    if labels.dtype.kind not in "iu":
        raise DataError(f"{name} must hold classes, whole numbers or names, not {labels.dtype}")
    return labels


def _named(parts: Sequence[tuple[str, npt.NDArray]]) -> tuple[list[Labels], tuple[str, ...]]:
    """Return classes that have names as numbers, in alphabetic order, and these."""
    name = parts[0][0]
    names = [str(text) for text in np.unique(np.concatenate([labels for _, labels in parts]))]
    for text in names:
        if is_missing(text):
            raise DataError(f"{name}: the class is missing in some samples ({text!r})")
    for form, count in Counter(map(plain, names)).items():
        if count > 1:
            same = [repr(text) for text in names if plain(text) == form]
            raise DataError(f"{name} writes a class in several ways, {', '.join(same)}")
    if not 2 <= len(names) <= MAX_CLASSES:
        raise DataError(f"{name} must hold 2 to {MAX_CLASSES} classes, not {len(names)}")
    numeric = all(text.isascii() and text.isdecimal() for text in names)
    names.sort(key=lambda text: (int(text) if numeric else 0, text))
    places = {text: place for place, text in enumerate(names)}
    labels = [np.array([places[str(text)] for text in part], np.int64) for _, part in parts]
    return labels, tuple(names)
