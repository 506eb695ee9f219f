"""What can be trained: the golden network, and anything that claims to be the same."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from .network import Bits, Network

Labels = npt.NDArray[np.integer]


class Learner(Protocol):
    """A network that learns tile by tile; a device is one, too."""

    def train_tile(
        self, samples: Bits, labels: Labels, *, annealing: int, damping: int
    ) -> npt.NDArray[np.integer]:
        """Train on a tile and return the predictions of its forward passes, shape (B,).

        Parameters
        ----------
        samples : ndarray of bool, shape (B, inputs)
            Encoded samples, at most ``config.tile``.
        labels : ndarray of int, shape (B,)
            Their classes.
        annealing, damping : int
            Exponent ``q`` and ``j`` of reinforcement.
        """

    def predict(self, samples: Bits) -> npt.NDArray[np.integer]:
        """Return the classes of samples, shape (n,), without learning."""


@runtime_checkable
class SpanLearner(Learner, Protocol):
    """A learner that need not be called for every single tile."""

    def pack(self, samples: Bits) -> Any:
        """Return samples in a form that the learner likes better.

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
    ) -> npt.NDArray[np.integer]:
        """Train tile by tile, and return the predictions of the forward passes, shape (B,).

        Parameters
        ----------
        packed
            All samples, from :meth:`pack`.
        labels : ndarray of int, shape (n,)
            Their classes.
        indices : ndarray of int, shape (B,)
            Those to train on, in order; the last tile may be smaller.
        annealing, damping : int
            Exponent ``q`` and ``j`` of reinforcement.
        """


class GoldenLearner:
    """The golden network as a learner.

    Parameters
    ----------
    network : Network
        Is trained in place.
    """

    def __init__(self, network: Network) -> None:
        self.network = network

    def train_tile(
        self, samples: Bits, labels: Labels, *, annealing: int, damping: int
    ) -> npt.NDArray[np.integer]:
        """Train on a tile; see :meth:`Learner.train_tile`."""
        forward = self.network.train_tile(samples, labels, annealing=annealing, damping=damping)
        return forward.predictions

    def predict(self, samples: Bits) -> npt.NDArray[np.integer]:
        """Return the classes of samples; see :meth:`Learner.predict`."""
        return self.network.predict(samples)
