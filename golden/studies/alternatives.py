"""What else the hardware's rule could do: measured beside it, and not adopted."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from ..config import Config
from ..engines import EngineName, make_learner
from ..generator import Generator
from ..learner import GoldenLearner, Learner
from ..network import Network

Alternative = Literal["pcg64", "zero-start"]
"""What is different.

pcg64
    Every draw comes from NumPy's PCG64 in place of the xorshift generator.
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
    network = Network(config)
    network.load([np.zeros_like(counters) for counters in network.counters])
    return make_learner(network, engine)
