"""A training run on a device: trains there, keeps its record here."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ..golden.checkpoints.hardware import Checkpoint
from ..golden.learner import Labels
from ..golden.network import Bits, Network, Statistics
from ..golden.run import Run
from ..golden.trainer import TileResult, Trainer
from ..hdl.v1.layout import PHASES
from .driver import Driver
from .records import DeviceState
from .transport import DeviceError

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


class _Learner:
    """The device as the trainer sees it, and golden beside it if all is to be verified."""

    def __init__(self, driver: Driver, golden: Network | None) -> None:
        self._driver = driver
        self._golden = golden
        self._seen = dict.fromkeys(PHASES, 0)
        self.cycles = dict.fromkeys(PHASES, 0)

    def train_tile(
        self, samples: Bits, labels: Labels, *, annealing: int, damping: int
    ) -> npt.NDArray[np.int64]:
        found = self._driver.train_tile(samples, labels, annealing=annealing, damping=damping)
        if self._golden is not None:
            forward = self._golden.train_tile(samples, labels, annealing=annealing, damping=damping)
            self._compare(found, forward.predictions)
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

    def _compare(self, found: npt.NDArray[np.int64], expected: npt.NDArray[np.int64]) -> None:
        if not np.array_equal(found, expected):
            sample = int(np.argmax(found != expected))
            raise DivergenceError(
                f"{self._driver.transport.name} predicts class {found[sample]} for sample "
                f"{sample} of {len(found)}, golden {expected[sample]}"
            )


class DeviceRun(Run):
    """A run whose network is on a device.

    The device is reset, and gets the state of the network if the run goes on. From then on
    ``network`` is a copy of the device's state that is refreshed at the end of every epoch and
    for every checkpoint. With ``verify`` it is trained alongside instead, and compared.

    Parameters
    ----------
    driver : Driver
        Device.
    run : Run
        The run to take over, as it was started or resumed.
    verify : bool
        Whether to train golden, too.

    Raises
    ------
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
        super().__init__(network, data, schedule)
        self.test_accuracy = list(run.test_accuracy)
        self.seconds = list(run.seconds)
        self.observer = run.observer
        self.driver = driver
        self._verify = verify
        self._learner = _Learner(driver, network if verify else None)
        self._trainer = Trainer(self._learner, data, schedule)
        self._before = Statistics(
            network.statistics.samples,
            network.statistics.correct,
            list(network.statistics.triggers),
            list(network.statistics.updates),
        )
        self._position: tuple[int, int] | None = None
        driver.reset(network.config.seed)
        if schedule.history or schedule.sample:
            driver.load_state(network.counters, network.generator.state)

    @property
    def cycles(self) -> dict[str, int]:
        """Clock cycles that the device has spent on training here, by phase."""
        return self._learner.cycles

    def tiles(self) -> Iterator[TileResult]:
        """Train to the end, and yield after every tile; see :meth:`Run.tiles`."""
        for result in super().tiles():
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
        self._learner.skip_cycles()
        total = Statistics(
            before.samples + now.samples,
            before.correct + now.correct,
            [a + b for a, b in zip(before.triggers, now.triggers, strict=True)],
            [a + b for a, b in zip(before.updates, now.updates, strict=True)],
        )
        if self._verify:
            difference = find_divergence(state, self.network)
            if difference is None and total != self.network.statistics:
                difference = f"the device has counted {total}, golden {self.network.statistics}"
            if difference is not None:
                raise DivergenceError(f"after {total.samples} training samples: {difference}")
        else:
            self.network.load(state.counters)
            self.network.generator.state = state.generator_state
            self.network.statistics = total
        self._position = position
