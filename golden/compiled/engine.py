"""The compiled engine: trains a network bit for bit as the network trains itself, but faster."""

import numpy as np
import numpy.typing as npt

from ..network import Bits, Network
from . import kernel
from .state import (
    Words,
    make_geometry,
    make_rule,
    make_scratch,
    pack,
    pack_state,
    unpack_state,
)


class Engine:
    """A network as a learner that is trained by compiled code.

    Bits are packed 64 to a word, counters of 8 bits or fewer take a byte, and tiles are trained
    without a return to Python in between. The compiled code runs without the interpreter's lock:
    several engines may work at the same time, each in a thread of its own.

    Parameters
    ----------
    network : Network
        Where to start, drained. Taken over: it must not be changed by others afterwards.
    """

    engine = "numba"

    def __init__(self, network: Network) -> None:
        network.drain()
        self._network = network
        self._current = True
        self._drained = True
        self._config = network.config
        self._geometry = make_geometry(network.config)
        self._state = pack_state(network)
        self._scratch = make_scratch(network.config, self._geometry)
        # Compiles, or loads what was compiled before, here and not amid the first epoch.
        nothing = np.empty(0, np.int64)
        self.train_tiles(self.pack(np.empty((0, self._config.inputs), bool)), nothing, nothing)
        self.predict(np.empty((0, self._config.inputs), bool))

    @property
    def network(self) -> Network:
        """The network, brought up to date and drained when it is asked for; changes are lost."""
        if not self._current:
            unpack_state(self._state, self._network)
            self._current = True
        return self._network

    def pack(self, samples: Bits) -> Words:
        """Return samples in the form that :meth:`train_tiles` takes.

        Parameters
        ----------
        samples : ndarray of bool, shape (n, inputs)
            Encoded samples.

        Raises
        ------
        ValueError
            If they have another number of bits than the network has inputs.
        """
        if samples.ndim != 2 or samples.shape[1] != self._config.inputs:
            raise ValueError(
                f"samples must have the shape (n, {self._config.inputs}), not {samples.shape}"
            )
        return pack(samples)

    def train_tiles(
        self,
        packed: Words,
        labels: npt.NDArray[np.integer],
        indices: npt.NDArray[np.int64],
        *,
        annealing: int = 0,
        damping: int = 0,
        drain: bool = True,
    ) -> npt.NDArray[np.int64]:
        """Train on samples, tile by tile; drain, and return the predictions of the forward passes.

        Parameters
        ----------
        packed : ndarray of uint64
            All samples, from :meth:`pack`.
        labels : ndarray of int, shape (n,)
            Their classes.
        indices : ndarray of int
            Those to train on, in order; the last tile may be smaller.
        annealing, damping : int
            Exponent ``q`` and ``j`` of reinforcement.
        drain : bool
            See :meth:`metabit.golden.learner.Learner.train_tiles`.

        Raises
        ------
        ValueError
            If samples and labels are not equally many, or a label is no class of the network.
        IndexError
            If there is no such sample.
        """
        if len(packed) != len(labels):
            raise ValueError(f"there must be {len(packed)} labels, one a sample, not {len(labels)}")
        chosen = np.asarray(labels[indices], np.int64)
        classes = self._config.classes
        if len(chosen) and not 0 <= chosen.min() <= chosen.max() < classes:
            raise ValueError(
                f"labels must be 0 to {classes - 1}, not {chosen.min()} to {chosen.max()}"
            )
        predictions = np.empty(len(chosen), np.int64)
        self._current = self._current and not len(chosen)
        kernel.train(
            *(self._geometry, self._state, self._scratch),
            make_rule(self._config, annealing, damping),
            self._drained,
            *(packed, np.asarray(indices, np.int64), chosen, predictions),
        )
        self._drained = drain
        return predictions

    def predict(self, samples: Bits) -> npt.NDArray[np.int64]:
        """Return the classes of samples; see :meth:`metabit.golden.learner.Learner.predict`."""
        predictions = np.empty(len(samples), np.int64)
        kernel.predict(
            *(self._geometry, self._state, self._scratch),
            *(make_rule(self._config, 0, 0), self.pack(samples), predictions),
        )
        return predictions
