"""Fields of neurons as one small picture, a pixel a weight, for pages that show it enlarged."""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from .looks import Field, scale_of
from .maps import FeatureMap

NEGATIVE, POSITIVE = (200, 55, 63), (47, 111, 222)
"""Red and blue of negative and positive weights, as in all pictures of fields; how large a weight
is, is how little shows through, so that a sheet looks right on a light page and on a dark one."""


@dataclass(frozen=True)
class Sheet:
    """Fields, one below the other.

    Attributes
    ----------
    png : bytes
        The picture, transparent where weights are small.
    width, height : int
        Pixels of a field.
    count : int
        Fields; the picture is as many times as high.
    """

    png: bytes
    width: int
    height: int
    count: int


def make_sheet(fields: Field, maps: Sequence[FeatureMap]) -> Sheet:
    """Return fields as a sheet; the maps of a field are laid out in rows, a pixel apart.

    Parameters
    ----------
    fields : ndarray of float, shape (n, inputs)
        A row a neuron.
    maps : sequence of FeatureMap
        Of the encoder; at least one.
    """
    rows = max(one.indices.shape[0] for one in maps)
    columns = max(one.indices.shape[1] for one in maps)
    across = max(1, math.ceil(math.sqrt(len(maps) * rows / columns)))
    lines = -(-len(maps) // across)
    width, height = across * (columns + 1) - 1, lines * (rows + 1) - 1
    # The pixel of each weight, the same in all fields; -1: none.
    places = np.full((height, width), -1)
    for number, one in enumerate(maps):
        line, place = divmod(number, across)
        top, left = line * (rows + 1), place * (columns + 1)
        high, wide = one.indices.shape
        places[top : top + high, left : left + wide] = one.indices
    picture = np.concatenate([_coloured(field, places) for field in fields])
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", compress_level=1)
    return Sheet(buffer.getvalue(), width, height, len(fields))


def _coloured(field: Field, places: npt.NDArray[np.intp]) -> npt.NDArray[np.uint8]:
    """Return a field in red, green, blue and opacity."""
    values = np.where(places < 0, 0.0, field[places]) / scale_of(field)
    picture = np.empty((*places.shape, 4), np.uint8)
    picture[..., :3] = np.where(values[..., None] < 0, NEGATIVE, POSITIVE)
    picture[..., 3] = np.round(255 * np.minimum(np.abs(values), 1))
    return picture
