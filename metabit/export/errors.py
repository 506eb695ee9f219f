"""What can go wrong when a network goes out, or one comes in."""

from ..errors import MetabitError


class ExportError(MetabitError):
    """A network cannot be written in a format."""


class ForeignNetworkError(MetabitError):
    """A file holds no network that Metabit can compute."""
