"""Golden model and device trained in lock-step, and compared; or a device alone.

The device may be simulated or real: both are behind a driver.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..golden.config import Config
from ..golden.learner import GoldenLearner, Labels
from ..golden.network import Bits, Network, Statistics
from .compare import DivergenceError, compare_predictions, compare_state
from .cycles import CycleCount
from .driver import Driver
from .packing import Words

if TYPE_CHECKING:
    from ..golden.compiled.engine import Engine

_SHARE = 9
"""Training takes at least this many times the cycles of the comparisons between spans."""


@dataclass(frozen=True)
class Span:
    """What both were trained with in one go: tiles, all full but perhaps the last."""

    samples: Bits
    labels: Labels
    annealing: int
    damping: int
    drain: bool = True

    def cut(self, samples: int) -> "Span":
        """Return the beginning of the span."""
        return replace(self, samples=self.samples[:samples], labels=self.labels[:samples])


@dataclass(frozen=True)
class Packed:
    """Samples in the forms that golden and device take."""

    samples: Bits
    golden: Any
    device: Any


@dataclass(frozen=True)
class Snapshot:
    """Drained golden state that the device was found to agree with."""

    config: Config
    counters: list[npt.NDArray[np.int16]]
    generator_state: int
    statistics: Statistics

    @classmethod
    def of(cls, network: Network) -> "Snapshot":
        """Copy a network's state."""
        return cls(
            network.config,
            [layer.copy() for layer in network.counters],
            network.generator.state,
            deepcopy(network.statistics),
        )

    def network(self) -> Network:
        """Return a network in this state."""
        network = Network(self.config)
        network.load(self.counters)
        network.generator.state = self.generator_state
        network.statistics = deepcopy(self.statistics)
        return network


class DeviceLearner:
    """A device as the trainer sees it; a ``Learner`` that counts the cycles of its training.

    Parameters
    ----------
    driver : Driver
        Device; its network is loaded.
    """

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self._cycles = CycleCount(driver)
        self._cycles.skip()

    @property
    def cycles(self) -> dict[str, int]:
        """Cycles that the device has spent on training; see :class:`.CycleCount`."""
        return self._cycles.total

    def pack(self, samples: Bits) -> Words:
        """Return samples in the form that :meth:`train_tiles` takes."""
        return self.driver.pack(samples)

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
        """Train, and drain; see :meth:`metabit.golden.learner.Learner.train_tiles`."""
        with self._cycles.training():
            return self.driver.train_tiles(
                packed, labels, indices, annealing=annealing, damping=damping, drain=drain
            )

    def predict(self, samples: Bits) -> npt.NDArray[np.int64]:
        """Infer, and return the classes."""
        found = self.driver.predict(samples)
        self._cycles.skip()
        return found


class Lockstep:
    """A golden network and a device that learn the same; a ``Learner``.

    Predictions are compared after every span, all state every now and then.

    Parameters
    ----------
    driver : Driver
        Device; :meth:`begin` loads the network.
    golden : GoldenLearner or Engine
        Golden model, drained.
    clock : callable, optional
        Returns the cycles that the device has been clocked for; None: nobody knows, the device
        being real.
    compare_every : int, optional
        Spans between comparisons of all state; None: as often as costs a tenth of the cycles, or,
        if nobody knows them, only when :meth:`compare` is called.
    names : sequence of str
        Of the classes, for messages.
    keep_log : bool
        Whether spans are kept for :func:`~metabit.host.pinpoint.pinpoint`, with their samples.

    Attributes
    ----------
    spans, tiles, samples : int
        Trained so far.
    comparisons : int
        Times that all state was compared.
    log : list of Span
        Spans since then.
    agreed : Snapshot
        State then.
    """

    def __init__(
        self,
        driver: Driver,
        golden: "GoldenLearner | Engine",
        *,
        clock: Callable[[], int] | None = None,
        compare_every: int | None = None,
        names: Sequence[str] = (),
        keep_log: bool = True,
    ) -> None:
        self.driver = driver
        self.golden = golden
        self._clock = clock
        self._compare_every = compare_every
        self._names = tuple(names)
        self._keep_log = keep_log
        self.spans = self.tiles = self.samples = self.comparisons = 0
        self.log: list[Span] = []
        network = golden.network
        self._tile = network.config.tile
        self._earlier = deepcopy(network.statistics)
        self._drained = True
        self._agreed_tiles = -1
        self._cycles = CycleCount(driver, clock)
        self._compared_at = self._comparison_took = 0
        self.agreed = Snapshot.of(network)

    def begin(self) -> None:
        """Load the network into the device, and compare what is there then.

        Raises
        ------
        DivergenceError
            If device and golden differ.
        """
        self.driver.load(self.golden.network)
        self._cycles.skip()
        self.compare()

    def pack(self, samples: Bits) -> Packed:
        """Return samples in the form that :meth:`train_tiles` takes; not before :meth:`begin`."""
        return Packed(samples, self.golden.pack(samples), self.driver.pack(samples))

    def train_tiles(
        self,
        packed: Packed,
        labels: Labels,
        indices: npt.NDArray[np.int64],
        *,
        annealing: int,
        damping: int,
        drain: bool = True,
    ) -> npt.NDArray[np.int64]:
        """Train both on a span, and return the predictions.

        Parameters
        ----------
        packed, labels, indices, annealing, damping, drain
            See :meth:`metabit.golden.learner.Learner.train_tiles`.

        Raises
        ------
        DivergenceError
            If they differ.
        """
        expected = self.golden.train_tiles(
            packed.golden, labels, indices, annealing=annealing, damping=damping, drain=drain
        )
        with self._cycles.training():
            found = self.driver.train_tiles(
                packed.device, labels, indices, annealing=annealing, damping=damping, drain=drain
            )
        if self._keep_log:
            chosen = packed.samples[indices], labels[indices]
            self.log.append(Span(*chosen, annealing, damping, drain))
        self._judge(np.asarray(expected), found, drained=drain)
        return found

    def train(self, span: Span) -> npt.NDArray[np.int64]:
        """Train both on a span, drained or not; golden must be no compiled engine.

        Raises
        ------
        DivergenceError
            If they differ.
        """
        with self._cycles.training():
            expected, found = train_both(self.driver, self.golden.network, span)
        if self._keep_log:
            self.log.append(span)
        self._judge(expected, found, drained=span.drain)
        return found

    def _judge(
        self, expected: npt.NDArray[np.int64], found: npt.NDArray[np.int64], *, drained: bool
    ) -> None:
        """Compare what training on a span has given, and all state if it is time to."""
        before = self.tiles
        self.spans += 1
        self.tiles += -(-len(found) // self._tile)
        self.samples += len(found)
        self._drained = drained
        if wrong := compare_predictions(expected, found, self._tile, before, self._names):
            raise DivergenceError(wrong, self.tiles - 1, self._agreed_tiles)
        if self._due():
            self.compare()

    def _due(self) -> bool:
        """Whether it is time to compare all state."""
        if self._compare_every is not None:
            return self.spans % self._compare_every == 0
        if self._clock is None:
            return False
        trained = self._now() - self._compared_at
        return self.spans == 1 or trained >= _SHARE * self._comparison_took

    def predict(self, samples: Bits) -> npt.NDArray[np.int64]:
        """Infer with both, drained, and return the classes.

        Raises
        ------
        DivergenceError
            If they differ.
        """
        found = self.driver.predict(samples)
        expected = np.asarray(self.golden.predict(samples))
        self._cycles.skip()
        if wrong := compare_predictions(expected, found, self._tile, names=self._names):
            raise DivergenceError(wrong, self.tiles - 1, self._agreed_tiles)
        return found

    def compare(self) -> None:
        """Compare all state.

        Raises
        ------
        DivergenceError
            If something differs.
        """
        start = self._now()
        network = self.golden.network
        wrong = compare_state(self.driver, network, self._earlier)
        self._compared_at = self._now()
        self._comparison_took = self._compared_at - start
        if wrong:
            raise DivergenceError(wrong, self.tiles - 1, self._agreed_tiles)
        self.comparisons += 1
        # What is visible of undrained updates cannot be loaded into a device.
        if self._drained:
            self._agreed_tiles = self.tiles
            self.agreed = Snapshot.of(network)
            self.log.clear()

    def _now(self) -> int:
        return 0 if self._clock is None else self._clock()

    @property
    def cycles(self) -> dict[str, int]:
        """Cycles that the device has spent on training; see :class:`.CycleCount`."""
        return self._cycles.total


def train_both(
    driver: Driver, network: Network, span: Span
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Train golden and device on a span; return golden's predictions and the device's."""
    options = {"annealing": span.annealing, "damping": span.damping}
    tile, parts = network.config.tile, []
    for start in range(0, len(span.labels), tile):
        part = slice(start, start + tile)
        parts.append(network.train_tile(span.samples[part], span.labels[part], **options))
    if span.drain:
        network.drain()
    found = driver.train(span.samples, span.labels, drain=span.drain, **options)
    return np.concatenate([forward.predictions for forward in parts]), found
