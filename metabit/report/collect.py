"""Gather what a folder holds: results of train, simulate and build, and a checkpoint."""

from collections.abc import Sequence
from dataclasses import dataclass, field
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
    from ..golden.configurations.configuration import NetworkConfig
    from ..golden.data.splits import Split
    from ..golden.runs.observation import Observation
    from .looks import Look

TRAIN, SIMULATE, BUILD, CHECKPOINT = "train.json", "simulate.json", "build.json", "run.npz"
"""Files that a report is made of; each may be missing."""

_TRAIN_KEYS = ("test_accuracy", "train_accuracy", "seconds_per_epoch", "state_sha256", "dataset")
_SIMULATE_KEYS = ("samples", "bit_exact")
_MEASURED_KEYS = ("cycles", "cycles_per_sample", "cycles_per_second", "state_sha256")
"""What the simulation of a training measures that has come to its end without a difference."""

_VERDICT = "bit_exact"
"""What nobody knows of a training that was not compared."""

SHOWN = 24
"""Test samples shown as they come, and at most as many mistakes."""


@dataclass(frozen=True)
class Sample:
    """A test sample and what the network makes of it.

    Parameters
    ----------
    image : numpy.ndarray
        Grey values, two dimensions.
    label, prediction : int
    note : str
        What else is to be said of it.
    """

    image: npt.NDArray[Any]
    label: int
    prediction: int
    note: str = ""


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
class Hard:
    """Training samples that were missed most often.

    Parameters
    ----------
    samples : list of Sample
        The hardest first, with what they were taken for last.
    passes : int
        Forward passes that were watched, of all samples.
    names : list of str
        Of the classes.
    """

    samples: list[Sample]
    passes: int
    names: list[str]


@dataclass(frozen=True)
class Moved:
    """What moved in each epoch.

    Parameters
    ----------
    observations : sequence of Observation
        Of finished epochs.
    samples : int
        Training samples of an epoch.
    weights : sequence of int
        Of each layer.
    stored : str
        What a weight is the sign of, in the plural.
    """

    observations: "Sequence[Observation]"
    samples: int
    weights: Sequence[int]
    stored: str


@dataclass(frozen=True)
class Contents:
    """What was found; None, or nothing in a list, stands for what was not.

    Parameters
    ----------
    title : str
        Of the page.
    train, simulate : dict
        As the commands write them with ``--json``.
    build : BuildResult
    predictions : Predictions
    picture : bytes
        The placed design, PNG.
    moved : Moved
    looks : list of Look
        What neurons look for, a layer each.
    hard : Hard
        Known of a training that was watched.
    """

    title: str
    train: dict[str, Any] | None = None
    simulate: dict[str, Any] | None = None
    build: "BuildResult | None" = None
    predictions: Predictions | None = None
    picture: bytes | None = None
    moved: Moved | None = None
    looks: "list[Look]" = field(default_factory=list)
    hard: Hard | None = None


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
        title=folder.resolve().name,
        train=_read(folder / TRAIN, _TRAIN_KEYS, TrainResults),
        simulate=_read(folder / SIMULATE, _SIMULATE_KEYS, SimulateResults),
        build=build,
        picture=_picture(folder, build),
        **_learnt(folder / CHECKPOINT),
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


def _learnt(file: Path) -> dict[str, Any]:
    """Return what a checkpoint tells: predictions of its test samples, what moved, and fields."""
    if not file.exists():
        return {}
    from ..golden.checkpoints.hardware import load_checkpoint
    from ..golden.data.class_names import class_names
    from ..golden.data.datasets import load_dataset
    from ..golden.data.splits import split
    from ..plots.maps import feature_maps
    from .looks import look_of

    checkpoint = load_checkpoint(file)
    config, record = checkpoint.config, checkpoint.record
    parts = split(load_dataset(record.dataset, None, record.reading), record.split, config.seed)
    encoder, network = record.encoder_of(config.encoder), checkpoint.network()
    hidden, codes = network.hidden_weights(), network.neuron_codes()
    maps = feature_maps(encoder, parts.images.shape[1:])
    return {
        "predictions": predictions_of(
            parts,
            network.predict(encoder.encode(parts.test_images)),
            class_names(record.dataset, config.classes, record.class_names),
            {
                "config": config.model_dump(mode="json"),
                "dataset": record.dataset,
                "split": record.split,
            },
        ),
        "moved": moved_in(config, record.observations, record.samples),
        "looks": [look_of(hidden, codes, maps, layer) for layer in range(config.layers)],
    }


def moved_in(
    config: "NetworkConfig", observations: "Sequence[Observation]", samples: int
) -> Moved | None:
    """Return what moved in each epoch; None: nobody looked.

    Parameters
    ----------
    config : NetworkConfig
        Says how large the layers are.
    observations : sequence of Observation
        Of finished epochs.
    samples : int
        Training samples of an epoch.
    """
    from ..golden.modes.registry import mode_of

    if not observations:
        return None
    sizes = zip(config.hidden, config.fan_in, strict=True)
    weights = [width * fan_in for width, fan_in in sizes]
    return Moved(tuple(observations), samples, weights, f"{mode_of(config).stored}s")


def predictions_of(
    parts: "Split",
    predictions: npt.NDArray[np.integer],
    names: list[str],
    network: dict[str, Any],
) -> Predictions:
    """Return what is shown of the predictions of a test set.

    Parameters
    ----------
    parts : Split
        With its test samples.
    predictions : ndarray of int, shape (n,)
        Class of each; -1: neither of two.
    names : list of str
        Of the classes.
    network : dict
        Configuration, data set and split, as ``--json`` has them.
    """
    from ..golden.scores import confusion_matrix

    images, labels = parts.test_images, parts.test_labels

    def samples(indices: npt.NDArray[np.intp]) -> list[Sample]:
        return [
            Sample(picture_of(images[i]), int(labels[i]), int(predictions[i]))
            for i in indices[:SHOWN]
        ]

    return Predictions(
        first=samples(np.arange(len(labels))),
        mistakes=samples(np.flatnonzero(predictions != labels)),
        confusion=confusion_matrix(labels, predictions, len(names)),
        names=names,
        network=network,
    )


def picture_of(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an image in two dimensions; other data become a row or, if they can, a square."""
    if image.ndim == 2:
        return image
    flat = image.reshape(-1)
    side = int(np.sqrt(flat.size))
    return flat.reshape(side, side) if side * side == flat.size else flat.reshape(1, -1)
