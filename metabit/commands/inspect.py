"""`metabit inspect`: look at a checkpoint."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from metabit.errors import MetabitError
from metabit.golden.checkpoints.again import data_of, dataset_of
from metabit.golden.checkpoints.layers import Saved
from metabit.golden.modes.registry import load_any_checkpoint
from metabit.golden.runs.plan import read_plan

from . import options
from .options import check_folder, write_json
from .pictures import draw, prepare_folder

EPILOG = """
**Examples**

metabit inspect run.npz                             tables here, pictures in run-plots/

metabit inspect run.npz --neurons 40-55             the receptive fields of these neurons

metabit inspect run.npz --no-plots --json a.json    only numbers

metabit inspect run.npz --no-plots --plan p.json    what metabit train --plan p.json does again
"""


def inspect(
    checkpoint: Annotated[
        Path, typer.Argument(metavar="FILE.npz", help="Checkpoint that train has written.")
    ],
    plots: Annotated[
        Path | None,
        typer.Option(
            "--plots",
            metavar="FOLDER",
            help="Folder for the pictures. [default: FILE-plots beside the checkpoint]",
            show_default=False,
        ),
    ] = None,
    no_plots: Annotated[bool, typer.Option("--no-plots", help="Draw nothing.")] = False,
    neurons: Annotated[
        str | None,
        typer.Option(
            "--neurons",
            metavar="N[-N][,...]",
            help="Neurons whose receptive fields to draw, of layers that have them all. "
            "[default: the first of each layer]",
            show_default=False,
        ),
    ] = None,
    json: options.JsonOption = None,
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan",
            metavar="FILE.json",
            help="Write what was trained, from what and how: metabit train --plan FILE.json does "
            "it again, bit for bit.",
            show_default=False,
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            metavar="PATH",
            help="Where the data set of the training is now, if it has moved.",
            show_default=False,
        ),
    ] = None,
    data_dir: options.DataDirOption = None,
) -> None:
    """Show what a training has done, epoch by epoch, and what its neurons look for."""
    console = Console(soft_wrap=True)
    if no_plots and plots is not None:
        raise MetabitError("--plots and --no-plots contradict each other; give one of them")
    check_folder("--json", json)
    check_folder("--plan", plan)
    wanted = None if neurons is None else _numbers(neurons)
    loaded = load_any_checkpoint(checkpoint)
    record, config = loaded.record, loaded.config
    if wanted is not None and max(wanted) >= max(config.hidden):
        raise MetabitError(
            f"--neurons must be below {max(config.hidden)}, the widest layer, not {max(wanted)}"
        )
    if dataset is not None:
        moved = data_of(record, dataset_of(record, dataset, data_dir))
        moved.check_same(record.data_sha256)
    folder = plots or checkpoint.with_name(f"{checkpoint.stem}-plots")
    if not no_plots:
        prepare_folder(folder)
    layers = "-".join(map(str, (config.inputs, *config.hidden)))
    console.print(
        f"[bold]{config.name}[/]  {layers}-{config.classes}  group {config.group}  "
        f"{config.particulars}  encoder {config.encoder}  seed {config.seed}",
        highlight=False,
    )
    console.print(
        f"{escape(record.dataset)}, split {record.split}: epoch {record.epoch} of {record.epochs}, "
        f"sample {record.sample} of {record.samples}"
        if record.epoch <= record.epochs
        else f"{escape(record.dataset)}, split {record.split}: {record.epochs} epochs, finished",
        highlight=False,
    )
    console.print(f"state {record.state_sha256}", highlight=False)
    if record.history:
        console.print(_epochs(loaded))
    if plan is not None:
        write_json(plan, read_plan(checkpoint).to_dict())
        console.print(f"wrote {escape(str(plan))}", highlight=False)
    if json is not None:
        write_json(json, _results(loaded))
    if not no_plots:
        from metabit.plots.subject import subject_of_checkpoint

        subject, missing = subject_of_checkpoint(loaded, data_dir, dataset)
        if missing is not None:
            console.print(
                f"[yellow]no confusion matrix and no margins of all test samples:[/] "
                f"{escape(missing)}",
                highlight=False,
            )
        draw(console, subject, folder, wanted)


def _numbers(text: str) -> list[int]:
    """Return the numbers of a list of numbers and ranges."""
    numbers: list[int] = []
    try:
        for part in text.split(","):
            first, dash, last = part.partition("-")
            numbers += range(int(first), int(last if dash else first) + 1)
    except ValueError:
        numbers = []
    if not numbers:
        raise MetabitError(f"--neurons must be numbers and ranges, e.g. 0-15,40, not {text!r}")
    return numbers


def _epochs(checkpoint: Saved) -> Table:
    """Return what is known of each epoch as a table, with a line for each layer if it is."""
    record, config = checkpoint.record, checkpoint.config
    observed = {seen.epoch: seen for seen in record.observations}
    unlimited = config.limits is None
    table = Table(box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    headings = ["epoch\n", "train\n%", "test\n%"]
    if observed:
        headings += ["layer\n", "triggers\n%", "updates\n/sample", "flips\n%"]
        headings += ["zero\n%" if unlimited else "saturated\n%", "median\nmargin"]
    for heading in headings:
        table.add_column(heading, justify="right")
    sizes = [width * fan_in for width, fan_in in zip(config.hidden, config.fan_in, strict=True)]
    for index, errors in enumerate(record.history):
        tested = record.test_accuracy
        first = [str(index + 1), f"{100 * (1 - errors / record.samples):.2f}"]
        first.append(f"{100 * tested[index]:.2f}" if tested else "-")
        seen = observed.get(index + 1)
        if seen is None:
            table.add_row(*first)
            continue
        for number, (layer, size) in enumerate(zip(seen.layers, sizes, strict=True)):
            table.add_row(
                *([""] * 3 if number else first),
                str(number),
                _share(layer.triggers, record.samples),
                _share(layer.updates, 100 * record.samples),
                _share(layer.flips, size),
                _share(layer.zeros if unlimited else layer.saturated, size),
                str(layer.margins[2]),
            )
    return table


def _share(count: int | None, whole: int) -> str:
    """Return a count in per cent; a dash if it is not known."""
    return "-" if count is None else f"{100 * count / whole:.2f}"


def _results(checkpoint: Saved) -> dict[str, Any]:
    """Return what --json reports."""
    record = checkpoint.record
    return {
        "epochs": record.epochs,
        "finished_epochs": len(record.history),
        "train_accuracy": [1 - errors / record.samples for errors in record.history],
        "test_accuracy_per_epoch": list(record.test_accuracy),
        "observations": [seen.model_dump(mode="json") for seen in record.observations],
        "state_sha256": record.state_sha256,
        "dataset": record.dataset,
        "split": record.split,
        "config": checkpoint.config.model_dump(mode="json"),
        "versions": record.versions,
    }
