"""The compiled engine of paper mode: the same network, trained bit for bit alike, but faster."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..paper.network import PaperForward, PaperNetwork
from . import paper_kernel as kernel

_Values = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Planes:
    """Rows of three-valued signs, packed: which are positive, and which are not zero."""

    positive: kernel.Words
    nonzero: kernel.Words

    @classmethod
    def of(cls, values: _Values) -> "_Planes":
        """Pack the signs of values."""
        shape = len(values), kernel.padded_words(values.shape[1])
        planes = cls(np.zeros(shape, np.uint64), np.zeros(shape, np.uint64))
        kernel.pack(values, planes.positive, planes.nonzero)
        return planes

    def times(self, weights: "_Planes") -> _Values:
        """Return the products of all rows with all rows of weights."""
        products = np.empty((len(self.positive), len(weights.positive)), np.float32)
        kernel.multiply(self.positive, self.nonzero, weights.positive, weights.nonzero, products)
        return products


class CompiledPaperNetwork(PaperNetwork):
    """A network whose products and updates are compiled code on packed signs.

    Parameters and attributes are those of :class:`~metabit.golden.paper.network.PaperNetwork`.
    """

    def load(self, hidden: Sequence[npt.NDArray]) -> None:
        """Replace all hidden weights; see :meth:`.PaperNetwork.load`."""
        super().load(hidden)
        self._packed = [_Planes.of(values) for values in self.hidden]

    def _multiply(self, layer: int, inputs: _Values) -> _Values:
        return _Planes.of(inputs).times(self._packed[layer])

    def _update(
        self, layer: int, result: PaperForward, labels: npt.NDArray[np.integer]
    ) -> tuple[int, int]:
        packed = self._packed[layer]
        grouped = self.config.rule == "baldassi"
        return kernel.update(
            self.hidden[layer],
            packed.positive,
            packed.nonzero,
            result.inputs[layer],
            result.preactivations[layer],
            result.scores[layer],
            result.votes[layer],
            labels.astype(np.int64),
            self.classifier[layer],
            self.config.group,
            self.config.margin_threshold[layer],
            grouped,
        )
