"""Golden model and device trained side by side, and compared."""

from collections import Counter
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..golden.config import Config
from ..golden.learner import GoldenLearner, Labels
from ..golden.network import Bits, Network, Statistics
from ..host.driver import Driver
from ..host.errors import DeviceError
from .compare import Divergence, compare_predictions, compare_state

if TYPE_CHECKING:
    from ..golden.compiled.engine import Engine

_MODULUS = 2**32

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


class DivergenceError(DeviceError):
    """Device and golden model have come to different results.

    Attributes
    ----------
    divergences : sequence of Divergence
        What differs.
    tile : int
        Last tile trained when it was found, from 0; -1: before the first.
    agreed : int
        Tiles trained when all state was last compared and agreed; -1: never.
    """

    def __init__(self, divergences: Sequence[Divergence], tile: int, agreed: int) -> None:
        self.divergences = divergences
        self.tile = tile
        self.agreed = agreed
        when = f"after tile {tile}" if tile >= 0 else "before the first tile"
        super().__init__(f"device and golden differ {when}: {divergences[0]}")


class SideBySide:
    """A golden network and a device that learn the same; a ``Learner``.

    Predictions are compared after every span, all state every now and then.

    Parameters
    ----------
    driver : Driver
        Device; :meth:`begin` loads the network.
    golden : GoldenLearner or Engine
        Golden model, drained.
    clock : callable
        Returns the cycles that the device has been clocked for.
    compare_every : int, optional
        Spans between comparisons of all state; None: as often as costs a tenth of the cycles.

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
        clock: Callable[[], int],
        compare_every: int | None = None,
    ) -> None:
        self.driver = driver
        self.golden = golden
        self._clock = clock
        self._compare_every = compare_every
        self.spans = self.tiles = self.samples = self.comparisons = 0
        self.log: list[Span] = []
        network = golden.network
        self._tile = network.config.tile
        self._earlier = deepcopy(network.statistics)
        self._drained = True
        self._agreed_tiles = -1
        self._cycles: Counter[str] = Counter()
        self._seen: dict[str, int] = {}
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
    ) -> npt.NDArray[np.int64]:
        """Train both on a span, and return the predictions.

        Parameters
        ----------
        packed, labels, indices, annealing, damping
            See :meth:`metabit.golden.learner.Learner.train_tiles`.

        Raises
        ------
        DivergenceError
            If they differ.
        """
        span = Span(packed.samples[indices], labels[indices], annealing, damping)
        options = {"annealing": annealing, "damping": damping}
        expected = self.golden.train_tiles(packed.golden, labels, indices, **options)
        start = self._clock()
        found = self.driver.train_tiles(packed.device, labels, indices, **options)
        self._judge(span, np.asarray(expected), found, self._clock() - start)
        return found

    def train(self, span: Span) -> npt.NDArray[np.int64]:
        """Train both on a span, drained or not; golden must be no compiled engine.

        Raises
        ------
        DivergenceError
            If they differ.
        """
        start = self._clock()
        expected, found = train_both(self.driver, self.golden.network, span)
        self._judge(span, expected, found, self._clock() - start)
        return found

    def _judge(
        self,
        span: Span,
        expected: npt.NDArray[np.int64],
        found: npt.NDArray[np.int64],
        cycles: int,
    ) -> None:
        """Compare what training on a span has given, and all state if it is time to."""
        self.log.append(span)
        before = self.tiles
        self.spans += 1
        self.tiles += -(-len(found) // self._tile)
        self.samples += len(found)
        self._drained = span.drain
        if wrong := compare_predictions(expected, found, self._tile, before):
            raise DivergenceError(wrong, self.tiles - 1, self._agreed_tiles)
        self._count_cycles(cycles)
        if self._due():
            self.compare()

    def _due(self) -> bool:
        """Whether it is time to compare all state."""
        if self._compare_every is not None:
            return self.spans % self._compare_every == 0
        trained = self._clock() - self._compared_at
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
        # That was no training.
        self._seen = self.driver.statistics().cycles
        if wrong := compare_predictions(expected, found, self._tile):
            raise DivergenceError(wrong, self.tiles - 1, self._agreed_tiles)
        return found

    def compare(self) -> None:
        """Compare all state.

        Raises
        ------
        DivergenceError
            If something differs.
        """
        start = self._clock()
        network = self.golden.network
        wrong = compare_state(self.driver, network, self._earlier)
        self._compared_at = self._clock()
        self._comparison_took = self._compared_at - start
        if wrong:
            raise DivergenceError(wrong, self.tiles - 1, self._agreed_tiles)
        self.comparisons += 1
        # What is visible of undrained updates cannot be loaded into a device.
        if self._drained:
            self._agreed_tiles = self.tiles
            self.agreed = Snapshot.of(network)
            self.log.clear()

    @property
    def cycles(self) -> dict[str, int]:
        """Cycles that the device has spent on training, by phase; nothing else is counted.

        Of a device that counts no phases, all are taken together as ``run``, from the request to
        the answer that the run is over.
        """
        return dict(self._cycles)

    def _count_cycles(self, passed: int) -> None:
        """Add up what the device has counted since it was last asked, or what has passed."""
        now = self.driver.statistics().cycles
        for phase, count in now.items():
            self._cycles[phase] += (count - self._seen.get(phase, 0)) % _MODULUS
        if not now:
            self._cycles["run"] += passed
        self._seen = now


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
