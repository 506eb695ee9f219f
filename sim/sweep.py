"""Random networks on a few small devices, each trained on random data and compared bit for bit."""

import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np

from ..boards.registry import Family
from ..golden.config import Config
from ..golden.learner import GoldenLearner
from ..golden.network import Network
from ..hdl.placement import CapacityError, Placement
from ..hdl.shape import LANES, SHAPES, Shape
from ..host.compare import DivergenceError
from ..host.errors import DeviceError
from ..host.lockstep import Lockstep, Span
from ..host.pinpoint import pinpoint
from .netlist import board_of
from .simulate import build_device, open_driver
from .supplied import SuppliedDriver

RUNS = 4
"""Of a network."""

_TILES = 8
"""Most tiles of a run."""

_STALL = 0.5
_NOISE = 0.3
_RETRIES = 1000

DEVICES = (
    SHAPES["small"],
    SHAPES["small-spram"],
    # One column, one element, the smallest counters, no counts of phases.
    Shape(
        name="sweep-narrow",
        elements=1,
        samples=1,
        counter_bits=2,
        depth=256,
        code_bits=3,
        codes=256,
        neurons=48,
        inputs=300,
        records=64,
        winners=64,
        layers=2,
        phases=False,
    ),
    # More columns than a pass of most tiles needs, and elements in two banks.
    Shape(
        name="sweep-wide",
        elements=5,
        samples=5,
        counter_bits=7,
        depth=128,
        code_bits=16,
        codes=128,
        neurons=40,
        inputs=700,
        records=64,
        winners=48,
        layers=3,
    ),
)
"""Devices that networks are drawn for, in turn."""


@dataclass(frozen=True)
class Trial:
    """One network of a sweep.

    Attributes
    ----------
    number : int
        Position in the sweep.
    device : str
        Name of the shape that it was loaded into.
    config : Config
        What was trained.
    samples, cycles : int
        Trained on, and simulated.
    error : str or None
        What went wrong; None: every bit agrees.
    """

    number: int
    device: str
    config: Config
    samples: int
    cycles: int
    error: str | None


def random_config(number: int, seed: int, shape: Shape) -> Config:
    """Return a network that fits a device.

    The extreme numbers of classes, lags, and layers come in turn; the rest is random.

    Parameters
    ----------
    number : int
        Position in the sweep, from 0.
    seed : int
        Of the sweep.
    shape : Shape
        Device.
    """
    rng = np.random.default_rng([seed, number])
    turn = number // len(DEVICES)
    for _ in range(_RETRIES):
        config = _draw_config(rng, number, seed, turn, shape)
        try:
            Placement(config, shape)
        except CapacityError:
            continue
        return config
    raise RuntimeError(f"no network of sweep {seed} fits device {shape.name}")


def _draw_config(
    rng: np.random.Generator, number: int, seed: int, turn: int, shape: Shape
) -> Config:
    def pick(low: int, high: int) -> int:
        return int(rng.integers(low, high + 1))

    hidden = tuple(pick(1, shape.neurons) for _ in range(1 + turn % shape.layers))
    # Most networks small, some as large as the device takes; some fill whole words or visits.
    inputs = (
        pick(1, LANES),
        pick(1, shape.inputs),
        pick(1, shape.inputs),
        LANES * pick(1, shape.inputs // LANES),
    )[pick(0, 3)]
    return Config(
        name=f"sweep-{seed}-{number}",
        inputs=inputs,
        hidden=hidden,
        classes={0: 2, 1: 37}.get(turn % 8, pick(2, 37)),
        group=pick(1, max(hidden)),
        counter_bits=shape.counter_bits,
        margin=float(rng.random()),
        rival_selection=bool(pick(0, 3)),
        reinforcement=(0.0, 0.5, 1.0)[pick(0, 2)],
        head_offset=(0, 0, 1, 3, 8, 60)[pick(0, 5)],
        summed_scores=bool(pick(0, 1)),
        tile=pick(1, 16),
        lag=1 if pick(0, 3) else 0,
        seed=pick(0, 2**32 - 1),
    )


def random_spans(config: Config, rng: np.random.Generator, runs: int = RUNS) -> Iterator[Span]:
    """Yield runs of random length, annealing, damping and end; the last one is drained."""
    centres = rng.random((config.classes, config.inputs)) < 0.5
    for number in range(runs):
        longest = _TILES * config.tile
        count = int(rng.integers(1, longest + 1)) if rng.random() < 0.7 else config.tile
        labels = rng.integers(0, config.classes, count)
        samples = centres[labels] ^ (rng.random((count, config.inputs)) < _NOISE)
        annealing, damping = (int(n) for n in rng.integers(0, 4, 2))
        drain = number == runs - 1 or rng.random() < 0.5
        yield Span(samples, labels, annealing, damping, drain)


@cache
def _driver(shape: Shape, netlist: Family | None) -> SuppliedDriver:
    """Return a device of this process; its model is compiled once for all."""
    return open_driver(build_device(shape, netlist=netlist), shape)  # type: ignore[return-value]


def device_of(number: int, netlist: Family | None = None) -> Shape:
    """Return the device of a trial; netlists have those that the FPGA has memory for."""
    shapes = [
        shape for shape in DEVICES if netlist is None or shape.memory in board_of(netlist).memories
    ]
    return shapes[number % len(shapes)]


@dataclass(frozen=True)
class Case:
    """A training in which golden and a device are compared.

    Attributes
    ----------
    device : str
        One of :data:`DEVICES`.
    config : Config
        Network.
    seed, number : int
        Decide data, runs, and what is held up.
    runs : int
        Runs, the last of which is drained.
    """

    device: str
    config: Config
    seed: int
    number: int
    runs: int = RUNS


def case_of(number: int, seed: int, netlist: Family | None = None) -> Case:
    """Return a trial of a sweep; see :func:`random_config`."""
    shape = device_of(number, netlist)
    return Case(shape.name, random_config(number, seed, shape), seed, number)


def run_case(case: Case, netlist: Family | None = None) -> Trial:
    """Load a network into its device, train it, and compare everything after every run.

    Runs are of random length, with or without a drain at the end, and go through the link or
    beside it; all streams are held up at random.

    Parameters
    ----------
    case : Case
    netlist : {"ice40", "ecp5"}, optional
        FPGA family whose cells are simulated.
    """
    config, number = case.config, case.number
    shape = next(shape for shape in DEVICES if shape.name == case.device)
    rng = np.random.default_rng([case.seed, number, 1])
    driver = _driver(shape, netlist)
    device = driver.transport.device  # type: ignore[attr-defined]
    # Every other trial at full speed.
    odds = _STALL * rng.random(4) * (rng.random() < 0.5)
    device.stall(number, *odds)
    begun, error = device.cycles, None
    golden = GoldenLearner(Network(config))
    side = Lockstep(driver, golden, clock=lambda: device.cycles, compare_every=1)
    try:
        side.begin()
        for span in random_spans(config, rng, case.runs):
            driver.supplied = rng.random() < 0.7
            side.train(span)
        count = int(rng.integers(1, 3 * config.tile))
        side.predict(rng.random((count, config.inputs)) < 0.5)
    except DivergenceError as divergence:
        error = f"{divergence}, by sample {pinpoint(side, divergence).sample}"
    except DeviceError as failure:
        error = f"after {side.tiles} tiles: {failure}"
    return Trial(number, shape.name, config, side.samples, device.cycles - begun, error)


def run_trial(number: int, seed: int, netlist: Family | None = None) -> Trial:
    """Run a trial of a sweep; see :func:`random_config` and :func:`run_case`."""
    return run_case(case_of(number, seed, netlist), netlist)


def leave_ctrl_c_to_the_parent() -> None:
    """Let a worker finish what it is at; the terminal sends Ctrl-C to it, too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def sweep(count: int, seed: int, workers: int, netlist: Family | None = None) -> Iterator[Trial]:
    """Run the first ``count`` trials of a sweep, several at a time, and yield them in order.

    Parameters
    ----------
    count : int
        Networks.
    seed : int
        Decides all of them.
    workers : int
        Processes.
    netlist : {"ice40", "ecp5"}, optional
        See :func:`run_trial`.
    """
    # Not by every worker.
    for number in range(min(count, len(DEVICES))):
        build_device(device_of(number, netlist), netlist=netlist)
    # Forking would copy whatever threads the caller has running.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, leave_ctrl_c_to_the_parent) as pool:
        chunk = len(DEVICES)
        yield from pool.map(
            run_trial, range(count), [seed] * count, [netlist] * count, chunksize=chunk
        )
