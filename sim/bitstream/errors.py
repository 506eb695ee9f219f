"""What a bitstream is refused for."""

from ...errors import MetabitError


class BitstreamError(MetabitError):
    """A file is no bitstream, is damaged, or configures what no design of ours could mean."""
