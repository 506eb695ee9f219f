"""The hash by which two trained states, of whatever form, are known to be equal."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .network import Network


def state_sha256(layers: Sequence[npt.NDArray], generator_state: int, dtype: str = "<i2") -> str:
    """Return the canonical SHA-256 of a training state, as 64 hexadecimal digits.

    It covers, all little-endian: the number of layers (32 bits); for each layer its neurons and
    fan-in (32 bits each) and its counters, neuron by neuron, as signed 16-bit numbers; the state
    of the generator (32 bits). Signs follow from counters, and the classifier from the seed.

    Parameters
    ----------
    layers : sequence of ndarray of whole numbers, shape (K_l, fan_in)
        Counters of each layer, from a network or read back from a device; or hidden weights.
    generator_state : int
        State of the network's generator.
    dtype : str
        What the numbers are hashed as; hidden weights of the paper's rule are ``"<i4"``.
    """
    digest = hashlib.sha256(np.array([len(layers)], "<u4").tobytes())
    for layer in layers:
        digest.update(np.array(layer.shape, "<u4").tobytes())
        digest.update(np.ascontiguousarray(layer, dtype).tobytes())
    digest.update(np.array([generator_state], "<u4").tobytes())
    return digest.hexdigest()


def network_sha256(network: "Network") -> str:
    """Return :func:`state_sha256` of a network."""
    return network.state_sha256
