"""The hardware training rule, vectorised: what the silicon does, bit for bit."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .binary_network import BinaryNetwork, Statistics
from .codes import DRAWS, Bits, as_signs
from .config import WORD, Config
from .distribution import Distribution, Signs, counter_distribution, two_valued_signs
from .generator import Generator
from .state import state_sha256

_SMALL_PRODUCT = 1_000_000
"""Multiplications up to which OpenBLAS has kernels for small matrices."""

_LARGEST_TILE = 64
"""Samples up to which a product counts as that of a tile."""


@dataclass(frozen=True)
class Forward:
    """What a forward pass of B samples leaves behind.

    Attributes
    ----------
    inputs : list of ndarray of float32, shape (B, fan_in)
        Inputs of each layer as +-1.
    preactivations : list of ndarray of int32, shape (B, K_l)
        ``z = W x`` of each layer.
    scores : list of ndarray of int32, shape (B, C)
        Class scores ``o = P a`` of each layer.
    summed : bool
        All layers' scores count for the prediction, not those of the last layer alone.
    """

    inputs: list[npt.NDArray[np.float32]]
    preactivations: list[npt.NDArray[np.int32]]
    scores: list[npt.NDArray[np.int32]]
    summed: bool = False

    @property
    def decision(self) -> npt.NDArray[np.int32]:
        """Scores that decide, shape (B, C): the last layer's, or the sum of all layers'."""
        return np.sum(self.scores, axis=0, dtype=np.int32) if self.summed else self.scores[-1]

    @property
    def predictions(self) -> npt.NDArray[np.int64]:
        """Class of each sample: that of the highest score, lowest index on ties."""
        return self.decision.argmax(axis=1)


def _integer_signs(values: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return +-1 for signed values, +1 for zero: all copies of the sign bit, or one."""
    return values >> 31 | 1


def _product(
    inputs: npt.NDArray[np.float32], weights: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return ``inputs @ weights.T``; sums of +-1 stay below 2**24, where single precision is exact.

    OpenBLAS repacks the operands of a large product, which takes several times as long as the
    product of a tile itself; in blocks below its limit it does not.
    """
    neurons = max(1, _SMALL_PRODUCT // inputs.size) if inputs.size else len(weights)
    if neurons >= len(weights) or len(inputs) > _LARGEST_TILE:
        return inputs @ weights.T
    blocks = range(0, len(weights), neurons)
    return np.concatenate([inputs @ weights[start : start + neurons].T for start in blocks], axis=1)


RULE_VERSION = 3
"""To be counted up with every change of the hardware's rule, so that no older result is reused."""


class Network(BinaryNetwork):
    """Complete training state of a network and the rule that changes it.

    Parameters
    ----------
    config : Config
        Its seed determines classifier, initial counters and reinforcement.
    generator : Generator, optional
        Instead of the one that follows from the seed.

    Attributes
    ----------
    classifier : list of ndarray of bool, shape (C, K_l)
        Fixed random classifier ``P`` of each layer (paper, section 3.1).
    counters : list of ndarray of int16, shape (K_l, fan_in)
        Counters ``v``; the hidden weight is ``H = 2 v + 1`` and the weight ``W = sign(H)``.
        Call :meth:`load` to change them.
    visible : list of ndarray of float32, shape (K_l, fan_in)
        Weights that a forward pass sees, +-1. After :meth:`drain`, the signs of the counters; in
        between they may lag behind, as the configuration says.
    generator : Generator
        Its state belongs to the training state.
    statistics : Statistics
        Counts since creation.
    """

    fixed_range = True
    config: Config

    def __init__(self, config: Config, generator: Generator | None = None) -> None:
        self.config = config
        self.generator = generator or Generator(config.generator_state)
        self.classifier = [
            DRAWS[config.codes](self.generator, config.classes, width) for width in config.hidden
        ]
        self._codes = [as_signs(code) for code in self.classifier]
        self.load([self._draw_counters(layer) for layer in range(config.layers)])
        self.statistics = Statistics.zero(config.layers)

    def _draw_counters(self, layer: int) -> npt.NDArray[np.int16]:
        """Draw counters of ``start_bits`` bits, uniform: the low bits of a step each."""
        width, words = self.config.hidden[layer], self.config.words[layer]
        bits = self.config.start_bits
        draws = self.generator.draw(width * words * WORD).astype(np.int64)
        values = (draws & ((1 << bits) - 1)) - ((draws >> (bits - 1) & 1) << bits)
        rows = values.reshape(width, words * WORD)[:, : self.config.fan_in[layer]]
        return rows.astype(np.int16)

    def load(self, counters: list[npt.NDArray[np.int16]]) -> None:
        """Replace all counters; the network is drained then.

        Parameters
        ----------
        counters : list of ndarray of int16, shape (K_l, fan_in)
            Copied.

        Raises
        ------
        ValueError
            If a shape or a value does not fit the configuration; nothing changes then.
        """
        shapes, given = self.config.shapes, [np.shape(values) for values in counters]
        if given != shapes:
            raise ValueError(f"counters must have the shapes {shapes}, not {given}")
        low, high = self.config.counter_range
        for layer, values in enumerate(counters):
            if values.min() < low or values.max() > high:
                raise ValueError(
                    f"counters of layer {layer} must lie in {low} to {high}, "
                    f"not {values.min()} to {values.max()}"
                )
        self.counters = [np.array(values, np.int16) for values in counters]
        self.visible = [as_signs(values >= 0) for values in self.counters]
        # Rows of each layer that have been updated since they were last made visible.
        self._unseen: list[set[int]] = [set() for _ in self.counters]

    def drain(self) -> None:
        """Let forward passes see all updates so far: visible weights become the counters' signs.

        Training calls it after every :data:`~metabit.golden.schedule.SPAN` tiles of an epoch and at
        the end of the epoch. Counters, generator and statistics stay as they are.
        """
        for layer, unseen in enumerate(self._unseen):
            if unseen:
                rows = sorted(unseen)
                self.visible[layer][rows] = as_signs(self.counters[layer][rows] >= 0)
                unseen.clear()

    def forward(self, samples: Bits) -> Forward:
        """Compute pre-activations and class scores of every layer (paper, section 3.1).

        With the visible weights, as the hardware does; :meth:`drain` first to have all updates
        count, where training has stopped between two drains.

        Parameters
        ----------
        samples : ndarray of bool, shape (B, inputs)
            Encoded samples.
        """
        layer_inputs, preactivations, scores = [], [], []
        activation = as_signs(samples)
        offset = self.config.head_offset
        for weights, code in zip(self.visible, self._codes, strict=True):
            layer_inputs.append(activation)
            z = _product(activation, weights)
            activation = as_signs(z >= 0)
            head = activation
            if offset:
                head = activation + as_signs(z >= offset) + as_signs(z >= -offset)
            preactivations.append(z.astype(np.int32))
            scores.append((head @ code.T).astype(np.int32))
        return Forward(layer_inputs, preactivations, scores, self.config.summed_scores)

    @property
    def state_sha256(self) -> str:
        """Hash of counters and generator; see :func:`~metabit.golden.state.state_sha256`."""
        return state_sha256(self.counters, self.generator.state)

    def hidden_weights(self) -> list[npt.NDArray[np.int32]]:
        """Return the hidden weights ``H = 2 v + 1`` of each layer."""
        return [2 * counters.astype(np.int32) + 1 for counters in self.counters]

    def neuron_codes(self) -> list[npt.NDArray[np.int8]]:
        """Return the classifiers as -1 and 1."""
        return [np.where(code, 1, -1).astype(np.int8) for code in self.classifier]

    def signs(self) -> tuple[Signs, ...]:
        """Return the signs of each layer's counters, packed."""
        return tuple(two_valued_signs(counters) for counters in self.counters)

    def distribution(self, layer: int) -> Distribution:
        """Return how the counters of a layer are spread."""
        config = self.config
        return counter_distribution(self.counters[layer], config.counter_bits, config.counter_range)

    def train_tile(
        self,
        samples: Bits,
        labels: npt.NDArray[np.integer],
        *,
        annealing: int = 0,
        damping: int = 0,
    ) -> Forward:
        """Train on one tile: all forward passes first, then the updates in order.

        With a lag of 1 the passes do not see the updates of the tile before, unless :meth:`drain`
        was called in between; counters are updated in full all the same.

        Parameters
        ----------
        samples : ndarray of bool, shape (B, inputs)
            At most ``config.tile`` of them.
        labels : ndarray of int, shape (B,)
            Their classes.
        annealing : int
            Exponent ``q``: only words ``w`` with ``w mod 2**q`` equal to a random phase learn.
        damping : int
            ``j``: reinforcement becomes ``2**j`` times rarer.

        Returns
        -------
        Forward
            The passes that the updates followed from.
        """
        result = self.forward(samples)
        if self.config.lag:
            # What the tile before has changed shows from the next tile on.
            self.drain()
        chosen = [self._winners(result, labels, layer) for layer in range(self.config.layers)]
        for sample, label in enumerate(labels):
            for layer, (triggered, winners) in enumerate(chosen):
                if not triggered[sample]:
                    continue
                self.statistics.triggers[layer] += 1
                neurons = winners[sample][winners[sample] >= 0]
                if len(neurons):
                    self.statistics.updates[layer] += len(neurons)
                    desired = self.classifier[layer][label, neurons]
                    self._update_rows(
                        layer, neurons, result.inputs[layer][sample], desired, annealing, damping
                    )
        self.statistics.samples += len(labels)
        self.statistics.correct += int(np.sum(result.predictions == labels))
        if not self.config.lag:
            self.drain()
        return result

    def _winners(
        self, result: Forward, labels: npt.NDArray[np.integer], layer: int
    ) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.intp]]:
        """Find out which samples of a tile update a layer, and which neurons they update.

        Returns
        -------
        triggered : ndarray of bool, shape (B,)
            Whether the prediction is wrong or the margin too small.
        winners : ndarray of int, shape (B, groups)
            The candidate of smallest ``|z|`` of every group, or -1 where there is none.
        """
        scores, z = result.scores[layer], result.preactivations[layer]
        samples = np.arange(len(labels))
        others = scores.copy()
        others[samples, labels] = np.iinfo(np.int32).min
        rivals = others.argmax(axis=1)
        margins = scores[samples, labels] - scores[samples, rivals]
        wrong = scores.argmax(axis=1) != labels
        triggered = wrong | (margins < self.config.margin_threshold[layer])

        code = self.classifier[layer][labels]
        candidates = (z >= 0) != code
        if self.config.rival_selection:
            candidates &= code != self.classifier[layer][rivals]
        size = self.config.group
        starts = np.arange(0, z.shape[1], size)
        never = np.iinfo(np.int32).max
        cost = np.full((len(labels), len(starts) * size), never, np.int32)
        cost[:, : z.shape[1]] = np.where(candidates, np.abs(z), never)
        groups = cost.reshape(len(labels), len(starts), size)
        winners = np.where(groups.min(axis=2) != never, starts + groups.argmin(axis=2), -1)
        return triggered, winners

    def _update_rows(
        self,
        layer: int,
        neurons: npt.NDArray[np.intp],
        inputs: npt.NDArray[np.float32],
        desired: Bits,
        annealing: int,
        damping: int,
    ) -> None:
        """Move the winners' counters towards their desired activations, and reinforce them.

        Winner by winner, one step of the generator draws the phase, then one step per word,
        touched or not, draws its reinforcement. The winners of a sample are different neurons,
        so that their rows can be computed side by side.
        """
        low, high = self.config.counter_range
        fan_in, words = self.config.fan_in[layer], self.config.words[layer]
        draws = self.generator.draw(len(neurons) * (1 + words)).reshape(len(neurons), -1)
        touched = None
        # 32 bits wide, so that a 16-bit counter can pass its range before it saturates.
        moves = inputs.astype(np.int32) * (2 * desired[:, None].astype(np.int32) - 1)
        if annealing:
            low_bits = np.uint32((1 << annealing) - 1)
            phases = draws[:, :1] & low_bits
            touched = np.arange(words, dtype=np.uint32) & low_bits == phases
            moves *= np.repeat(touched, WORD, axis=1)[:, :fan_in]
        new = self.counters[layer][neurons] + moves
        np.maximum(np.minimum(new, high, out=new), low, out=new)
        if self.config.reinforcement_shift is not None:
            bits = self.config.reinforcement_shift[layer] + damping
            hit = (draws[:, 1:] & np.uint32((1 << bits) - 1)) == 0
            if touched is not None:
                hit &= touched
            for row, word in np.argwhere(hit):
                part = new[row, word * WORD : (word + 1) * WORD]
                part += _integer_signs(part)
                np.maximum(np.minimum(part, high, out=part), low, out=part)
        self.counters[layer][neurons] = new
        self._unseen[layer].update(neurons.tolist())
