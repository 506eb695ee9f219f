"""Samples in memory beside a device, and runs that take them from there."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..golden.learner import Labels
from ..golden.network import Bits
from ..golden.schedule import SPAN, Schedule
from ..golden.strides import Strides, stored_order, strides_of, strides_state
from ..hdl.bundles import Space
from ..hdl.link.protocol import MAX_READ, MAX_WORDS, WORD_BYTES, Operation
from ..hdl.memory.signature import ADDRESS_BITS
from ..hdl.placement import Placement
from ..hdl.play.registers import (
    ANNEALED,
    CHECKED_WORD,
    CONFUSION,
    CONFUSION_CLASSES,
    DAMPED,
    DAMPING_WORD,
    DATA_WORD,
    EPOCH_BITS,
    EPOCH_WORD,
    EPOCHS_WORD,
    HISTORY,
    HISTORY_EPOCHS,
    MASKS_WORD,
    ORDER_WORD,
    PLACE_BITS,
    PROGRAM,
    PROGRESS_WORD,
    RECORD_BITS,
    SPAN_WORD,
    STATE_WORD,
    WINDOW,
    Program,
    Register,
    Report,
    address_bits,
    place_bits,
)
from ..hdl.setup import pack, unpack
from . import packing
from .driver import Driver
from .errors import DeviceError
from .packets import Request
from .packing import Words
from .session import Session

_WINDOW_WORDS = min(MAX_READ, MAX_WORDS)
"""Words of memory that go in one request."""

FIRST_WORD = {"sdram": 0, "flash": (1 << 20) // WORD_BYTES}
"""First word of each kind of memory that is free for samples; a bitstream lies in the flash."""

MAX_EPOCHS = (1 << EPOCH_BITS) - 2
"""Longest training that a device can count."""


@dataclass(frozen=True)
class StoredData:
    """A data set in memory.

    Attributes
    ----------
    base : int
        Where its first record lies, in words of 64 bits.
    words : int
        Words of a record: the label and the inputs of a sample.
    samples : int
        Records.
    """

    base: int
    words: int
    samples: int

    def __post_init__(self) -> None:
        for name, value, bits in (
            ("samples of a stored data set", self.samples, PLACE_BITS),
            ("words of a stored sample", self.words, RECORD_BITS),
            ("words of memory", self.end, ADDRESS_BITS),
        ):
            if not 1 <= value < 1 << bits:
                raise ValueError(f"{name} must be 1 to {(1 << bits) - 1}, not {value}")

    @property
    def end(self) -> int:
        """The first word behind it."""
        return self.base + self.words * self.samples


@dataclass(frozen=True)
class Played:
    """What a played run has come to.

    Attributes
    ----------
    samples, right : int
        Samples that were judged, and how many of them as their labels say.
    """

    samples: int
    right: int

    @property
    def errors(self) -> int:
        """Samples that were judged wrong."""
        return self.samples - self.right


@dataclass(frozen=True)
class EpochOutcome:
    """What an epoch has come to.

    Attributes
    ----------
    epoch : int
        From 1.
    train_errors : int
        Wrong predictions of its training.
    test_errors : int
        Of the test after it; 0 if there was none.
    """

    epoch: int
    train_errors: int
    test_errors: int


def stored_records(placement: Placement, samples: Bits, labels: Labels) -> Words:
    """Return a data set as it lies in memory, shape (n, words of a record).

    Records lie in the order of :func:`~metabit.golden.strides.stored_order`. They belong to any
    network of the device that takes as many inputs.

    Parameters
    ----------
    placement : Placement
        Of such a network in the device.
    samples : ndarray of bool, shape (n, inputs)
        Encoded samples.
    labels : ndarray of int, shape (n,)
        Their classes.
    """
    order = stored_order(len(samples))
    packed = packing.pack_samples(samples[order], placement)
    numbers = np.array(placement.class_numbers)[np.asarray(labels)[order]]
    return np.frombuffer(packing.records(packed, numbers), "<u8").reshape(len(samples), -1)


class Player:
    """Plays stored samples on a device that has a memory for them.

    Parameters
    ----------
    driver : Driver
        Its network is loaded, and may be loaded anew.

    Raises
    ------
    DeviceError
        If the device has no such memory.
    """

    def __init__(self, driver: Driver) -> None:
        if driver.shape.stored == "none":
            raise DeviceError(
                f"device {driver.shape.name} has no memory for samples; give them through the link"
            )
        self._driver = driver

    def store(self, records: Words, base: int = 0) -> StoredData:
        """Write a data set to memory through the link.

        Parameters
        ----------
        records : ndarray of uint64, shape (n, words)
            From :func:`stored_records`.
        base : int
            Where to, in words.

        Raises
        ------
        DeviceError
            If the device cannot write its memory.
        ValueError
            If there are more samples, or words, than it can play.
        """
        data = StoredData(base, records.shape[1], len(records))
        self.write(base, records.reshape(-1))
        return data

    def write(self, address: int, words: Words) -> None:
        """Write words of memory."""
        if not self._driver.shape.writable:
            raise DeviceError(
                f"device {self._driver.shape.name} cannot write its memory; metabit program BOARD "
                "--samples CONFIG does"
            )
        self._transfer(Operation.WRITE, address, words)

    def read(self, address: int, count: int) -> Words:
        """Return words of memory."""
        return self._transfer(Operation.READ, address, np.zeros(count, np.uint64))

    def _transfer(self, operation: Operation, address: int, words: Words) -> Words:
        """Move words through the window, which is opened at one place after the other."""

        def requests() -> Iterator[Request]:
            for start in range(0, len(words), _WINDOW_WORDS):
                part = words[start : start + _WINDOW_WORDS]
                base = {"base": address + start, "words": 1, "samples": 1}
                yield write_registers(Register.DATA, pack(DATA_WORD, base))
                data = part.astype("<u8").tobytes() if operation is Operation.WRITE else b""
                yield Request(operation, len(part), Space.PLAYER, address=WINDOW, data=data)

        # One after the other: what opens the window must have come before.
        results = [self._driver.ask(request) for request in requests()]
        return np.frombuffer(b"".join(results), "<u8")

    def play(
        self,
        data: StoredData,
        strides: Strides,
        *,
        train: bool,
        span: int,
        annealing: int = 0,
        damping: int = 0,
        samples: int | None = None,
    ) -> Played:
        """Play a data set, and return how many samples were judged right.

        Parameters
        ----------
        data : StoredData
            What is played.
        strides : Strides
            In what order.
        train : bool
            Learn from the samples; all updates are done when it ends.
        span : int
            Samples from one drain to the next.
        annealing, damping : int
            Exponent ``q`` and ``j`` of reinforcement.
        samples : int, optional
            How many; None: each once.

        Raises
        ------
        DeviceError
            If the device does not come to the end.
        """
        driver, samples = self._driver, data.samples if samples is None else samples
        self._point(data, strides, pack(SPAN_WORD, {"span": span}))
        session = Session(driver.requester, samples)
        session.start(
            train=int(train), drain=int(train), annealing=annealing, damping=damping, stored=1
        )
        return Played(samples, self._finished()["right"])

    def train(
        self, train: StoredData, test: StoredData | None, schedule: Schedule, last: int
    ) -> Iterator[EpochOutcome]:
        """Train up to an epoch, and yield what every epoch has come to, as soon as it is over.

        A device that has a conductor does it alone. Another one plays an epoch when it is told to.

        Parameters
        ----------
        train, test, schedule
            See :meth:`start`; the caller moves the schedule along after every epoch.
        last : int
            Epoch after which to stop.

        Raises
        ------
        DeviceError
            If the device does not come to the end.
        """
        if self._driver.shape.writable:
            first = schedule.epoch
            self.start(train, test, schedule, last)
            yield from self.epochs(first)
            return
        while schedule.epoch <= last:
            yield self.play_epoch(train, test, schedule)

    def play_epoch(
        self, train: StoredData, test: StoredData | None, schedule: Schedule
    ) -> EpochOutcome:
        """Play what is left of an epoch, and the test set; see :meth:`train`."""
        config, epoch = schedule.config, schedule.epoch
        span = SPAN * config.tile
        trained = self.play(
            train,
            strides_of(config.seed, epoch, schedule.samples).after(schedule.sample),
            train=True,
            span=span,
            annealing=schedule.annealing,
            damping=schedule.damping,
            samples=schedule.samples - schedule.sample,
        )
        wrong = 0
        if test is not None:
            in_order = Strides.in_order(test.samples)
            wrong = self.play(test, in_order, train=False, span=span).errors
        return EpochOutcome(epoch, trained.errors, wrong)

    def start(
        self, train: StoredData, test: StoredData | None, schedule: Schedule, last: int
    ) -> None:
        """Start a training that goes on by itself; see :meth:`epochs`.

        Parameters
        ----------
        train : StoredData
            What is learnt.
        test : StoredData or None
            What is judged after every epoch.
        schedule : Schedule
            Where it begins, at the beginning of an epoch, and how long it is; does not move along.
        last : int
            Epoch after which to stop.

        Raises
        ------
        DeviceError
            If the device cannot.
        ValueError
            If the training is longer than a device can count, or begins within an epoch.
        """
        driver, config, samples = self._driver, schedule.config, schedule.samples
        if not driver.shape.writable:
            raise DeviceError(
                f"device {driver.shape.name} plays one epoch after the other, as the host says"
            )
        if not 1 <= last <= MAX_EPOCHS:
            raise ValueError(f"the last epoch must be 1 to {MAX_EPOCHS}, not {last}")
        if schedule.sample:
            raise ValueError("a device begins at the beginning of an epoch")
        epochs = range(1, schedule.epochs + 1)
        exponents = [config.annealing_exponent(epoch, schedule.epochs) for epoch in epochs]
        annealed = {name: bisect_right(exponents, place) for place, name in enumerate(ANNEALED)}

        def damping(errors: int) -> int:
            return config.reinforcement_damping(errors, samples)

        # The most errors with which damping is above 0, 1 and 2: it falls as errors grow.
        damped = {
            name: bisect_right(range(samples + 1), -1 - place, key=lambda errors: -damping(errors))
            - 1
            for place, name in enumerate(DAMPED)
        }
        tests = test if test is not None else train
        words = {
            Program.TRAIN: pack(DATA_WORD, _where(train)),
            Program.TEST: pack(DATA_WORD, _where(tests)) if test is not None else 0,
            Program.EPOCHS: pack(
                EPOCHS_WORD, {"epoch": schedule.epoch, "epochs": last, **annealed}
            ),
            Program.DAMPING: pack(DAMPING_WORD, damped),
            Program.STATE: pack(
                STATE_WORD,
                {
                    "generator": strides_state(config.seed, schedule.epoch),
                    "errors": schedule.history[-1] if schedule.history else samples,
                },
            ),
            Program.MASKS: pack(
                MASKS_WORD,
                {
                    "train_mask": Strides.in_order(samples).mask,
                    "test_mask": Strides.in_order(tests.samples).mask,
                },
            ),
        }
        span = {"span": SPAN * config.tile}
        driver.ask(write_registers(Register.SPAN, pack(SPAN_WORD, span)))
        data = np.array([words[place] for place in sorted(words, key=_value)], "<u8").tobytes()
        driver.ask(Request(Operation.WRITE, len(words), Space.PLAYER, address=PROGRAM, data=data))
        Session(driver.requester, samples).start(train=1, program=1)

    def epochs(self, first: int) -> Iterator[EpochOutcome]:
        """Yield what every epoch has come to, as soon as it is over.

        Parameters
        ----------
        first : int
            The epoch that the training was started with.

        Raises
        ------
        DeviceError
            If an epoch was over so long ago that the device does not know it any more.
        """
        told = first
        while True:
            far = self._read_fields(PROGRAM + _value(Program.EPOCHS), EPOCHS_WORD)
            for epoch in range(told, far["epoch"]):
                place = HISTORY + epoch % HISTORY_EPOCHS
                kept = self._read_fields(place, EPOCH_WORD)
                if kept["epoch"] != epoch:
                    raise DeviceError(
                        f"{self._driver.transport.name} does not know epoch {epoch} any more; it "
                        f"keeps the last {HISTORY_EPOCHS}"
                    )
                yield EpochOutcome(epoch, kept["train_errors"], kept["test_errors"])
            told = far["epoch"]
            if not far["busy"]:
                return
            self._driver.transport.wait()

    def confusion(self) -> npt.NDArray[np.int64]:
        """Return what the last played run, of training or test, has predicted of each class.

        Returns
        -------
        ndarray of int64, shape (classes, classes)
            How often each class (column) was predicted for each class (row).

        Raises
        ------
        DeviceError
            If the device does not count that, or not for so many classes; see
            :meth:`counts_classes`.
        """
        if not self.counts_classes:
            raise DeviceError(
                f"device {self._driver.shape.name} does not count predictions by class, or not of "
                f"class numbers from {CONFUSION_CLASSES} on; take the predictions themselves"
            )
        numbers = self._driver.placement.class_numbers
        return np.array([self._predicted_of(number)[list(numbers)] for number in numbers])

    @property
    def counts_classes(self) -> bool:
        """Whether the device counts predictions by class, all classes of its network."""
        driver = self._driver
        return driver.shape.confusion and max(driver.placement.class_numbers) < CONFUSION_CLASSES

    def _predicted_of(self, label: int) -> npt.NDArray[np.int64]:
        """Return how often each number of a class was predicted for one."""
        row, parts = CONFUSION + label * CONFUSION_CLASSES, []
        for start in range(0, CONFUSION_CLASSES, MAX_READ):
            count = min(MAX_READ, CONFUSION_CLASSES - start)
            where = Request(Operation.READ, count, Space.PLAYER, address=row + start)
            parts.append(self._driver.ask(where))
        return np.frombuffer(b"".join(parts), "<u8").astype(np.int64)

    def checksum(self, data: StoredData) -> int:
        """Return the CRC-32 (zlib) of a data set as it lies in memory; the device takes it.

        Raises
        ------
        DeviceError
            If the device does not come to the end.
        """
        self._point(data, Strides.in_order(data.samples))
        Session(self._driver.requester, data.samples).start(train=0, stored=1, check=1)
        self._finished()
        return self._report(Report.CHECKED, CHECKED_WORD)["crc"]

    def _point(self, data: StoredData, strides: Strides, *more: int) -> None:
        """Say where the records lie that are played next, and in what order."""
        shape = self._driver.shape
        if data.samples >= 1 << place_bits(shape) or data.end > 1 << address_bits(shape):
            raise DeviceError(
                f"device {shape.name} plays at most {(1 << place_bits(shape)) - 1} samples, from "
                f"{1 << address_bits(shape)} words of memory; these are {data.samples}, up to word "
                f"{data.end}"
            )
        order = {"mask": strides.mask, "stride": strides.stride, "place": strides.first}
        where, how = pack(DATA_WORD, _where(data)), pack(ORDER_WORD, order)
        self._driver.ask(write_registers(Register.DATA, where, how, *more))

    def _report(self, report: Report, fields: dict[str, tuple[int, int]]) -> dict[str, int]:
        """Return what the device says."""
        return self._read_fields(_value(report), fields)

    def _read_fields(self, address: int, fields: dict[str, tuple[int, int]]) -> dict[str, int]:
        """Return the fields of a word of the player."""
        request = Request(Operation.READ, 1, Space.PLAYER, address=address)
        return unpack(int.from_bytes(self._driver.ask(request), "little"), fields)

    def _finished(self) -> dict[str, int]:
        """Wait for the end of a played run or check, and return what it has come to."""
        while (progress := self._report(Report.PROGRESS, PROGRESS_WORD))["busy"]:
            self._driver.transport.wait()
        return progress


def _where(data: StoredData) -> dict[str, int]:
    """Return the fields of the word that says where a data set lies."""
    return {"base": data.base, "words": data.words, "samples": data.samples}


def _value(place: Any) -> int:
    return place.value


def write_registers(first: Register, *words: int) -> Request:
    """Return the request that writes registers, one behind the other."""
    data = np.array(words, "<u8").tobytes()
    return Request(Operation.WRITE, len(words), Space.PLAYER, address=_value(first), data=data)
