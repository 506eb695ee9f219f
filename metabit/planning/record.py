"""What golden's samples cause, written down while it trains."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ..golden.generator import Generator
from ..golden.learner import GoldenLearner
from ..golden.network import Bits, Forward, Network
from ..golden.runs.trainer import Samples
from ..golden.schedule import Schedule
from .events import FLIP_WEIGHTS, Row, Rows, Run

_Winners = tuple[npt.NDArray[np.bool_], npt.NDArray[np.intp]]


class Recorder(Network):
    """A network that notes what every sample causes.

    Parameters
    ----------
    network : Network
        Where to start; is not changed.
    lanes : int
        Inputs that the device takes in a visit.

    Attributes
    ----------
    notes : list of tuple of Rows
        Of every sample, of every layer.
    """

    def __init__(self, network: Network, lanes: int) -> None:
        super().__init__(network.config)
        self.load(network.counters)
        self.generator.state = network.generator.state
        self.notes: list[tuple[Rows, ...]] = []
        self._lanes = lanes
        self._rows: list[tuple[int, tuple[int, ...]]] = []
        self._chosen: list[_Winners] = []

    def plain(self) -> Network:
        """Return a network in the same state, which notes nothing."""
        network = Network(self.config)
        network.load(self.counters)
        network.generator.state = self.generator.state
        return network

    def train_tile(
        self,
        samples: Bits,
        labels: npt.NDArray[np.integer],
        *,
        annealing: int = 0,
        damping: int = 0,
    ) -> Forward:
        """Train on a tile; see :meth:`.Network.train_tile`."""
        self._rows.clear()
        self._chosen.clear()
        result = super().train_tile(samples, labels, annealing=annealing, damping=damping)
        # Sample by sample, layer by layer: in this order rows have been updated.
        rows = iter(self._rows)
        for sample in range(len(labels)):
            self.notes.append(
                tuple(
                    tuple(
                        Row(group, *next(rows))
                        for group, neuron in enumerate(winners[sample])
                        if neuron >= 0
                    )
                    if triggered[sample]
                    else None
                    for triggered, winners in self._chosen
                )
            )
        return result

    def _winners(self, result: Forward, labels: npt.NDArray[np.integer], layer: int) -> _Winners:
        self._chosen.append(super()._winners(result, labels, layer))
        return self._chosen[-1]

    def _update_rows(
        self,
        layer: int,
        neurons: npt.NDArray[np.intp],
        inputs: npt.NDArray[np.float32],
        desired: Bits,
        annealing: int,
        damping: int,
    ) -> None:
        before = self.counters[layer][neurons] >= 0
        state, draws = self.generator.state, 1 + self.config.words[layer]
        super()._update_rows(layer, neurons, inputs, desired, annealing, damping)
        flipped = before != (self.counters[layer][neurons] >= 0)
        phases = [0] * len(neurons)
        if annealing:
            again = Generator(state).draw(len(neurons) * draws)[::draws]
            phases = [int(phase) & ((1 << annealing) - 1) for phase in again]
        fan_in = self.config.fan_in[layer]
        padded = np.zeros((len(neurons), -(-fan_in // FLIP_WEIGHTS) * FLIP_WEIGHTS), bool)
        padded[:, :fan_in] = flipped
        beats = padded.reshape(len(neurons), -1, FLIP_WEIGHTS).any(axis=2)
        visits = np.add.reduceat(
            beats, range(0, beats.shape[1], self._lanes // FLIP_WEIGHTS), axis=1, dtype=np.int64
        )
        self._rows += [
            (phase, tuple(row)) for phase, row in zip(phases, visits.tolist(), strict=True)
        ]


def record(recorder: Recorder, data: Samples, schedule: Schedule) -> Iterator[Run]:
    """Train, and yield what every span has caused: a run of the device.

    Parameters
    ----------
    recorder : Recorder
    data : Samples
    schedule : Schedule
        Moves along.
    """
    learner, labels = GoldenLearner(recorder), data.train_labels
    packed = learner.pack(data.train)
    for step in schedule:
        predictions = learner.train_tiles(
            packed, labels, step.indices, annealing=step.annealing, damping=step.damping
        )
        schedule.advance(int(np.count_nonzero(predictions != labels[step.indices])), step.tiles)
        notes, recorder.notes = recorder.notes, []
        yield Run(notes, step.annealing)
