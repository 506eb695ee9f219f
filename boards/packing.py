"""Bits and counters as the words of 16 that a device's memories hold."""

import numpy as np
import numpy.typing as npt

from ..golden.config import WORD
from ..hdl.v1.layout import Layout

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.int16]
Indices = npt.NDArray[np.intp]


def pack_bits(bits: npt.NDArray[np.bool_]) -> Bytes:
    """Return bits as words of 16, first bit lowest.

    Parameters
    ----------
    bits : ndarray of bool, shape (n, k)
        Rows; the last word of each is filled with zeros.

    Returns
    -------
    ndarray of uint8, shape (n, 2 * ceil(k / 16))
    """
    padded = np.pad(bits, ((0, 0), (0, -bits.shape[1] % WORD)))
    return np.packbits(padded, axis=1, bitorder="little")


def unpack_bits(packed: Bytes) -> npt.NDArray[np.bool_]:
    """Return the bits of words, shape (n, 16), from their bytes."""
    return np.unpackbits(packed.reshape(-1, WORD // 8), axis=1, bitorder="little").astype(bool)


def pack_counters(words: Words, counter_bits: int) -> Bytes:
    """Return words of 16 counters as bytes, counter 0 in the low bits.

    Parameters
    ----------
    words : ndarray of int16, shape (n, 16)
        Counters.
    counter_bits : int
        Bits of each.

    Returns
    -------
    ndarray of uint8, shape (n, 2 * counter_bits)
    """
    low_first = words.astype("<i2")[:, :, None].view(np.uint8)
    bits = np.unpackbits(low_first, axis=2, bitorder="little")[:, :, :counter_bits]
    return np.packbits(bits.reshape(len(words), WORD * counter_bits), axis=1, bitorder="little")


def unpack_counters(packed: Bytes, counter_bits: int) -> Words:
    """Return the counters of words, shape (n, 16); the reverse of :func:`pack_counters`."""
    flat = np.unpackbits(packed.reshape(-1, 2 * counter_bits), axis=1, bitorder="little")
    bits = flat.reshape(-1, WORD, counter_bits)
    # The sign bit fills the upper bits.
    padding = np.repeat(bits[:, :, -1:], WORD - counter_bits, axis=2)
    full = np.packbits(np.concatenate([bits, padding], axis=2), axis=2, bitorder="little")
    return np.ascontiguousarray(full).view("<i2")[:, :, 0].astype(np.int16)


def weight_indices(layout: Layout, layer: int) -> Indices:
    """Linear indices of a layer's words of weights, shape (K_l, words)."""
    config = layout.config
    return np.array(
        [
            [layout.weight_index(layer, neuron, word) for word in range(config.words[layer])]
            for neuron in range(config.hidden[layer])
        ]
    )


def code_indices(layout: Layout, layer: int) -> Indices:
    """Linear indices of the words of a layer's classifier, shape (C, words)."""
    config = layout.config
    words = -(-config.hidden[layer] // WORD)
    return np.array(
        [
            [layout.code_index(layer, label, word) for word in range(words)]
            for label in range(config.classes)
        ]
    )


def gather(words: npt.NDArray, indices: Indices, length: int) -> npt.NDArray:
    """Return rows of ``length`` values, shape (n, length), from words of 16.

    Parameters
    ----------
    words : ndarray, shape (m, 16)
        Contents of a memory.
    indices : ndarray of int, shape (n, words)
        Where the words of each row are.
    length : int
        Values of a row; the rest of its last word is left out.
    """
    return words[indices].reshape(len(indices), -1)[:, :length]


def scatter(words: npt.NDArray, indices: Indices, rows: npt.NDArray) -> None:
    """Put rows where :func:`gather` finds them; the rest of a last word becomes zero."""
    padded = np.pad(rows, ((0, 0), (0, indices.shape[1] * WORD - rows.shape[1])))
    words[indices] = padded.reshape(*indices.shape, WORD)
