"""`metabit bench speed`: how fast training and encoding are."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from metabit.golden.config import Config
from metabit.golden.configurations.named import NAMES, load_config
from metabit.golden.data.datasets import Dataset, load_dataset
from metabit.golden.data.training_data import fit_and_encode, prepare
from metabit.golden.engines import EngineName, choose_engine
from metabit.golden.errors import ConfigurationError
from metabit.golden.paper.config import paper_config

from .. import options
from ..options import check_folder, write_json
from .machine import cores, describe_machine, machine
from .stopwatch import (
    EPOCHS,
    Row,
    time_encoders,
    time_neurons,
    time_start,
    time_threads,
    time_tiles,
    time_training,
)

EPILOG = """
**Examples**

metabit bench speed                                every named configuration, some minutes

metabit bench speed --config up5k --json speed.json

metabit bench speed --config tiny --no-growth      a few seconds
"""

_MODES = ("hardware", "paper", "both")

_PAPER = "paper-135"
"""The named configuration whose network is one of the paper's."""

_ENCODERS = ("median", "edges-1568", "edges-1960", "edges-2548")
"""Encoders that are timed on 28 x 28 images, beside those of the configurations."""


def speed(
    config: Annotated[
        list[str] | None,
        typer.Option(
            "--config",
            metavar="NAME|PATH",
            help="Configuration, may be repeated. [default: every named one]",
            show_default=False,
        ),
    ] = None,
    epochs: Annotated[
        int,
        typer.Option(
            "--epochs",
            metavar="N",
            min=1,
            max=EPOCHS,
            help="Epochs timed; the median counts.",
        ),
    ] = 3,
    mode: Annotated[
        str | None,
        typer.Option(
            "--mode",
            metavar="|".join(_MODES),
            help="The rule of the hardware, the paper's own, or both one after the other. "
            f"[default: hardware, but both for {_PAPER}]",
            show_default=False,
        ),
    ] = None,
    engine: Annotated[
        str,
        typer.Option("--engine", metavar="all|numpy|numba", help="Engines that are timed."),
    ] = "all",
    growth: Annotated[
        bool,
        typer.Option(
            "--growth/--no-growth",
            help="Also show how time grows with neurons, tile and threads.",
        ),
    ] = True,
    threads: Annotated[
        int | None,
        typer.Option(
            "--threads",
            metavar="N",
            min=1,
            help="Threads at most, each with a training of its own. [default: the cores]",
            show_default=False,
        ),
    ] = None,
    json: options.JsonOption = None,
    data_dir: options.DataDirOption = None,
) -> None:
    """Measure training, testing and encoding with each engine, and what makes them slower.

    Times are those of the processor; what several threads do at once is timed by the clock.
    """
    from threadpoolctl import threadpool_limits

    check_folder("--json", json)
    console = Console(soft_wrap=True)
    engines = _engines(engine)
    if mode not in (None, *_MODES):
        raise ConfigurationError(f"--mode must be one of {', '.join(_MODES)}, not {mode!r}")
    configs = [load_config(name) for name in config or NAMES]
    names = dict.fromkeys(each.dataset for each in configs)
    datasets = {name: load_dataset(name, data_dir) for name in names}
    results: dict[str, Any] = {"machine": machine(), "training": []}
    console.print(describe_machine(results["machine"]), highlight=False)

    def training() -> Iterable[Row]:
        for each in configs:
            data = prepare(each, dataset=datasets[each.dataset])
            rules = mode or ("both" if each.name == _PAPER else "hardware")
            if rules != "paper":
                yield from time_training(each, data, engines, epochs)
            if rules != "hardware":
                yield from time_training(paper_config(each, rule="paper"), data, engines, epochs)

    compiled = "numba" in engines
    if compiled:
        results["start"] = time_start()
        _print_start(console, results["start"])
    sections: dict[str, Callable[[], Iterable[Row]]] = {"training": training}
    if growth and compiled:
        grown = configs[0] if config else load_config("up5k")
        data = prepare(grown, dataset=datasets[grown.dataset])
        most = threads or cores()
        sections[f"neurons of {grown.name}"] = lambda: time_neurons(grown, data)
        sections[f"tile of {grown.name}"] = lambda: time_tiles(grown, data)
        sections[f"threads, {grown.name} in each"] = lambda: time_threads(grown, data, most)
    sections["encoding"] = lambda: _encoding(configs, datasets)
    try:
        for title, measure in sections.items():
            # More threads of linear algebra only wait for each other, and waiting counts as time.
            with console.status(f"measuring {title} ..."), threadpool_limits(1):
                rows = list(measure())
            results[title.partition(" ")[0].rstrip(",")] = rows
            _print(console, title, rows)
    finally:
        # Ctrl-C loses the section that is being measured, and no other.
        if json is not None:
            write_json(json, results)


def _engines(wanted: str) -> tuple[EngineName, ...]:
    """Return the engines to be timed; all that are installed, or the one that is asked for."""
    if wanted != "all":
        if wanted not in ("numpy", "numba"):
            raise ConfigurationError(f"--engine must be one of all, numpy, numba, not {wanted!r}")
        return (choose_engine(wanted, 0),)
    # As many samples as pay in any case: numba if it is installed.
    return tuple(dict.fromkeys(("numpy", choose_engine("auto", 10**9))))


def _encoding(configs: list[Config], datasets: dict[str, Dataset]) -> Iterable[Row]:
    """Time encoders on all images of each data set."""
    for name, dataset in datasets.items():
        images = dataset.images
        if dataset.test_images is not None:
            images = np.concatenate([images, dataset.test_images])
        specs = [each.encoder for each in configs if each.dataset == name]
        if images.shape[1:] == (28, 28):
            specs += _ENCODERS
        encoders = (
            fit_and_encode(spec, dataset.images, dataset.labels, seed=0)[0]
            for spec in dict.fromkeys(specs)
        )
        for row in time_encoders(images, encoders):
            yield {"dataset": name, **row}


_COLUMNS = {
    "config": ("configuration", "{}"),
    "mode": ("mode", "{}"),
    "engine": ("engine", "{}"),
    "neurons": ("neurons", "{}"),
    "tile": ("tile", "{}"),
    "threads": ("threads", "{}"),
    "dataset": ("data set", "{}"),
    "encoder": ("encoder", "{}"),
    "images": ("images", "{:,}"),
    "bits": ("bits", "{}"),
    "seconds": ("seconds", "{:.3f}"),
    "images_per_second": ("images/s", "{:,.0f}"),
    "seconds_per_epoch": ("s/epoch", "{:.4f}"),
    "samples_per_second": ("samples/s", "{:,.0f}"),
    "ratio": ("ratio", "{:.1f}"),
    "test_seconds": ("test s", "{:.4f}"),
}
"""Columns of the tables: heading and format of each."""

_TEXTS = ("config", "mode", "engine", "dataset", "encoder")


def _print(console: Console, title: str, rows: list[Row]) -> None:
    """Print rows as a table."""
    shown = [name for name in _COLUMNS if name in rows[0]]
    table = Table(title=title, title_justify="left")
    for name in shown:
        table.add_column(_COLUMNS[name][0], justify="left" if name in _TEXTS else "right")
    for row in rows:
        table.add_row(*(_COLUMNS[name][1].format(row[name]) for name in shown))
    console.print(table)


def _print_start(console: Console, start: Row) -> None:
    console.print(
        f"engine numba starts in {start['import_seconds']:.2f} s to import and "
        f"{start['load_seconds']:.2f} s to load what was compiled; compiling takes "
        f"{start['compile_seconds']:.1f} s, once",
        highlight=False,
    )
