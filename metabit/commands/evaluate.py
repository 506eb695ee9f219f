"""`metabit evaluate`: test a trained network."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console
from rich.markup import escape

from metabit.errors import MetabitError
from metabit.golden.checkpoints.again import dataset_of, is_trained_on
from metabit.golden.checkpoints.file import versions
from metabit.golden.checkpoints.layers import Saved
from metabit.golden.checkpoints.record import EVERYTHING, RunRecord
from metabit.golden.codes import Bits
from metabit.golden.data.class_names import class_names
from metabit.golden.data.datasets import DATASETS, Dataset, load_dataset
from metabit.golden.data.options import DataOptions
from metabit.golden.data.splits import split as split_dataset
from metabit.golden.data.training_data import check_fit
from metabit.golden.engines import choose_engine
from metabit.golden.modes.registry import load_any_checkpoint, mode_of
from metabit.golden.scores import confusion_matrix, predictions_of
from metabit.golden.views import each_view

from . import options
from .confusion import confusion_table
from .data_options import print_summary, takes_data_options
from .foreign import is_foreign, labelled, open_foreign
from .options import check_folder, write_json
from .training import VIEWS, of_views

EPILOG = """
**Examples**

metabit evaluate run.npz                          the test set that the run kept aside

metabit evaluate run.npz --split official         the official test set

metabit evaluate run.npz --dataset mine.npz       your own data

metabit evaluate other.onnx --dataset mine.npz    a network of signs that was trained elsewhere
"""


@takes_data_options
def evaluate(
    *,
    reading: DataOptions,
    checkpoint: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Checkpoint that train has written, or an .onnx file."),
    ],
    engine: options.EngineOption = "auto",
    encoder: options.ForeignEncoderOption = None,
    json: options.JsonOption = None,
    dataset: options.DatasetOption = None,
    split: options.SplitOption = None,
    data_dir: options.DataDirOption = None,
) -> None:
    """Measure the test accuracy of a trained network, class by class."""
    console = Console()
    check_folder("--json", json)
    if is_foreign(checkpoint):
        foreign = open_foreign(checkpoint, encoder)
        chosen, tested = labelled(foreign, dataset, split, data_dir, reading)
        print_summary(console, chosen.summary)
        found = foreign.network.predict(tested.bits)
        own = foreign.class_names or chosen.class_names
        names = class_names(chosen.name, foreign.network.classes, own)
        _report(console, found, tested.labels, names, tested.name, json, {})
        return
    if encoder is not None:
        raise MetabitError("--encoder means nothing for a checkpoint, which has its own")
    loaded = load_any_checkpoint(checkpoint)
    config, record = loaded.config, loaded.record
    data = _load(loaded, dataset, data_dir, reading)
    print_summary(console, data.summary)
    record.check_columns(data)
    check_fit(config, data)
    images, labels, tested_on = _test_set(loaded, data, split)
    for note in _strange(record, data, images):
        console.print(f"[yellow]unlike the training data:[/] {escape(note)}", highlight=False)
    network = mode_of(config).predictor(loaded, choose_engine(engine, len(images)))
    encode = record.encoder_of(config.encoder).encode
    predictions = network.predict(encode(images))
    about = {
        **_in_all_views(loaded, encode, images, labels),
        "state_sha256": record.state_sha256,
        "config": config.model_dump(mode="json"),
    }
    names = class_names(data.name, config.classes, record.class_names or data.class_names)
    _report(console, predictions, labels, names, tested_on, json, about)


def _in_all_views(
    checkpoint: Saved,
    encode: Callable[[npt.NDArray], Bits],
    images: npt.NDArray,
    labels: npt.NDArray[np.int64],
) -> dict[str, float]:
    """Return the accuracy of all views of the samples together, if the network learnt some."""
    views = checkpoint.config.views
    if views == 1:
        return {}
    found = predictions_of(checkpoint.network(), each_view(encode, images, views))
    return {VIEWS: float(np.mean(found == labels))}


def _report(
    console: Console,
    predictions: npt.NDArray[np.integer],
    labels: npt.NDArray[np.int64],
    names: Sequence[str],
    tested_on: str,
    json: Path | None,
    about: dict[str, Any],
) -> None:
    """Say how many predictions are right, class by class."""
    confusion = confusion_matrix(labels, predictions, len(names))
    accuracy = float(np.mean(predictions == labels))
    if json is not None:
        write_json(
            json,
            {
                "test_accuracy": accuracy,
                "samples": len(labels),
                "tested_on": tested_on,
                "confusion": confusion.tolist(),
                "class_names": names,
                **about,
                "versions": versions(),
            },
        )
    console.print(confusion_table(confusion, names))
    console.print(
        f"test accuracy [bold]{accuracy * 100:.2f} %[/]{of_views(about)} "
        f"({escape(tested_on)}, {len(labels)} samples)",
        highlight=False,
    )


def _load(
    checkpoint: Saved, dataset: str | None, data_dir: Path | None, reading: DataOptions
) -> Dataset:
    """Return the data set to test on, read as the one that was trained on where nothing is said."""
    record = checkpoint.record
    if not reading.given():
        return dataset_of(record, dataset, data_dir)
    as_trained = replace(record.reading, **reading.given())
    return load_dataset(dataset or record.dataset, data_dir, as_trained)


def _test_set(
    checkpoint: Saved, loaded: Dataset, split: str | None
) -> tuple[npt.NDArray, npt.NDArray[np.int64], str]:
    """Return test images and labels, and what to call them.

    The data that the run was trained on are known by their contents, wherever they are. Of other
    data, all samples are tested unless a split is asked
    for or they come with a test set.
    """
    record = checkpoint.record
    trained_on = loaded.name == record.dataset or is_trained_on(record, loaded)
    if split is None and trained_on and record.split != EVERYTHING:
        split = record.split
    if split is None and loaded.test_images is None:
        return loaded.images, loaded.labels, f"{loaded.name}, all"
    parts = split_dataset(loaded, split, checkpoint.config.seed)
    return parts.test_images, parts.test_labels, f"{loaded.name}, split {parts.name}"


def _strange(record: RunRecord, loaded: Dataset, images: npt.NDArray) -> list[str]:
    """Return what is different about the range of data that are not those trained on, in words.

    A test set of the same data may well exceed what the training samples happened to reach. A name
    alone does not tell that they are the same, unless the data set is one that Metabit knows.
    """
    if record.seen is None or loaded.name == record.dataset in DATASETS:
        return []
    found = record.seen.strange(images, record.columns)
    return [] if not found or is_trained_on(record, loaded) else found
