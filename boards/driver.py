"""The driver of a device: its state, and the device as a learner."""

from functools import cached_property
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from ..golden.config import Config
from ..golden.generator import PERIOD
from ..golden.network import Bits, Statistics
from ..hdl.v1.layout import PHASES, Layout
from ..hdl.v1.protocol import MAX_EXPONENT, Operation, count_limit
from . import packing
from .records import Counters, DeviceForward, DeviceSigns, DeviceState, DeviceStatistics
from .requester import Requester
from .transport import Transport

Labels = npt.NDArray[np.integer]


class Driver:
    """A device that trains, behind any transport.

    The device must run the hardware of ``config``; that is checked at once. Its state is defined
    by :meth:`reset` only. A driver is a :class:`metabit.golden.learner.Learner`.

    Parameters
    ----------
    transport : Transport
        Is closed with the driver.
    config : Config
        What the device was built for.

    Raises
    ------
    DeviceTimeoutError
        If nothing answers.
    DeviceMismatchError
        If the device has another configuration or protocol.
    """

    def __init__(self, transport: Transport, config: Config) -> None:
        self.transport = transport
        self.config = config
        self.layout = Layout(config)
        self._requester = Requester(transport, config)
        self._requester.check_identity()

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

    # State

    def reset(self, seed: int | None = None) -> None:
        """Abort whatever runs, and draw classifier and counters as golden does.

        Parameters
        ----------
        seed : int, optional
            Replaces that of the configuration.
        """
        config = self.config
        if seed is not None:
            config = Config.model_validate({**config.model_dump(), "seed": seed})
        self._requester.request(Operation.RESET, address=config.generator_state)

    def read_state(self) -> DeviceState:
        """Read all counters and the generator."""
        bits = self.config.counter_bits
        raw = self._requester.read(Operation.READ_COUNTERS, 0, self.layout.counter_words)
        words = packing.unpack_counters(raw, bits)
        counters = [
            packing.gather(words, indices, fan_in)
            for indices, fan_in in zip(self._weight_indices, self.config.fan_in, strict=True)
        ]
        return DeviceState(counters, self.generator_state)

    def load_state(self, counters: list[Counters], generator_state: int) -> None:
        """Replace all counters and the generator's state; the classifier stays.

        Parameters
        ----------
        counters : list of ndarray of int16, shape (K_l, fan_in)
            Counters of each layer.
        generator_state : int
            State of the generator.

        Raises
        ------
        ValueError
            If something does not fit the configuration; nothing changes then.
        """
        shapes = list(zip(self.config.hidden, self.config.fan_in, strict=True))
        given = [np.shape(values) for values in counters]
        if given != shapes:
            raise ValueError(f"counters must have the shapes {shapes}, not {given}")
        low, high = self.config.counter_range
        for layer, values in enumerate(counters):
            if values.min() < low or values.max() > high:
                raise ValueError(
                    f"counters of layer {layer} must lie in {low} to {high}, "
                    f"not {values.min()} to {values.max()}"
                )
        _check_generator_state(generator_state)
        words = np.zeros((self.layout.counter_words, packing.WORD), np.int16)
        for indices, values in zip(self._weight_indices, counters, strict=True):
            packing.scatter(words, indices, values)
        packed = packing.pack_counters(words, self.config.counter_bits)
        step = count_limit(Operation.WRITE_COUNTERS, self.layout)
        for start in range(0, len(packed), step):
            part = packed[start : start + step]
            self._requester.request(
                Operation.WRITE_COUNTERS, address=start, count=len(part), data=part.tobytes()
            )
        self.generator_state = generator_state

    @property
    def generator_state(self) -> int:
        """State of the generator, 1 to ``2**32 - 1``."""
        return int.from_bytes(self._requester.request(Operation.READ_GENERATOR, count=1), "little")

    @generator_state.setter
    def generator_state(self, state: int) -> None:
        _check_generator_state(state)
        self._requester.request(Operation.WRITE_GENERATOR, address=state)

    def read_signs(self) -> DeviceSigns:
        """Read the signs of the weights, and the classifiers."""
        words = packing.unpack_bits(
            self._requester.read(Operation.READ_SIGNS, 0, self.layout.sign_words)
        )
        weights, classifier = [], []
        for layer in range(self.config.layers):
            fan_in, width = self.config.fan_in[layer], self.config.hidden[layer]
            weights.append(packing.gather(words, self._weight_indices[layer], fan_in))
            codes = packing.code_indices(self.layout, layer)
            classifier.append(packing.gather(words, codes, width))
        return DeviceSigns(weights, classifier)

    @cached_property
    def _weight_indices(self) -> list[packing.Indices]:
        return [packing.weight_indices(self.layout, layer) for layer in range(self.config.layers)]

    # Training and inference

    def train_tile(
        self, samples: Bits, labels: Labels, *, annealing: int = 0, damping: int = 0
    ) -> npt.NDArray[np.int64]:
        """Train on a tile and return the predictions of its forward passes, shape (B,).

        Parameters
        ----------
        samples : ndarray of bool, shape (B, inputs)
            Encoded samples, at most ``config.tile``.
        labels : ndarray of int, shape (B,)
            Their classes.
        annealing, damping : int
            Exponent ``q`` and ``j`` of reinforcement, 0 to 3.

        Raises
        ------
        ValueError
            If something does not fit the configuration; the device is not asked then.
        """
        samples = self._checked_samples(samples)
        labels = np.asarray(labels)
        if not 1 <= len(samples) <= self.config.tile:
            raise ValueError(f"a tile must be 1 to {self.config.tile} samples, not {len(samples)}")
        if labels.shape != (len(samples),) or not np.issubdtype(labels.dtype, np.integer):
            raise ValueError(
                f"labels must be {len(samples)} integers, not {labels.dtype} of shape "
                f"{labels.shape}"
            )
        if labels.min() < 0 or labels.max() >= self.config.classes:
            wrong = labels[(labels < 0) | (labels >= self.config.classes)][0]
            raise ValueError(f"labels must be 0 to {self.config.classes - 1}, not {wrong}")
        for name, exponent in (("annealing", annealing), ("damping", damping)):
            if not 0 <= exponent <= MAX_EXPONENT:
                raise ValueError(f"{name} must be 0 to {MAX_EXPONENT}, not {exponent}")
        self._write_inputs(samples)
        result = self._requester.request(
            Operation.TRAIN,
            count=len(samples),
            address=annealing + 256 * damping,
            data=labels.astype(np.uint8).tobytes(),
        )
        return np.frombuffer(result, np.uint8).astype(np.int64)

    def predict(self, samples: Bits) -> npt.NDArray[np.int64]:
        """Return the classes of samples, shape (n,), without learning.

        Parameters
        ----------
        samples : ndarray of bool, shape (n, inputs)
            Encoded samples, any number.
        """
        samples = self._checked_samples(samples)
        tile = self.config.tile
        parts = [self._infer(samples[i : i + tile]) for i in range(0, len(samples), tile)]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    def scores(self, samples: Bits) -> npt.NDArray[np.int32]:
        """Return the class scores of the last layer, shape (n, C), without learning."""
        samples = self._checked_samples(samples)
        tile, layer = self.config.tile, self.config.layers - 1
        parts = []
        for start in range(0, len(samples), tile):
            part = samples[start : start + tile]
            self._infer(part)
            first, classes = self.layout.score_base[layer], self.config.classes
            counts = [self._read_popcounts(s, first, classes) for s in range(len(part))]
            parts.append(self._score(np.stack(counts), layer))
        return np.concatenate(parts) if parts else np.empty((0, self.config.classes), np.int32)

    def last_forward(self, count: int) -> DeviceForward:
        """Read what the last tile's forward passes left behind.

        Parameters
        ----------
        count : int
            Samples of that tile.
        """
        if not 1 <= count <= self.config.tile:
            raise ValueError(f"count must be 1 to {self.config.tile}, not {count}")
        total = self.layout.popcount_count
        counts = np.stack([self._read_popcounts(s, 0, total) for s in range(count)])
        preactivations, scores = [], []
        for layer, (width, fan_in) in enumerate(
            zip(self.config.hidden, self.config.fan_in, strict=True)
        ):
            first, codes = self.layout.popcount_base[layer], self.layout.score_base[layer]
            preactivations.append(2 * counts[:, first : first + width] - fan_in)
            scores.append(self._score(counts[:, codes : codes + self.config.classes], layer))
        return DeviceForward(preactivations, scores)

    def _score(self, popcounts: npt.NDArray[np.int32], layer: int) -> npt.NDArray[np.int32]:
        return 2 * popcounts - self.config.planes * self.config.hidden[layer]

    def _read_popcounts(self, sample: int, first: int, count: int) -> npt.NDArray[np.int32]:
        raw = self._requester.read(Operation.READ_POPCOUNTS, first, count, sample)
        return raw.view("<u2").astype(np.int32)

    def _infer(self, samples: Bits) -> npt.NDArray[np.int64]:
        self._write_inputs(samples)
        result = self._requester.request(Operation.INFER, count=len(samples))
        return np.frombuffer(result, np.uint8).astype(np.int64)

    def _write_inputs(self, samples: Bits) -> None:
        step = count_limit(Operation.WRITE_INPUTS, self.layout)
        for number, row in enumerate(packing.pack_bits(samples)):
            words = row.reshape(-1, 2)
            for start in range(0, len(words), step):
                part = words[start : start + step]
                self._requester.request(
                    Operation.WRITE_INPUTS,
                    sample=number,
                    address=start,
                    count=len(part),
                    data=part.tobytes(),
                )

    def _checked_samples(self, samples: Bits) -> Bits:
        samples = np.asarray(samples)
        if samples.dtype != bool or samples.ndim != 2 or samples.shape[1] != self.config.inputs:
            raise ValueError(
                f"samples must be bool of shape (n, {self.config.inputs}), "
                f"not {samples.dtype} of shape {samples.shape}"
            )
        return samples

    # Statistics

    def statistics(self) -> DeviceStatistics:
        """Read the statistics."""
        names = self.layout.statistics
        raw = self._requester.read(Operation.READ_STATISTICS, 0, len(names))
        counts = dict(zip(names, raw.view("<u4").tolist(), strict=True))
        layers = range(self.config.layers)
        return DeviceStatistics(
            Statistics(
                counts["samples"],
                counts["correct"],
                [counts[f"triggers.{layer}"] for layer in layers],
                [counts[f"updates.{layer}"] for layer in layers],
            ),
            {phase: counts[f"cycles.{phase}"] for phase in PHASES},
        )

    def clear_statistics(self) -> None:
        """Set all statistics to zero."""
        self._requester.request(Operation.CLEAR_STATISTICS)


def _check_generator_state(state: int) -> None:
    if not 1 <= state <= PERIOD:
        raise ValueError(f"generator state must be 1 to {PERIOD}, not {state}")
