"""Metabit: training binary neural networks on small FPGAs."""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .estimator import MetabitClassifier

__all__ = ["MetabitClassifier", "__version__"]

__version__ = version("metabit")


def __getattr__(name: str) -> Any:
    # Scikit-learn takes a second to import, and most of Metabit does not need it.
    if name == "MetabitClassifier":
        from .estimator import MetabitClassifier

        return MetabitClassifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
