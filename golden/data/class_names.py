"""What the classes of a data set are called."""

from collections.abc import Sequence

_NAMES = {
    "fashion-mnist": (
        *("T-shirt", "trouser", "pullover", "dress", "coat"),
        *("sandal", "shirt", "sneaker", "bag", "boot"),
    ),
}
"""Of known data sets whose classes are more than their numbers."""


def class_names(dataset: str, classes: int, own: Sequence[str] = ()) -> list[str]:
    """Return the names of the classes; their numbers, where they have none.

    Parameters
    ----------
    dataset : str
        Name of the data set.
    classes : int
        How many there are.
    own : sequence of str
        Names that the data set brings, if it does.
    """
    names = own or _NAMES.get(dataset, ())
    return list(names) if len(names) == classes else [str(number) for number in range(classes)]


def real_names(dataset: str, classes: int, own: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the names of the classes, see :func:`class_names`; nothing where they are numbers."""
    names = class_names(dataset, classes, own)
    return () if names == [str(number) for number in range(classes)] else tuple(names)


def numbered_names(names: Sequence[str]) -> list[str]:
    """Return names with their numbers in front, for tables that have room for numbers only."""
    return [
        name if name == str(number) else f"{number} {name}" for number, name in enumerate(names)
    ]
