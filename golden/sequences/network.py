"""A recurrent binary layer with a read-out, taught by local codes or by errors sent back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..codes import Bits, as_signs, draw_balanced_codes
from ..generator import Generator
from ..paper.draws import PaperDraws
from ..paper.network import are_triggered, reinforcement_probability
from ..state import state_sha256
from .config import SequenceConfig

_Signs = npt.NDArray[np.float32]
_Labels = npt.NDArray[np.integer]


def _sign(values: npt.NDArray) -> _Signs:
    """Return -1 or 1; 0 is positive, as in the hardware."""
    return as_signs(values >= 0)


@dataclass(frozen=True)
class SequencePass:
    """What a forward pass of B sequences of T steps leaves behind.

    Attributes
    ----------
    inputs : list of ndarray of float32, shape (B, inputs + state)
        Of each step: its bits, and the state before it.
    preactivations : list of ndarray of float32, shape (B, state)
        Of each step.
    state : ndarray of float32, shape (B, state)
        After the last step.
    readout : ndarray of float32, shape (B, readout)
        Pre-activations of the read-out.
    scores : ndarray of float32, shape (B, C)
        Class scores of the read-out.
    """

    inputs: list[_Signs]
    preactivations: list[_Signs]
    state: _Signs
    readout: _Signs
    scores: _Signs


class SequenceNetwork:
    """Training state and rule of a recurrent layer ``s_t = sign(W [x_t, s_(t-1)])``, s_0 all ones.

    A read-out ``a = sign(V s_T)`` and its classifier ``o = P a`` predict after the last step. The
    read-out learns as a layer of the paper does: a sample triggers if it is wrong or its margin is
    below ``int(r * K)``; in every group the wrong neuron of smallest ``|z|`` moves towards
    ``P[y]``. What the recurrent layer is told to be after each step is the rule's business:

    ``"local"``
        ``Q[y]`` after every step, a code of its own; a step triggers by the scores ``Q s_t``.
    ``"bep"``
        Binary Error Propagation through time (arXiv 2512.04189): ``s*_T = sign(V^T (g P[y]))``,
        ``s*_t = sign(W_s^T (g s*_(t+1)))``, ``g = 1`` where ``|z| <= nu * fan_in`` of the layer
        that hands on; all steps of the samples that the read-out triggers.

    In each step and group the wrong neuron of smallest ``|z|`` moves, ``H += 2 s* x``, summed over
    steps and samples of a batch; where the authors choose the same neurons for all steps, this
    chooses anew. Hidden weights are reinforced and clipped as in
    :class:`~metabit.golden.paper.network.PaperNetwork`; codes are balanced.

    Parameters
    ----------
    config : SequenceConfig
        Its seed determines everything random.

    Attributes
    ----------
    hidden : list of ndarray of float32
        Hidden weights of the recurrent layer, shape (state, inputs + state), and of the read-out,
        shape (readout, state); whole numbers.
    """

    def __init__(self, config: SequenceConfig) -> None:
        self.config = config
        self.generator = Generator(config.generator_state)
        draws = self._draws = PaperDraws(self.generator)
        self._codes = [
            as_signs(draw_balanced_codes(self.generator, config.classes, width))
            for width in (config.state, config.readout)
        ]
        shapes = (config.state, config.inputs + config.state), (config.readout, config.state)
        self.hidden: list[_Signs] = [np.array(draws.weights(shape), np.float32) for shape in shapes]
        self._weights = [_sign(values) for values in self.hidden]

    @property
    def state_sha256(self) -> str:
        """Hash of hidden weights and generator; see :func:`~metabit.golden.state.state_sha256`."""
        return state_sha256(self.hidden, self.generator.state, "<i4")

    def forward(self, samples: Bits) -> SequencePass:
        """Pass sequences through.

        Parameters
        ----------
        samples : ndarray of bool, shape (B, T, inputs)
            Encoded steps.
        """
        weights, readout = self._weights
        state = np.ones((len(samples), self.config.state), np.float32)
        inputs, preactivations = [], []
        for step in range(samples.shape[1]):
            inputs.append(np.concatenate([as_signs(samples[:, step]), state], axis=1))
            preactivations.append(inputs[-1] @ weights.T)
            state = _sign(preactivations[-1])
        z = state @ readout.T
        return SequencePass(inputs, preactivations, state, z, _sign(z) @ self._codes[1].T)

    def predict(self, samples: Bits) -> npt.NDArray[np.int64]:
        """Return the classes of sequences, shape (n,)."""
        parts = np.array_split(samples, max(1, len(samples) // 1000))
        return np.concatenate([self.forward(part).scores.argmax(axis=1) for part in parts])

    def train_batch(self, samples: Bits, labels: _Labels, accuracy: float) -> npt.NDArray[np.int64]:
        """Train on one batch and return the predictions of its forward pass, shape (B,).

        Parameters
        ----------
        samples : ndarray of bool, shape (B, T, inputs)
            Encoded steps.
        labels : ndarray of int, shape (B,)
            Classes.
        accuracy : float
            Training accuracy of the epoch before, a fraction; 0 in the first.
        """
        result = self.forward(samples)
        wanted = self._codes[1][labels]
        triggered = self._triggered(result.scores, labels, self.config.readout)
        told = self._states(result, wanted, labels, triggered)
        steps = zip(result.inputs, result.preactivations, *zip(*told, strict=True), strict=True)
        moved = [self._move(0, x, z, desired, active) for x, z, desired, active in steps]
        self._settle(0, any(moved), accuracy)
        moved_readout = self._move(1, result.state, result.readout, wanted, triggered)
        self._settle(1, moved_readout, accuracy)
        return result.scores.argmax(axis=1)

    def _triggered(self, scores: _Signs, labels: _Labels, width: int) -> npt.NDArray[np.bool_]:
        return are_triggered(scores, labels, int(self.config.margin * width))

    def _states(
        self, result: SequencePass, wanted: _Signs, labels: _Labels, triggered: npt.NDArray
    ) -> Sequence[tuple[_Signs, npt.NDArray]]:
        """Return what the state is told to be after each step, and which samples are told."""
        if self.config.rule == "local":
            codes = self._codes[0]
            return [
                (codes[labels], self._triggered(_sign(z) @ codes.T, labels, self.config.state))
                for z in result.preactivations
            ]
        weights, readout = self._weights
        told = self._handed_on(wanted, result.readout, readout, readout.shape[1])
        back = [told]
        recurrent = weights[:, self.config.inputs :]
        for z in result.preactivations[:0:-1]:
            told = self._handed_on(told, z, recurrent, weights.shape[1])
            back.append(told)
        return [(desired, triggered) for desired in reversed(back)]

    def _handed_on(self, told: _Signs, z: _Signs, weights: _Signs, fan_in: int) -> _Signs:
        """Return what a layer hands on to what comes before it."""
        return _sign((told * (np.abs(z) <= self.config.gate * fan_in)) @ weights)

    def _move(
        self, layer: int, inputs: _Signs, z: _Signs, desired: _Signs, active: npt.NDArray
    ) -> bool:
        """Move the winners of a step; return whether anything was to be learnt."""
        group = self.config.groups[layer]
        wrong = (_sign(z) != desired) & active[:, None]
        cost = np.where(wrong, np.abs(z), np.float32(np.inf))
        padding = -cost.shape[1] % group
        cost = np.pad(cost, ((0, 0), (0, padding)), constant_values=np.inf)
        groups = cost.reshape(len(z), -1, group)
        samples, number = np.nonzero(groups.min(axis=2) < np.inf)
        neurons = number * group + groups.argmin(axis=2)[samples, number]
        moves = np.zeros(z.shape, np.float32)
        moves[samples, neurons] = 2 * desired[samples, neurons]
        self.hidden[layer] += moves.T @ inputs
        return bool(active.any())

    def _settle(self, layer: int, triggered: bool, accuracy: float) -> None:
        """Reinforce and clip a layer after its moves."""
        hidden, limit = self.hidden[layer], self.config.weight_clip
        if triggered:
            rate = self.config.reinforcement
            chance = reinforcement_probability(rate, accuracy, hidden.shape[1])
            hits = self._draws.reinforced(hidden.size, chance)
            flat = hidden.reshape(-1)
            flat[hits] += 2 * _sign(flat[hits])
        np.clip(hidden, -limit, limit, out=hidden)
        self._weights[layer] = _sign(hidden)
