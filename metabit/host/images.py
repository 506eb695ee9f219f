"""What a device's memories hold of a network, in the order in which they are written."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..golden.network import Bits
from ..hdl.bundles import Space
from ..hdl.placement import Placement
from . import packing
from .packing import Counters, Words


@dataclass(frozen=True)
class Image:
    """Words of a space, from its first one on.

    Attributes
    ----------
    space : Space
        Where they go.
    element : int
        Element of the array, where each has a space of its own, else 0.
    words : ndarray of uint64
        The words.
    """

    space: Space
    element: int
    words: Words


def images_of(
    placement: Placement,
    classifier: Sequence[Bits],
    counters: Sequence[Counters],
    generator_state: int,
) -> list[Image]:
    """Return all that makes a network run on a device.

    Parameters
    ----------
    placement : Placement
        The network in the device.
    classifier : sequence of ndarray of bool, shape (C, K_l)
        Of each layer.
    counters : sequence of ndarray of int16, shape (K_l, fan_in)
        Of each layer.
    generator_state : int
        State of the generator.
    """
    shape = placement.shape
    beats = packing.scatter([np.asarray(values) for values in counters], placement)
    parts = packing.pack_counters(beats, shape)
    signs = packing.pack_bits(beats >= 0, 1)[..., 0]
    codes = packing.pack_codes([np.asarray(code) for code in classifier], placement)
    images = [
        Image(Space.SETUP, 0, np.array(placement.setup_words, np.uint64)),
        Image(Space.CODES, 0, codes),
    ]
    for element in range(shape.elements):
        images.append(Image(Space.COUNTERS, element, parts[element].ravel()))
        images.append(Image(Space.SIGNS, element, signs[element]))
    images.append(Image(Space.GENERATOR, 0, np.array([generator_state], np.uint64)))
    return images
