"""A training run on the simulated device, held against the golden model."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ..boards.registry import Family
from ..errors import MetabitError
from ..golden.data.class_names import class_names
from ..golden.engines import EngineName, make_learner
from ..golden.runs.run import Run
from ..golden.runs.trainer import SpanResult, Trainer
from ..golden.schedule import Step
from ..golden.state import state_sha256
from ..hdl.device import Device
from ..hdl.placement import Placement
from ..hdl.shape import Shape
from ..host.driver import Driver
from ..host.lockstep import Lockstep
from .bitstream.built import Built
from .bitstream.source import Bitstream
from .chips import Chips
from .model import SimulatedDevice
from .named_waves import write_named
from .netlist import device_netlist
from .source import Report, Rtl
from .supplied import SuppliedDriver
from .transport import SimulatedTransport, patience
from .verilate import TraceFormat, build

_BITSTREAM_OPTIMISATION = "-O1"

_RECORDED = ".recorded.vcd"
"""Waveform of which readable names are made, and which goes when they are."""

TEST_SAMPLES = 64
"""Test samples whose classes are compared at the end."""


@dataclass(frozen=True)
class Stalls:
    """Random back-pressure on the streams.

    Attributes
    ----------
    seed : int
        Of the random choices.
    receive, transmit : float
        Probability that no byte is offered, or none taken, in a cycle.
    samples, predictions : float
        The same for what does not go through the link.
    """

    seed: int
    receive: float
    transmit: float
    samples: float
    predictions: float


@dataclass(frozen=True)
class Trace:
    """A window of tiles whose waveform is recorded, with the tile before and the one behind.

    The device has those under way at the same time.

    Attributes
    ----------
    path : Path or None
        File, ``.vcd`` or ``.fst``; None: all that is left are the readable names.
    first, count : int
        Tiles, from 0.
    named : Path, optional
        Folder for the waveform under readable names, with layouts for its viewers; see
        :func:`~metabit.sim.named_waves.write_named`.
    """

    path: Path | None
    first: int = 0
    count: int = 1
    named: Path | None = None

    @property
    def recorded(self) -> Path:
        """Where the simulation records to."""
        if self.path is None:
            if self.named is None:
                raise ValueError("a trace needs a file or a folder")
            return self.named / _RECORDED
        return self.path

    @property
    def format(self) -> TraceFormat:
        """Format that the file name asks for."""
        kinds: dict[str, TraceFormat] = {".vcd": "vcd", ".fst": "fst"}
        file = self.recorded
        if file.suffix not in kinds:
            raise ValueError(f"trace must be a .vcd or .fst file, not {file.name!r}")
        if self.named is not None and file.suffix != ".vcd":
            raise ValueError(f"readable names are made of a .vcd file, not of {file.name!r}")
        return kinds[file.suffix]


@dataclass(frozen=True)
class Outcome:
    """What a simulation has shown.

    Attributes
    ----------
    samples, tiles : int
        Trained on.
    cycles : dict of str to int
        Cycles of training, ``run``, and of what was done in them; phases overlap.
    comparisons : int
        Times that all state was compared and agreed.
    simulated_cycles : int
        All cycles that were simulated.
    seconds, processor_seconds : float
        Time that the model took for them.
    state_sha256 : str
        Of the state read from the device.
    """

    samples: int
    tiles: int
    cycles: dict[str, int]
    comparisons: int
    simulated_cycles: int
    seconds: float
    processor_seconds: float
    state_sha256: str

    @property
    def cycles_per_sample(self) -> float:
        """Cycles that a training sample takes."""
        return self.cycles["run"] / self.samples if self.samples else 0.0

    @property
    def cycles_per_second(self) -> float:
        """Speed of the model by the clock."""
        return self.simulated_cycles / self.seconds if self.seconds else 0.0

    @property
    def cycles_per_processor_second(self) -> float:
        """Speed of the model, whatever else the machine does."""
        return self.simulated_cycles / self.processor_seconds if self.processor_seconds else 0.0


class Simulation:
    """Train golden and the simulated device side by side; see :func:`simulation`.

    Parameters
    ----------
    device : SimulatedDevice
        Model.
    driver : Driver
        Its driver.
    run : Run
        At its beginning, or resumed. Its network is where training starts; it is taken over.
    engine : {"numpy", "numba"}
        What computes golden's spans.
    compare_every : int, optional
        See :class:`~metabit.host.lockstep.Lockstep`.
    trace : Trace, optional
        What to record.
    """

    def __init__(
        self,
        device: SimulatedDevice,
        driver: Driver,
        run: Run,
        *,
        engine: EngineName = "numpy",
        compare_every: int | None = None,
        trace: Trace | None = None,
    ) -> None:
        self.device = device
        self.driver = driver
        self.run = run
        self._trace = trace
        self._recording = False
        data = run.data
        self.side = Lockstep(
            driver,
            make_learner(run.network, engine),
            clock=lambda: device.cycles,
            compare_every=compare_every,
            names=class_names(data.dataset, run.network.config.classes, data.class_names),
        )
        self._trainer = Trainer(self.side, data, run.schedule)

    @property
    def most_tiles(self) -> int | None:
        """Tiles between two yields of :meth:`spans` at most; see :class:`.Trainer`."""
        return self._trainer.most_tiles

    @most_tiles.setter
    def most_tiles(self, tiles: int | None) -> None:
        self._trainer.most_tiles = tiles

    def spans(self, samples: int | None = None) -> Iterator[SpanResult]:
        """Load the network and train to the end, or on that many samples in whole tiles.

        Yields after every span.

        Raises
        ------
        DivergenceError
            If device and golden differ.
        """
        if samples is not None and samples < 1:
            raise ValueError(f"samples must be at least 1, not {samples}")
        schedule = self.run.schedule
        self.side.begin()
        while not schedule.done and (samples is None or self.side.samples < samples):
            left = None
            if samples is not None:
                left = -(-(samples - self.side.samples) // schedule.config.tile)
            limits = [limit for limit in (left, self.most_tiles) if limit is not None]
            tiles = min(limits, default=None)
            step = schedule.step(tiles)
            self._prepare_recording(step)
            yield self._trainer.train(tiles, drain=step.tiles == left)
        self._stop_recording()

    def _prepare_recording(self, step: Step) -> None:
        """Have the recording start and stop at its tiles.

        A device that is given its samples through the link is recorded for whole spans.
        """
        if self._trace is None:
            return
        first, end = self._trace.first - 1, self._trace.first + self._trace.count + 1
        tile, samples = self.run.schedule.config.tile, len(step.indices)
        for number, action in ((first, self._start_recording), (end, self._stop_recording)):
            predictions = (number - self.side.tiles) * tile
            if isinstance(self.driver, SuppliedDriver) and 0 < predictions < samples:
                self.driver.pauses.append((predictions, action))
            elif predictions <= 0 or (number == first and predictions < samples):
                action()

    def _start_recording(self) -> None:
        if self._trace is not None and not self._recording:
            self._recording = True
            self.device.trace(self._trace.recorded)

    def _stop_recording(self) -> None:
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
            self.device.processor_seconds,
            state_sha256(state.counters, state.generator_state),
        )


def build_device(
    shape: Shape,
    *,
    netlist: Family | None = None,
    bitstream: Built | None = None,
    trace: Trace | None = None,
    exact_popcount: bool = False,
    report: Report = lambda step: None,
) -> Path:
    """Compile a device; see :func:`~metabit.sim.verilate.build`.

    Parameters
    ----------
    shape : Shape
        What is built.
    netlist : {"ice40", "ecp5"}, optional
        Compile the device as synthesised for this FPGA family, instead of as described. It has no
        second way in for samples, as the one in a bitstream has none.
    bitstream : Built, optional
        Compile what this bitstream of the device is, behind its serial pins.
    trace, report
        See :func:`~metabit.sim.verilate.build`.
    exact_popcount : bool
        See :class:`~metabit.sim.source.Rtl`.

    Raises
    ------
    MetabitError
        If synthesis is not installed or fails, or the FPGA lacks a kind of memory; or if the
        bitstream cannot be decoded.
    """
    kind = trace.format if trace else None
    if bitstream is not None:
        return build(
            Bitstream(bitstream), optimise=_BITSTREAM_OPTIMISATION, trace=kind, report=report
        )
    if netlist is None:
        source = Rtl(Device(shape, supply=True), exact_popcount=exact_popcount)
        return build(source, trace=kind, report=report)
    # Thousands of single bits gain next to nothing from optimisation, which takes minutes.
    return build(device_netlist(shape, netlist), optimise="-O0", trace=kind, report=report)


def open_driver(
    library: Path, shape: Shape, stalls: Stalls | None = None, chips: Chips | None = None
) -> Driver:
    """Return the driver of a compiled device, which gives samples to it as fast as there is a way.

    Parameters
    ----------
    library : Path
        From :func:`build_device`.
    shape : Shape
        What was built.
    stalls : Stalls, optional
        Random back-pressure.
    chips : Chips, optional
        Memory chips at the device's pins, if it has such pins.
    """
    device = SimulatedDevice(library, chips)
    if stalls is not None:
        device.stall(
            stalls.seed, stalls.receive, stalls.transmit, stalls.samples, stalls.predictions
        )
    transport = SimulatedTransport(device, patience(shape))
    return (SuppliedDriver if device.has_supply else Driver)(transport, shape)


@contextmanager
def simulation(
    run: Run,
    shape: Shape,
    library: Path,
    *,
    engine: EngineName = "numpy",
    compare_every: int | None = None,
    trace: Trace | None = None,
    stalls: Stalls | None = None,
) -> Iterator[Simulation]:
    """Open a simulation of a device.

    Parameters
    ----------
    run : Run
        At its beginning, or resumed.
    shape : Shape
        Device.
    library : Path
        From :func:`build_device`, of this shape and with the same ``trace``.
    engine, compare_every, trace
        See :class:`Simulation`.
    stalls : Stalls, optional
        Random back-pressure.
    """
    with _naming(trace, run, shape), open_driver(library, shape, stalls) as driver:
        device = driver.transport.device  # type: ignore[attr-defined]
        yield Simulation(
            device, driver, run, engine=engine, compare_every=compare_every, trace=trace
        )


@contextmanager
def _naming(trace: Trace | None, run: Run, shape: Shape) -> Iterator[None]:
    """Give what was recorded readable names in the end, even if the simulation has failed."""
    if trace is None or trace.named is None:
        yield
        return
    folder = trace.named
    folder.mkdir(exist_ok=True)

    def give() -> None:
        config, data = run.network.config, run.data
        names = class_names(data.dataset, config.classes, data.class_names)
        if not trace.recorded.exists():
            raise MetabitError(f"tile {trace.first} was not reached; nothing was recorded")
        write_named(trace.recorded, folder, Placement(config, shape), names)

    try:
        try:
            yield
        except BaseException:
            with suppress(MetabitError):
                give()
            raise
        give()
    finally:
        if trace.path is None:
            trace.recorded.unlink(missing_ok=True)
