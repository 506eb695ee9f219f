"""Samples in memory beside a device, and runs that take them from there."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..golden.learner import Labels
from ..golden.network import Bits
from ..golden.strides import Strides, stored_order
from ..hdl.bundles import Space
from ..hdl.link.protocol import MAX_READ, MAX_WORDS, Operation
from ..hdl.memory.signature import ADDRESS_BITS, WORDS_BITS
from ..hdl.play.registers import (
    DATA_WORD,
    ORDER_WORD,
    PLACE_BITS,
    PROGRESS_WORD,
    SPAN_WORD,
    WINDOW,
    Register,
)
from ..hdl.setup import unpack
from . import packing
from .driver import Driver
from .errors import DeviceError
from .packets import Request
from .packing import Words
from .session import Session

_WINDOW_WORDS = min(MAX_READ, MAX_WORDS)
"""Words of memory that go in one request."""


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
            ("words of a stored sample", self.words, WORDS_BITS),
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


def stored_records(driver: Driver, samples: Bits, labels: Labels) -> Words:
    """Return a data set as it lies in memory, shape (n, words of a record).

    Records lie in the order of :func:`~metabit.golden.strides.stored_order`. They belong to any
    network of the device that takes as many inputs.

    Parameters
    ----------
    driver : Driver
        Of a device that holds such a network.
    samples : ndarray of bool, shape (n, inputs)
        Encoded samples.
    labels : ndarray of int, shape (n,)
        Their classes.
    """
    order = stored_order(len(samples))
    packed = driver.pack(samples[order])
    numbers = np.array(driver.placement.class_numbers)[np.asarray(labels)[order]]
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
                f"device {self._driver.shape.name} cannot write its memory; its programmer does"
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
                yield _write(Register.DATA, _packed(DATA_WORD, base))
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
    ) -> Played:
        """Play a data set once, and return how many samples were judged right.

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

        Raises
        ------
        DeviceError
            If the device does not come to the end.
        """
        driver = self._driver
        order = {"mask": strides.places - 1, "stride": strides.stride, "place": strides.first}
        place = {"base": data.base, "words": data.words, "samples": data.samples}
        driver.ask(
            _write(
                Register.DATA,
                _packed(DATA_WORD, place),
                _packed(ORDER_WORD, order),
                _packed(SPAN_WORD, {"span": span}),
            )
        )
        session = Session(driver.requester, data.samples)
        session.start(
            train=int(train), drain=int(train), annealing=annealing, damping=damping, stored=1
        )
        while (progress := self._progress())["busy"]:
            driver.transport.wait()
        if progress["samples"] != data.samples:
            raise DeviceError(
                f"{driver.transport.name} has judged {progress['samples']} of {data.samples} "
                "stored samples"
            )
        return Played(progress["samples"], progress["right"])

    def _progress(self) -> dict[str, int]:
        """Return how far a played run is."""
        request = Request(
            Operation.READ, 1, Space.PLAYER, address=Register.PROGRESS.value  # type: ignore[attr-defined]
        )
        return unpack(int.from_bytes(self._driver.ask(request), "little"), PROGRESS_WORD)


def _packed(fields: dict[str, tuple[int, int]], values: dict[str, int]) -> int:
    return sum(values[name] << start for name, (start, _) in fields.items())


def _write(first: Register, *words: int) -> Request:
    """Return the request that writes registers, one behind the other."""
    data = np.array(words, "<u8").tobytes()
    return Request(Operation.WRITE, len(words), Space.PLAYER, address=first.value, data=data)  # type: ignore[attr-defined]
