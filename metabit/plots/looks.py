"""What neurons look for, as numbers: fields of their weights over the encoder's bits."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float64]

MANY, FEW, FEWEST = 64, 16, 6
"""Neurons shown unless others are asked for: with one map each, with several, with very many."""

LINE = 25
"""Maps up to which a field has several and not very many."""

_WRITTEN_CLASSES = 10


def fields_of(hidden: Sequence[npt.NDArray[np.integer]], layer: int) -> Field:
    """Return what the neurons of a layer look for, as weights of the encoder's bits.

    Of the first layer, these are the hidden weights ``H`` themselves. A deeper neuron has no
    weights on these bits: its field is the mean of the fields before it, each with the sign of
    its weight, which is what the neuron would compute if activations were not binary.

    Parameters
    ----------
    hidden : sequence of ndarray of int, shape (K_l, fan_in)
        Hidden weights of each layer.
    layer : int
        Hidden layer, from 0.

    Returns
    -------
    ndarray of float64, shape (K_l, inputs)
    """
    field = hidden[0].astype(np.float64)
    for weights in hidden[1 : layer + 1]:
        field = np.sign(weights) @ field / weights.shape[1]
    return field


def scale_of(field: Field) -> float:
    """Return where the colours of a field end: its own 99.5th percentile; deep ones were pale."""
    return float(np.percentile(np.abs(field), 99.5)) or 1.0


def shown_neurons(width: int, maps: int) -> int:
    """Return how many neurons of a layer are shown unless others are asked for.

    Parameters
    ----------
    width : int
        Neurons of the layer.
    maps : int
        Feature maps of a field.
    """
    return min(width, MANY if maps == 1 else FEW if maps <= LINE else FEWEST)


def wanted_by(codes: npt.NDArray[np.integer], neuron: int) -> str:
    """Return for which classes a neuron is to be active, ``for 0235``, if they can be written.

    Parameters
    ----------
    codes : ndarray of int, shape (C, K_l)
        What each class wants of each neuron of the layer, -1, 0 or 1.
    neuron : int
        Which.
    """
    if len(codes) > _WRITTEN_CLASSES:
        return ""
    classes = np.flatnonzero(codes[:, neuron] > 0)
    return "for " + ("".join(map(str, classes)) or "none")
