"""Golden model and device trained side by side, and compared."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..boards.driver import Driver
from ..boards.transport import DeviceError
from ..golden.learner import Labels
from ..golden.network import Bits, Forward, Network, Statistics
from ..hdl.v1.layout import PHASES
from .compare import Divergence, compare_state, first_difference

_MODULUS = 2**32

_SHARE = 9
"""Training takes at least this many times the cycles of the comparisons between tiles."""


@dataclass(frozen=True)
class Tile:
    """What a tile was trained with."""

    samples: Bits
    labels: Labels
    annealing: int
    damping: int


@dataclass(frozen=True)
class Snapshot:
    """Golden state that the device was found to agree with."""

    counters: list[npt.NDArray[np.int16]]
    generator_state: int
    statistics: Statistics

    @classmethod
    def of(cls, network: Network) -> "Snapshot":
        """Copy a network's state."""
        return cls(
            [layer.copy() for layer in network.counters],
            network.generator.state,
            deepcopy(network.statistics),
        )

    def restore(self, network: Network) -> None:
        """Bring a network back to this state."""
        network.load(self.counters)
        network.generator.state = self.generator_state
        network.statistics = deepcopy(self.statistics)


class DivergenceError(DeviceError):
    """Device and golden model have come to different results.

    Attributes
    ----------
    divergences : sequence of Divergence
        What differs.
    tile : int
        Tile after which it was found, from 0; -1: before the first.
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

    Predictions are compared after every tile, all state every now and then.

    Parameters
    ----------
    driver : Driver
        Device; :meth:`begin` resets it.
    network : Network
        Golden model.
    clock : callable
        Returns the cycles that the device has been clocked for.
    compare_every : int, optional
        Tiles between comparisons of all state; None: as often as costs a tenth of the cycles.

    Attributes
    ----------
    tiles, samples : int
        Trained so far.
    comparisons : int
        Times that all state was compared.
    log : list of Tile
        Tiles since then.
    agreed : Snapshot
        State then.
    """

    def __init__(
        self,
        driver: Driver,
        network: Network,
        *,
        clock: Callable[[], int],
        compare_every: int | None = None,
    ) -> None:
        self.driver = driver
        self.network = network
        self._clock = clock
        self._compare_every = compare_every
        self.tiles = self.samples = self.comparisons = 0
        self.log: list[Tile] = []
        self.earlier = deepcopy(network.statistics)
        self._agreed_tiles = -1
        self._cycles = dict.fromkeys(PHASES, 0)
        self._compared_at = self._comparison_took = 0
        self._seen = dict(self._cycles)
        self._reading = 0
        self.agreed = Snapshot.of(network)

    def begin(self, *, resumed: bool = False) -> None:
        """Reset the device, and compare what it has drawn.

        Parameters
        ----------
        resumed : bool
            Load the network's state into the device, instead of letting it draw its own.

        Raises
        ------
        DivergenceError
            If device and golden differ.
        """
        self.driver.reset(self.network.config.seed)
        if resumed:
            self.driver.load_state(self.network.counters, self.network.generator.state)
        self._skip_cycles()
        earlier = self._seen["transfer"]
        self._skip_cycles()
        self._reading = (self._seen["transfer"] - earlier) % _MODULUS
        self.compare()

    def train_tile(
        self, samples: Bits, labels: Labels, *, annealing: int, damping: int
    ) -> npt.NDArray[np.int64]:
        """Train both on a tile and return the predictions.

        Raises
        ------
        DivergenceError
            If they differ.
        """
        self.log.append(Tile(samples, labels, annealing, damping))
        found, forward = train_both(self.driver, self.network, self.log[-1])
        self.tiles += 1
        self.samples += len(samples)
        if wrong := list(compare_predictions(forward, found)):
            raise DivergenceError(wrong, self.tiles - 1, self._agreed_tiles)
        if self._due():
            self.compare()
        return found

    def _due(self) -> bool:
        """Whether it is time to compare all state."""
        if self._compare_every is not None:
            return self.tiles % self._compare_every == 0
        trained = self._clock() - self._compared_at
        return self.tiles == 1 or trained >= _SHARE * self._comparison_took

    def predict(self, samples: Bits) -> npt.NDArray[np.int64]:
        """Infer with both and return the classes.

        Raises
        ------
        DivergenceError
            If classes or class scores differ.
        """
        self._count_cycles()
        found = self.driver.predict(samples)
        scores = self.driver.scores(samples)
        self._skip_cycles()
        forward = self.network.forward(samples)
        wrong = [
            *compare_predictions(forward, found),
            *first_difference("class score", ("sample", "class"), forward.scores[-1], scores),
        ]
        if wrong:
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
        self._count_cycles()
        wrong = compare_state(self.driver, self.network, self.earlier)
        self._skip_cycles()
        self._compared_at = self._clock()
        self._comparison_took = self._compared_at - start
        if wrong:
            raise DivergenceError(wrong, self.tiles - 1, self._agreed_tiles)
        self.comparisons += 1
        self._agreed_tiles = self.tiles
        self.agreed = Snapshot.of(self.network)
        self.log.clear()

    @property
    def cycles(self) -> dict[str, int]:
        """Cycles that the device has spent on training, by phase; nothing else is counted."""
        self._count_cycles()
        return dict(self._cycles)

    def _count_cycles(self) -> None:
        """Add up what the device has counted since it was last asked, but not for the asking."""
        now = self.driver.statistics().cycles
        for phase in PHASES:
            self._cycles[phase] += (now[phase] - self._seen[phase]) % _MODULUS
        self._cycles["transfer"] -= self._reading
        self._seen = now

    def _skip_cycles(self) -> None:
        """Leave out what has been counted since: it was no training."""
        self._seen = self.driver.statistics().cycles


def train_both(
    driver: Driver, network: Network, tile: Tile
) -> tuple[npt.NDArray[np.int64], Forward]:
    """Train device and network on a tile; return the device's predictions, golden's forward."""
    options = {"annealing": tile.annealing, "damping": tile.damping}
    found = driver.train_tile(tile.samples, tile.labels, **options)
    return found, network.train_tile(tile.samples, tile.labels, **options)


def compare_predictions(forward: Forward, found: npt.NDArray[np.int64]) -> list[Divergence]:
    """Return the first wrong prediction of a device, if there is one."""
    return list(first_difference("prediction", ("sample",), forward.predictions, found))
