"""`metabit bench speed`: how fast training is."""

import statistics
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from metabit.golden.checkpoint import versions
from metabit.golden.run import Run
from metabit.golden.training_data import prepare

from .. import options
from ..options import check_folder, choose, write_json

EPILOG = """
**Examples**

metabit bench speed --config tiny

metabit bench speed --config up5k --epochs 3 --json speed.json
"""


def speed(
    config: options.ConfigOption = None,
    epochs: Annotated[int, typer.Option("--epochs", metavar="N", min=1, help="Epochs.")] = 3,
    json: options.JsonOption = None,
    data_dir: options.DataDirOption = None,
) -> None:
    """Measure how long an epoch takes: the median of some."""
    check_folder("--json", json)
    chosen = choose(config, data_dir=data_dir)
    run = Run.start(chosen.config, prepare(chosen.config, dataset=chosen.dataset), epochs)
    for _ in run.tiles():
        pass
    seconds = statistics.median(run.seconds)
    rate = run.schedule.samples / seconds
    table = Table(title="training", title_justify="left")
    for heading in ("configuration", "s/epoch", "samples/s"):
        table.add_column(heading, justify="left" if heading == "configuration" else "right")
    table.add_row(chosen.config.name, f"{seconds:.3f}", f"{rate:,.0f}")
    Console().print(table)
    if json is not None:
        row = {
            "config": chosen.config.name,
            "seconds_per_epoch": seconds,
            "samples_per_second": rate,
        }
        write_json(json, {"training": [row], "versions": versions()})
