"""`metabit bench link`: how much of a serial line's rate training uses."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from metabit.boards.registry import BOARDS, find_board
from metabit.golden.configurations.named import load_config

from .. import options
from ..options import check_folder, write_json

if TYPE_CHECKING:
    from pathlib import Path

    from metabit.golden.config import Config
    from metabit.hdl.shape import Shape

EPILOG = """
**Examples**

metabit bench link                                   the iCEBreaker at 1 Mbit/s

metabit bench link --baud 3000000 --latency-ms 1.5   faster, and answers that come later

metabit bench link --window 1                        one request after the other
"""

_SEED = 0


@dataclass(frozen=True)
class Measured:
    """What was measured at a window.

    Attributes
    ----------
    window : int
    samples_per_second : float
    busy : float
        Share of the line's byte rate that was used.
    bytes_per_sample : float
    errors : int
    """

    window: int
    samples_per_second: float
    busy: float
    bytes_per_sample: float
    errors: int


def link(
    config: options.ConfigOption = "up5k",
    board: Annotated[
        str, typer.Option("--board", metavar="NAME", help=f"One of {', '.join(BOARDS)}.")
    ] = "icebreaker",
    baud: Annotated[
        int | None,
        typer.Option("--baud", metavar="N", help="Bits/s. [default: the board's]"),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option("--device", metavar="NAME", help="Device. [default: the board's]"),
    ] = None,
    latency_ms: Annotated[
        float,
        typer.Option(
            "--latency-ms",
            metavar="MS",
            min=0,
            help="From the end of an answer to what the host sends then: adapter, USB and host.",
        ),
    ] = 1.0,
    window: Annotated[
        list[int] | None,
        typer.Option(
            "--window", metavar="N", min=1, help="Requests under way; may be repeated. [all]"
        ),
    ] = None,
    samples: Annotated[
        int, typer.Option("--samples", metavar="N", min=1, help="Random samples to train on.")
    ] = 64,
    json: options.JsonOption = None,
) -> None:
    """Train a simulated device through its serial pins, and say how busy the line was.

    Samples are random, and all predictions are compared with the golden model's.
    """
    from metabit.boards.baud import with_baud
    from metabit.hdl.link.protocol import WINDOW
    from metabit.hdl.link.uart import divisor
    from metabit.hdl.shape import find_shape
    from metabit.sim.verilate import build
    from metabit.sim.wire import Wire

    from ..simulation import building

    check_folder("--json", json)
    chosen, console = find_board(board), Console()
    if baud is not None:
        chosen = with_baud(chosen, baud, chosen.clock_mhz)
    network, shape = load_config(config or "up5k"), find_shape(device or chosen.shape)
    cycles = divisor(chosen.clock_mhz * 1e6, chosen.baud)
    with building(console) as report:
        library = build(Wire(shape, cycles), report=report)
    clock = chosen.clock_mhz * 1e6
    found = []
    typer.echo(
        "| baud | latency, ms | window | samples/s | of the line | bytes a sample | errors |\n"
        "|---:|---:|---:|---:|---:|---:|---:|"
    )
    for size in window or range(1, WINDOW + 1):
        line = _measure(network, shape, library, size, samples, cycles, latency_ms, clock)
        found.append(line)
        typer.echo(
            f"| {chosen.baud:,} | {latency_ms:g} | {size} | {line.samples_per_second:,.0f} | "
            f"{line.busy:.1%} | {line.bytes_per_sample:.1f} | {line.errors} |"
        )
    if json is not None:
        write_json(
            json,
            {
                "board": chosen.name,
                "device": shape.name,
                "baud": chosen.baud,
                "latency_ms": latency_ms,
                "samples": samples,
                "config": network.model_dump(mode="json"),
                "windows": [asdict(line) for line in found],
            },
        )


def _measure(
    config: "Config",
    shape: "Shape",
    library: "Path",
    window: int,
    samples: int,
    divisor: int,
    latency_ms: float,
    clock: float,
) -> Measured:
    """Train on random samples, and return how the line was used.

    Raises
    ------
    MetabitError
        If a prediction is not golden's.
    """
    import numpy as np

    from metabit.errors import MetabitError
    from metabit.golden.learner import GoldenLearner
    from metabit.golden.network import Network
    from metabit.host.driver import Driver
    from metabit.sim.model import SimulatedDevice
    from metabit.sim.wire import BITS_A_BYTE, WireTransport

    generator = np.random.default_rng(_SEED)
    bits = generator.random((samples, config.inputs)) < 0.5
    labels = generator.integers(0, config.classes, samples)
    golden = GoldenLearner(Network(config))
    expected = golden.train_tiles(
        golden.pack(bits), labels, np.arange(samples), annealing=0, damping=0
    )
    simulated = SimulatedDevice(library)
    # As long as metabit run waits.
    transport = WireTransport(simulated, divisor, round(latency_ms / 1e3 * clock), round(clock))
    with Driver(transport, shape, window) as driver:
        driver.load(Network(config))
        before = simulated.cycles
        found = driver.train(bits, labels)
        seconds = (simulated.cycles - before) / clock
        if not np.array_equal(found, expected):
            raise MetabitError(
                f"{np.count_nonzero(found != expected)} of {samples} predictions are not golden's"
            )
        sent = driver.traffic.sent_bytes
        capacity = seconds * clock / divisor / BITS_A_BYTE
        return Measured(
            window, samples / seconds, sent / capacity, sent / samples, driver.link.errors
        )
