"""What can be trained: the golden network, and anything that claims to be the same."""

from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .network import Bits, Network

Labels = npt.NDArray[np.integer]


class Learner(Protocol):
    """A network that learns span by span; a device is one, too."""

    def pack(self, samples: Bits) -> Any:
        """Return samples in the form that :meth:`train_tiles` takes.

        Parameters
        ----------
        samples : ndarray of bool, shape (n, inputs)
            Encoded samples.
        """

    def train_tiles(
        self,
        packed: Any,
        labels: Labels,
        indices: npt.NDArray[np.int64],
        *,
        annealing: int,
        damping: int,
        drain: bool = True,
    ) -> npt.NDArray[np.integer]:
        """Train tile by tile, drain, and return the predictions of the forward passes, shape (B,).

        Parameters
        ----------
        packed
            All samples, from :meth:`pack`.
        labels : ndarray of int, shape (n,)
            Their classes.
        indices : ndarray of int, shape (B,)
            Those to train on, in order; all tiles are full but perhaps the last.
        annealing, damping : int
            Exponent ``q`` and ``j`` of reinforcement.
        drain : bool
            Have the next forward pass see all updates, as at the end of a span. If not, what comes
            next goes on within the span: its first pass sees what it would have seen in one go.
        """

    def predict(self, samples: Bits) -> npt.NDArray[np.integer]:
        """Return the classes of samples, shape (n,), without learning; of a drained learner."""


class TileLearner(ABC):
    """A learner that is called for every single tile; what one tile is, a subclass says.

    Parameters
    ----------
    tile : int
        Samples of a full tile.
    """

    def __init__(self, tile: int) -> None:
        self._tile = tile

    @abstractmethod
    def train_tile(
        self, samples: Bits, labels: Labels, *, annealing: int, damping: int
    ) -> npt.NDArray[np.integer]:
        """Train on a tile, without a drain, and return the predictions of its forward passes.

        Parameters
        ----------
        samples : ndarray of bool, shape (B, inputs)
            Encoded samples, a tile of them at most.
        labels : ndarray of int, shape (B,)
            Their classes.
        annealing, damping : int
            Exponent ``q`` and ``j`` of reinforcement.
        """

    @abstractmethod
    def drain(self) -> None:
        """Let the next forward pass see all updates."""

    def pack(self, samples: Bits) -> Bits:
        """Return samples as they are."""
        return samples

    def train_tiles(
        self,
        packed: Bits,
        labels: Labels,
        indices: npt.NDArray[np.int64],
        *,
        annealing: int,
        damping: int,
        drain: bool = True,
    ) -> npt.NDArray[np.integer]:
        """Train tile by tile, and drain; see :meth:`Learner.train_tiles`."""
        predictions = np.empty(len(indices), np.int64)
        for start in range(0, len(indices), self._tile):
            part = slice(start, start + self._tile)
            chosen = indices[part]
            predictions[part] = self.train_tile(
                packed[chosen], labels[chosen], annealing=annealing, damping=damping
            )
        if drain:
            self.drain()
        return predictions


class GoldenLearner(TileLearner):
    """The golden network as a learner.

    Parameters
    ----------
    network : Network
        Is trained in place.
    """

    def __init__(self, network: Network) -> None:
        super().__init__(network.config.tile)
        self.network = network

    def train_tile(
        self, samples: Bits, labels: Labels, *, annealing: int, damping: int
    ) -> npt.NDArray[np.integer]:
        """Train on a tile; see :meth:`TileLearner.train_tile`."""
        forward = self.network.train_tile(samples, labels, annealing=annealing, damping=damping)
        return forward.predictions

    def drain(self) -> None:
        """Drain the network; see :meth:`.Network.drain`."""
        self.network.drain()

    def predict(self, samples: Bits) -> npt.NDArray[np.integer]:
        """Return the classes of samples; see :meth:`Learner.predict`."""
        return self.network.predict(samples)
