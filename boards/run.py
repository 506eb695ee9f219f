"""A training run on a device: trains there, keeps its record here."""

from collections.abc import Iterator, Sequence
from copy import deepcopy

from ..golden.checkpoints.hardware import Checkpoint
from ..golden.data.class_names import class_names
from ..golden.network import Statistics
from ..golden.runs.run import Run
from ..golden.runs.trainer import SpanResult, Trainer
from ..host.driver import Driver
from ..host.lockstep import DeviceLearner, Lockstep


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
        self.plans = run.plans
        self.driver = driver
        self._verify = verify
        self._before = deepcopy(network.statistics)
        self._position: tuple[int, int] | None = None
        self._lockstep: Lockstep | None = None
        self._learner: Lockstep | DeviceLearner
        if verify:
            names = class_names(data.dataset, network.config.classes, data.class_names)
            self._lockstep = Lockstep(driver, self._golden, names=names, keep_log=False)
            self._lockstep.begin()
            self._learner = self._lockstep
        else:
            driver.load(network)
            self._learner = DeviceLearner(driver)
        self._trainer = Trainer(self._learner, data, schedule)

    @property
    def cycles(self) -> dict[str, int]:
        """Clock cycles that the device has spent on training here, by phase.

        Phases overlap; see :class:`.CycleCount`. Empty if it does not count them.
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

    @property
    def counts(self) -> Statistics:
        """What the device has counted, on top of what had been before; read from there."""
        if self._lockstep is not None:
            return self.network.statistics
        return _together(self._before, self.driver.statistics().counts)

    @property
    def at_hand(self) -> bool:
        """Whether ``network`` is in the device's state: trained alongside, or just read."""
        position = (self.schedule.epoch, self.schedule.sample)
        return self._lockstep is not None or position == self._position

    def synchronise(self) -> None:
        """Bring ``network`` up to the device's state, or compare the two."""
        position = (self.schedule.epoch, self.schedule.sample)
        if position == self._position:
            return
        if self._lockstep is not None:
            self._lockstep.compare()
        else:
            self._take_over()
        self._position = position

    def _take_over(self) -> None:
        """Make ``network`` a copy of the device's state."""
        now, network = self.driver.statistics().counts, self.network
        state = self.driver.read_state()
        network.load(state.counters)
        network.generator.state = state.generator_state
        network.statistics = _together(self._before, now)


def _together(before: Statistics, now: Statistics) -> Statistics:
    return Statistics(
        before.samples + now.samples,
        before.correct + now.correct,
        _sum(before.triggers, now.triggers),
        _sum(before.updates, now.updates),
    )


def _sum(before: Sequence[int], now: Sequence[int]) -> list[int]:
    return [a + b for a, b in zip(before, now, strict=True)]
