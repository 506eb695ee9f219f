"""Feature maps: an encoder's bits, laid out as the pixels or cells that they come from."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..golden.encoding.cells import STRIDE, Areas, cells_of
from ..golden.encoding.distributive import Distributive
from ..golden.encoding.edges import Edges
from ..golden.encoding.encoders import Encoder, Part, Thermometer, Unchanged

_EDGES = {
    "axes": "→←↓↑",
    "diagonals": "↘↖↙↗",
    "knights": ("→→↓", "←←↑", "→↓↓", "←↑↑", "←←↓", "→→↑", "←↓↓", "→↑↑"),
}
"""Where it is darker, for every direction and polarity, in the order of the encoder's bits."""


@dataclass(frozen=True)
class FeatureMap:
    """Bits that form an image.

    Attributes
    ----------
    part : str
        Part of the encoder that it belongs to.
    name : str
        What a bit of the map says of its pixel or cell.
    indices : ndarray of int, shape (rows, columns)
        Which bits of a sample; -1 where there is none.
    """

    part: str
    name: str
    indices: npt.NDArray[np.intp]

    def image(self, weights: npt.NDArray) -> npt.NDArray[np.float64]:
        """Return the weights of a neuron as an image, NaN where there is no bit.

        Parameters
        ----------
        weights : ndarray, shape (fan_in,)
            One weight per bit.
        """
        return np.where(self.indices < 0, np.nan, weights[self.indices].astype(float))


def feature_maps(encoder: Encoder, shape: tuple[int, ...]) -> list[FeatureMap]:
    """Return all feature maps of an encoder, in the order of their bits.

    Parameters
    ----------
    encoder : Encoder
        Encoder.
    shape : tuple of int
        Shape of a sample.
    """
    return _copied(encoder, _different_maps(encoder, shape), encoder.different_bits(shape))


def _different_maps(encoder: Encoder, shape: tuple[int, ...]) -> list[FeatureMap]:
    """Return the maps of the first copy of the bits."""
    maps, start = [], 0
    for part in encoder.parts:
        maps += [
            FeatureMap(part_name, name, np.where(indices < 0, -1, indices + start))
            for part_name, name, indices in _maps_of(part, shape)
        ]
        start += part.bits(shape)
    if encoder.selection is None:
        return maps
    place = np.full(start + 1, -1)
    place[list(encoder.selection)] = np.arange(len(encoder.selection))
    selected = [replace(one, indices=place[one.indices]) for one in maps]
    return [one for one in selected if (one.indices >= 0).any()]


def _copied(encoder: Encoder, maps: list[FeatureMap], bits: int) -> list[FeatureMap]:
    """Return the maps of all copies of the bits, and of the ones behind them."""
    copies = [
        replace(
            one,
            part=f"{one.part}, copy {copy + 1}" if encoder.copies > 1 else one.part,
            indices=np.where(one.indices < 0, -1, one.indices + copy * bits),
        )
        for copy in range(encoder.copies)
        for one in maps
    ]
    if encoder.ones:
        ones = _wrapped(encoder.ones)
        start = encoder.copies * bits
        copies.append(FeatureMap("ones", "", np.where(ones < 0, -1, ones + start)))
    return copies


def _maps_of(part: Part, shape: tuple[int, ...]) -> Iterator[tuple[str, str, npt.NDArray[np.intp]]]:
    """Yield part, name and bits of each map of one part, bits counted from the part's first."""
    size = math.prod(shape)
    if isinstance(part, Edges):
        rows, columns = cells_of(shape, part.cell, STRIDE)
        cells = np.arange(rows * columns).reshape(rows, columns)
        start = 0
        for edge in _EDGES[part.directions]:
            for count in part.counts:
                name = f"darker {edge}\n> {count} of {part.cell**2}"
                yield f"edges, distance {part.distance}", name, cells + start
                start += cells.size
    elif isinstance(part, Areas):
        rows, columns = cells_of(shape, part.cell, part.cell)
        cells = np.arange(rows * columns).reshape(rows, columns)
        start = 0
        for level in part.thresholds:
            for count in part.counts:
                name = f"> {level}\nin > {count} of {part.cell**2}"
                yield f"areas of {part.cell} x {part.cell}", name, cells + start
                start += cells.size
    elif isinstance(part, Thermometer):
        for number, threshold in enumerate(part.thresholds):
            for name, indices in _planes(shape):
                yield "pixels", f"> {threshold:g}{name}", indices + number * size
    elif isinstance(part, Unchanged):
        for name, indices in _planes(shape):
            yield "bits", name.strip(), indices
    elif isinstance(part, Distributive):
        numbers = size if part.numbers is None else part.numbers
        bits = np.arange(numbers * part.levels).reshape(numbers, part.levels)
        yield "numbers", "column by\nthreshold", bits
        if size > numbers:
            rest = _wrapped(size - numbers)
            yield "categories", "", np.where(rest < 0, -1, rest + bits.size)
    else:
        yield type(part).__name__.lower(), "", _wrapped(part.bits(shape))


def _planes(shape: tuple[int, ...]) -> Iterator[tuple[str, npt.NDArray[np.intp]]]:
    """Yield the samples' own pixels: one plane, or one for each channel."""
    numbers = np.arange(math.prod(shape)).reshape(shape)
    if len(shape) == 2:
        yield "", numbers
    elif len(shape) == 3:
        for channel in range(shape[2]):
            yield f"\nchannel {channel}", numbers[:, :, channel]
    else:
        yield "", _wrapped(numbers.size)


def _wrapped(size: int) -> npt.NDArray[np.intp]:
    """Return so many bits in rows of about equal sides, the last row perhaps not full."""
    columns = math.ceil(math.sqrt(size))
    rows = -(-size // columns)
    indices = np.full(rows * columns, -1)
    indices[:size] = np.arange(size)
    return indices.reshape(rows, columns)
