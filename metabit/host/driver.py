"""The driver of a device: loads a network, and is a learner then."""

import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from ..golden.config import Config
from ..golden.encoding.program import Program
from ..golden.generator import PERIOD
from ..golden.learner import Labels
from ..golden.network import Bits, Network, Statistics
from ..hdl.bundles import Space
from ..hdl.link.protocol import MAX_READ, MAX_WORDS, WINDOW, Operation
from ..hdl.placement import Placement
from ..hdl.setup import TABLE
from ..hdl.shape import LANES, SHAPES, Shape
from ..hdl.statistics import statistics_names
from . import packing
from .errors import DeviceError, DeviceMismatchError
from .images import images_of
from .packets import Request
from .packing import Counters, Words
from .raw import RawSamples
from .records import DeviceState, DeviceStatistics
from .requester import LinkCounts, Requester
from .session import MAX_SAMPLES, Session
from .traffic import Traffic
from .transport import Transport

MAX_EXPONENT = 3
"""Largest annealing exponent and damping."""

_CYCLES = "cycles."

_LOW_HALF = np.uint64(0xFFFF_FFFF)
"""What counts of a word in the spaces of 32 bits."""

_NUMBERS = 256
"""Numbers that a class may have on the link; see :meth:`.Placement.class_number`."""

_PREDICTION_RUN = 1 << 16
"""Samples of a run that only predicts; more of them take several."""


class Driver:
    """A device that trains, behind any transport.

    The device must have been built as ``shape`` says; that is checked at once. It is of use after
    :meth:`load`. A driver is a :class:`metabit.golden.learner.Learner`.

    Parameters
    ----------
    transport : Transport
        Is closed with the driver.
    shape : Shape
        What was built.
    window : int
        Requests that may be under way.

    Attributes
    ----------
    traffic : Traffic
        All runs whose samples came over the line.

    Raises
    ------
    DeviceTimeoutError
        If nothing answers.
    DeviceMismatchError
        If the device has another shape or protocol.
    """

    def __init__(self, transport: Transport, shape: Shape, window: int = WINDOW) -> None:
        self.transport = transport
        self.shape = shape
        self._placement: Placement | None = None
        self._raw: RawSamples | None = None
        self._program: Program | None = None
        self.traffic = Traffic()
        self._requester = Requester(transport, window)
        self._requester.check_identity(shape)

    @classmethod
    def find(cls, transport: Transport) -> Self:
        """Return a driver of the device behind a transport, whichever of the named ones it is.

        Parameters
        ----------
        transport : Transport
            Is closed with the driver.

        Raises
        ------
        DeviceTimeoutError
            If nothing answers.
        DeviceMismatchError
            If the device has another protocol, or is none of :data:`~metabit.hdl.shape.SHAPES`.
        """
        digest = Requester(transport).identify()
        for shape in SHAPES.values():
            if shape.digest == digest:
                return cls(transport, shape)
        raise DeviceMismatchError(
            f"{transport.name} was built as a device with digest {digest.hex()}, which this "
            "Metabit does not know; build and program a bitstream with it"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the transport."""
        self.transport.close()

    @property
    def link(self) -> LinkCounts:
        """What has happened on the line so far; grows on."""
        return self._requester.counts

    @property
    def requester(self) -> Requester:
        """Way to the device."""
        return self._requester

    def ask(self, request: Request) -> bytes:
        """Have a request executed, and return its result; see :meth:`.Requester.request`."""
        return self._requester.request(request)

    @property
    def placement(self) -> Placement:
        """Where the network lies that was loaded.

        Raises
        ------
        DeviceError
            If there is none.
        """
        if self._placement is None:
            raise DeviceError(f"{self.transport.name} holds no network; load one first")
        return self._placement

    @property
    def program(self) -> Program | None:
        """What the device encodes samples with; None: they are sent encoded."""
        return self._program

    @property
    def config(self) -> Config:
        """Configuration of the network that was loaded."""
        return self.placement.config

    def send_raw(self, raw: RawSamples) -> None:
        """Send samples raw from the next :meth:`load` on: the device encodes them.

        Parameters
        ----------
        raw : RawSamples
            All samples that will be trained or predicted, and what they came from.
        """
        self._raw = raw

    # State

    def load(self, network: Network) -> None:
        """Abort whatever runs, and load a network; it is drained there.

        Parameters
        ----------
        network : Network
            Is read only.

        Raises
        ------
        CapacityError
            If it does not fit the device, which is not asked then.
        """
        self.load_state(
            network.config, network.classifier, network.counters, network.generator.state
        )

    def load_state(
        self,
        config: Config,
        classifier: Sequence[Bits],
        counters: Sequence[Counters],
        generator_state: int,
    ) -> None:
        """Abort whatever runs, and load the parts of a network; see :meth:`load`.

        Parameters
        ----------
        config : Config
            The network.
        classifier : sequence of ndarray of bool, shape (C, K_l)
            Of each layer.
        counters : sequence of ndarray of int16, shape (K_l, fan_in)
            Of each layer.
        generator_state : int
            State of the generator, 1 to ``2**32 - 1``.

        Raises
        ------
        CapacityError
            If it does not fit the device.
        ValueError
            If a part does not fit the configuration. In both cases the device is not asked.
        MetabitError
            If samples are to be sent raw, and the device cannot encode them.
        """
        placement = Placement(config, self.shape)
        program = None if self._raw is None else self._raw.program(placement)
        _check_shapes(
            "classifier", classifier, [(config.classes, width) for width in config.hidden]
        )
        _check_shapes("counters", counters, list(zip(config.hidden, config.fan_in, strict=True)))
        low, high = config.counter_range
        for layer, values in enumerate(counters):
            if np.min(values) < low or np.max(values) > high:
                raise ValueError(
                    f"counters of layer {layer} must lie in {low} to {high}, "
                    f"not {np.min(values)} to {np.max(values)}"
                )
        _check_generator_state(generator_state)
        images = images_of(placement, classifier, counters, generator_state)

        self._placement = None
        self._requester.request(Request(Operation.RESET))
        for image in images:
            self.write_space(image.space, image.words, image.element)
        if program is not None:
            self.write_table(program)
        self._program = program
        self._placement = placement
        self.clear_statistics()

    def write_table(self, program: Program) -> None:
        """Write the encoder's table, read it back and compare.

        Parameters
        ----------
        program : Program
            Fits the device: from :func:`.program_for`.

        Raises
        ------
        DeviceError
            If there is something else in it than what was written.
        """
        written = np.array(program.words, np.uint64)
        self.write_space(Space.SETUP, written, first=TABLE)
        found = self.read_space(Space.SETUP, len(written), first=TABLE) & _LOW_HALF
        wrong = np.flatnonzero(found != written)
        if len(wrong):
            place = int(wrong[0])
            raise DeviceError(
                f"word {place} of the encoder's table of {self.transport.name} is "
                f"{found[place]:#010x} and not {written[place]:#010x}, as it was written; "
                f"{len(wrong)} of {len(written)} differ: metabit selftest says more"
            )

    def read_state(self) -> DeviceState:
        """Read all counters and the generator."""
        placement, shape = self.placement, self.shape
        count = placement.sign_words
        beats = np.empty((shape.elements, count, LANES), np.int16)
        for element in range(shape.elements):
            words = self.read_space(Space.COUNTERS, count * shape.parts, element)
            signs = None
            if shape.memory == "block":
                signs = packing.unpack_bits(
                    self.read_space(Space.CURRENT, count, element)[:, None], LANES
                )
            parts = words.reshape(count, shape.parts)
            beats[element] = packing.unpack_counters(parts, signs, shape)
        return DeviceState(packing.gather(beats, placement), self.generator_state)

    @property
    def generator_state(self) -> int:
        """State of the generator, 1 to ``2**32 - 1``."""
        return int(self.read_space(Space.GENERATOR, 1)[0] & _LOW_HALF)

    def write_space(self, space: Space, words: Words, element: int = 0, first: int = 0) -> None:
        """Write a space from its first word or the address ``first`` on, while nothing runs.

        Of space COUNTERS word ``n`` is part ``n % parts`` of address ``n // parts``.
        """
        requests = self._transfers(Operation.WRITE, space, words, element, first)
        for _ in self._requester.stream(requests):
            pass

    def read_space(self, space: Space, count: int, element: int = 0, first: int = 0) -> Words:
        """Read words of a space, as :meth:`write_space` writes them."""
        nothing = np.empty(count, np.uint64)
        requests = self._transfers(Operation.READ, space, nothing, element, first)
        return np.frombuffer(b"".join(self._requester.stream(requests)), "<u8")

    def _transfers(
        self, operation: Operation, space: Space, words: Words, element: int, first: int
    ) -> Iterator[Request]:
        """Yield the requests that read or write words of a space."""
        parts = self.shape.parts if space is Space.COUNTERS else 1
        most = MAX_READ if operation is Operation.READ else MAX_WORDS
        for start in range(0, len(words), most):
            address, part = divmod(start, parts)
            chosen = words[start : start + most]
            data = chosen.astype("<u8").tobytes() if operation is Operation.WRITE else b""
            yield Request(operation, len(chosen), space, element, part, first + address, data)

    # Training and inference

    def train(
        self,
        samples: Bits,
        labels: Labels,
        *,
        annealing: int = 0,
        damping: int = 0,
        drain: bool = True,
    ) -> npt.NDArray[np.int64]:
        """Train on samples, tile by tile, and return the predictions of the forward passes.

        Parameters
        ----------
        samples : ndarray of bool, shape (n, inputs)
            Encoded samples; all tiles are full but perhaps the last.
        labels : ndarray of int, shape (n,)
            Their classes.
        annealing, damping : int
            Exponent ``q`` and ``j`` of reinforcement, 0 to 3.
        drain : bool
            Let the next forward pass see all updates.

        Raises
        ------
        ValueError
            If something does not fit the configuration; the device is not asked then.
        """
        packed = self.pack(samples)
        return self.train_packed(
            packed,
            np.asarray(labels),
            annealing=annealing,
            damping=damping,
            drain=drain,
            raw=self._sends_raw,
        )

    def pack(self, samples: Bits) -> Words:
        """Return samples as :meth:`train_tiles` takes them: words, shape (n, regions[0]).

        Raw ones, if it is these that are sent, have as many words as their bytes take.
        """
        checked = self._checked_samples(samples)
        if self._raw is not None and self._program is not None:
            return self._raw.pack(samples, self._program.frame)
        return packing.pack_samples(checked, self.placement)

    def train_tiles(
        self,
        packed: Words,
        labels: Labels,
        indices: npt.NDArray[np.int64],
        *,
        annealing: int,
        damping: int,
        drain: bool = True,
    ) -> npt.NDArray[np.int64]:
        """Train tile by tile, and drain; see :meth:`metabit.golden.learner.Learner.train_tiles`."""
        return self.train_packed(
            packed[indices],
            np.asarray(labels)[indices],
            annealing=annealing,
            damping=damping,
            drain=drain,
            raw=self._sends_raw,
        )

    @property
    def _sends_raw(self) -> bool:
        return self._program is not None

    def predict(self, samples: Bits) -> npt.NDArray[np.int64]:
        """Return the classes of samples, shape (n,), without learning.

        Parameters
        ----------
        samples : ndarray of bool, shape (n, inputs)
            Encoded samples, any number.
        """
        return self.predict_packed(self.pack(samples), raw=self._sends_raw)

    def predict_packed(self, packed: Words, *, raw: bool = False) -> npt.NDArray[np.int64]:
        """Return the classes of samples as they are sent; see :meth:`train_packed`."""
        parts = [
            self._classify(part, np.zeros(len(part), np.uint8), raw, train=0)
            for part in np.split(packed, range(_PREDICTION_RUN, len(packed), _PREDICTION_RUN))
        ]
        return np.concatenate(parts)

    def train_packed(
        self,
        packed: Words,
        labels: Labels,
        *,
        annealing: int = 0,
        damping: int = 0,
        drain: bool = True,
        raw: bool = False,
    ) -> npt.NDArray[np.int64]:
        """Train on samples as they are sent; see :meth:`train`.

        Parameters
        ----------
        packed : ndarray of uint64, shape (n, words)
            From :meth:`pack`, or raw ones from :func:`.pack_raw`.
        labels, annealing, damping, drain
            As those of :meth:`train`.
        raw : bool
            The device encodes them.
        """
        classes = self.config.classes
        if labels.shape != (len(packed),) or not np.issubdtype(labels.dtype, np.integer):
            raise ValueError(
                f"labels must be {len(packed)} integers, not {labels.dtype} of shape {labels.shape}"
            )
        wrong = labels[(labels < 0) | (labels >= classes)]
        if len(wrong):
            raise ValueError(f"labels must be 0 to {classes - 1}, not {wrong[0]}")
        for name, exponent in (("annealing", annealing), ("damping", damping)):
            if not 0 <= exponent <= MAX_EXPONENT:
                raise ValueError(f"{name} must be 0 to {MAX_EXPONENT}, not {exponent}")
        if len(packed) > MAX_SAMPLES:
            raise ValueError(f"a run must be at most {MAX_SAMPLES} samples, not {len(packed)}")
        flags = {"annealing": annealing, "damping": damping, "drain": int(drain)}
        return self._classify(packed, labels, raw, train=1, **flags)

    def _classify(
        self, packed: Words, labels: Labels, raw: bool, **flags: int
    ) -> npt.NDArray[np.int64]:
        """Run samples through the device, and return their predicted classes."""
        if raw:
            flags["raw"] = 1
        numbers = np.array(self.placement.class_numbers)
        classes = np.full(_NUMBERS, -1)
        classes[numbers] = np.arange(len(numbers))
        found = self._run(packed, numbers[labels], **flags)
        predictions = classes[found]
        if unknown := set(found[predictions < 0].tolist()):
            raise DeviceError(
                f"{self.transport.name} has predicted class number {min(unknown)}, "
                "which none of the classes has"
            )
        return predictions

    def _run(self, packed: Words, labels: Labels, **flags: int) -> npt.NDArray[np.int64]:
        """Run samples through the device, and return their predictions; classes are numbers."""
        if not len(packed):
            return np.empty(0, np.int64)
        start, sent = time.monotonic(), self.link.sent_bytes
        predictions = Session(self._requester, len(packed)).run(
            packing.records(packed, labels), **flags
        )
        self.traffic.seconds += time.monotonic() - start
        self.traffic.samples += len(packed)
        self.traffic.sent_bytes += self.link.sent_bytes - sent
        return np.frombuffer(predictions, np.uint8).astype(np.int64)

    def _checked_samples(self, samples: Bits) -> Bits:
        samples, inputs = np.asarray(samples), self.config.inputs
        if samples.dtype != bool or samples.ndim != 2 or samples.shape[1] != inputs:
            raise ValueError(
                f"samples must be bool of shape (n, {inputs}), "
                f"not {samples.dtype} of shape {samples.shape}"
            )
        return samples

    # Statistics

    def statistics(self) -> DeviceStatistics:
        """Read the statistics."""
        names = statistics_names(self.shape)
        words = self.read_space(Space.STATISTICS, len(names)) & _LOW_HALF
        counts = dict(zip(names, words.tolist(), strict=True))
        layers = range(self.config.layers)
        return DeviceStatistics(
            Statistics(
                counts["samples"],
                counts["correct"],
                [counts[f"triggers.{layer}"] for layer in layers],
                [counts[f"updates.{layer}"] for layer in layers],
            ),
            {
                name.removeprefix(_CYCLES): count
                for name, count in counts.items()
                if name.startswith(_CYCLES)
            },
        )

    def clear_statistics(self) -> None:
        """Set all statistics to zero."""
        self.write_space(Space.STATISTICS, np.zeros(1, np.uint64))


def _check_shapes(what: str, given: Sequence[npt.NDArray], shapes: list[tuple[int, int]]) -> None:
    found = [np.shape(values) for values in given]
    if found != shapes:
        raise ValueError(f"{what} must have the shapes {shapes}, not {found}")


def _check_generator_state(state: int) -> None:
    if not 1 <= state <= PERIOD:
        raise ValueError(f"generator state must be 1 to {PERIOD}, not {state}")
