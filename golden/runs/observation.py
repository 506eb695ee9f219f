"""What there is to see in a training, epoch by epoch: recorded from outside, changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from ..binary_network import BinaryNetwork
from ..codes import Bits
from ..distribution import HIDDEN_BINS, Signs, count_flips

SAMPLES = 2000
"""Test samples whose margins are taken at the end of an epoch: enough to see, quick to do."""

PERCENTILES = (5, 25, 50, 75, 95)
"""Of the margins; each is the margin of a sample, with no value in between."""

_Count = Annotated[int, Field(ge=0)]


class LayerObservation(BaseModel):
    """A layer at the end of an epoch.

    Attributes
    ----------
    flips : int or None
        Weights whose sign differs from that at the beginning of the epoch; None: not known. In
        paper mode, a change from or to zero is one, too.
    triggers, updates : int or None
        Samples of the epoch that triggered an update, and winner rows updated.
    saturated : int or None
        Counters at an end of their range; in paper mode, hidden weights at the weight clip. None:
        there is no clip.
    zeros : int or None
        Weights that are zero; None: in hardware mode, none can be.
    histogram : tuple of int
        Counters in each of equally wide bins from the smallest value to the largest; in paper
        mode hidden weights, half of the bins being below zero.
    bin_width : int or None
        Values in a bin; None: the bins divide the range of the counters.
    accuracy : float
        Of the layer's own classifier on the observed test samples, a fraction.
    margins : tuple of int
        Percentiles :data:`PERCENTILES` of the score of the true class less that of its rival, on
        the observed test samples.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    flips: _Count | None
    triggers: _Count | None
    updates: _Count | None
    saturated: _Count | None
    zeros: _Count | None = None
    histogram: Annotated[tuple[_Count, ...], Field(min_length=4, max_length=HIDDEN_BINS)]
    bin_width: Annotated[int, Field(ge=1)] | None = None
    accuracy: Annotated[float, Field(ge=0, le=1)]
    margins: tuple[int, int, int, int, int]


class Observation(BaseModel):
    """All layers at the end of an epoch.

    Attributes
    ----------
    epoch : int
        Epoch, from 1.
    layers : tuple of LayerObservation
        Its layers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epoch: Annotated[int, Field(ge=1)]
    layers: tuple[LayerObservation, ...]


@dataclass(frozen=True)
class Opening:
    """How an epoch began, which its observation is compared with.

    Attributes
    ----------
    triggers, updates : tuple of int
        Counts of each layer so far.
    signs : tuple of ndarray of uint8
        Signs of each layer's weights, packed; see :data:`~.distribution.Signs`.
    """

    triggers: tuple[int, ...]
    updates: tuple[int, ...]
    signs: tuple[Signs, ...]

    @classmethod
    def of(cls, network: BinaryNetwork) -> Self:
        """Return the present state of a network."""
        statistics = network.statistics
        return cls(tuple(statistics.triggers), tuple(statistics.updates), network.signs())


def margins_of(
    scores: npt.NDArray[np.int32], labels: npt.NDArray[np.integer]
) -> npt.NDArray[np.int32]:
    """Return the score of the true class less that of its best rival, shape (n,).

    Parameters
    ----------
    scores : ndarray of int, shape (n, C)
        Class scores of a layer.
    labels : ndarray of int, shape (n,)
        True classes.
    """
    samples = np.arange(len(labels))
    own = scores[samples, labels]
    others = scores.copy()
    others[samples, labels] = np.iinfo(scores.dtype).min
    return own - others.max(axis=1)


class Observer:
    """Watches a network of any mode from epoch to epoch.

    Parameters
    ----------
    samples : ndarray of bool, shape (n, inputs)
        Encoded test samples; the first :data:`SAMPLES` are used.
    labels : ndarray of int, shape (n,)
        Their classes.
    opening : Opening or None
        How the present epoch began; None: not known.
    observations : sequence of Observation
        Those of the epochs before.

    Attributes
    ----------
    opening : Opening or None
        As above, of the present epoch.
    observations : list of Observation
        Of the finished epochs.
    """

    def __init__(
        self,
        samples: Bits,
        labels: npt.NDArray[np.integer],
        opening: Opening | None,
        observations: Sequence[Observation] = (),
    ) -> None:
        self._samples = samples[:SAMPLES]
        self._labels = labels[:SAMPLES]
        self.opening = opening
        self.observations = list(observations)

    def finish_epoch(self, epoch: int, network: BinaryNetwork) -> None:
        """Record the end of an epoch, which is the beginning of the next.

        Parameters
        ----------
        epoch : int
            The epoch that is over, from 1.
        network : BinaryNetwork
            Is looked at, and left as it is.
        """
        now = Opening.of(network)
        scores = network.forward(self._samples).scores
        layers = tuple(
            self._observe(layer, network, now, scores[layer].astype(np.int32))
            for layer in range(network.config.layers)
        )
        self.observations.append(Observation(epoch=epoch, layers=layers))
        self.opening = now

    def _observe(
        self, layer: int, network: BinaryNetwork, now: Opening, scores: npt.NDArray[np.int32]
    ) -> LayerObservation:
        before = self.opening
        flips = triggers = updates = None
        if before is not None:
            flips = count_flips(before.signs[layer], now.signs[layer])
            triggers = now.triggers[layer] - before.triggers[layer]
            updates = now.updates[layer] - before.updates[layer]
        found = network.distribution(layer)
        margins = margins_of(scores, self._labels)
        percentiles = np.percentile(margins, PERCENTILES, method="inverted_cdf")
        return LayerObservation(
            flips=flips,
            triggers=triggers,
            updates=updates,
            saturated=found.saturated,
            zeros=found.zeros,
            histogram=tuple(found.histogram.tolist()),
            bin_width=found.bin_width,
            accuracy=float(np.mean(scores.argmax(axis=1) == self._labels)),
            margins=tuple(percentiles.astype(int).tolist()),
        )
