"""A training run on a device: trains there, keeps its record here."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..golden.checkpoints.hardware import Checkpoint
from ..golden.learner import GoldenLearner, Labels
from ..golden.network import Bits, Network, Statistics
from ..golden.run import Run
from ..golden.trainer import SpanResult, Trainer
from ..host.driver import Driver
from ..host.errors import DeviceError
from ..host.records import DeviceState

if TYPE_CHECKING:
    from ..golden.compiled.engine import Engine

_MODULUS = 2**32


class DivergenceError(DeviceError):
    """Device and golden model have come to different results."""


def find_divergence(state: DeviceState, network: Network) -> str | None:
    """Return what differs first between a device's training state and golden's, or None."""
    for layer, expected in enumerate(network.counters):
        found = state.counters[layer]
        if not np.array_equal(found, expected):
            neuron, weight = np.argwhere(found != expected)[0]
            return (
                f"layer {layer}, neuron {neuron}, weight {weight}: the device has the counter "
                f"{found[neuron, weight]}, golden {expected[neuron, weight]}"
            )
    if state.generator_state != network.generator.state:
        return (
            f"the device's generator has the state {state.generator_state:#010x}, "
            f"golden's {network.generator.state:#010x}"
        )
    return None


@dataclass(frozen=True)
class _Packed:
    """Samples in the forms that device and golden take."""

    device: Any
    golden: Any


class _Learner:
    """The device as the trainer sees it, and golden beside it if all is to be verified."""

    def __init__(self, driver: Driver, golden: "GoldenLearner | Engine | None") -> None:
        self._driver = driver
        self._golden = golden
        self._seen = driver.statistics().cycles
        self.cycles = dict.fromkeys(self._seen, 0)

    def pack(self, samples: Bits) -> _Packed:
        golden = None if self._golden is None else self._golden.pack(samples)
        return _Packed(self._driver.pack(samples), golden)

    def train_tiles(
        self,
        packed: _Packed,
        labels: Labels,
        indices: npt.NDArray[np.int64],
        *,
        annealing: int,
        damping: int,
    ) -> npt.NDArray[np.int64]:
        rule = {"annealing": annealing, "damping": damping}
        found = self._driver.train_tiles(packed.device, labels, indices, **rule)
        if self._golden is not None:
            self._compare(found, self._golden.train_tiles(packed.golden, labels, indices, **rule))
        return found

    def predict(self, samples: Bits) -> npt.NDArray[np.int64]:
        self.count_cycles()
        found = self._driver.predict(samples)
        self.skip_cycles()
        if self._golden is not None:
            self._compare(found, self._golden.predict(samples))
        return found

    def count_cycles(self) -> Statistics:
        """Add up the cycles since the last call, and return the device's other counts."""
        statistics = self._driver.statistics()
        for phase, count in statistics.cycles.items():
            self.cycles[phase] += (count - self._seen[phase]) % _MODULUS
        self._seen = statistics.cycles
        return statistics.counts

    def skip_cycles(self) -> None:
        """Leave out the cycles since the last call: they were no training."""
        self._seen = self._driver.statistics().cycles

    def _compare(self, found: npt.NDArray[np.int64], expected: npt.NDArray[np.integer]) -> None:
        if not np.array_equal(found, expected):
            sample = int(np.argmax(found != expected))
            raise DivergenceError(
                f"{self._driver.transport.name} predicts class {found[sample]} for sample "
                f"{sample} of {len(found)}, golden {expected[sample]}"
            )


class DeviceRun(Run):
    """A run whose network is on a device.

    The network is loaded into the device. From then on ``network`` is a copy of the device's state
    that is refreshed at the end of every epoch and for every checkpoint. With ``verify`` it is
    trained alongside instead, and compared.

    Parameters
    ----------
    driver : Driver
        Device.
    run : Run
        The run to take over, as it was started or resumed.
    verify : bool
        Whether to train golden, too; with the engine of ``run``.

    Raises
    ------
    CapacityError
        If the network does not fit the device.
    DivergenceError
        While training, if device and golden differ.
    """

    def __init__(
        self,
        driver: Driver,
        run: Run,
        *,
        verify: bool = False,
    ) -> None:
        network, data, schedule = run.network, run.data, run.schedule
        engine = run.engine if verify else "numpy"
        super().__init__(network, data, schedule, engine=engine)
        self.test_accuracy = list(run.test_accuracy)
        self.seconds = list(run.seconds)
        self.observer = run.observer
        self.driver = driver
        self._verify = verify
        self._before = deepcopy(network.statistics)
        self._position: tuple[int, int] | None = None
        driver.load(network)
        self._learner = _Learner(driver, self._golden if verify else None)
        self._trainer = Trainer(self._learner, data, schedule)

    @property
    def cycles(self) -> dict[str, int]:
        """Clock cycles that the device has spent on training here, by phase.

        Phases overlap; see :data:`metabit.hdl.statistics.PHASES`. Empty if it does not count them.
        """
        return self._learner.cycles

    def spans(self) -> Iterator[SpanResult]:
        """Train to the end, and yield after every span; see :meth:`.TrainingRun.spans`."""
        for result in super().spans():
            if result.step.last:
                self.synchronise()
            yield result

    def checkpoint(self) -> Checkpoint:
        """Return a checkpoint of the device's present state."""
        self.synchronise()
        return super().checkpoint()

    def synchronise(self) -> None:
        """Bring ``network`` up to the device's state, or compare the two."""
        position = (self.schedule.epoch, self.schedule.sample)
        if position == self._position:
            return
        before, now = self._before, self._learner.count_cycles()
        state = self.driver.read_state()
        total = Statistics(
            before.samples + now.samples,
            before.correct + now.correct,
            _sum(before.triggers, now.triggers),
            _sum(before.updates, now.updates),
        )
        network = self.network
        if self._verify:
            difference = find_divergence(state, network)
            if difference is None and total != network.statistics:
                difference = f"the device has counted {total}, golden {network.statistics}"
            if difference is not None:
                raise DivergenceError(f"after {total.samples} training samples: {difference}")
        else:
            network.load(state.counters)
            network.generator.state = state.generator_state
            network.statistics = total
        self._position = position


def _sum(before: Sequence[int], now: Sequence[int]) -> list[int]:
    return [a + b for a, b in zip(before, now, strict=True)]
