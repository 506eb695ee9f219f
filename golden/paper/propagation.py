"""Binary Error Propagation: desired activations that come back through the weights."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..codes import Bits, as_signs, draw_balanced_codes
from .config import BepConfig
from .network import PaperForward, PaperNetwork, sign

_Signs = npt.NDArray[np.float32]


class BepNetwork(PaperNetwork):
    """A network with one error signal, at its output (arXiv 2512.04189, written from its text).

    As :class:`~metabit.golden.paper.network.PaperNetwork`, but

    - only the last layer has a classifier ``P`` that counts; its codes are balanced
      (:func:`~metabit.golden.codes.draw_balanced_codes`), where the authors flip bits greedily
      until codes are about equally far from each other;
    - a sample triggers all layers or none, by the scores of the last;
    - the desired activations of the last layer are ``a* = P[y]``, those of the others
      ``a*_l = sign(W_(l+1)^T (g a*_(l+1)))`` with ``g = 1`` where ``|z_(l+1)| <= nu * fan_in`` and
      else 0. Neurons that are right hand theirs on as well: it is a target, not an error. A sum of
      0 desires nothing.

    Not published, and chosen: the fan-in in the gate and in the probability of reinforcement, where
    "K_l" may be the width; groups of one size during the whole training, where theirs grow when the
    error stagnates; hidden weights that start as in the first paper.
    """

    config: BepConfig

    def _draw_classifier(self, voters: int) -> _Signs:
        codes = draw_balanced_codes(self.generator, self.config.classes, voters)
        return as_signs(codes)

    def forward(self, samples: Bits) -> PaperForward:
        """Compute pre-activations, and class scores, which are those of the last layer for all."""
        result = super().forward(samples)
        return replace(result, scores=self.config.layers * result.scores[-1:])

    def _desired(self, layer: int, result: PaperForward, labels: npt.NDArray[np.integer]) -> _Signs:
        last = self.config.layers - 1
        desired = self.classifier[last][labels]
        # The layers below are updated first: all weights here are those of before the batch.
        for above in range(last, layer, -1):
            limit = self.config.gate * self.config.fan_in[above]
            open_ = np.abs(result.preactivations[above]) <= limit
            desired = sign((desired * open_) @ self._weights[above])
        return desired
