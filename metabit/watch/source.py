"""What can be watched: a training, wherever it runs. All of them train by the same loop."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..boards.registry import boards_of_devices
from ..golden.binary_network import BinaryNetwork, Statistics
from ..golden.checkpoints.layers import Saved
from ..golden.runs.trainer import SpanResult
from ..golden.runs.training_run import TrainingRun
from ..hdl.placement import Placement
from ..host.cycles import WHOLE
from ..planning.cycles import bounds
from ..planning.events import Rates

if TYPE_CHECKING:
    from ..boards.run import DeviceRun
    from ..planning.line import SpeedOf
    from ..sim.simulate import Outcome, Simulation

_PARTS = {
    "array": "the array, in which every sign meets every input",
    "update": "the updates of rows",
    "inputs": "the way in of the samples",
    "port": "the one port of the counters' RAM",
    "memory": "the memory that samples are played from",
}
"""What :class:`.Bounds` calls the parts of a device, in words."""


@dataclass(frozen=True)
class Window:
    """What happened between two looks.

    Attributes
    ----------
    samples : int
        Trained on, at least one.
    seconds : float
        Spent on it.
    cycles : dict of str to float
        Cycles a sample by phase; empty: not known.
    triggers, updates : tuple of float
        A sample, of each layer.
    annealing : int
        Exponent ``q``.
    """

    samples: int
    seconds: float
    cycles: dict[str, float]
    triggers: tuple[float, ...]
    updates: tuple[float, ...]
    annealing: int

    @property
    def rate(self) -> float:
        """Samples a second."""
        return self.samples / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Possible:
    """How fast a training could be, and what keeps it from being faster.

    Attributes
    ----------
    samples_per_second : float
        What is possible.
    limit : str
        What limits, in words.
    """

    samples_per_second: float
    limit: str


class Source:
    """A run of the golden model; the others differ from it in where things are.

    Parameters
    ----------
    run : TrainingRun
        The training.
    place : str
        Where it runs, in words.
    """

    def __init__(self, run: TrainingRun, place: str) -> None:
        self.run = run
        self.place = place

    def spans(self) -> Iterator[SpanResult]:
        """Train to the end; see :meth:`.TrainingRun.spans`."""
        return self.run.spans()

    def stride(self, tiles: int | None) -> None:
        """Train on so many tiles at most until the next yield; None: on a span."""
        self.run.most_tiles = tiles

    @property
    def network(self) -> BinaryNetwork:
        """The network, as it was when it was at hand last."""
        return self.run.network

    @property
    def at_hand(self) -> bool:
        """Whether :attr:`network` is what is trained, now."""
        return self.run.at_hand

    @property
    def counts(self) -> Statistics:
        """What has been counted so far."""
        return self.run.counts

    @property
    def cycles(self) -> dict[str, int]:
        """Cycles of training by phase; see :class:`~metabit.host.cycles.CycleCount`."""
        return {}

    def possible(self, window: Window) -> Possible | None:
        """Return how fast the training could be; None: that is known of devices only."""
        return None

    def checkpoint(self) -> Saved:
        """Return a checkpoint of the present position."""
        return self.run.checkpoint()

    def results(self) -> dict[str, Any]:
        """Return what is to be said of the device at the end."""
        return {}


class BoardSource(Source):
    """A run on a board.

    Parameters
    ----------
    run : DeviceRun
        The training.
    place : str
        Device and port, in words.
    speed : SpeedOf
        Knows what line and core allow.
    """

    run: "DeviceRun"

    def __init__(self, run: "DeviceRun", place: str, speed: "SpeedOf") -> None:
        super().__init__(run, place)
        self._speed = speed

    @property
    def cycles(self) -> dict[str, int]:
        """Cycles of training by phase, as the device counts them."""
        return self.run.cycles

    def possible(self, window: Window) -> Possible | None:
        """Return what line and core allow, and which of them, or the host, is in the way."""
        speed = self._speed.of(self.run.driver.traffic)
        limits = {
            "line": "the serial line",
            "core": "the device's core",
            "host": "host, USB or adapter: answers come late",
        }
        return Possible(self._speed.possible, limits[speed.limit])

    def results(self) -> dict[str, Any]:
        """Return device, cycles and what became of the line."""
        driver = self.run.driver
        return {
            "device": driver.shape.name,
            "cycles": self.run.cycles,
            "link": self._speed.report(driver),
        }


class SimulatedSource(Source):
    """A run on the simulated device, in lock-step with golden.

    Parameters
    ----------
    simulation : Simulation
        Not begun yet.
    place : str
        Device, in words.
    """

    def __init__(self, simulation: "Simulation", place: str) -> None:
        super().__init__(simulation.run, place)
        self.simulation = simulation
        shape = simulation.driver.shape
        self._board = boards_of_devices().get(shape.name)
        self._placement = Placement(simulation.run.network.config, shape)
        self._outcome: Outcome | None = None

    def spans(self) -> Iterator[SpanResult]:
        """Train both to the end, and compare all state then.

        Golden alone is tested after every epoch: a device that agrees with it predicts the same.
        """
        seconds = 0.0
        for result in self.simulation.spans():
            seconds += result.seconds
            if result.step.last:
                self._bring_up_to_date()
                self.run.end_epoch(result.step.epoch, seconds)
                seconds = 0.0
            yield result
        self._outcome = self.simulation.finish()

    def stride(self, tiles: int | None) -> None:
        """Train on so many tiles at most until the next yield; None: on a span."""
        self.simulation.most_tiles = tiles

    @property
    def network(self) -> BinaryNetwork:
        """Golden's network, which the device is compared with."""
        return self.simulation.side.golden.network

    @property
    def counts(self) -> Statistics:
        """What golden has counted."""
        return self.network.statistics

    @property
    def cycles(self) -> dict[str, int]:
        """Cycles of training by phase."""
        return self.simulation.side.cycles

    def possible(self, window: Window) -> Possible | None:
        """Return how fast a board would be that takes so many cycles a sample, and why not faster.

        What limits is the part of the device that is busiest with what samples cause, as
        ``metabit plan`` counts it.
        """
        cycles = window.cycles.get(WHOLE, 0.0)
        if not cycles:
            return None
        rows = [
            updates / triggers if triggers else 0.0
            for triggers, updates in zip(window.triggers, window.updates, strict=True)
        ]
        rates = Rates(window.triggers, tuple(rows), 0.0, window.annealing)
        bound = bounds(self._placement, rates)
        limit = f"busiest: {_PARTS[bound.part]}, {bound.cycles:.1f} of {cycles:.1f} cycles a sample"
        if self._board is None:
            return Possible(1e6 / cycles, f"for each MHz of its clock; {limit}")
        mhz = self._board.clock_of(self.simulation.driver.shape.name)
        where = f"at the {mhz:g} MHz of the {self._board.name}"
        return Possible(1e6 * mhz / cycles, f"{where}; {limit}")

    def checkpoint(self) -> Saved:
        """Return a checkpoint of golden's present state."""
        self._bring_up_to_date()
        return self.run.checkpoint()

    def _bring_up_to_date(self) -> None:
        # The run's network is the one that golden's side brings up to date when it is asked for.
        assert self.network is self.run.network

    def results(self) -> dict[str, Any]:
        """Return what the simulation has shown; nothing before its end."""
        if self._outcome is None:
            return {}
        outcome = asdict(self._outcome)
        return {
            **outcome,
            "cycles": outcome["cycles"].get("run", 0),
            "cycles_by_phase": outcome["cycles"],
            "cycles_per_sample": self._outcome.cycles_per_sample,
            "cycles_per_second": self._outcome.cycles_per_second,
            "bit_exact": True,
            "device": self.simulation.driver.shape.name,
        }
