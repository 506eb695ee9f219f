"""Random small configurations, each trained on random data and compared bit for bit."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..boards.driver import Driver
from ..boards.registry import Family
from ..boards.transport import DeviceError
from ..golden.config import WORD, ArrayShape, Config
from ..golden.network import Network
from ..hdl.v1.device import Device
from .model import SimulatedDevice
from .netlist import board_of, device_netlist
from .pinpoint import pinpoint
from .side_by_side import DivergenceError, SideBySide
from .transport import SimulatedTransport, patience
from .verilate import build

_TILES = 6
_STALL = 0.5
_NOISE = 0.3


@dataclass(frozen=True)
class Trial:
    """One configuration of a sweep.

    Attributes
    ----------
    number : int
        Position in the sweep.
    config : Config
        What was trained.
    samples, cycles : int
        Trained on, and simulated.
    error : str or None
        What went wrong; None: every bit agrees.
    """

    number: int
    config: Config
    samples: int
    cycles: int
    error: str | None


def random_config(number: int, seed: int) -> Config:
    """Return a small configuration.

    Number goes through layers, counter bits, tile sizes, kinds of memory and the extreme numbers
    of classes in turn; the rest is random.

    Parameters
    ----------
    number : int
        Position in the sweep, from 0.
    seed : int
        Of the sweep.
    """
    rng = np.random.default_rng([seed, number])

    def pick(low: int, high: int) -> int:
        return int(rng.integers(low, high + 1))

    layers = 1 + number % 3
    hidden = tuple(pick(1, 40) for _ in range(layers))
    samples = 1 << pick(0, 3)
    if number % 4 == 3:
        array = ArrayShape(rows=4, lanes=WORD, samples=samples, memory="spram")
    else:
        array = ArrayShape(
            rows=1 << pick(0, 3),
            lanes=WORD << pick(0, 2),
            samples=samples,
            systolic=bool(pick(0, 1)),
        )
    return Config(
        name=f"sweep-{seed}-{number}",
        # Now and then a row of many words, which keeps the update unit busy.
        inputs=pick(100, 300) if pick(0, 3) == 0 else pick(1, 100),
        hidden=hidden,
        classes={0: 2, 1: 37}.get(number % 10, pick(2, 37)),
        group=pick(1, max(hidden)),
        counter_bits=2 + number % 15,
        margin=float(rng.random()),
        rival_selection=bool(pick(0, 3)),
        reinforcement=(0.0, 0.5, 1.0)[pick(0, 2)],
        head_offset=(0, 0, 1, 3, 8)[pick(0, 4)],
        summed_scores=number % 4 in (1, 2),
        tile=1 + number % 16,
        seed=pick(0, 2**32 - 1),
        array=array,
    )


def run_trial(number: int, seed: int, netlist: Family | None = None) -> Trial:
    """Train one configuration of a sweep and compare everything after every tile.

    Tiles are of random size, annealing and damping change from tile to tile, and the byte streams
    are held up at random.

    Parameters
    ----------
    number, seed : int
        See :func:`random_config`.
    netlist : {"ice40", "ecp5"}, optional
        FPGA family whose cells are simulated; what it has no memory for lies in block RAM.
    """
    config = random_config(number, seed)
    if netlist and config.array.memory not in board_of(netlist).memories:
        array = ArrayShape(**config.array.model_dump() | {"memory": "block"})
        config = config.model_copy(update={"array": array})
    design = device_netlist(config, netlist) if netlist else Device(config)
    rng = np.random.default_rng([seed, number, 1])
    centres = rng.random((config.classes, config.inputs)) < 0.5

    def draw(count: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
        labels = rng.integers(0, config.classes, count)
        return centres[labels] ^ (rng.random((count, config.inputs)) < _NOISE), labels

    device = SimulatedDevice(build(design, optimise="-O0"))
    device.stall(number, *(_STALL * rng.random(2)))
    error: str | None = None
    with Driver(SimulatedTransport(device, patience(config)), config) as driver:
        side = SideBySide(driver, Network(config), clock=lambda: device.cycles, compare_every=1)
        try:
            side.begin()
            for _ in range(_TILES):
                full = rng.random() < 0.5
                samples, labels = draw(config.tile if full else int(rng.integers(config.tile)) + 1)
                annealing, damping = (int(n) for n in rng.integers(0, 4, 2))
                side.train_tile(samples, labels, annealing=annealing, damping=damping)
            side.predict(draw(config.tile + 1)[0])
        except DivergenceError as divergence:
            error = f"{divergence}, by sample {pinpoint(side, divergence).sample}"
        except DeviceError as failure:
            error = f"after {side.tiles} tiles: {failure}"
        return Trial(number, config, side.samples, device.cycles, error)


def sweep(count: int, seed: int, workers: int, netlist: Family | None = None) -> Iterator[Trial]:
    """Run the first ``count`` trials of a sweep, several at a time, and yield them in order.

    Parameters
    ----------
    count : int
        Configurations.
    seed : int
        Decides all of them.
    workers : int
        Processes.
    netlist : {"ice40", "ecp5"}, optional
        See :func:`run_trial`.
    """
    # Forking would copy whatever threads the caller has running.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield from pool.map(run_trial, range(count), [seed] * count, [netlist] * count)
