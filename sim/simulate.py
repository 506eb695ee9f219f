"""A training run on the simulated device, held against the golden model."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..boards.driver import Driver
from ..boards.registry import Family
from ..golden.config import Config
from ..golden.run import Run
from ..golden.state import state_sha256
from ..golden.trainer import TileResult, Trainer
from ..hdl.v1.device import Device
from .model import SimulatedDevice
from .netlist import device_netlist
from .side_by_side import SideBySide
from .source import Report
from .transport import SimulatedTransport, patience
from .verilate import TraceFormat, build

TEST_SAMPLES = 64
"""Test samples whose classes and scores are compared at the end."""


@dataclass(frozen=True)
class Stalls:
    """Random back-pressure on the byte streams.

    Attributes
    ----------
    seed : int
        Of the random choices.
    receive, transmit : float
        Probability that no byte is offered, or none taken, in a cycle.
    """

    seed: int
    receive: float
    transmit: float


@dataclass(frozen=True)
class Trace:
    """A window of tiles whose waveform is recorded.

    Attributes
    ----------
    path : Path
        File, ``.vcd`` or ``.fst``.
    first, count : int
        Tiles, from 0.
    """

    path: Path
    first: int = 0
    count: int = 1

    @property
    def format(self) -> TraceFormat:
        """Format that the file name asks for."""
        kinds: dict[str, TraceFormat] = {".vcd": "vcd", ".fst": "fst"}
        if self.path.suffix not in kinds:
            raise ValueError(f"trace must be a .vcd or .fst file, not {self.path.name!r}")
        return kinds[self.path.suffix]


@dataclass(frozen=True)
class Outcome:
    """What a simulation has shown.

    Attributes
    ----------
    samples, tiles : int
        Trained on.
    cycles : dict of str to int
        Cycles of training by phase, without those of comparisons.
    comparisons : int
        Times that all state was compared and agreed.
    simulated_cycles : int
        All cycles that were simulated.
    seconds : float
        Time that took.
    state_sha256 : str
        Of the state read from the device.
    """

    samples: int
    tiles: int
    cycles: dict[str, int]
    comparisons: int
    simulated_cycles: int
    seconds: float
    state_sha256: str

    @property
    def cycles_per_sample(self) -> float:
        """Cycles that a training sample takes."""
        return sum(self.cycles.values()) / self.samples if self.samples else 0.0

    @property
    def cycles_per_second(self) -> float:
        """Speed of the simulation."""
        return self.simulated_cycles / self.seconds if self.seconds else 0.0


class Simulation:
    """Train golden and the simulated device side by side; see :func:`simulation`.

    Parameters
    ----------
    device : SimulatedDevice
        Model.
    driver : Driver
        Its driver.
    run : Run
        At its beginning, or resumed.
    compare_every : int, optional
        See :class:`~metabit.sim.side_by_side.SideBySide`.
    trace : Trace, optional
        What to record.
    """

    def __init__(
        self,
        device: SimulatedDevice,
        driver: Driver,
        run: Run,
        *,
        compare_every: int | None = None,
        trace: Trace | None = None,
    ) -> None:
        self.device = device
        self.driver = driver
        self.run = run
        self._trace = trace
        self.side = SideBySide(
            driver,
            run.network,
            clock=lambda: device.cycles,
            compare_every=compare_every,
        )

    def tiles(self, samples: int | None = None) -> Iterator[TileResult]:
        """Reset the device and train to the end, or on that many samples in whole tiles.

        Yields after every tile.

        Raises
        ------
        DivergenceError
            If device and golden differ.
        """
        if samples is not None and samples < 1:
            raise ValueError(f"samples must be at least 1, not {samples}")
        schedule = self.run.schedule
        self.side.begin(resumed=bool(schedule.history or schedule.sample))
        self._record(self.side.tiles)
        for result in Trainer(self.side, self.run.data, schedule).tiles():
            self._record(self.side.tiles)
            yield result
            if samples is not None and self.side.samples >= samples:
                break
        self.device.trace(None)

    def _record(self, tile: int) -> None:
        """Start or stop recording before a tile."""
        if self._trace is not None:
            if tile == self._trace.first:
                self.device.trace(self._trace.path)
            elif tile == self._trace.first + self._trace.count:
                self.device.trace(None)

    def finish(self) -> Outcome:
        """Compare all state and the inference of some test samples.

        Raises
        ------
        DivergenceError
            If device and golden differ.
        """
        self.side.compare()
        cycles = self.side.cycles
        self.side.predict(self.run.data.test[:TEST_SAMPLES])
        state = self.driver.read_state()
        return Outcome(
            self.side.samples,
            self.side.tiles,
            cycles,
            self.side.comparisons,
            self.device.cycles,
            self.device.seconds,
            state_sha256(state.counters, state.generator_state),
        )


def build_device(
    config: Config,
    *,
    netlist: Family | None = None,
    trace: Trace | None = None,
    report: Report = lambda step: None,
) -> Path:
    """Compile the device of a configuration; see :func:`~metabit.sim.verilate.build`.

    Parameters
    ----------
    config : Config
        What the device trains.
    netlist : {"ice40", "ecp5"}, optional
        Compile the device as synthesised for this FPGA family, instead of as described.
    trace, report
        See :func:`~metabit.sim.verilate.build`.

    Raises
    ------
    MetabitError
        If synthesis is not installed or fails, or the FPGA lacks a kind of memory.
    """
    kind = trace.format if trace else None
    if netlist is None:
        return build(Device(config), trace=kind, report=report)
    # Thousands of single bits gain next to nothing from optimisation, which takes minutes.
    source = device_netlist(config, netlist)
    return build(source, optimise="-O0", trace=kind, report=report)


@contextmanager
def simulation(
    run: Run,
    library: Path,
    *,
    compare_every: int | None = None,
    trace: Trace | None = None,
    stalls: Stalls | None = None,
) -> Iterator[Simulation]:
    """Open a simulation of a device.

    Parameters
    ----------
    run : Run
        At its beginning, or resumed.
    library : Path
        From :func:`build_device`, for the configuration of the run and with the same ``trace``.
    compare_every, trace
        See :class:`Simulation`.
    stalls : Stalls, optional
        Random back-pressure.
    """
    config = run.network.config
    device = SimulatedDevice(library)
    if stalls is not None:
        device.stall(stalls.seed, stalls.receive, stalls.transmit)
    with Driver(SimulatedTransport(device, patience(config)), config) as driver:
        yield Simulation(device, driver, run, compare_every=compare_every, trace=trace)
