"""What neurons look for, ready to be shown on a page."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..plots.looks import fields_of, shown_neurons, wanted_by
from ..plots.maps import FeatureMap
from ..plots.sheet import Sheet, make_sheet


@dataclass(frozen=True)
class Look:
    """Fields of neurons of a layer.

    Attributes
    ----------
    layer : int
        Hidden layer, from 0.
    neurons : int
        Of the layer.
    first : int
        The first of those shown.
    titles : list of str
        Of each field.
    maps : list of str
        What the maps of a field are.
    sheet : Sheet
        The fields.
    """

    layer: int
    neurons: int
    first: int
    titles: list[str]
    maps: list[str]
    sheet: Sheet


def look_of(
    hidden: Sequence[npt.NDArray[np.integer]],
    codes: Sequence[npt.NDArray[np.integer]],
    maps: Sequence[FeatureMap],
    layer: int,
    first: int = 0,
) -> Look:
    """Return the fields of the neurons of a layer, as many as are legible.

    Parameters
    ----------
    hidden : sequence of ndarray of int, shape (K_l, fan_in)
        Hidden weights of each layer.
    codes : sequence of ndarray of int, shape (C, K_l)
        Classifier of each layer.
    maps : sequence of FeatureMap
        Of the encoder.
    layer, first : int
        Which layer, and the first of its neurons.
    """
    width = len(hidden[layer])
    first = max(0, min(first, width - 1))
    neurons = range(first, min(width, first + shown_neurons(width, len(maps))))
    fields = fields_of(hidden, layer)[first : neurons.stop]
    titles = [f"{neuron} {wanted_by(codes[layer], neuron)}".strip() for neuron in neurons]
    return Look(layer, width, first, titles, names_of(maps), make_sheet(fields, maps))


def names_of(maps: Sequence[FeatureMap]) -> list[str]:
    """Return what maps are, in a line each."""
    return [f"{one.part}, {one.name}".rstrip(", ").replace("\n", " ") for one in maps]
