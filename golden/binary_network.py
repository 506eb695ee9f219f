"""What networks of all modes have in common, and what can be seen of them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from .codes import Bits
from .configurations.configuration import NetworkConfig
from .distribution import Distribution, Signs
from .generator import Generator


@dataclass
class Statistics:
    """Counts since the last reset, the same that the device keeps.

    Attributes
    ----------
    samples, correct : int
        Samples trained on, and those predicted right by their forward pass.
    triggers : list of int
        Samples that triggered an update, per layer.
    updates : list of int
        Winner rows updated, per layer.
    """

    samples: int
    correct: int
    triggers: list[int]
    updates: list[int]

    @classmethod
    def zero(cls, layers: int) -> "Statistics":
        """Return counts of nothing yet."""
        return cls(0, 0, [0] * layers, [0] * layers)


class Passed(Protocol):
    """What a forward pass of B samples leaves behind, whatever the rule."""

    @property
    def scores(self) -> Sequence[npt.NDArray[Any]]:
        """Class scores of each layer, whole numbers, shape (B, C)."""

    @property
    def decision(self) -> npt.NDArray[Any]:
        """Class scores whose largest is the prediction, whole numbers, shape (B, C)."""

    @property
    def predictions(self) -> npt.NDArray[np.int64]:
        """Class of each sample, shape (B,)."""


class BinaryNetwork(ABC):
    """Training state of a network, and the rule that changes it; each mode has a type of its own.

    Attributes
    ----------
    config : NetworkConfig
        Its seed determines everything random.
    generator : Generator
        Its state belongs to the training state.
    statistics : Statistics
        Counts since creation.
    fixed_range : bool
        Whether histograms cover a range that the configuration fixes; others state how wide their
        bins are.
    """

    fixed_range: ClassVar[bool]
    config: NetworkConfig
    generator: Generator
    statistics: Statistics

    @abstractmethod
    def forward(self, samples: Bits) -> Passed:
        """Compute class scores of every layer.

        Parameters
        ----------
        samples : ndarray of bool, shape (B, inputs)
            Encoded samples.
        """

    def predict(self, samples: Bits, batch: int = 4096) -> npt.NDArray[np.int64]:
        """Classes of samples, shape (n,), by :meth:`forward`; nothing is learnt."""
        parts = [
            self.forward(samples[start : start + batch]).predictions
            for start in range(0, len(samples), batch)
        ]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    @property
    @abstractmethod
    def state_sha256(self) -> str:
        """Hash of the training state; see :func:`~metabit.golden.state.state_sha256`."""

    @abstractmethod
    def hidden_weights(self) -> list[npt.NDArray[np.int32]]:
        """Return the hidden weights ``H`` of each layer, whose signs are the weights."""

    @abstractmethod
    def neuron_codes(self) -> list[npt.NDArray[np.int8]]:
        """Return what each class wants of each neuron, -1, 0 or 1, a layer of shape (C, K_l)."""

    @abstractmethod
    def signs(self) -> tuple[Signs, ...]:
        """Return the signs of each layer's weights, packed."""

    @abstractmethod
    def distribution(self, layer: int) -> Distribution:
        """Return how the counters or hidden weights of a layer are spread."""
