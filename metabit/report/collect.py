"""Gather what a folder holds: results of train, simulate and build, and a checkpoint."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from ..errors import MetabitError
from ..golden.configurations.strict_json import parse
from ..golden.configurations.validation import describe
from .results import Results, SimulateResults, TrainResults

if TYPE_CHECKING:
    from ..boards.results import BuildResult

TRAIN, SIMULATE, BUILD, CHECKPOINT = "train.json", "simulate.json", "build.json", "run.npz"
"""Files that a report is made of; each may be missing."""

_TRAIN_KEYS = ("test_accuracy", "train_accuracy", "seconds_per_epoch", "state_sha256", "dataset")
_SIMULATE_KEYS = ("samples", "bit_exact")
_MEASURED_KEYS = ("cycles", "cycles_per_sample", "cycles_per_second", "state_sha256")
"""What the simulation of a training measures that has come to its end without a difference."""

_VERDICT = "bit_exact"
"""What nobody knows of a training that was not compared."""

_SHOWN = 24
"""Test samples shown as they come, and at most as many mistakes."""


@dataclass(frozen=True)
class Sample:
    """A test sample and what the network makes of it.

    Parameters
    ----------
    image : numpy.ndarray
        Grey values, two dimensions.
    label, prediction : int
    """

    image: npt.NDArray[Any]
    label: int
    prediction: int


@dataclass(frozen=True)
class Predictions:
    """Test samples for show.

    Parameters
    ----------
    first, mistakes : list of Sample
        The first of the test set, and the first that are predicted wrongly.
    confusion : numpy.ndarray
        Counts, true class by predicted class.
    names : list of str
        Of the classes.
    network : dict
        What the checkpoint says of its run: configuration, data set, split.
    """

    first: list[Sample]
    mistakes: list[Sample]
    confusion: npt.NDArray[np.int64]
    names: list[str]
    network: dict[str, Any]


@dataclass(frozen=True)
class Contents:
    """What was found; None stands for what was not.

    Parameters
    ----------
    folder : pathlib.Path
    train, simulate : dict
        As the commands write them with ``--json``.
    build : BuildResult
    predictions : Predictions
    picture : bytes
        The placed design, PNG.
    """

    folder: Path
    train: dict[str, Any] | None
    simulate: dict[str, Any] | None
    build: "BuildResult | None"
    predictions: Predictions | None
    picture: bytes | None


def collect(folder: Path) -> Contents:
    """Read all results in a folder.

    Raises
    ------
    MetabitError
        If the folder has none of the files, or one cannot be read.
    """
    if not folder.is_dir():
        raise MetabitError(f"{folder} is no folder; give the one that holds {TRAIN}")
    if not any((folder / name).exists() for name in (TRAIN, SIMULATE, BUILD)):
        raise MetabitError(
            f"{folder} holds none of {TRAIN}, {SIMULATE} and {BUILD}: write them with "
            f"--json {folder}/{TRAIN} of metabit train, and so on"
        )
    build = _read_build(folder / BUILD)
    return Contents(
        folder=folder,
        train=_read(folder / TRAIN, _TRAIN_KEYS, TrainResults),
        simulate=_read(folder / SIMULATE, _SIMULATE_KEYS, SimulateResults),
        build=build,
        predictions=_predict(folder / CHECKPOINT),
        picture=_picture(folder, build),
    )


def _read(file: Path, keys: tuple[str, ...], model: type[Results]) -> dict[str, Any] | None:
    """Return what a command has written; of several seeds, the first."""
    if not file.exists():
        return None
    try:
        content = parse(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MetabitError(f"{file} is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise MetabitError(f"{file} must hold a JSON object")
    if "runs" in content:
        runs = content["runs"]
        if not isinstance(runs, list) or not runs or not isinstance(runs[0], dict):
            raise MetabitError(f"{file}: runs must be a list of results; write it anew with --json")
        content = runs[0] | {"mean": content.get("test_accuracy"), "seeds": len(runs)}
    # A device that has only predicted counts no cycles.
    if content.get("bit_exact") and "test_accuracy" not in content:
        keys += _MEASURED_KEYS
    for key in keys:
        if key not in content or (content[key] is None and key != _VERDICT):
            raise MetabitError(f"{file} lacks {key}; write it anew with --json")
    try:
        model.model_validate(content, strict=True)
    except ValidationError as error:
        raise MetabitError(
            f"{file}: {describe(error, model)}; write it anew with --json"
        ) from error
    return content


def _read_build(file: Path) -> "BuildResult | None":
    from ..boards.results import load_result

    return load_result(file) if file.exists() else None


def _picture(folder: Path, build: "BuildResult | None") -> bytes | None:
    """Return the picture of the placed design, from where it was built or from the folder."""
    if build is None or not build.picture:
        return None
    for file in (Path(build.picture), folder / Path(build.picture).name):
        if file.exists():
            return file.read_bytes()
    return None


def _predict(file: Path) -> Predictions | None:
    """Return what the network of a checkpoint makes of its test samples."""
    if not file.exists():
        return None
    from ..golden.checkpoints.hardware import load_checkpoint
    from ..golden.data.class_names import class_names
    from ..golden.data.datasets import load_dataset
    from ..golden.data.splits import split
    from ..golden.scores import confusion_matrix

    checkpoint = load_checkpoint(file)
    config, record = checkpoint.config, checkpoint.record
    parts = split(load_dataset(record.dataset, None, record.reading), record.split, config.seed)
    images, labels = parts.test_images, parts.test_labels
    predictions = checkpoint.network().predict(record.encoder_of(config.encoder).encode(images))

    def samples(indices: npt.NDArray[np.intp]) -> list[Sample]:
        return [
            Sample(_square(images[i]), int(labels[i]), int(predictions[i]))
            for i in indices[:_SHOWN]
        ]

    return Predictions(
        first=samples(np.arange(len(labels))),
        mistakes=samples(np.flatnonzero(predictions != labels)),
        confusion=confusion_matrix(labels, predictions, config.classes),
        names=class_names(record.dataset, config.classes, record.class_names),
        network={
            "config": config.model_dump(mode="json"),
            "dataset": record.dataset,
            "split": record.split,
        },
    )


def _square(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an image in two dimensions; other data become a row or, if they can, a square."""
    if image.ndim == 2:
        return image
    flat = image.reshape(-1)
    side = int(np.sqrt(flat.size))
    return flat.reshape(side, side) if side * side == flat.size else flat.reshape(1, -1)
