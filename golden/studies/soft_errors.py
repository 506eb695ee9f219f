"""Soft errors: bits of counters that turn over by themselves, from radiation or a weak cell."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..engines import EngineName, make_learner
from ..network import Network
from ..runs.run import Run
from ..runs.trainer import SpanResult

Counters = npt.NDArray[np.int16]

_STREAM = 0x50F7
"""What tells the draws of soft errors from all others that a seed decides."""

_BURST_SHARE = 0.5
"""Of all bits, those that a burst gives random values."""


@dataclass(frozen=True)
class SoftErrors:
    """What goes wrong in the memory of a training.

    All bits of a counter are alike; its highest is the weight itself. A flip shows in the sign that
    forward passes see, too.

    Attributes
    ----------
    rate : float
        Flips per bit and epoch, spread evenly over the spans of an epoch.
    burst_after : int
        Epoch after which half of all bits, drawn at random, get random values; 0: never.
    """

    rate: float = 0.0
    burst_after: int = 0

    def __str__(self) -> str:
        """Return what ledgers call it."""
        burst = f", burst after epoch {self.burst_after}" if self.burst_after else ""
        return f"soft errors {self.rate:g}{burst}"


class Flips:
    """The flips of a training, which follow from its seed.

    Parameters
    ----------
    bits : int
        Of a counter.
    seed : int
        Of the training.
    """

    def __init__(self, bits: int, seed: int) -> None:
        self._bits = bits
        self._rng = np.random.default_rng([seed, _STREAM])
        self.count = 0

    def flip(self, counters: Sequence[Counters], share: float) -> list[Counters]:
        """Return counters of which each bit has been turned over with a probability.

        Parameters
        ----------
        counters : sequence of ndarray of int16, shape (K_l, fan_in)
            Of each layer; are left as they are.
        share : float
            The probability.
        """
        return [self._flip_layer(layer, share) for layer in counters]

    def burst(self, counters: Sequence[Counters]) -> list[Counters]:
        """Return counters of which half of all bits have random values."""
        # A random value is the wrong one in every other case.
        return self.flip(counters, _BURST_SHARE / 2)

    def _flip_layer(self, counters: Counters, share: float) -> Counters:
        bits = self._bits
        total = counters.size * bits
        count = int(self._rng.binomial(total, share))
        places = self._rng.choice(total, count, replace=False, shuffle=False)
        self.count += count
        # No bit twice, so that the flips of a counter can be added up.
        masks = np.bincount(places // bits, 1 << (places % bits), counters.size).astype(np.int64)
        numbers = (counters.astype(np.int64).ravel() & ((1 << bits) - 1)) ^ masks
        sign = 1 << (bits - 1)
        return ((numbers ^ sign) - sign).reshape(counters.shape).astype(np.int16)


class StruckRun(Run):
    """A run of the golden network under soft errors.

    Parameters
    ----------
    network, data, schedule, engine
        As in :class:`.Run`; the seed of the network's configuration is that of the flips.
    errors : SoftErrors
        What goes wrong.

    Attributes
    ----------
    flips : Flips
        What has gone wrong so far.
    after_burst : float or None
        Test accuracy just after the burst.
    """

    def __init__(
        self, network: Network, *arguments: Any, errors: SoftErrors, engine: EngineName = "numpy"
    ) -> None:
        super().__init__(network, *arguments, engine=engine)
        self.errors = errors
        self.flips = Flips(network.config.counter_bits, network.config.seed)
        self.after_burst: float | None = None

    def spans(self) -> Iterator[SpanResult]:
        """Train to the end; memory is struck after every span."""
        for result in super().spans():
            counters: list[Counters] = self.network.counters
            step = result.step
            share = self.errors.rate * len(step.indices) / self.schedule.samples
            if share:
                self._load(self.flips.flip(counters, share))
            if step.last and step.epoch == self.errors.burst_after:
                self._load(self.flips.burst(self.network.counters))
                self.after_burst = self._trainer.test_accuracy()
            yield result

    def _load(self, counters: list[Counters]) -> None:
        """Have training go on with other counters."""
        network = self.network
        network.load(counters)
        self._golden = self._trainer.learner = make_learner(network, self.engine)
