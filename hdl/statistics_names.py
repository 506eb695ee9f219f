"""What a device counts, in the order in which the host reads it."""

from .shape import Shape

CYCLES = ("total", "forward", "update", "commit", "wait")
"""Cycles that a device counts: all of a run; the array takes neurons; a row is being updated; the
array stands still for a commit; the array waits for samples."""


def statistics_names(shape: Shape) -> tuple[str, ...]:
    """Return the names of all counts; a name's index is its address in space STATISTICS.

    Parameters
    ----------
    shape : Shape
        Says how many layers are counted, whether a network has them or not.
    """
    layers = range(shape.layers)
    return (
        "samples",
        "correct",
        *(f"triggers.{layer}" for layer in layers),
        *(f"updates.{layer}" for layer in layers),
        *(f"cycles.{phase}" for phase in CYCLES),
    )
