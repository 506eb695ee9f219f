"""Under which names .npz files keep samples and classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError

_TRAIN = (
    *(("x", "y"), ("x_train", "y_train"), ("train_x", "train_y")),
    *(("train_images", "train_labels"), ("train_data", "train_labels"), ("images", "labels")),
    *(("data", "target"), ("data", "labels"), ("features", "labels"), ("arr_0", "arr_1")),
)
_TEST = (
    *(("x_test", "y_test"), ("test_x", "test_y"), ("test_images", "test_labels")),
    ("test_data", "test_labels"),
)
"""Names of samples and classes, in small letters: our own, those of Keras, MedMNIST and others."""


@dataclass(frozen=True)
class Layout:
    """Which arrays of a file are what.

    Attributes
    ----------
    train, test : tuple of str, or None
        Names of samples and classes.
    unused : tuple of str
        Everything else.
    """

    train: tuple[str, str]
    test: tuple[str, str] | None
    unused: tuple[str, ...]


def find_layout(path: Path, names: Sequence[str]) -> Layout:
    """Return which arrays of a file are what.

    Parameters
    ----------
    path : Path
        The file, for messages.
    names : sequence of str
        Names of its arrays.

    Raises
    ------
    DataError
        If there are no samples with classes, or a test set is not understood.
    """
    # X is as good as x; where both are there, the small letter comes first.
    known = {name.lower(): name for name in sorted(names)}
    train, missing = _pair(known, _TRAIN)
    if missing:
        raise DataError(
            f"{path} lacks {', '.join(missing)}; it holds {', '.join(names) or 'nothing'}"
        )
    test, missing = _pair(known, _TEST)
    if len(missing) == 1:
        raise DataError(f"{path} lacks {missing[0]}; it holds {', '.join(names)}")
    found = None if missing else (known[test[0]], known[test[1]])
    chosen = {known[name] for name in train} | set(found or ())
    unused = tuple(name for name in names if name not in chosen)
    for name in unused:
        if "test" in name.lower():
            raise DataError(
                f"{path}: array {name} seems to be of a test set and would be ignored; "
                "name it x_test or y_test, or remove it"
            )
    return Layout((known[train[0]], known[train[1]]), found, unused)


def find_samples(path: Path, names: Sequence[str]) -> str:
    """Return which array of a file holds samples, where classes need not be there.

    Parameters
    ----------
    path : Path
        The file, for messages.
    names : sequence of str
        Names of its arrays.

    Raises
    ------
    DataError
        If that is not clear.
    """
    if len(names) == 1:
        return names[0]
    known = {name.lower(): name for name in sorted(names)}
    for samples, _ in (*_TRAIN, *_TEST):
        if samples in known:
            return known[samples]
    raise DataError(
        f"{path} holds {', '.join(names) or 'nothing'}; say which are the samples with "
        f"--dataset {path}#NAME"
    )


def _pair(
    known: dict[str, str], pairs: Sequence[tuple[str, str]]
) -> tuple[tuple[str, str], list[str]]:
    """Return the pair of which most is there, and what it lacks."""
    best = min(pairs, key=lambda pair: sum(name not in known for name in pair))
    return best, [name for name in best if name not in known]
