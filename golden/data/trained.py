"""What a network was trained on, as far as new samples must be like it."""

from dataclasses import dataclass

from .options import DataOptions
from .seen import Seen


@dataclass(frozen=True)
class Trained:
    """The training data of a network, as a checkpoint tells.

    Attributes
    ----------
    dataset : str
        Name of the data set.
    columns : tuple of str
        Of a table: names of its columns of numbers, then ``column=text`` for each category.
    numbers : int or None
        How many columns are of numbers; None: not known.
    options : DataOptions
        How it was read.
    seen : Seen or None
        Shape and range of its samples; None: not known.
    """

    dataset: str
    columns: tuple[str, ...]
    numbers: int | None
    options: DataOptions
    seen: Seen | None

    @property
    def target(self) -> str | None:
        """Name or number of the column of the classes, as far as it was said."""
        return self.dataset.partition("#")[2] or self.options.target
