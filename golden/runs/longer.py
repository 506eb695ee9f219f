"""Runs that are made longer: by which schedule they go on, and whether that changes anything."""

from collections.abc import Sequence

from ..errors import CheckpointError
from ..schedule import Scheduled

Plans = tuple[tuple[int, int], ...]
"""Former lengths of a run, and with how many epochs begun each of them was given up."""


def check_longer(what: str, planned: int, wanted: int) -> None:
    """Check that a run becomes no shorter.

    Parameters
    ----------
    what : str
        Checkpoint, for the message.
    planned, wanted : int
        Epochs of the run as it was planned, and as it is to be.

    Raises
    ------
    CheckpointError
        If it does.
    """
    if wanted < planned:
        raise CheckpointError(
            f"{what} is of a run of {planned} epochs, which can become longer, not shorter: "
            f"--epochs must be at least {planned}, not {wanted}"
        )


def other_epochs(config: Scheduled, plans: Plans, epochs: int) -> list[int]:
    """Return which epochs were annealed otherwise than a run of this length from the start would.

    Annealing follows the planned length; nothing else of a schedule does. If there are none, a run
    that was made longer ends as one that had this length from the start, bit for bit.

    Parameters
    ----------
    config : Scheduled
        Says how much is annealed in which epoch.
    plans : tuple of tuple of int
        Former lengths, and how many epochs each of them had seen begin.
    epochs : int
        Length now.
    """
    found, first = [], 1
    for planned, begun in plans:
        for epoch in range(first, begun + 1):
            now = config.annealing_exponent(epoch, epochs)
            if config.annealing_exponent(epoch, planned) != now:
                found.append(epoch)
        first = begun + 1
    return found


def explain(config: Scheduled, plans: Plans, epochs: int, next_epoch: int) -> str:
    """Say by which schedule a run goes on, and whether it is as if it had always been so long.

    Parameters
    ----------
    config, plans, epochs
        As in :func:`other_epochs`.
    next_epoch : int
        The epoch in which it goes on.
    """
    before = " and ".join(str(planned) for planned, _ in plans)
    others = other_epochs(config, plans, epochs)
    text = f"{epochs} epochs in place of {before}; goes on in epoch {next_epoch} "
    text += f"by the schedule of {epochs}"
    if not others:
        return f"{text}: the same, bit for bit, as {epochs} epochs from the start"
    return (
        f"{text}. Not the same as {epochs} epochs from the start: {_spans(others)} "
        f"annealed for {before}"
    )


def _spans(epochs: Sequence[int]) -> str:
    """Return increasing numbers in words."""
    if len(epochs) == 1:
        return f"epoch {epochs[0]} was"
    if epochs[-1] - epochs[0] + 1 == len(epochs):
        return f"epochs {epochs[0]} to {epochs[-1]} were"
    return f"epochs {', '.join(map(str, epochs))} were"
