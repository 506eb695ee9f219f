"""The hardware training rule, vectorised: what the silicon does, bit for bit."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .config import WORD, Config
from .generator import Generator

Bits = npt.NDArray[np.bool_]


@dataclass
class Statistics:
    """Counts since the last reset, the same that the device keeps.

    Attributes
    ----------
    samples, correct : int
        Samples trained on, and those predicted right by their forward pass.
    triggers : list of int
        Samples that triggered an update, per layer.
    updates : list of int
        Winner rows updated, per layer.
    """

    samples: int
    correct: int
    triggers: list[int]
    updates: list[int]

    @classmethod
    def zero(cls, layers: int) -> "Statistics":
        """Return counts of nothing yet."""
        return cls(0, 0, [0] * layers, [0] * layers)


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
    """

    inputs: list[npt.NDArray[np.float32]]
    preactivations: list[npt.NDArray[np.int32]]
    scores: list[npt.NDArray[np.int32]]

    @property
    def predictions(self) -> npt.NDArray[np.int64]:
        """Class of each sample: argmax of the last layer's scores, lowest index on ties."""
        return self.scores[-1].argmax(axis=1)


def _signs(bits: Bits) -> npt.NDArray[np.float32]:
    """Return +-1 for bits."""
    return np.where(bits, np.float32(1), np.float32(-1))


class Network:
    """Complete training state of a network and the rule that changes it.

    Parameters
    ----------
    config : Config
        Its seed determines classifier, initial counters and reinforcement.

    Attributes
    ----------
    classifier : list of ndarray of bool, shape (C, K_l)
        Fixed random classifier ``P`` of each layer (paper, section 3.1).
    counters : list of ndarray of int16, shape (K_l, fan_in)
        Counters ``v``; the hidden weight is ``H = 2 v + 1`` and the weight ``W = sign(H)``.
        Call :meth:`load` to change them.
    generator : Generator
        Its state belongs to the training state.
    statistics : Statistics
        Counts since creation.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.generator = Generator(config.generator_state)
        self.classifier = [self._draw_classifier(width) for width in config.hidden]
        self._codes = [_signs(code) for code in self.classifier]
        self.load([self._draw_counters(layer) for layer in range(config.layers)])
        self.statistics = Statistics.zero(config.layers)

    def _draw_classifier(self, width: int) -> Bits:
        """Draw P of one layer: the low 16 bits of a step per word, class by class."""
        words = -(-width // WORD)
        draws = self.generator.draw(self.config.classes * words)
        bits = (draws[:, None] >> np.arange(WORD, dtype=np.uint32)) & 1
        return bits.astype(bool).reshape(self.config.classes, words * WORD)[:, :width]

    def _draw_counters(self, layer: int) -> npt.NDArray[np.int16]:
        """Draw counters uniform over a quarter of their range: the low bits of a step each."""
        width, words = self.config.hidden[layer], self.config.words[layer]
        bits = max(1, self.config.counter_bits - 2)
        draws = self.generator.draw(width * words * WORD).astype(np.int64)
        values = (draws & ((1 << bits) - 1)) - ((draws >> (bits - 1) & 1) << bits)
        rows = values.reshape(width, words * WORD)[:, : self.config.fan_in[layer]]
        return rows.astype(np.int16)

    def load(self, counters: list[npt.NDArray[np.int16]]) -> None:
        """Replace all counters.

        Parameters
        ----------
        counters : list of ndarray of int16, shape (K_l, fan_in)
            Copied.

        Raises
        ------
        ValueError
            If a shape or a value does not fit the configuration; nothing changes then.
        """
        shapes = list(zip(self.config.hidden, self.config.fan_in, strict=True))
        given = [np.shape(values) for values in counters]
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
        self._weights = [_signs(values >= 0) for values in self.counters]

    def forward(self, samples: Bits) -> Forward:
        """Compute pre-activations and class scores of every layer (paper, section 3.1).

        Parameters
        ----------
        samples : ndarray of bool, shape (B, inputs)
            Encoded samples.
        """
        layer_inputs, preactivations, scores = [], [], []
        activation = _signs(samples)
        offset = self.config.head_offset
        for weights, code in zip(self._weights, self._codes, strict=True):
            layer_inputs.append(activation)
            # Sums of +-1 stay far below 2**24, so single precision is exact.
            z = activation @ weights.T
            activation = _signs(z >= 0)
            head = activation
            if offset:
                head = activation + _signs(z >= offset) + _signs(z >= -offset)
            preactivations.append(z.astype(np.int32))
            scores.append((head @ code.T).astype(np.int32))
        return Forward(layer_inputs, preactivations, scores)

    def predict(self, samples: Bits, batch: int = 4096) -> npt.NDArray[np.int64]:
        """Classes of samples, shape (n,); nothing is learnt."""
        parts = [
            self.forward(samples[start : start + batch]).predictions
            for start in range(0, len(samples), batch)
        ]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    def train_tile(
        self,
        samples: Bits,
        labels: npt.NDArray[np.integer],
        *,
        annealing: int = 0,
        damping: int = 0,
    ) -> Forward:
        """Train on one tile: all forward passes first, then the updates in order.

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
        for sample, label in enumerate(labels):
            for layer in range(self.config.layers):
                rival = self._triggered(result.scores[layer][sample], int(label), layer)
                if rival is None:
                    continue
                self.statistics.triggers[layer] += 1
                winners = self._winners(
                    result.preactivations[layer][sample], int(label), rival, layer
                )
                for neuron in winners:
                    self.statistics.updates[layer] += 1
                    self._update_row(
                        layer,
                        neuron,
                        result.inputs[layer][sample],
                        bool(self.classifier[layer][label, neuron]),
                        annealing,
                        damping,
                    )
        self.statistics.samples += len(labels)
        self.statistics.correct += int(np.sum(result.predictions == labels))
        return result

    def _triggered(self, scores: npt.NDArray[np.int32], label: int, layer: int) -> int | None:
        """Return the rival class if the sample updates the layer, else None."""
        best = int(scores.argmax())
        others = scores.copy()
        others[label] = np.iinfo(np.int32).min
        rival = int(others.argmax())
        margin = scores[label] - scores[rival]
        return rival if best != label or margin < self.config.margin_threshold[layer] else None

    def _winners(
        self, z: npt.NDArray[np.int32], label: int, rival: int, layer: int
    ) -> npt.NDArray[np.intp]:
        """Neurons to update, ascending: the candidate of smallest ``|z|`` of every group."""
        code = self.classifier[layer]
        candidate = (z >= 0) != code[label]
        if self.config.rival_selection:
            candidate &= code[label] != code[rival]
        size = self.config.group
        starts = np.arange(0, len(z), size)
        never = np.iinfo(np.int32).max
        cost = np.full(len(starts) * size, never, np.int32)
        cost[: len(z)] = np.where(candidate, np.abs(z), never)
        groups = cost.reshape(-1, size)
        best = groups.argmin(axis=1)
        return (starts + best)[groups.min(axis=1) != never]

    def _update_row(
        self,
        layer: int,
        neuron: int,
        inputs: npt.NDArray[np.float32],
        desired: bool,
        annealing: int,
        damping: int,
    ) -> None:
        """Move one neuron's counters towards its desired activation, and reinforce them.

        One step of the generator draws the phase, then one step per word, touched or not,
        draws its reinforcement.
        """
        low, high = self.config.counter_range
        draws = self.generator.draw(1 + self.config.words[layer])
        phase, draws = int(draws[0]) & ((1 << annealing) - 1), draws[1:]
        row = self.counters[layer][neuron]
        moves = inputs if desired else -inputs
        if annealing:
            words = np.arange(len(draws)) & ((1 << annealing) - 1) == phase
            moves = moves * np.repeat(words, WORD)[: len(row)]
        new = np.clip(row + moves.astype(np.int16), low, high)
        if self.config.reinforcement_shift is not None:
            bits = self.config.reinforcement_shift[layer] + damping
            hit = (draws & np.uint32((1 << bits) - 1)) == 0
            if annealing:
                hit &= words
            for word in np.flatnonzero(hit):
                part = slice(word * WORD, (word + 1) * WORD)
                new[part] = np.clip(new[part] + np.where(new[part] >= 0, 1, -1), low, high)
        self.counters[layer][neuron] = new
        self._weights[layer][neuron] = _signs(new >= 0)
