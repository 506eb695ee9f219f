"""Metabit: training binary neural networks on small FPGAs."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .estimator import MetabitClassifier

    __version__: str

__all__ = ["MetabitClassifier", "__version__"]


def __getattr__(name: str) -> Any:
    # Both take long to import: scikit-learn a second, and who looks a version up much of what a
    # command takes before it can be interrupted in an orderly way.
    if name == "MetabitClassifier":
        from .estimator import MetabitClassifier

        return MetabitClassifier
    if name == "__version__":
        from importlib.metadata import version

        return version("metabit")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
