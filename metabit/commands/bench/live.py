"""`metabit bench live`: raw frames a second, and how long one takes to be predicted and learnt."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from metabit.boards.registry import Board, board_of
from metabit.errors import MetabitError
from metabit.golden.configurations.named import load_config

from .. import options
from ..live import live_config, raw_samples
from ..options import check_folder, write_json

if TYPE_CHECKING:
    from metabit.golden.config import Config

EPILOG = """
**Examples**

metabit bench live                                     2,000 images of Fashion-MNIST on each device

metabit bench live --device ecp5-live --samples 300    one of them, and fewer
"""

NETWORKS = {"up5k-live": "up5k-live", "ecp5-live": "ecp5"}
"""What is learnt on each device: the name of a configuration."""

SAMPLES = 2000

TIMED = 50
"""Samples whose latency is taken, one by one, behind the others."""


@dataclass(frozen=True)
class Measured:
    """What was measured on a device.

    Attributes
    ----------
    device, board, network : str
    clock_mhz : float
        Of the device on the board.
    samples : int
        Learnt, with all predictions and all state as golden's.
    accuracy : float
        Share of them that was predicted right, before it was learnt.
    table : int
        Words of the encoder's program.
    cycles_per_frame : float
        While the next one is always there, a byte a cycle.
    predicted, learnt : float
        Mean cycles from the last byte of a sample to its prediction, and to the end of its updates.
    most_predicted, most_learnt : int
        The longest.
    line_frames_per_second : float
        What the board's serial line carries.
    state_sha256 : str
        In the end.
    """

    device: str
    board: str
    network: str
    clock_mhz: float
    samples: int
    accuracy: float
    table: int
    cycles_per_frame: float
    predicted: float
    most_predicted: int
    learnt: float
    most_learnt: int
    line_frames_per_second: float
    state_sha256: str

    @property
    def frames_per_second(self) -> float:
        """At the clock."""
        return 1e6 * self.clock_mhz / self.cycles_per_frame

    def row(self) -> str:
        """Return a line of the table."""

        def time(cycles: float, most: int) -> str:
            return f"{cycles:,.0f} | {cycles / self.clock_mhz:,.0f} | {most / self.clock_mhz:,.0f}"

        return (
            f"| `{self.device}` | {self.network} | {self.clock_mhz:g} | {self.table:,} "
            f"| {self.samples:,} | {self.accuracy:.1%} | {self.cycles_per_frame:,.0f} "
            f"| {self.frames_per_second:,.0f} | {time(self.predicted, self.most_predicted)} "
            f"| {time(self.learnt, self.most_learnt)} | {self.line_frames_per_second:,.0f} |"
        )


def live(
    device: Annotated[
        list[str] | None,
        typer.Option(
            "--device",
            metavar="NAME",
            help=f"One of {', '.join(NETWORKS)}; may be repeated. [all]",
            show_default=False,
        ),
    ] = None,
    samples: Annotated[
        int, typer.Option("--samples", metavar="N", min=1, help="Samples to learn, one by one.")
    ] = SAMPLES,
    json: options.JsonOption = None,
) -> None:
    """Let simulated devices learn raw images, one by one, and say how long they take.

    Images go in beside the link, a byte a cycle, and all predictions and all state are compared
    with golden's. A serial line is slower: what it carries is said, too.
    """
    check_folder("--json", json)
    console = Console(stderr=True)
    for name in device or ():
        if name not in NETWORKS:
            raise MetabitError(f"--device must be one of {', '.join(NETWORKS)}, not {name!r}")
    typer.echo(
        "| device | network | MHz | table | samples | right before learnt | cycles a frame "
        "| frames/s | to prediction, cycles | µs | at most | to end of update, cycles | µs "
        "| at most | frames/s of the line |\n" + "|---|---|" + 13 * "---:|"
    )
    found = []
    for name in device or NETWORKS:
        board = board_of(name)
        assert board is not None
        config = live_config(load_config(NETWORKS[name]))
        found.append(_measure(console, name, board, config, samples))
        typer.echo(found[-1].row())
        if json is not None:
            devices = [asdict(one) | {"frames_per_second": one.frames_per_second} for one in found]
            write_json(json, {"devices": devices})


def _measure(
    console: Console, device: str, board: Board, config: "Config", samples: int
) -> Measured:
    """Learn samples on a device, then some more that are timed.

    Raises
    ------
    MetabitError
        If a prediction or some state is not golden's.
    """
    import numpy as np

    from metabit.golden.data.training_data import prepare
    from metabit.golden.engines import choose_engine
    from metabit.golden.runs.run import Run
    from metabit.golden.state import state_sha256
    from metabit.hdl.shape import SHAPES
    from metabit.host.cycles import WHOLE
    from metabit.planning.line import SpeedOf
    from metabit.sim.latency import measure_latency
    from metabit.sim.simulate import build_device, simulation
    from metabit.sim.supplied import SuppliedDriver

    from ..simulation import building

    # The same device; that it counts cycles changes none of them.
    shape = SHAPES[device].model_copy(update={"phases": True})
    data = prepare(config)
    run = Run.start(config, data, 1, observe=False)
    with building(console) as report:
        library = build_device(shape, report=report)
    with (
        simulation(run, shape, library, engine=choose_engine("auto", samples)) as opened,
        console.status("") as status,
    ):
        driver, side = opened.driver, opened.side
        assert isinstance(driver, SuppliedDriver)
        driver.send_raw(raw_samples(data, training=True))
        errors = 0
        for result in opened.spans(samples):
            errors += result.errors
            status.update(f"{device}: {side.samples:,} of {samples:,} samples")
        cycles = opened.finish().cycles[WHOLE] / side.samples
        program = driver.program
        assert program is not None
        packed, numbers = driver.pack(data.train), driver.placement.class_numbers
        golden, labels = side.golden, data.train_labels
        prepared: Any = golden.pack(data.train)
        times = []
        for sample in range(TIMED):
            one = np.array([sample])
            times.append(measure_latency(driver, packed[one], numbers[labels[sample]]))
            expected = golden.train_tiles(prepared, labels, one, annealing=0, damping=0)
            if times[-1].prediction != numbers[int(expected[0])]:
                raise MetabitError(
                    f"{device} predicts class number {times[-1].prediction} of sample {sample}, "
                    f"golden {numbers[int(expected[0])]}"
                )
        side.compare()
        state = driver.read_state()
        predicted, learnt = ([getattr(t, name) for t in times] for name in ("predicted", "learnt"))
        speed = SpeedOf(config, SHAPES[device], board.baud, program)
        return Measured(
            device=device,
            board=board.name,
            network="-".join(map(str, (config.inputs, *config.hidden))),
            clock_mhz=board.clock_of(device),
            samples=side.samples,
            accuracy=1 - errors / side.samples,
            table=len(program.words),
            cycles_per_frame=cycles,
            predicted=float(np.mean(predicted)),
            most_predicted=max(predicted),
            learnt=float(np.mean(learnt)),
            most_learnt=max(learnt),
            line_frames_per_second=speed.line,
            state_sha256=state_sha256(state.counters, state.generator_state),
        )
