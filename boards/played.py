"""A training run on a device that keeps the samples in memory of its own."""

import zlib
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..golden.checkpoints.hardware import Checkpoint
from ..golden.data.training_data import TrainingData
from ..golden.engines import make_learner
from ..golden.errors import ConfigurationError
from ..golden.runs.run import Run
from ..golden.runs.trainer import SpanResult, Trainer
from ..golden.schedule import Schedule, Step
from ..golden.scores import confusion_matrix
from ..golden.strides import strided_order
from ..hdl.placement import Placement
from ..host.compare import Divergence, DivergenceError, compare_state, first_difference
from ..host.driver import Driver
from ..host.errors import DeviceError
from ..host.packing import Words
from ..host.playing import FIRST_WORD, EpochOutcome, Player, StoredData, stored_records
from .run import DeviceRun


@dataclass(frozen=True)
class StoredSets:
    """Training and test set in the memory of a device, one behind the other.

    Attributes
    ----------
    base : int
        Where the first of them begins, in words.
    train, test : ndarray of uint64, shape (n, words)
        Their records.
    """

    base: int
    train: Words
    test: Words

    @classmethod
    def of(cls, placement: Placement, data: TrainingData) -> "StoredSets":
        """Return the records of a run's data, for a network in a device."""
        return cls(
            FIRST_WORD[placement.shape.stored],
            stored_records(placement, data.train, data.train_labels),
            stored_records(placement, data.test, data.test_labels),
        )

    @property
    def places(self) -> tuple[StoredData, StoredData]:
        """Where both lie."""
        train = StoredData(self.base, self.train.shape[1], len(self.train))
        return train, StoredData(train.end, self.test.shape[1], len(self.test))

    @property
    def image(self) -> bytes:
        """The memory from word ``base`` on."""
        return self.train.tobytes() + self.test.tobytes()

    def missing(self, player: Player) -> list[tuple[StoredData, Words]]:
        """Return the sets that do not lie in a device's memory, by their checksums."""
        both = zip(self.places, (self.train, self.test), strict=True)
        return [
            (place, words)
            for place, words in both
            if player.checksum(place) != zlib.crc32(words.tobytes())
        ]


class PlayedTrainer:
    """Trains epoch by epoch where the samples are; yields as :class:`.Trainer` does.

    Parameters
    ----------
    player : Player
        Device, with network and samples.
    train, test : StoredData
        Where these lie.
    schedule : Schedule
        Where to begin, and how long to go on; moves along.
    together : int
        The device goes on alone to the next epoch that is a multiple of this, and can be read
        then.

    Attributes
    ----------
    alone : bool
        The device is at work, and cannot be read.
    test_errors : int
        Of the test after the last epoch.
    """

    def __init__(
        self,
        player: Player,
        train: StoredData,
        test: StoredData,
        schedule: Schedule,
        together: int,
    ) -> None:
        self._player = player
        self._train, self._test = train, test
        self._schedule = schedule
        self._together = together
        self.test_errors = 0
        self.alone = False
        # Whoever plays whole epochs stops in none of them, and predictions stay there.
        self.most_tiles = self.tested = None

    def spans(self) -> Iterator[SpanResult]:
        """Train, and yield after every epoch; predictions stay on the device."""
        schedule, nothing = self._schedule, np.empty(0, np.int64)
        if schedule.sample and not schedule.done:
            rest = self._player.play_epoch(self._train, self._test, schedule)
            yield self._advance(rest, nothing)
        while not schedule.done:
            last = -(-schedule.epoch // self._together) * self._together
            last = min(last, schedule.epochs)
            for outcome in self._player.train(self._train, self._test, schedule, last):
                self.alone = outcome.epoch < last
                yield self._advance(outcome, nothing)

    def _advance(self, outcome: EpochOutcome, predictions: np.ndarray) -> SpanResult:
        schedule, tile = self._schedule, self._schedule.config.tile
        first = schedule.sample
        order = strided_order(schedule.config.seed, schedule.epoch, schedule.samples)[first:]
        tiles = -(-len(order) // tile)
        step = Step(
            epoch=schedule.epoch,
            tile=first // tile,
            indices=order,
            annealing=schedule.annealing,
            damping=schedule.damping,
            last=True,
            tiles=tiles,
            drains=True,
        )
        self.test_errors = outcome.test_errors
        schedule.advance(outcome.train_errors, tiles)
        return SpanResult(step, predictions, outcome.train_errors)

    def test_accuracy(self) -> float:
        """Return the accuracy of the test after the last epoch, a fraction."""
        return 1 - self.test_errors / self._test.samples


class PlayedRun(DeviceRun):
    """A run whose network and samples are on a device.

    Samples that are not in its memory are written there, if the device can do that. Epochs and
    tests run without the host. Nothing is recorded of what there is to see in every epoch, as
    nobody looks.

    Parameters
    ----------
    driver : Driver
        Device.
    run : Run
        The run to take over, as it was started or resumed.
    verify : bool
        Train golden, too, with the engine of ``run``, and compare all state.
    together : int
        Epochs after which the device stops to be read; see :class:`PlayedTrainer`.
    report : callable
        Called with each thing that takes time, in words.

    Attributes
    ----------
    together : int
        As above.

    Raises
    ------
    ConfigurationError
        If the run's order is not one that a device can make, or its samples have several views.
    CapacityError
        If the network does not fit the device.
    DeviceError
        If it has no memory for samples, or not these in a memory that it cannot write.
    DivergenceError
        While training, if device and golden differ.
    """

    def __init__(
        self,
        driver: Driver,
        run: Run,
        *,
        verify: bool = False,
        together: int = 1,
        report: Callable[[str], None] = lambda step: None,
    ) -> None:
        config = run.network.config
        if config.order != "strides" or config.views != 1:
            raise ConfigurationError(
                "a device that keeps the samples plays them in strides and in one view: use "
                f"--order strides --views 1, not --order {config.order} --views {config.views}"
            )
        player = self._player = Player(driver)
        self.together = together
        self._twin = make_learner(run.checkpoint().network(), run.engine) if verify else None
        self._first = deepcopy(run.network.statistics)
        super().__init__(driver, run)
        self.observer = None
        sets = StoredSets.of(driver.placement, run.data)
        report("check the samples in memory")
        missing = sets.missing(player)
        for place, words in missing:
            report(f"write {place.samples:,} samples, {words.nbytes / 1e6:.1f} MB")
            player.store(words, place.base)
        if missing and sets.missing(player):
            raise DeviceError(
                f"the {driver.shape.stored} memory does not hold what was written to it: it is too "
                "small for these samples, or faulty (metabit selftest)"
            )
        self._played = PlayedTrainer(player, *sets.places, self.schedule, together)
        self._going: Iterator[SpanResult] | None = None
        self._trainer = self._played  # type: ignore[assignment]

    @property
    def verified(self) -> bool:
        """Whether golden is trained, too."""
        return self._twin is not None

    @property
    def cycles(self) -> dict[str, int]:
        """Nothing: training and tests are not told apart."""
        return {}

    @property
    def readable(self) -> bool:
        """Whether the device stands still, so that its state can be read."""
        return not self._played.alone

    def spans(self) -> Iterator[SpanResult]:
        """Train to the end, and yield after every epoch."""
        # Kept, so that whoever stops to ask does not end it.
        self._going = self._watched()
        return self._going

    def _watched(self) -> Iterator[SpanResult]:
        schedule = self.schedule
        twin = None
        if self._twin is not None:
            behind = Schedule(
                schedule.config,
                schedule.samples,
                schedule.epochs,
                epoch=schedule.epoch,
                sample=schedule.sample,
                errors=schedule.errors,
                history=tuple(schedule.history),
            )
            twin = Trainer(self._twin, self.data, behind).spans()
        for result in super().spans():
            if twin is not None:
                self._compare(result, twin)
            yield result

    def _compare(self, result: SpanResult, twin: Iterator[SpanResult]) -> None:
        """Let golden train the same epoch, and compare."""
        errors = 0
        for part in twin:
            errors += part.errors
            if part.step.last:
                break
        found = []
        if errors != result.errors:
            found.append(Divergence("errors", {"epoch": result.step.epoch}, errors, result.errors))
        assert self._twin is not None
        network = self._twin.network
        predictions = network.predict(self.data.test)
        wrong = int(np.sum(predictions != self.data.test_labels))
        told = round((1 - self.test_accuracy[-1]) * len(self.data.test))
        if wrong != told:
            found.append(Divergence("test errors", {"epoch": result.step.epoch}, wrong, told))
        if self.readable:
            state = compare_state(self.driver, network, self._first)
            found = [*state, *found, *self._compare_classes(predictions)]
        if found:
            tile = result.step.tile + result.step.tiles - 1
            raise DivergenceError(found, tile, -1)

    def _compare_classes(self, predictions: npt.NDArray[np.int64]) -> Iterator[Divergence]:
        """Compare what the device has counted of each class with golden's predictions."""
        if self._player.counts_classes:
            labels, classes = self.data.test_labels, self.network.config.classes
            golden = confusion_matrix(labels, predictions, classes)
            axes = ("class", "prediction")
            yield from first_difference("test count", axes, golden, self._player.confusion())

    def confusion(self) -> tuple[npt.NDArray[np.int64], str]:
        """Return what the last test has predicted of each class, and who has counted it.

        Returns
        -------
        counts : ndarray of int64, shape (classes, classes)
            A row per true class, a column per predicted one.
        counted_by : {"device", "host"}
            Where the device does not count, it predicts the test set again, through the link.

        Raises
        ------
        DeviceError
            If the counts are not of this test set, or not of as many errors as were counted.
        """
        data, classes = self.data, self.network.config.classes
        by_device = self._player.counts_classes
        if by_device:
            counts = self._player.confusion()
        else:
            predictions = self.driver.predict(data.test)
            counts = confusion_matrix(data.test_labels, predictions, classes)
        samples = np.bincount(data.test_labels, minlength=classes)
        wrong = int(counts.sum() - counts.trace())
        if (counts.sum(axis=1) != samples).any() or wrong != self._played.test_errors:
            raise DeviceError(
                f"the counts by class are of {counts.sum(axis=1).tolist()} samples, {wrong} wrong, "
                f"the test set is of {samples.tolist()}, {self._played.test_errors} wrong"
            )
        return counts, "device" if by_device else "host"

    def synchronise(self) -> None:
        """Bring ``network`` up to the device's state, where that stands still."""
        if self.readable:
            super().synchronise()

    def checkpoint(self) -> Checkpoint:
        """Return a checkpoint of the next state that can be read."""
        while not self.readable and self._going is not None:
            next(self._going)
        return super().checkpoint()
