"""The one exception type that the command line shows as a plain message."""

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells give it."""


class MetabitError(ValueError):
    """Something the user can mend; the message names the value and the fix."""
