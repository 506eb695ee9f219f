"""What can go wrong with a program that is run."""

from pathlib import Path

from ..errors import MetabitError


class ToolError(MetabitError):
    """A program is missing, too old or failed; the message says what to do."""


class ToolNotFoundError(ToolError):
    """A program is not installed, or does not start."""


class ToolFailedError(ToolError):
    """A program ended with an error.

    Parameters
    ----------
    message : str
    log : pathlib.Path, optional
        File that tells why; None: the message does.
    """

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log

    def __reduce__(self) -> tuple[object, ...]:
        """Let it reach the parent of a process that it is raised in."""
        return type(self), (str(self), self.log)
