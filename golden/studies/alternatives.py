"""What else the hardware's rule could do: measured beside it, and not adopted."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from ..config import Config
from ..engines import EngineName, make_learner
from ..generator import Generator
from ..learner import GoldenLearner, Learner
from ..network import Bits, Forward, Network

Alternative = Literal["pcg64", "stale-tile", "zero-start"]
"""What is different.

pcg64
    Every draw comes from NumPy's PCG64 in place of the xorshift generator.
stale-tile
    A tile's forward passes see the weights as they were before the update of the tile before it,
    as in hardware that computes both at the same time.
zero-start
    All counters start at zero.
"""


class _Pcg64(Generator):
    """NumPy's generator in the place of the project's."""

    def __init__(self, seed: int) -> None:
        super().__init__(1)
        self._random = np.random.default_rng(seed)

    def draw(self, count: int) -> npt.NDArray[np.uint32]:
        """Return the next ``count`` values."""
        return self._random.integers(0, 1 << 32, count, np.uint32)


class _StaleNetwork(Network):
    """A network that passes a tile forward before it has learnt from the tile before."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._before = self._copy()
        self._training = False

    def _copy(self) -> list[npt.NDArray[np.float32]]:
        return [weights.copy() for weights in self._weights]

    def forward(self, samples: Bits) -> Forward:
        """Compute scores with the weights of one tile ago, unless it is a test."""
        if not self._training:
            return super().forward(samples)
        now, self._weights = self._weights, self._before
        result = super().forward(samples)
        self._weights = now
        self._before = self._copy()
        return result

    def train_tile(
        self,
        samples: Bits,
        labels: npt.NDArray[np.integer],
        *,
        annealing: int = 0,
        damping: int = 0,
    ) -> Forward:
        """Train on one tile; see :meth:`Network.train_tile`."""
        self._training = True
        result = super().train_tile(samples, labels, annealing=annealing, damping=damping)
        self._training = False
        return result


def make_alternative(config: Config, alternative: Alternative, engine: EngineName) -> Learner:
    """Return a learner of a rule that is different.

    Parameters
    ----------
    config : Config
        Everything else.
    alternative : Alternative
        What is different.
    engine : {"numpy", "numba"}
        What computes; what compiled code does not know is left to NumPy.
    """
    if alternative == "pcg64":
        return GoldenLearner(Network(config, _Pcg64(config.seed)))
    if alternative == "stale-tile":
        return GoldenLearner(_StaleNetwork(config))
    network = Network(config)
    network.load([np.zeros_like(counters) for counters in network.counters])
    return make_learner(network, engine)
