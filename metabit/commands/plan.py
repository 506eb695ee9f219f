"""`metabit plan`: what a network takes on a device, before anything is built."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from metabit.boards.registry import BOARDS, Board, board_of, find_board
from metabit.errors import MetabitError
from metabit.golden.checkpoints.again import dataset_of
from metabit.golden.checkpoints.record import RunRecord
from metabit.golden.config import Config
from metabit.golden.configurations.named import NAMES
from metabit.golden.data.datasets import Dataset, load_dataset
from metabit.golden.data.options import DataOptions

from . import options
from .data_options import print_summary, takes_data_options
from .devices import SimulatedDeviceOption
from .options import check_folder, write_json

if TYPE_CHECKING:
    from metabit.hdl.shape import Shape
    from metabit.planning.explore import Candidate

EPILOG = """
**Examples**

metabit plan --config up5k                              on the board that it was made for

metabit plan --config mine.json --board ulx3s-85f       memories, cycles, samples a second

metabit plan run.npz --device up5k                      whether a trained network fits

metabit plan --config ecp5 --measure                    with rates measured by training

metabit plan --explore --board icebreaker               networks that fill the device

metabit plan --explore --board icebreaker --device up5k-flash --plot curve.svg
"""

_MEASURE = "Measured rates"


@takes_data_options
def plan(
    *,
    reading: DataOptions,
    checkpoint: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE.npz]", help="Checkpoint of a network.", show_default=False),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            metavar="NAME|PATH",
            help=f"Network: {', '.join(NAMES)}, a JSON file, or a checkpoint.",
            show_default=False,
        ),
    ] = None,
    board: Annotated[
        str | None,
        typer.Option(
            "--board",
            metavar="BOARD",
            help=f"Board: {', '.join(BOARDS)}. [default: the one whose device it is, if any]",
            show_default=False,
        ),
    ] = None,
    device: SimulatedDeviceOption = None,
    freq: Annotated[
        float | None,
        typer.Option(
            "--freq",
            metavar="MHZ",
            min=0.1,
            help="Clock of the device. [default: the board's]",
            show_default=False,
        ),
    ] = None,
    explore: Annotated[
        bool,
        typer.Option("--explore", help="List networks that fill the device, instead of planning."),
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot",
            metavar="FILE",
            help="With --explore: draw speed against accuracy, as SVG, PNG or PDF.",
            show_default=False,
        ),
    ] = None,
    measure: Annotated[
        bool,
        typer.Option(
            "--measure",
            help="Train in golden for ten epochs, and take the triggers, rows and flips of epochs "
            "1 and 10 as they come, instead of rates. Takes a minute.",
            rich_help_panel=_MEASURE,
        ),
    ] = False,
    engine: Annotated[
        str,
        typer.Option(
            "--engine",
            metavar="auto|numpy|numba",
            help="What trains between the epochs that are measured.",
            rich_help_panel=_MEASURE,
        ),
    ] = "auto",
    json: options.JsonOption = None,
    dataset: options.DatasetOption = None,
    split: options.SplitOption = None,
    data_dir: options.DataDirOption = None,
) -> None:
    """Say what a network takes on a device: memories, cycles, samples a second, energy.

    Nothing is built. Cycles come from a model of the hardware's pipeline. Fails if the network
    does not fit, and says what is short and what would make it fit.
    """
    from metabit.planning.plan import make_plan

    from .plan_tables import print_plan

    check_folder("--json", json)
    console = Console(soft_wrap=True)
    if checkpoint is not None:
        if config is not None:
            raise MetabitError(f"--config {config} cannot be given beside {checkpoint}")
        config = str(checkpoint)
    if explore:
        if config is not None or measure:
            raise MetabitError("--explore chooses networks itself: no --config, no --measure")
        check_folder("--plot", plot)
        _explore(console, *_device(None, board, device), freq, json, plot)
        return
    if plot is not None:
        raise MetabitError("--plot draws the networks of --explore, which is not given")
    if config is None:
        raise MetabitError("--config says which network is meant; or list some with --explore")
    network, record = _network(config)
    shape, chosen = _device(network, board, device)
    measured = None
    if measure:
        if record is not None and not reading.given():
            loaded = dataset_of(record, dataset, data_dir)
        else:
            loaded = load_dataset(dataset or network.dataset, data_dir, reading)
        print_summary(console, loaded.summary)
        with console.status("training to measure rates"):
            measured = _measure(network, shape, engine, loaded, split)
    found = make_plan(network, shape, chosen, clock_mhz=freq, measured=measured)
    if json is not None:
        write_json(json, found.to_dict())
    print_plan(console, found)
    if not found.fits:
        raise typer.Exit(1)


def _network(config: str) -> tuple[Config, RunRecord | None]:
    """Return the configuration of a name, a file or a checkpoint, and the record of the latter."""
    from metabit.golden.checkpoints.hardware import load_checkpoint
    from metabit.golden.configurations.named import load_config

    if Path(config).suffix == ".npz":
        loaded = load_checkpoint(Path(config))
        return loaded.config, loaded.record
    return load_config(config), None


def _device(
    network: Config | None, board: str | None, device: str | None
) -> tuple["Shape", Board | None]:
    """Return the device that is meant, and its board, if it has one."""
    from metabit.hdl.placement import smallest_shape
    from metabit.hdl.shape import find_shape

    chosen = find_board(board) if board else None
    if device is not None:
        shape = find_shape(device)
    elif chosen is not None:
        shape = find_shape(chosen.shape)
    elif network is not None:
        shape = smallest_shape(network)
    else:
        raise MetabitError("--explore needs a --board or a --device")
    if chosen is None:
        chosen = board_of(shape.name)
    return shape, chosen


def _measure(
    network: Config,
    shape: "Shape",
    engine: str,
    loaded: Dataset,
    split: str | None,
) -> dict:
    from metabit.golden.data.training_data import prepare
    from metabit.golden.engines import choose_engine
    from metabit.planning.rates import TRAINING, measure

    data = prepare(network, dataset=loaded, split_name=split)
    chosen = choose_engine(engine, TRAINING * data.samples)
    return dict(measure(network, data, shape.lanes, chosen))


def _explore(
    console: Console,
    shape: "Shape",
    board: Board | None,
    freq: float | None,
    json: Path | None,
    plot: Path | None,
) -> None:
    from metabit.planning.explore import explore

    from .plan_tables import candidate_row, print_candidates

    clock = freq or (board.clock_of(shape.name) if board else 1.0)
    found = list(explore(shape))
    if json is not None:
        results = {
            "device": shape.name,
            "board": board.name if board else None,
            "clock_mhz": clock,
            "networks": [candidate_row(candidate, clock) for candidate in found],
        }
        write_json(json, results)
    print_candidates(console, shape, clock, found)
    if plot is not None:
        _draw(found, shape, clock, plot)
        console.print(f"drawn in {escape(str(plot))}", highlight=False)


def _draw(found: "list[Candidate]", shape: "Shape", clock: float, plot: Path) -> None:
    """Draw the networks whose accuracy is known."""
    from metabit.planning.rates import EPOCHS
    from metabit.plots.files import save
    from metabit.plots.tradeoff import Point, draw_tradeoff

    epoch = f"epoch {EPOCHS[-1]}"
    points = [
        Point(one.config.name, 1e6 * clock / one.cycles[epoch], one.accuracy.percent)
        for one in found
        if one.accuracy
    ]
    if not points:
        raise MetabitError(
            f"--plot: no accuracy of a network that fits {shape.name} is known: draw another device"
        )
    title = f"Speed against accuracy on {shape.name} at {clock:g} MHz"
    subtitle = (
        f"Fashion-MNIST, split validation, mean of 3 seeds; samples a second of {epoch}, predicted"
    )
    save(draw_tradeoff(points, title, subtitle), plot, "--plot")
