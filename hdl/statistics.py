"""What a device counts, in the order of the addresses."""

from .shape import Shape

PHASES = ("run", "forward", "update", "commit", "wait")
"""Cycles that are counted: a run is in progress; neurons pass the array; a row is updated; the
array stands still for a commit; it waits for samples."""


def statistics_names(shape: Shape) -> tuple[str, ...]:
    """Return the names of a device's counts, in the order of their addresses."""
    layers = range(shape.layers)
    return (
        "samples",
        "correct",
        *(f"triggers.{layer}" for layer in layers),
        *(f"updates.{layer}" for layer in layers),
        *(f"cycles.{phase}" for phase in PHASES if shape.phases),
    )
