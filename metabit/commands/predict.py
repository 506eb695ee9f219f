"""`metabit predict`: classes of new samples, by a trained network, here or on a device."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console
from rich.markup import escape

from metabit.errors import MetabitError
from metabit.golden.checkpoints.file import versions
from metabit.golden.checkpoints.hardware import Checkpoint
from metabit.golden.data.options import DataOptions
from metabit.golden.data.samples import Samples, load_samples
from metabit.golden.data.training_data import check_shape
from metabit.golden.paper.checkpoint import AnyCheckpoint, load_any_checkpoint
from metabit.golden.scores import scores_of

from . import options
from .data_options import print_summary, takes_data_options
from .devices import SimulatedDeviceOption
from .options import check_folder
from .prediction_files import (
    NONE,
    Predictions,
    check_out,
    count_predictions,
    show_predictions,
    write_predictions,
)

if TYPE_CHECKING:
    from metabit.host.driver import Driver

EPILOG = """
**Examples**

metabit predict run.npz --dataset new.csv                      print classes

metabit predict run.npz --dataset new.csv --out classes.csv    write them; also .json, .npy, .npz

metabit predict run.npz --dataset images.npz --scores          with the scores of all classes

metabit predict run.npz --dataset new.csv --port /dev/ttyUSB1  on a board

metabit predict run.npz --dataset new.csv --simulate           on the simulated device

Labels are not needed, and ignored if there are any. Columns of a table are found by their names.
"""

_ON = "On a device"


@takes_data_options
def predict(
    *,
    reading: DataOptions,
    checkpoint: Annotated[
        Path, typer.Argument(metavar="FILE.npz", help="Checkpoint of a training.")
    ],
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            metavar="PATH",
            help="New samples: FILE.csv, FILE.npz, FILE.npz#ARRAY, X.npy, or a folder or file of "
            "IDX images.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="File for the classes: .csv, .json, .npy or .npz. [default: a table here]",
            show_default=False,
        ),
    ] = None,
    scores: Annotated[
        bool, typer.Option("--scores", help="Give the scores of all classes, too.")
    ] = False,
    port: Annotated[
        str | None,
        typer.Option(
            "--port",
            metavar="PORT",
            help="Predict on the board at this serial port, and compare with the host.",
            show_default=False,
            rich_help_panel=_ON,
        ),
    ] = None,
    baud: options.BaudOption = options.BAUD,
    timeout: options.TimeoutOption = 1.0,
    simulate: Annotated[
        bool,
        typer.Option(
            "--simulate",
            help="Predict on the simulated device, and compare with the host.",
            rich_help_panel=_ON,
        ),
    ] = False,
    device: SimulatedDeviceOption = None,
    data_dir: options.DataDirOption = None,
) -> None:
    """Predict the classes of new samples with a trained network.

    The encoder is the one that was fitted in training; nothing is learnt from the new samples.
    """
    console = Console(soft_wrap=True)
    if dataset is None:
        raise MetabitError("--dataset says where the new samples are")
    if port is not None and (simulate or device):
        raise MetabitError("--port means a board; it cannot be given with --simulate or --device")
    if out is not None:
        check_folder("--out", out)
        check_out(out, scores=scores)
    loaded = load_any_checkpoint(checkpoint)
    record, config = loaded.record, loaded.config
    samples = load_samples(dataset, record.trained, data_dir, reading)
    print_summary(console, samples.summary)
    for note in samples.strange:
        console.print(f"[yellow]unlike the training data:[/] {escape(note)}", highlight=False)
    check_shape(config, samples.images.shape[1:])
    bits = record.encoder_of(config.encoder).encode(samples.images)
    found = _predictions(loaded, samples, scores_of(loaded.network(), bits), scores)
    ran_on = "host"
    if port is not None or simulate or device:
        with _driver(console, loaded, port, baud, timeout, device) as driver:
            ran_on = f"{driver.shape.name} {'simulated' if port is None else f'on {port}'}"
            _compare(driver, bits, found.classes[samples.rows])
        console.print(f"[green]device {ran_on} and host predict the same[/]", highlight=False)
    if out is None:
        show_predictions(console, found)
    console.print(escape(count_predictions(found)), highlight=False)
    if out is not None:
        about = {
            "dataset": dataset,
            "samples": samples.count,
            "ran_on": ran_on,
            "classes": list(found.names) or list(range(config.classes)),
            "unlike_training": list(samples.strange),
            "state_sha256": record.state_sha256,
            "versions": versions(),
        }
        write_predictions(out, found, about)
        console.print(f"saved {escape(str(out))}", highlight=False)


def _predictions(
    checkpoint: AnyCheckpoint, samples: Samples, scores: npt.NDArray[np.int64], wanted: bool
) -> Predictions:
    """Return the predictions of all samples of the file, those without one included."""
    classes = np.full(samples.count, NONE, np.int64)
    classes[samples.rows] = scores.argmax(axis=1)
    every = np.zeros((samples.count, scores.shape[1]), np.int64)
    every[samples.rows] = scores
    return Predictions(classes, every if wanted else None, checkpoint.record.class_names)


@contextmanager
def _driver(
    console: Console,
    checkpoint: AnyCheckpoint,
    port: str | None,
    baud: int,
    timeout: float,
    device: str | None,
) -> "Iterator[Driver]":
    """Open the device that is meant, with the network loaded."""
    if not isinstance(checkpoint, Checkpoint):
        raise MetabitError(
            f"the network was trained in mode {checkpoint.config.rule}, which no device has; "
            "predict on the host, without --port, --simulate and --device"
        )
    if port is not None:
        from metabit.host.driver import Driver
        from metabit.host.transport import SerialTransport

        opened = Driver.find(SerialTransport(port, baud, timeout))
    else:
        from metabit.hdl.placement import Placement, smallest_shape
        from metabit.hdl.shape import find_shape
        from metabit.sim.simulate import build_device, open_driver

        from .simulation import building

        shape = find_shape(device) if device else smallest_shape(checkpoint.config)
        Placement(checkpoint.config, shape)
        with building(console) as report:
            library = build_device(shape, report=report)
        opened = open_driver(library, shape)
    with opened as driver:
        driver.load(checkpoint.network())
        yield driver


def _compare(driver: "Driver", bits: npt.NDArray[np.bool_], expected: npt.NDArray) -> None:
    """Predict on a device, and compare.

    Raises
    ------
    MetabitError
        If device and host differ.
    """
    found = driver.predict(bits)
    if not np.array_equal(found, expected):
        sample = int(np.argmax(found != expected))
        raise MetabitError(
            f"the device predicts class {found[sample]} for sample {sample} of {len(found)}, the "
            f"host {expected[sample]}; {np.count_nonzero(found != expected)} differ"
        )
