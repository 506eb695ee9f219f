"""A network that is made for a device: it reaches into every memory that it has."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import numpy.typing as npt

from ..errors import MetabitError
from ..golden.config import Config
from ..golden.configurations.named import make_config
from ..hdl.placement import Placement
from ..hdl.shape import Shape
from ..planning.fit import shortages

_SHORT = 3
"""Inputs that the last visit lacks, so that some lanes have none."""

_OFFSET = 8
"""Of the three-threshold head."""

_SHARE = 4
"""Neurons of the first layer for one of the second."""

_NOISE = 0.1
"""Share of the bits in which a sample differs from its class."""


def network_for(shape: Shape, most: int | None = None) -> Config:
    """Return the largest of some networks that fits a device.

    It has two layers and more classes than a word of codes holds, where the device has room for
    both, two visits, and tiles that end in a pass that is not full.

    Parameters
    ----------
    shape : Shape
    most : int, optional
        Neurons of a layer at the most, for one that is loaded sooner.

    Raises
    ------
    MetabitError
        If none fits.
    """
    for fields in _candidates(shape, most or shape.neurons):
        config = make_config(fields)
        if not shortages(config, shape):
            return config
    raise MetabitError(f"device {shape.name} is too small for a network that tests it")


def _candidates(shape: Shape, most: int) -> Iterator[dict[str, object]]:
    """Yield the fields of networks, the most telling first."""
    widths = range(min(most, shape.neurons, shape.depth), 1, -1)
    all_layers = range(min(shape.layers, 2), 0, -1)
    all_classes = (shape.code_bits + 2, shape.code_bits, 2)
    tiles = (2 * shape.samples + 1, shape.samples, 1)
    for layers, classes, visits, width, tile in product(
        all_layers, all_classes, (2, 1), widths, tiles
    ):
        hidden = (width, max(2, width // _SHARE))[:layers]
        yield {
            "name": "selftest",
            "inputs": max(1, visits * shape.lanes - _SHORT),
            "hidden": hidden,
            "group": -(-width // 2),
            "classes": classes,
            "counter_bits": shape.counter_bits,
            "head_offset": _OFFSET,
            "tile": tile,
        }


def samples_for(
    config: Config, count: int, random: np.random.Generator
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Return samples of classes that can be told apart, shape (count, inputs), and their labels."""
    kinds = random.random((config.classes, config.inputs)) < 1 / 2
    labels = random.integers(0, config.classes, count)
    return kinds[labels] ^ (random.random((count, config.inputs)) < _NOISE), labels


def describe(config: Config, shape: Shape) -> str:
    """Say what a network is, and how full the device is."""
    placement = Placement(config, shape)
    widths = "-".join(map(str, (config.inputs, *config.hidden)))
    full = 100 * placement.sign_words // shape.depth
    return f"{widths}, {config.classes} classes, {full} % of the sign words"
