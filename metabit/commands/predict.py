"""`metabit predict`: classes of new samples, by a trained network, here or on a device."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console
from rich.markup import escape

from metabit.errors import MetabitError
from metabit.golden.checkpoints.file import versions
from metabit.golden.data.class_names import real_names
from metabit.golden.data.options import DataOptions
from metabit.golden.data.samples import Samples, load_samples
from metabit.golden.data.trained import Trained
from metabit.golden.data.training_data import check_shape
from metabit.golden.modes.registry import load_any_checkpoint
from metabit.golden.scores import scores_in_views
from metabit.golden.views import each_view

from . import options
from .data_options import print_summary, takes_data_options
from .devices import SimulatedDeviceOption
from .foreign import is_foreign, open_foreign
from .live import RawOption
from .on_device import board, hardware_of, predict_both, simulated
from .on_device import loaded as on_device
from .options import check_folder
from .prediction_files import (
    NONE,
    Predictions,
    check_out,
    count_predictions,
    show_predictions,
    write_predictions,
)

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
        Path, typer.Argument(metavar="FILE", help="Checkpoint of a training, or an .onnx file.")
    ],
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            metavar="PATH",
            help="New samples: FILE.csv, FILE.npz, FILE.npz#ARRAY, X.npy, or a folder or file of "
            "pictures or IDX images.",
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
    live: RawOption = False,
    encoder: options.ForeignEncoderOption = None,
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
    on_a_device = port is not None or simulate or device is not None
    if live and not on_a_device:
        raise MetabitError("--live sends samples to a device; name one, --port, or --simulate")
    if is_foreign(checkpoint):
        if on_a_device:
            raise MetabitError(
                "an .onnx file predicts on the host; metabit simulate FILE.onnx and metabit run "
                "FILE.onnx test it on a device"
            )
        foreign = open_foreign(checkpoint, encoder)
        samples = _samples(console, dataset, foreign.trained, data_dir, reading)
        found = _predictions(
            foreign.class_names,
            samples,
            foreign.network.scores(foreign.bits(samples.images)),
            scores,
        )
        _show(console, found, out, {"dataset": dataset, "ran_on": "host"}, samples)
        return
    if encoder is not None:
        raise MetabitError("--encoder means nothing for a checkpoint, which has its own")
    loaded = load_any_checkpoint(checkpoint)
    record, config = loaded.record, loaded.config
    samples = _samples(console, dataset, record.trained, data_dir, reading)
    check_shape(config, samples.images.shape[1:])
    fitted = record.encoder_of(config.encoder)
    names = real_names(record.dataset, config.classes, record.class_names)
    views = 1 if on_a_device else config.views
    bits = list(each_view(fitted.encode, samples.images, views))
    if config.views > 1:
        seen = "one view" if on_a_device else f"{views} views"
        console.print(f"judged in {seen} of each sample", highlight=False)
    found = _predictions(names, samples, scores_in_views(loaded.network(), bits), scores)
    ran_on = "host"
    if on_a_device:
        hardware = hardware_of(loaded)
        if port is not None:
            opened, where = board(port, baud, timeout), f"on {port}"
        else:
            opened = simulated(console, hardware.config, device, encodes=live)
            where = "simulated"
        if live:
            from metabit.host.raw import RawSamples

            opened.send_raw(RawSamples(fitted, [(bits[0], samples.images)]))
        with on_device(opened, hardware) as driver:
            ran_on = f"{driver.shape.name} {where}"
            predict_both(driver, bits[0], found.classes[samples.rows])
        console.print(f"[green]device {ran_on} and host predict the same[/]", highlight=False)
    about = {"dataset": dataset, "ran_on": ran_on, "state_sha256": record.state_sha256}
    _show(console, found, out, about, samples)


def _samples(
    console: Console, dataset: str, trained: Trained, data_dir: Path | None, reading: DataOptions
) -> Samples:
    """Read new samples, and say what was found."""
    samples = load_samples(dataset, trained, data_dir, reading)
    print_summary(console, samples.summary)
    for note in samples.strange:
        console.print(f"[yellow]unlike the training data:[/] {escape(note)}", highlight=False)
    return samples


def _show(
    console: Console,
    found: Predictions,
    out: Path | None,
    about: dict[str, Any],
    samples: Samples,
) -> None:
    """Print predictions, or write them."""
    if out is not None:
        about = {
            **about,
            "samples": samples.count,
            "classes": found.every_title(),
            "unlike_training": list(samples.strange),
            "versions": versions(),
        }
        write_predictions(out, found, about)
    else:
        show_predictions(console, found)
    console.print(escape(count_predictions(found)), highlight=False)
    if out is not None:
        console.print(f"saved {escape(str(out))}", highlight=False)


def _predictions(
    names: tuple[str, ...], samples: Samples, scores: npt.NDArray[np.int64], wanted: bool
) -> Predictions:
    """Return the predictions of all samples of the file, those without one included."""
    classes = np.full(samples.count, NONE, np.int64)
    classes[samples.rows] = scores.argmax(axis=1)
    every = np.zeros((samples.count, scores.shape[1]), np.int64)
    every[samples.rows] = scores
    return Predictions(classes, every if wanted else None, names, scores.shape[1], samples.files)
