"""The network as data: what is loaded into a device before it trains."""

from collections.abc import Mapping

from amaranth.lib import data

from .encode.sizes import MOST_WORDS
from .shape import Shape

NETWORK_WORD = {
    "layers": (0, 4),
    "last_class": (4, 9),
    "code_words": (13, 5),
    "group": (18, 13),
    "head_offset": (31, 12),
    "three": (43, 1),
    "rival": (44, 1),
    "vote": (45, 1),
    "reinforce": (46, 1),
    "lag": (47, 1),
    "tile": (48, 7),
}
"""First bit and width of each field of setup word 0."""

RECORD_WORD = {"record": (0, 16), "slots": (16, 16)}
"""Of setup word 1."""

LAYER_WORD = {
    "neurons": (0, 11),
    "visits": (11, 6),
    "fan_in": (17, 14),
    "margin": (31, 14),
    "shift": (45, 5),
    "region": (50, 12),
}
"""Of setup word 2 + l."""

TABLE = MOST_WORDS
"""Words from this address on are the encoder's table, 32 bits each, where there is an encoder.

A power of two that no table exceeds: a bit of the address says which of the two it is."""


def setup_addresses(shape: Shape) -> int:
    """Return the number of addresses of the setup, the encoder's table included."""
    return 2 + shape.layers if shape.encodes is None else TABLE + shape.encodes.words


def pack(fields: Mapping[str, tuple[int, int]], values: Mapping[str, int]) -> int:
    """Return the setup word of these values; fields without one are zero.

    Raises
    ------
    ValueError
        If a value does not fit its field.
    """
    word = 0
    for name, value in values.items():
        start, width = fields[name]
        if not 0 <= value < 1 << width:
            raise ValueError(f"{name} must fit {width} bits, not {value}")
        word |= int(value) << start
    return word


def unpack(word: int, fields: Mapping[str, tuple[int, int]]) -> dict[str, int]:
    """Return the fields of a setup word."""
    return {name: word >> start & ((1 << width) - 1) for name, (start, width) in fields.items()}


def _width(largest: int) -> int:
    return max(1, largest.bit_length())


class NetworkSetup(data.StructLayout):
    """What all layers share.

    ``layers``; ``last_class``, as the device numbers them; ``code_words`` words of the code memory
    a neuron; ``group`` neurons a group; ``head_offset`` T and ``three`` (T > 0: three bits a neuron
    enter the scores); ``rival`` selection; ``vote``: scores of all layers are summed for the
    prediction; ``reinforce``: there is reinforcement; ``lag``; samples a ``tile``; words of a
    ``record`` (a sample and its activations) in a column's memory; ``slots``: records that fit.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__(
            {
                "layers": _width(shape.layers),
                "last_class": shape.class_bits,
                "code_words": _width(shape.code_words),
                "group": _width(shape.neurons),
                "head_offset": 12,
                "three": 1,
                "rival": 1,
                "vote": 1,
                "reinforce": 1,
                "lag": 1,
                "tile": 7,
                "record": _width(shape.records),
                "slots": _width(shape.records),
            }
        )


class LayerSetup(data.StructLayout):
    """What belongs to one layer.

    ``neurons`` N and ``visits`` V: its weights are the next V * N sign words, visit by visit;
    ``fan_in`` K; ``margin``: ceil(floor(r * planes * N) / 2), in popcounts; ``shift`` T of
    reinforcement; ``region``: words of its inputs in a record, elements * V.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__(
            {
                "neurons": _width(shape.neurons),
                "visits": _width(-(-shape.inputs // shape.lanes)),
                "fan_in": _width(shape.inputs),
                "margin": _width(3 * shape.neurons // 2 + 1),
                "shift": 5,
                "region": _width(shape.elements * -(-shape.inputs // shape.lanes)),
            }
        )


def layers_layout(shape: Shape) -> data.ArrayLayout:
    """Setups of all layers that the device can hold."""
    return data.ArrayLayout(LayerSetup(shape), shape.layers)


class RunSetup(data.StructLayout):
    """What holds for one run: ``train``; annealing exponent and damping, 2 bits each."""

    def __init__(self) -> None:
        super().__init__({"train": 1, "annealing": 2, "damping": 2})
