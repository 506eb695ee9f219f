"""What can be wrong with what the user hands to the golden model."""

from ..errors import MetabitError


class ConfigurationError(MetabitError):
    """A configuration, an encoder or an option has a value that it must not have."""


class DataError(MetabitError):
    """Data are missing, damaged, or do not fit the configuration."""


class CheckpointError(MetabitError):
    """A checkpoint cannot be read, or belongs to something else."""


class ObsoleteFieldWarning(UserWarning):
    """A file says something that means nothing any more."""
