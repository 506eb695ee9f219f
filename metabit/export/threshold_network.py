"""Networks of signs and thresholds, trained here or elsewhere, for predictions alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..golden.codes import Bits
from ..golden.config import Config
from ..golden.configurations.named import make_config
from ..golden.errors import ConfigurationError
from ..golden.network import Network
from ..hdl.shape import Shape
from .errors import ForeignNetworkError

_BATCH = 4096

Whole = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ThresholdLayer:
    """A layer: sums of +1 and -1, compared with whole numbers.

    Attributes
    ----------
    weights : ndarray of bool, shape (K, fan_in)
        True is +1, False -1.
    thresholds : ndarray of int64, shape (K,)
        An activation is +1 where the sum is not less, else -1.
    head : ndarray of int64, shape (planes, K)
        Thresholds of the votes of each neuron, each of which is +1 or -1 likewise.
    codes : ndarray of bool, shape (C, K), or None
        What a vote of +1 means for each class; None: the layer does not vote.
    """

    weights: Bits
    thresholds: Whole
    head: Whole
    codes: Bits | None


@dataclass(frozen=True)
class ThresholdNetwork:
    """Layers, the votes of some of which are summed; the class of the highest sum is predicted.

    Attributes
    ----------
    layers : tuple of ThresholdLayer
        From the input on.
    bias : ndarray of int64, shape (C,)
        What is added to the votes.
    """

    layers: tuple[ThresholdLayer, ...]
    bias: Whole

    @property
    def inputs(self) -> int:
        """Bits of a sample."""
        return self.layers[0].weights.shape[1]

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.bias)

    def scores(self, samples: Bits) -> Whole:
        """Return class scores, shape (n, C).

        Parameters
        ----------
        samples : ndarray of bool, shape (n, inputs)
            Encoded samples.
        """
        parts = [np.empty((0, self.classes), np.int64)]
        for start in range(0, len(samples), _BATCH):
            parts.append(self._scores(samples[start : start + _BATCH]))
        return np.concatenate(parts)

    def predict(self, samples: Bits) -> Whole:
        """Return classes, shape (n,): that of the highest score, the first on ties."""
        return self.scores(samples).argmax(axis=1)

    def _scores(self, samples: Bits) -> Whole:
        scores = np.tile(self.bias, (len(samples), 1))
        activations = _signs(samples)
        for layer in self.layers:
            # Sums of +-1 stay below 2**24, where single precision is exact.
            z = (activations @ _signs(layer.weights).T).astype(np.int64)
            if layer.codes is not None:
                votes = _signs(z[:, None, :] >= layer.head).sum(axis=1, dtype=np.float32)
                scores += (votes @ _signs(layer.codes).T).astype(np.int64)
            activations = _signs(z >= layer.thresholds)
        return scores


def _signs(bits: Bits) -> npt.NDArray[np.float32]:
    return 2 * bits.astype(np.float32) - 1


def threshold_network(network: Network) -> ThresholdNetwork:
    """Return what a network of the hardware's rule computes, for predictions alone."""
    config = network.config
    offset = config.head_offset
    planes = [-offset, 0, offset] if offset else [0]
    layers = []
    for number, (counters, code) in enumerate(
        zip(network.counters, network.classifier, strict=True)
    ):
        width = len(counters)
        votes = config.summed_scores or number == config.layers - 1
        head = np.repeat(np.array(planes, np.int64)[:, None], width, axis=1)
        zeros = np.zeros(width, np.int64)
        layers.append(ThresholdLayer(counters >= 0, zeros, head, code if votes else None))
    return ThresholdNetwork(tuple(layers), np.zeros(config.classes, np.int64))


@dataclass(frozen=True)
class Loadable:
    """A network in the form in which a device takes it.

    Attributes
    ----------
    config : Config
        Configuration, for predictions alone.
    classifier : list of ndarray of bool, shape (C, K_l)
        Of each layer.
    counters : list of ndarray of int16, shape (K_l, fan_in)
        With the signs of the weights.
    """

    config: Config
    classifier: list[Bits]
    counters: list[npt.NDArray[np.int16]]


def for_device(network: ThresholdNetwork, shape: Shape, name: str) -> Loadable:
    """Return a network in the form in which a device takes it, if its rule can compute it.

    Parameters
    ----------
    network : ThresholdNetwork
        Trained anywhere.
    shape : Shape
        The device.
    name : str
        What the network is called.

    Raises
    ------
    ForeignNetworkError
        If it has thresholds, a head or a vote that no device has; says which.
    """
    if network.bias.any():
        place = int(np.flatnonzero(network.bias)[0])
        raise ForeignNetworkError(
            f"{name} adds {network.bias[place]} to the score of class {place}, and a device adds "
            "nothing; evaluate it on the host"
        )
    for number, layer in enumerate(network.layers[:-1]):
        _check_zero(name, f"layer {number}", layer.thresholds, layer.weights.shape[1])
    voting = [layer.codes is not None for layer in network.layers]
    if voting != [True] * len(voting) and voting != [False] * (len(voting) - 1) + [True]:
        which = ", ".join(str(number) for number, votes in enumerate(voting) if votes)
        raise ForeignNetworkError(
            f"{name}: the layers {which} of {len(voting)} vote; on a device all do, or the last "
            "alone; evaluate it on the host"
        )
    offset = _offset(name, network)
    hidden = tuple(len(layer.weights) for layer in network.layers)
    try:
        config = make_config(
            {
                "name": name,
                "inputs": network.inputs,
                "hidden": hidden,
                "classes": network.classes,
                # Nothing is trained: what only training needs is as small as can be.
                "group": max(hidden),
                "tile": 1,
                "counter_bits": shape.counter_bits,
                "head_offset": offset,
                "summed_scores": voting[0],
            }
        )
    except ConfigurationError as error:
        raise ForeignNetworkError(f"{name} is no network of a device: {error}") from error
    counters = [np.where(layer.weights, 0, -1).astype(np.int16) for layer in network.layers]
    width = [np.zeros((network.classes, size), bool) for size in hidden]
    codes = [
        empty if layer.codes is None else layer.codes
        for layer, empty in zip(network.layers, width, strict=True)
    ]
    return Loadable(config, codes, counters)


def _reached(thresholds: Whole | int, fan_in: int) -> Whole:
    """Return the smallest sum that is not below a threshold; sums are as odd as their number."""
    return np.asarray(thresholds) + (np.asarray(thresholds) - fan_in) % 2


def _check_zero(name: str, where: str, thresholds: Whole, fan_in: int) -> None:
    """Check that sums are compared with what is as good as zero."""
    wrong = np.flatnonzero(_reached(thresholds, fan_in) != _reached(0, fan_in))
    if len(wrong):
        raise ForeignNetworkError(
            f"{name}: {where}, neuron {wrong[0]} compares its sum with {thresholds[wrong[0]]}, and "
            f"a device with 0 ({len(wrong)} of {len(thresholds)} neurons); evaluate it on the host"
        )


def _offset(name: str, network: ThresholdNetwork) -> int:
    """Return the head offset of all layers that vote, 0 for the plain head."""
    offsets: set[int] = set()
    for number, layer in enumerate(network.layers):
        if layer.codes is None:
            continue
        fan_in, where = layer.weights.shape[1], f"the head of layer {number}"
        head = np.sort(layer.head, axis=0)
        if len(head) == 1:
            _check_zero(name, where, head[0], fan_in)
            offsets.add(0)
            continue
        offset = int(head[-1, 0]) if len(head) else 0
        expected = _reached(np.array([[-offset], [0], [offset]]), fan_in)
        if len(head) != 3 or offset < 1 or (_reached(head, fan_in) != expected).any():
            raise ForeignNetworkError(
                f"{name}: {where} compares sums with {_some(head[:, 0])} (neuron 0), and a device "
                "with 0, or with -T, 0 and T, the same for all neurons; evaluate it on the host"
            )
        offsets.add(offset)
    if len(offsets) > 1:
        raise ForeignNetworkError(
            f"{name}: its layers have heads of offsets {sorted(offsets)}, and a device has one for "
            "all; evaluate it on the host"
        )
    return offsets.pop()


def _some(values: Sequence[int] | Whole) -> str:
    return ", ".join(map(str, values))
