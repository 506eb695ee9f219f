"""What else a rule could do: measured beside it, and not adopted."""

from typing import Literal, cast

import numpy as np
import numpy.typing as npt

from ..config import Config
from ..data.training_data import TrainingData
from ..generator import Generator
from ..network import Network
from ..paper.run import PaperRun
from ..runs.plan import Plan
from ..runs.run import Run
from ..runs.training_run import TrainingRun
from ..schedule import Schedule
from .deviations import DEVIATIONS, DeviatingNetwork, Deviation
from .soft_errors import SoftErrors, StruckRun

Variation = Literal["pcg64", "zero-start", Deviation] | SoftErrors
"""What is different.

pcg64
    Every draw comes from NumPy's PCG64 in place of the xorshift generator.
zero-start
    All counters start at zero.
one of :data:`~metabit.golden.studies.deviations.DEVIATIONS`
    The paper's rule, with what the hardware's configuration has in common with it, and with the
    deviations up to this one.
:class:`.SoftErrors`
    Bits of counters turn over by themselves.
"""


def start(plan: Plan, data: TrainingData, variation: Variation | None = None) -> TrainingRun:
    """Return a run at its beginning, perhaps of a rule that is different.

    Parameters
    ----------
    plan : Plan
        What is trained; with a variation by the hardware's mode.
    data : TrainingData
        Its data.
    variation : str or SoftErrors, optional
        What is different.
    """
    if variation is None:
        return plan.start(data, observe=False)
    config = cast(Config, plan.config)
    if isinstance(variation, SoftErrors):
        schedule = Schedule(config, data.samples, plan.epochs)
        engine = plan.engine_for(data)
        return StruckRun(Network(config), data, schedule, errors=variation, engine=engine)
    if variation in DEVIATIONS:
        deviating = DeviatingNetwork(config, DEVIATIONS.index(variation) + 1)
        schedule = Schedule(deviating.config, data.samples, plan.epochs)
        return PaperRun(deviating, data, schedule, "numpy")
    schedule = Schedule(config, data.samples, plan.epochs)
    if variation == "pcg64":
        # What compiled code does not know is left to NumPy.
        return Run(Network(config, _Pcg64(config.seed)), data, schedule)
    network = Network(config)
    network.load([np.zeros_like(counters) for counters in network.counters])
    return Run(network, data, schedule, engine=plan.engine_for(data))


class _Pcg64(Generator):
    """NumPy's generator in the place of the project's."""

    def __init__(self, seed: int) -> None:
        super().__init__(1)
        self._random = np.random.default_rng(seed)

    def draw(self, count: int) -> npt.NDArray[np.uint32]:
        """Return the next ``count`` values."""
        return self._random.integers(0, 1 << 32, count, np.uint32)
