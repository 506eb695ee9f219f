"""A network and its samples as the words of 64 bits that a device takes."""

import numpy as np
import numpy.typing as npt

from ..golden.network import Bits
from ..hdl.placement import Placement
from ..hdl.shape import LANES, Shape

Words = npt.NDArray[np.uint64]
Counters = npt.NDArray[np.int16]

_WORD = np.dtype("<u8")
_WORD_BYTES = _WORD.itemsize


def pack_bits(bits: npt.NDArray, words: int) -> Words:
    """Return rows of bits as words, first bit lowest; the rest is zeros.

    Parameters
    ----------
    bits : ndarray of bool or 0 and 1, shape (..., k)
        Rows.
    words : int
        Words of each.

    Returns
    -------
    ndarray of uint64, shape (..., words)
    """
    packed = np.packbits(bits, axis=-1, bitorder="little")
    if packed.shape[-1] == words * _WORD_BYTES:
        return np.ascontiguousarray(packed).view(_WORD)
    full = np.zeros((*packed.shape[:-1], words * _WORD_BYTES), np.uint8)
    full[..., : packed.shape[-1]] = packed
    return full.view(_WORD)


def unpack_bits(words: Words, count: int) -> Bits:
    """Return the first ``count`` bits of rows of words; the reverse of :func:`pack_bits`."""
    raw = np.ascontiguousarray(words, _WORD).view(np.uint8)
    return np.unpackbits(raw, axis=-1, bitorder="little", count=count).astype(bool)


def pack_samples(samples: Bits, placement: Placement) -> Words:
    """Return samples as words, shape (n, elements * visits), without labels."""
    return pack_bits(samples, placement.regions[0])


def records(packed: Words, labels: npt.NDArray[np.integer]) -> bytes:
    """Return packed samples with their labels in front, as they are fed."""
    words = np.empty((len(packed), packed.shape[1] + 1), _WORD)
    words[:, 0] = labels
    words[:, 1:] = packed
    return words.tobytes()


def pack_counters(counters: Counters, shape: Shape) -> Words:
    """Return the counters of beats as the words of space COUNTERS, shape (..., parts).

    Parameters
    ----------
    counters : ndarray of int16, shape (..., 64)
        Beats: the counters of an element at an address.
    shape : Shape
        Says how they are kept.
    """
    if shape.memory == "spram":
        return np.ascontiguousarray(counters.astype(np.int8)).view(_WORD)
    planes = counters[..., None, :] >> np.arange(shape.parts, dtype=np.int16)[:, None] & 1
    return pack_bits(planes.astype(np.uint8), 1)[..., 0]


def unpack_counters(words: Words, signs: Bits | None, shape: Shape) -> Counters:
    """Return the counters of beats, shape (..., 64); the reverse of :func:`pack_counters`.

    Parameters
    ----------
    words : ndarray of uint64, shape (..., parts)
        Of space COUNTERS.
    signs : ndarray of bool, shape (..., 64), or None
        Signs, True where a counter is not negative, if they are kept apart.
    shape : Shape
        Says how counters are kept.
    """
    if shape.memory == "spram":
        return np.ascontiguousarray(words, _WORD).view(np.int8).astype(np.int16)
    assert signs is not None
    planes = unpack_bits(words[..., None], LANES)
    weights = np.int16(1) << np.arange(shape.parts, dtype=np.int16)
    low = np.einsum("...pn,p->...n", planes.astype(np.int16), weights)
    return np.where(signs, low, low - np.int16(1 << shape.parts)).astype(np.int16)


def scatter(layers: list[Counters], placement: Placement) -> Counters:
    """Return the counters of all layers as beats, shape (elements, sign words, 64).

    Those of lanes beyond the fan-in are 0.
    """
    elements = placement.shape.elements
    beats = np.zeros((placement.sign_words, elements, LANES), np.int16)
    for counters, base, visits in zip(layers, placement.base, placement.visits, strict=True):
        width, fan_in = counters.shape
        rows = np.zeros((width, visits * elements * LANES), np.int16)
        rows[:, :fan_in] = counters
        visit_first = rows.reshape(width, visits, elements, LANES).transpose(1, 0, 2, 3)
        beats[base : base + visits * width] = visit_first.reshape(-1, elements, LANES)
    return beats.transpose(1, 0, 2)


def gather(beats: Counters, placement: Placement) -> list[Counters]:
    """Return the counters of each layer; the reverse of :func:`scatter`."""
    elements = placement.shape.elements
    layers = []
    config = placement.config
    for base, visits, width, fan_in in zip(
        placement.base, placement.visits, config.hidden, config.fan_in, strict=True
    ):
        part = beats[:, base : base + visits * width].reshape(elements, visits, width, LANES)
        rows = part.transpose(2, 1, 0, 3).reshape(width, -1)
        layers.append(np.ascontiguousarray(rows[:, :fan_in]))
    return layers


def pack_codes(classifier: list[Bits], placement: Placement) -> Words:
    """Return the codes of all layers as words of the code memory, shape (codes,).

    Parameters
    ----------
    classifier : list of ndarray of bool, shape (C, K_l)
        Of each layer.
    placement : Placement
    """
    code_bits, code_words = placement.shape.code_bits, placement.code_words
    parts = []
    for code in classifier:
        classes, width = code.shape
        bits = np.zeros((width, code_words * code_bits), bool)
        bits[:, :classes] = code.T
        parts.append(pack_bits(bits.reshape(-1, code_bits), 1)[:, 0])
    return np.concatenate(parts)
