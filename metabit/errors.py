"""The one exception type that the command line shows as a plain message."""


class MetabitError(ValueError):
    """Something the user can mend; the message names the value and the fix."""
