"""The paper's own rule, and that of its baseline, vectorised: software only."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..binary_network import BinaryNetwork, Statistics
from ..codes import Bits, as_signs
from ..distribution import Distribution, Signs, hidden_distribution, three_valued_signs
from ..generator import Generator
from ..state import state_sha256
from .config import PaperConfig
from .draws import Draws, PaperDraws

if TYPE_CHECKING:
    from scipy.sparse import csc_array

_Signs = npt.NDArray[np.float32]

RULE_VERSION = 2
"""To be counted up with every change of the rule, so that older results are not taken for new."""

EXACT = 2**24
"""Single precision holds all whole numbers up to this one."""


def sign(values: _Signs) -> _Signs:
    """Return -1, 0 or 1 for whole numbers, which clipping does in a fraction of np.sign's time."""
    return np.clip(values, -1, 1)


def are_triggered(
    scores: _Signs, labels: npt.NDArray[np.integer], threshold: int
) -> npt.NDArray[np.bool_]:
    """Return which samples are to be learnt: wrong ones, and those of too small a margin.

    Parameters
    ----------
    scores : ndarray of float32, shape (B, C)
        Class scores.
    labels : ndarray of int, shape (B,)
        Classes.
    threshold : int
        Margin ``top1 - top2`` that is enough.
    """
    two = np.partition(scores, -2, axis=1)[:, -2:]
    too_close = two[:, 1] - two[:, 0] < threshold
    return (scores.argmax(axis=1) != labels) | too_close


def reinforcement_probability(reinforcement: float, accuracy: float, fan_in: int) -> float:
    """Return with what probability a weight is reinforced (paper, section 4).

    ``p_r * sqrt(1 - accuracy) * sqrt(2 / (pi * fan_in))``, with the training accuracy of the epoch
    before.
    """
    return reinforcement * math.sqrt(1 - accuracy) * math.sqrt(2 / (math.pi * fan_in))


@dataclass(frozen=True)
class PaperForward:
    """What a forward pass of B samples leaves behind; see :class:`~.network.Forward`.

    Attributes
    ----------
    inputs : list of ndarray of float32, shape (B, fan_in)
        Inputs of each layer: -1, 0 or 1.
    preactivations : list of ndarray of float32, shape (B, K_l)
        ``z = W x`` of each layer, whole numbers.
    votes : list of ndarray of float32, shape (B, voters)
        What each layer's classifier sees: activations, or the baseline's votes.
    scores : list of ndarray of float32, shape (B, C)
        Class scores ``o = P a`` of each layer, whole numbers.
    """

    inputs: list[_Signs]
    preactivations: list[_Signs]
    votes: list[_Signs]
    scores: list[_Signs]

    @property
    def decision(self) -> _Signs:
        """Class scores of the last layer, whose largest is the prediction."""
        return self.scores[-1]

    @property
    def predictions(self) -> npt.NDArray[np.int64]:
        """Class of each sample: argmax of the last layer's scores, lowest index on ties."""
        return self.scores[-1].argmax(axis=1)


class PaperNetwork(BinaryNetwork):
    """Training state of a network, and the paper's rule (section 3) that changes it.

    Signs are three-valued, ``sign(0) = 0``, in activations, weights and classifiers; hidden
    weights ``H`` are whole numbers without a limit unless ``weight_clip`` sets one. A classifier is
    the sign of ``trunc(N(0, 64))``, as weights are at the beginning, so that one entry in eighty is
    zero, which neither counts nor desires anything of its neuron.

    For every batch, layer by layer, with the weights as they stood before the batch:

    1. ``z = W a'`` with ``W = sign(H)``, ``a = sign(z)``, scores ``o = P a``.
    2. A sample triggers if ``argmax(o) != y`` or ``top1 - top2 < int(r * K)``, whoever the two
       highest classes are.
    3. The desired activations are ``P[y]``; a neuron is wrong if ``z * P[y] < 0``.
    4. In each group, the wrong neuron of smallest ``|z|`` wins, the first of several.
    5. ``H += 2 P[y] a'`` for each winner, summed over the samples that triggered.
    6. If any sample triggered, each weight of the layer is reinforced with probability
       ``p_r * sqrt(1 - accuracy) * sqrt(2 / (pi * fan_in))``: ``H += 2 sign(H)``; then clipped.

    The **baseline** (rule ``"baldassi"``: the committee machine of Baldassi et al., PNAS 104, 2007,
    for several classes) puts a grouping layer between neurons and classifier: a group's vote is
    the sign of the sum of its neurons' activations, and the votes take the place of the
    activations in 1 and 2 (with K the number of groups). The desired vote is passed back, to all
    neurons of those groups only whose vote is wrong; 3 to 6 then follow as above.

    All sums are whole numbers below 2**24, so that single precision is exact and the products can
    be BLAS's: the result depends on no order of additions.

    Parameters
    ----------
    config : PaperConfig
        Its seed determines everything random.
    draws : Draws, optional
        Random draws instead of those that follow from the seed.

    Attributes
    ----------
    generator : Generator
        Its state belongs to the training state.
    classifier : list of ndarray of float32, shape (C, voters)
        Classifiers ``P``: -1, 0 or 1.
    hidden : list of ndarray of float32, shape (K_l, fan_in)
        Hidden weights ``H``, whole numbers. Call :meth:`load` to change them.
    statistics : Statistics
        Counts since creation; an update is a winner.
    """

    fixed_range = False
    config: PaperConfig

    def __init__(self, config: PaperConfig, draws: Draws | None = None) -> None:
        self.config = config
        self.generator = Generator(config.generator_state)
        self._draws = draws or PaperDraws(self.generator)
        self.classifier = [self._draw_classifier(voters) for voters in config.voters]
        self._matrices: dict[tuple[int, int], csc_array] = {}
        self.load([self._draws.weights(shape) for shape in config.shapes])
        self.statistics = Statistics.zero(config.layers)

    def _draw_classifier(self, voters: int) -> _Signs:
        """Draw the classifier of a layer: signs of what hidden weights start from, zeros too."""
        return sign(self._draws.weights((self.config.classes, voters)))

    def load(self, hidden: Sequence[npt.NDArray]) -> None:
        """Replace all hidden weights.

        Parameters
        ----------
        hidden : sequence of ndarray of whole numbers, shape (K_l, fan_in)
            Copied.

        Raises
        ------
        ValueError
            If a shape or a value does not fit the configuration; nothing changes then.
        """
        shapes = [np.shape(values) for values in hidden]
        if shapes != self.config.shapes:
            raise ValueError(
                f"hidden weights must have the shapes {self.config.shapes}, not {shapes}"
            )
        for layer, values in enumerate(hidden):
            largest = np.abs(values).max()
            if largest > EXACT:
                raise ValueError(
                    f"hidden weights of layer {layer} must not exceed {EXACT}, where single "
                    f"precision is no longer exact, and one is {largest:.0f}"
                )
        self.hidden: list[_Signs] = [np.array(values, np.float32) for values in hidden]
        self._weights = [sign(values) for values in self.hidden]

    def forward(self, samples: Bits) -> PaperForward:
        """Compute pre-activations and class scores of every layer.

        Parameters
        ----------
        samples : ndarray of bool, shape (B, inputs)
            Encoded samples.
        """
        inputs, preactivations, votes, scores = [], [], [], []
        activations = as_signs(samples)
        for layer, classifier in enumerate(self.classifier):
            inputs.append(activations)
            preactivations.append(self._multiply(layer, activations))
            activations = sign(preactivations[-1])
            votes.append(self._votes(activations))
            scores.append(votes[-1] @ classifier.T)
        return PaperForward(inputs, preactivations, votes, scores)

    def _multiply(self, layer: int, inputs: _Signs) -> _Signs:
        """Return pre-activations of a layer."""
        return inputs @ self._weights[layer].T

    def _votes(self, activations: _Signs) -> _Signs:
        """Return what the classifier sees of activations."""
        if self.config.rule != "baldassi":
            return activations
        groups = activations.reshape(len(activations), -1, self.config.group)
        return sign(groups.sum(axis=2))

    @property
    def state_sha256(self) -> str:
        """Hash of hidden weights and generator; see :func:`paper_state_sha256`."""
        return paper_state_sha256(self.hidden, self.generator.state)

    def hidden_weights(self) -> list[npt.NDArray[np.int32]]:
        """Return the hidden weights ``H`` of each layer as whole numbers."""
        return [values.astype(np.int32) for values in self.hidden]

    def neuron_codes(self) -> list[npt.NDArray[np.int8]]:
        """Return the classifiers; in the baseline, each neuron has that of its group."""
        codes = [code.astype(np.int8) for code in self.classifier]
        if self.config.rule != "baldassi":
            return codes
        return [np.repeat(code, self.config.group, axis=1) for code in codes]

    def signs(self) -> tuple[Signs, ...]:
        """Return the signs of each layer's hidden weights, packed; zero is a third."""
        return tuple(three_valued_signs(hidden) for hidden in self.hidden)

    def distribution(self, layer: int) -> Distribution:
        """Return how the hidden weights of a layer are spread."""
        return hidden_distribution(self.hidden[layer], self.config.limits)

    def train_batch(
        self, samples: Bits, labels: npt.NDArray[np.integer], accuracy: float
    ) -> npt.NDArray[np.int64]:
        """Train on one batch and return the predictions of its forward passes, shape (B,).

        Parameters
        ----------
        samples : ndarray of bool, shape (B, inputs)
            Encoded samples.
        labels : ndarray of int, shape (B,)
            Their classes.
        accuracy : float
            Training accuracy of the epoch before, a fraction; 0 in the first.
        """
        result = self.forward(samples)
        for layer in range(self.config.layers):
            triggers, winners = self._update(layer, result, labels)
            if triggers:
                self._reinforce(layer, accuracy)
            self.statistics.triggers[layer] += triggers
            self.statistics.updates[layer] += winners
        predictions = result.predictions
        self.statistics.samples += len(labels)
        self.statistics.correct += int(np.count_nonzero(predictions == labels))
        return predictions

    def _triggered(
        self, layer: int, result: PaperForward, labels: npt.NDArray[np.integer]
    ) -> npt.NDArray[np.bool_]:
        """Return which samples update a layer, shape (B,)."""
        return are_triggered(result.scores[layer], labels, self.config.margin_threshold[layer])

    def _probability(self, layer: int, accuracy: float) -> float:
        """Return with what probability a weight of a layer is reinforced."""
        fan_in = self.config.fan_in[layer]
        return reinforcement_probability(self.config.reinforcement, accuracy, fan_in)

    def _reinforce(self, layer: int, accuracy: float) -> None:
        """Reinforce weights of a layer, and clip them; no sign changes."""
        hidden = self.hidden[layer]
        hits = self._draws.reinforced(hidden.size, self._probability(layer, accuracy))
        flat = hidden.reshape(-1)
        values = flat[hits]
        values += 2 * sign(values)
        flat[hits] = values
        if self.config.weight_clip:
            np.clip(hidden, -self.config.weight_clip, self.config.weight_clip, out=hidden)

    def _update(
        self, layer: int, result: PaperForward, labels: npt.NDArray[np.integer]
    ) -> tuple[int, int]:
        """Move the winners of all samples, and return how many samples triggered, and winners.

        A winner is one entry of a sparse matrix, neurons by samples, whose product with the
        inputs is the sum of all moves: far fewer operations than a dense product would take.
        """
        triggered = self._triggered(layer, result, labels)
        z = result.preactivations[layer]
        desired = self._desired(layer, result, labels)
        errors = z * desired
        cost = np.where(errors < 0, -errors, np.float32(np.inf))
        groups = cost.reshape(-1, self.config.group)
        best = groups.argmin(axis=1)
        found = (groups[np.arange(len(best)), best] < np.inf).reshape(len(z), -1)
        found &= triggered[:, None]
        samples, group = np.nonzero(found)
        neurons = group * self.config.group + best.reshape(found.shape)[samples, group]
        moves = self._moves(layer, len(z))
        moves.data = 2 * desired[samples, neurons]
        moves.indices = neurons.astype(np.int32)
        moves.indptr[1:] = np.cumsum(np.count_nonzero(found, axis=1))
        self.hidden[layer] += moves @ result.inputs[layer]
        np.clip(self.hidden[layer], -1, 1, out=self._weights[layer])
        return int(np.count_nonzero(triggered)), len(neurons)

    def _desired(self, layer: int, result: PaperForward, labels: npt.NDArray[np.integer]) -> _Signs:
        """Return the desired activations, shape (B, K_l); 0: none is desired."""
        desired = self.classifier[layer][labels]
        if self.config.rule != "baldassi":
            return desired
        votes = result.votes[layer]
        return np.repeat(desired * (votes * desired < 0), self.config.group, axis=1)

    def _moves(self, layer: int, batch: int) -> "csc_array":
        """Return the matrix of a layer's moves, to be filled; making one takes longer."""
        if (layer, batch) not in self._matrices:
            # Takes longer to load than a command to say what it does.
            from scipy.sparse import csc_array

            shape = self.config.hidden[layer], batch
            self._matrices[layer, batch] = csc_array(shape, dtype=np.float32)
        return self._matrices[layer, batch]

    def check_exact(self, samples: int) -> None:
        """Check that an epoch cannot leave the range in which single precision is exact.

        Parameters
        ----------
        samples : int
            Samples of an epoch; each moves a weight by 2 at most, and so does reinforcement.

        Raises
        ------
        ValueError
            If it can.
        """
        for layer, hidden in enumerate(self.hidden):
            largest = float(np.abs(hidden).max())
            if largest + 4 * samples > EXACT:
                raise ValueError(
                    f"hidden weights of layer {layer} have grown to {largest:.0f}, and an epoch of "
                    f"{samples} samples could bring them above {EXACT}, where single precision "
                    "is no longer exact; set a weight clip"
                )


def paper_state_sha256(hidden: Sequence[npt.NDArray], generator_state: int) -> str:
    """Return :func:`~metabit.golden.state.state_sha256` of hidden weights, as 32-bit numbers.

    Parameters
    ----------
    hidden : sequence of ndarray of whole numbers, shape (K_l, fan_in)
        Hidden weights of each layer.
    generator_state : int
        State of the network's generator.
    """
    return state_sha256(hidden, generator_state, "<i4")


def paper_sha256(network: PaperNetwork) -> str:
    """Return :func:`paper_state_sha256` of a network."""
    return network.state_sha256
