"""`metabit bench hardware`: the figures of the devices, from builds and whole epochs in RTL."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from metabit.boards.registry import BOARDS, boards_of_devices, find_board
from metabit.errors import MetabitError
from metabit.golden.checkpoints.file import versions
from metabit.golden.configurations.named import NAMES, load_config
from metabit.golden.data.options import DataOptions
from metabit.golden.data.splits import SPLITS
from metabit.golden.errors import ConfigurationError

from .. import options
from ..data_options import takes_data_options
from ..options import check_folder, write_json

EPILOG = """
**Examples**

metabit bench hardware                                     both boards, without clock and logic

metabit bench hardware --build build --markdown hardware.md

metabit bench hardware --boards icebreaker --build seed1/build.json --build seed2/build.json

Builds come from metabit build, with several seeds each in a folder of its own.
"""

_TRAINING = 30

_MEASURED = [board.name for name, board in boards_of_devices().items() if name in NAMES]
"""A board of each device that a named configuration is made for."""


@takes_data_options
def hardware(
    *,
    reading: DataOptions,
    boards: Annotated[
        str,
        typer.Option("--boards", metavar="NAME[,NAME...]", help=f"Of {', '.join(BOARDS)}."),
    ] = ",".join(_MEASURED),
    build: Annotated[
        list[Path] | None,
        typer.Option(
            "--build",
            metavar="FILE|FOLDER",
            help="build.json of a build, or a folder with some; may be repeated. Of several seeds, "
            "the median counts.",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            metavar="NAME|PATH",
            help=f"Network that is trained, of one board: {', '.join(NAMES)}, or a JSON file. "
            "[default: the one that is named like the board's device]",
            show_default=False,
        ),
    ] = None,
    epochs: Annotated[
        str, typer.Option("--epochs", metavar="N[,N...]", help="Epochs that are simulated.")
    ] = "1,10",
    training: Annotated[
        int, typer.Option("--training", metavar="N", min=1, help="Epochs of the whole training.")
    ] = _TRAINING,
    samples: Annotated[
        int | None,
        typer.Option(
            "--samples",
            metavar="N",
            min=1,
            help="Simulate only so many samples of each epoch: a quick look, no figure to quote.",
            show_default=False,
        ),
    ] = None,
    engine: options.EngineOption = "auto",
    dataset: options.DatasetOption = None,
    split: options.SplitOption = None,
    data_dir: options.DataDirOption = None,
    json: options.JsonOption = None,
    markdown: Annotated[
        Path | None,
        typer.Option(
            "--markdown",
            metavar="FILE",
            help="Write the tables to a file, too.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Measure clock, logic and cycles of the boards' devices, and print them as Markdown tables.

    Epochs are simulated in RTL and compared with golden; golden trains up to where each begins.
    """
    from .hardware_tables import Measured
    from .hardware_tables import markdown as tables

    check_folder("--json", json)
    check_folder("--markdown", markdown)
    chosen = [find_board(name) for name in boards.split(",")]
    if config is not None and len(chosen) > 1:
        raise MetabitError("--config is the network of one board; name it with --boards")
    wanted = _epochs(epochs, training)
    if split is not None and split not in SPLITS:
        raise ConfigurationError(f"--split must be one of {', '.join(SPLITS)}, not {split!r}")
    console = Console(stderr=True, soft_wrap=True)
    found: list[Measured] = []
    described = ""
    with console.status("") as status:
        for board in chosen:
            network = load_config(config or board.shape)
            measured, described = _measure(
                board,
                network,
                build or [],
                wanted=wanted,
                training=training,
                samples=samples,
                engine=engine,
                sources=(dataset, split, data_dir, reading),
                report=lambda step, name=board.name: status.update(f"{name}: {step}"),
            )
            found.append(measured)
    text = tables(found, described, f"metabit bench hardware --epochs {epochs}")
    if markdown is not None:
        markdown.write_text(text, encoding="utf-8")
    if json is not None:
        write_json(json, {"boards": [_row(each) for each in found], "versions": versions()})
    typer.echo(text, nl=False)


def _epochs(text: str, training: int) -> list[int]:
    """Return the epochs that are to be simulated."""
    try:
        wanted = sorted({int(part) for part in text.split(",")})
    except ValueError:
        raise ConfigurationError(f"--epochs must be numbers, e.g. 1,10, not {text!r}") from None
    if not 1 <= wanted[0] <= wanted[-1] <= training:
        raise ConfigurationError(f"--epochs must lie in 1 to {training}, not {text}")
    return wanted


def _measure(
    board: Any,
    network: Any,
    builds: list[Path],
    *,
    wanted: list[int],
    training: int,
    samples: int | None,
    engine: str,
    sources: tuple[str | None, str | None, Path | None, DataOptions],
    report: Any,
) -> tuple[Any, str]:
    """Measure a board; returns what was found, and what was trained on."""
    from metabit.golden.data.datasets import load_dataset
    from metabit.golden.data.training_data import prepare
    from metabit.golden.engines import choose_engine
    from metabit.hdl.shape import SHAPES

    from .hardware_runs import collect_builds, simulate_epochs
    from .hardware_tables import Measured

    dataset, split, data_dir, reading = sources
    built = collect_builds(builds, board)
    report("encode samples")
    data = prepare(
        network,
        dataset=load_dataset(dataset or network.dataset, data_dir, reading),
        split_name=split,
    )
    runs = simulate_epochs(
        network,
        SHAPES[board.shape],
        data,
        epochs=wanted,
        training=training,
        samples=samples,
        engine=choose_engine(engine, training * data.samples),
        report=report,
    )
    count = f"the first {samples:,} samples of epochs" if samples else "whole epochs"
    described = (
        f"{count} of {data.samples:,} samples of {data.dataset}, split {data.split.name}, of a "
        f"training of {training} epochs, in simulation of the RTL, all bits equal golden's"
    )
    return Measured(board, network, built, runs), described


def _row(found: Any) -> dict[str, Any]:
    """Return a board as --json reports it."""
    clock = found.clock_mhz
    return {
        "board": found.board.name,
        "device": found.board.shape,
        "config": found.config.model_dump(mode="json"),
        "build": None if found.built is None else asdict(found.built),
        "clock_mhz": clock,
        "runs": [
            epoch.to_dict() | {"samples_per_second": 1e6 * clock / epoch.per_sample()}
            for epoch in found.epochs
        ],
    }
