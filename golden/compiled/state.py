"""What the compiled engine computes on: the arrays of a network, packed.

Bits are packed 64 to a word, the first in bit 0. Rows end at a whole word; the bits beyond are 0,
so that they never count as a mismatch. The arrays of all layers lie one behind the other; a record
of type :data:`GEOMETRY` tells where. One shape of arguments serves every network, and the kernel
is compiled once for all of them.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..binary_network import Statistics
from ..config import Config
from ..network import Bits, Network
from .vector import LANES

Words = npt.NDArray[np.uint64]

_SIZES = ("fan_in", "width", "words", "out_words", "group", "groups", "margin")
_STARTS = ("counters", "signs", "codes", "inputs", "winners")

_CHUNK = 1024
"""Rows of bits that are packed at a time: all of them may fill the memory."""

GEOMETRY = np.dtype([(name, np.int64) for name in (*_SIZES, *_STARTS)])
"""Sizes of a layer, and where its part of each array starts.

``words`` and ``out_words`` are the 64-bit words of its inputs and of its activations.
"""


class State(NamedTuple):
    """Training state, and the classifier that goes with it.

    Attributes
    ----------
    counters : ndarray of int8 or int16
        Rows of 64 counters per word of inputs; those beyond the fan-in mean nothing.
    signs : ndarray of uint64
        Their signs, 1 for ``>= 0``.
    codes : ndarray of uint64
        Classifier, a row per class.
    generator : ndarray of uint64, shape (1,)
        State of the generator.
    statistics : ndarray of int64, shape (1 + layers, 2)
        Samples and correct predictions; then triggers and updates of each layer.
    """

    counters: npt.NDArray[Any]
    signs: Words
    codes: Words
    generator: Words
    statistics: npt.NDArray[np.int64]


class Scratch(NamedTuple):
    """Room for the forward passes of a tile, and what it keeps for the next.

    Attributes
    ----------
    visible : ndarray of uint64
        Signs that a forward pass sees, if they lag behind.
    inputs : ndarray of uint64
        Inputs of the tile's samples, layer by layer, and the last layer's activations.
    head : ndarray of uint64
        One more bit per neuron of the widest layer.
    z : ndarray of int32, shape (tile, neurons)
        Pre-activations of a layer.
    scores : ndarray of int64, shape (classes,)
        Class scores of a sample.
    sums : ndarray of int64, shape (tile, classes)
        Class scores that the prediction follows from.
    triggered : ndarray of bool, shape (tile, layers)
        Which samples update which layers.
    winners : ndarray of int64
        Winner of each group or -1, layer by layer, sample by sample.
    """

    visible: Words
    inputs: Words
    head: Words
    z: npt.NDArray[np.int32]
    scores: npt.NDArray[np.int64]
    sums: npt.NDArray[np.int64]
    triggered: npt.NDArray[np.bool_]
    winners: npt.NDArray[np.int64]


class Rule(NamedTuple):
    """What configuration and schedule say.

    Attributes
    ----------
    rival_selection : bool
        As the configuration has it.
    head_offset, summed_scores, lag : int, bool, int
        As the configuration has them.
    low, high : int8 or int16
        Range of a counter.
    phase_mask : uint64
        ``2**q - 1`` of annealing exponent ``q``.
    rare : ndarray of uint64, shape (layers,)
        Bits of a draw that are all zero when a word is reinforced.
    """

    rival_selection: bool
    head_offset: int
    summed_scores: bool
    lag: int
    low: Any
    high: Any
    phase_mask: np.uint64
    rare: Words


class Layer(NamedTuple):
    """The part of all arrays that belongs to a layer; attributes as in the types above."""

    fan_in: int
    width: int
    group: int
    margin: int
    counters: npt.NDArray[Any]
    signs: Words
    visible: Words
    codes: Words
    inputs: Words
    outputs: Words
    winners: npt.NDArray[np.int64]


def pack(bits: Bits) -> Words:
    """Return rows of bits, 64 to a word, the first in bit 0.

    Parameters
    ----------
    bits : ndarray of bool, shape (n, width)

    Returns
    -------
    ndarray of uint64, shape (n, ceil(width / 64))
    """
    count, width = bits.shape
    packed = np.zeros((count, -(-width // LANES) * LANES // 8), np.uint8)
    for start in range(0, count, _CHUNK):
        rows = slice(start, start + _CHUNK)
        packed[rows, : -(-width // 8)] = np.packbits(bits[rows], axis=1, bitorder="little")
    return packed.view("<u8").astype(np.uint64, copy=False)


def make_geometry(config: Config) -> npt.NDArray[Any]:
    """Return the :data:`GEOMETRY` of every layer."""
    geometry = np.zeros(config.layers, GEOMETRY)
    fan_in, width = np.array(config.fan_in), np.array(config.hidden)
    words, groups = -(-fan_in // LANES), -(-width // config.group)
    out_words = -(-width // LANES)
    margin = config.margin_threshold
    for name, values in zip(
        _SIZES, (fan_in, width, words, out_words, config.group, groups, margin), strict=True
    ):
        geometry[name] = values
    sizes = (
        *(width * words * LANES, width * words, config.classes * out_words),
        *(config.tile * words, config.tile * groups),
    )
    for name, size in zip(_STARTS, sizes, strict=True):
        geometry[name] = np.cumsum(size) - size
    return geometry


def make_scratch(config: Config, geometry: npt.NDArray[Any]) -> Scratch:
    """Return room for tiles of a configuration."""
    inputs = config.tile * int(geometry["words"].sum() + geometry["out_words"][-1])
    widest = int(geometry["out_words"].max())
    return Scratch(
        np.zeros(int((geometry["width"] * geometry["words"]).sum()), np.uint64),
        np.zeros(inputs, np.uint64),
        np.zeros(widest, np.uint64),
        np.zeros((config.tile, widest * LANES), np.int32),
        np.zeros(config.classes, np.int64),
        np.zeros((config.tile, config.classes), np.int64),
        np.zeros((config.tile, config.layers), np.bool_),
        np.zeros(config.tile * int(geometry["groups"].sum()), np.int64),
    )


def make_rule(config: Config, annealing: int, damping: int) -> Rule:
    """Return what the configuration says for an annealing exponent and a damping."""
    kind = counter_type(config)
    low, high = config.counter_range
    # A draw is never zero, so that all of its bits are never zero either.
    never = [0xFFFF_FFFF] * config.layers
    shifts = config.reinforcement_shift
    rare = never if shifts is None else [(1 << (shift + damping)) - 1 for shift in shifts]
    return Rule(
        *(config.rival_selection, config.head_offset, config.summed_scores, config.lag),
        *(kind(low), kind(high)),
        *(np.uint64((1 << annealing) - 1), np.array(rare, np.uint64)),
    )


def counter_type(config: Config) -> type[np.int8] | type[np.int16]:
    """Return the smallest type that holds a counter."""
    return np.int8 if config.counter_bits <= 8 else np.int16


def pack_state(network: Network) -> State:
    """Return the state of a network, packed."""
    counters = []
    for layer in network.counters:
        padding = (0, 0), (0, -layer.shape[1] % LANES)
        counters.append(np.pad(layer.astype(counter_type(network.config)), padding).ravel())
    counts = network.statistics
    rows = [(counts.samples, counts.correct), *zip(counts.triggers, counts.updates, strict=True)]
    return State(
        np.concatenate(counters),
        np.concatenate([pack(layer >= 0).ravel() for layer in network.counters]),
        np.concatenate([pack(code).ravel() for code in network.classifier]),
        np.array([network.generator.state], np.uint64),
        np.array(rows, np.int64),
    )


def unpack_state(state: State, network: Network) -> None:
    """Bring a network into a packed state."""
    counters, start = [], 0
    for width, fan_in in zip(network.config.hidden, network.config.fan_in, strict=True):
        end = start + width * (fan_in + -fan_in % LANES)
        rows = state.counters[start:end].reshape(width, -1)
        counters.append(rows[:, :fan_in].astype(np.int16))
        start = end
    network.load(counters)
    network.generator.state = int(state.generator[0])
    (samples, correct), *layers = state.statistics.tolist()
    triggers, updates = zip(*layers, strict=True)
    network.statistics = Statistics(samples, correct, list(triggers), list(updates))
