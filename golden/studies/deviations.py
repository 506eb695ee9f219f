"""What lies between the paper's rule and the hardware's, one step at a time."""

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from ..codes import draw_codes
from ..config import WORD, Config
from ..network import Bits
from ..paper.config import paper_config
from ..paper.network import PaperForward, PaperNetwork

Deviation = Literal["two-valued", "counters", "winner-rows", "word-draws"]

DEVIATIONS: tuple[Deviation, ...] = get_args(Deviation)
"""Deviations in the order in which they add up.

two-valued
    Hidden weights are odd, a tie of activations is +1, and classifiers are the hardware's, which
    have no zeros.
counters
    Hidden weights saturate at those of the counters, and start uniform over a quarter of them.
winner-rows
    Reinforcement follows an update, in the winner's row; no sweep over the layer.
word-draws
    One draw decides for 16 weights, with a power of two for a probability, in four levels.

What the hardware rule has beyond these: tiles of a few samples instead of batches of 100, updates
that saturate one by one instead of in sums, and, where they are on, rival selection and annealing.
Its margin, against the best class but the label, is no deviation: a sample that is classified right
has the same margin either way, and one that is not triggers in any case.
"""

_Signs = npt.NDArray[np.float32]


class DeviatingNetwork(PaperNetwork):
    """The paper's network with the first few of :data:`DEVIATIONS`; for measurements only.

    Parameters
    ----------
    config : Config
        The hardware's configuration; what the paper has in common with it is taken from it.
    deviations : int
        How many of :data:`DEVIATIONS` are in.
    """

    def __init__(self, config: Config, deviations: int) -> None:
        if not 0 <= deviations <= len(DEVIATIONS):
            raise ValueError(f"deviations must be 0 to {len(DEVIATIONS)}, not {deviations}")
        active = DEVIATIONS[:deviations]
        self._hardware = config
        self._two_valued = "two-valued" in active
        self._winner_rows = "winner-rows" in active
        self._word_draws = "word-draws" in active
        # A counter v stands for the hidden weight 2 v + 1.
        limit = 2 * config.counter_range[1] + 1 if "counters" in active else None
        super().__init__(paper_config(config, weight_clip=limit))
        hidden: list[npt.NDArray] = list(self.hidden)
        if limit is not None:
            random = np.random.default_rng(config.seed)
            half = 1 << (config.start_bits - 1)
            hidden = [2 * random.integers(-half, half, h.shape) + 1 for h in hidden]
        elif self._two_valued:
            hidden = [2 * np.floor(h / 2) + 1 for h in hidden]
        self.load(hidden)

    def _draw_classifier(self, voters: int) -> _Signs:
        if not self._two_valued:
            return super()._draw_classifier(voters)
        codes = draw_codes(self.generator, self.config.classes, voters)
        return np.where(codes, np.float32(1), np.float32(-1))

    def forward(self, samples: Bits) -> PaperForward:
        """Compute pre-activations and class scores; see :meth:`PaperNetwork.forward`."""
        if not self._two_valued:
            return super().forward(samples)
        inputs, preactivations, votes, scores = [], [], [], []
        activations = np.where(samples, np.float32(1), np.float32(-1))
        for weights, classifier in zip(self._weights, self.classifier, strict=True):
            inputs.append(activations)
            # A quarter above, so that a tie counts as positive; |z| keeps its order but for ties.
            z = activations @ weights.T + np.float32(0.25)
            activations = np.where(z > 0, np.float32(1), np.float32(-1))
            preactivations.append(z)
            votes.append(activations)
            scores.append(activations @ classifier.T)
        return PaperForward(inputs, preactivations, votes, scores)

    def _update(
        self, layer: int, result: PaperForward, labels: npt.NDArray[np.integer]
    ) -> tuple[int, int]:
        counts = super()._update(layer, result, labels)
        self._winners = self._moves(layer, len(labels)).indices
        return counts

    def _reinforce(self, layer: int, accuracy: float) -> None:
        if not self._winner_rows:
            super()._reinforce(layer, accuracy)
            return
        hidden, fan_in = self.hidden[layer], self.config.fan_in[layer]
        width = WORD if self._word_draws else 1
        draws = -(-fan_in // width)
        probability = self._probability(layer, accuracy)
        hits = self._draws.reinforced(len(self._winners) * draws, probability)
        rows = self._winners[hits // draws].repeat(width)
        columns = ((hits % draws)[:, None] * width + np.arange(width)).reshape(-1)
        exists = columns < fan_in
        rows, columns = rows[exists], columns[exists]
        # A row that has won twice may be hit twice in the same place.
        np.add.at(hidden, (rows, columns), 2 * np.sign(hidden[rows, columns]))
        clip = self.config.weight_clip
        if clip:
            np.clip(hidden, -clip, clip, out=hidden)

    def _probability(self, layer: int, accuracy: float) -> float:
        """Return with what probability a draw reinforces."""
        shift = self._hardware.reinforcement_shift
        if not self._word_draws or shift is None:
            return super()._probability(layer, accuracy)
        million = 10**6
        damping = self._hardware.reinforcement_damping(round((1 - accuracy) * million), million)
        return 2.0 ** -(shift[layer] + damping)
