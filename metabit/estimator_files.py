"""Fitted estimators as checkpoints, and checkpoints as fitted estimators."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from .golden.checkpoints.file import versions
from .golden.checkpoints.hardware import Checkpoint, Record, load_checkpoint
from .golden.checkpoints.record import EVERYTHING, EstimatorRecord, StatisticsRecord
from .golden.config import Config
from .golden.configurations.settings import settings_of
from .golden.data.options import DataOptions
from .golden.data.seen import Seen
from .golden.encoding.encoders import Encoder
from .golden.encoding.quantiles import Quantiles
from .golden.errors import CheckpointError
from .golden.state import network_sha256

if TYPE_CHECKING:
    from .estimator import MetabitClassifier

E = TypeVar("E", bound="MetabitClassifier")

_MAX_LEVELS = 256
"""Thresholds of a column that an encoder of columns has at most."""


@dataclass(frozen=True)
class TrainedOn:
    """What an estimator keeps of its training for a checkpoint.

    Attributes
    ----------
    sha256 : str
        Hash of the training samples.
    seen : Seen
        Their shape and range.
    epochs : list of tuple of int
        Errors and samples of each epoch.
    """

    sha256: str
    seen: Seen
    epochs: list[tuple[int, int]]


def encoder_of_columns(quantiles: Quantiles, columns: int) -> Encoder:
    """Return an encoder of images that gives the bits of the estimator's own, in their order.

    A thermometer of equally many thresholds for each column, of which those are selected that the
    column has.

    Parameters
    ----------
    quantiles : Quantiles
        Fitted.
    columns : int
        Features of a sample.

    Raises
    ------
    CheckpointError
        If a column has too many thresholds.
    """
    counts = np.bincount(quantiles.columns, minlength=columns)
    levels = int(counts.max())
    if levels > _MAX_LEVELS:
        raise CheckpointError(
            f"a feature has {levels} thresholds, and a checkpoint holds {_MAX_LEVELS} of each at "
            "most; use fewer levels"
        )
    thresholds = np.zeros((columns, levels))
    places = np.concatenate([np.arange(count) for count in counts])
    thresholds[quantiles.columns, places] = quantiles.thresholds
    selection = quantiles.columns * levels + places
    return Encoder(
        f"select:{len(selection)}:distributive:{levels}",
        thresholds=tuple(map(tuple, thresholds.tolist())),
        selection=selection.tolist(),
    )


def checkpoint_of(classifier: "MetabitClassifier") -> Checkpoint:
    """Return a fitted estimator as a checkpoint, encoder and labels included.

    Parameters
    ----------
    classifier : MetabitClassifier
        Fitted.

    Raises
    ------
    CheckpointError
        If labels are neither numbers nor texts, or a feature has too many thresholds.
    """
    network, encoder = classifier.network_, classifier.encoder_
    if isinstance(encoder, Quantiles):
        encoder = encoder_of_columns(encoder, classifier.n_features_in_)
    labels = classifier.classes_
    if labels.dtype.kind not in "biufUO" or not all(
        isinstance(label, bool | int | float | str) for label in labels.tolist()
    ):
        raise CheckpointError(f"labels must be numbers or texts, not {labels[0]!r}")
    trained = classifier._trained
    # Calls of partial_fit on samples of other numbers are no epochs of one training.
    alike = [errors for errors, samples in trained.epochs if samples == trained.epochs[-1][1]]
    history = alike if len(alike) == len(trained.epochs) else alike[-1:]
    names = getattr(classifier, "feature_names_in_", None)
    plain = np.array_equal(labels, np.arange(len(labels))) and labels.dtype.kind in "iu"
    record = Record(
        generator_state=network.generator.state,
        statistics=StatisticsRecord.of(network.statistics),
        config=network.config.model_copy(update={"encoder": encoder.spec}),
        dataset=network.config.dataset,
        split=EVERYTHING,
        data_sha256=trained.sha256,
        median=encoder.median,
        thresholds=encoder.thresholds,
        selection=encoder.selection,
        columns=() if names is None or classifier.image_shape is not None else tuple(names),
        class_names=() if plain else tuple(map(str, labels.tolist())),
        data_options=DataOptions(automatic=False),
        seen=trained.seen,
        samples=trained.epochs[-1][1],
        epochs=len(history),
        epoch=len(history) + 1,
        sample=0,
        errors=0,
        history=tuple(history),
        test_accuracy=(),
        seconds=(),
        state_sha256=network_sha256(network),
        versions=versions(),
        estimator=EstimatorRecord(
            parameters=_parameters(classifier),
            labels=tuple(labels.tolist()),
            dtype="object" if labels.dtype.kind == "O" else labels.dtype.str,
            features=None if names is None else tuple(map(str, names)),
            training_accuracy=tuple(classifier.training_accuracy_),
        ),
    )
    return Checkpoint(record, tuple(layer.copy() for layer in network.counters))


def _parameters(classifier: "MetabitClassifier") -> dict[str, Any]:
    """Return the parameters as JSON has them; a generator of random numbers is its seed."""
    found: dict[str, Any] = {}
    for name, value in classifier.get_params().items():
        if isinstance(value, np.ndarray):
            value = value.tolist()
        elif isinstance(value, list | tuple):
            value = [each.item() if isinstance(each, np.generic) else each for each in value]
        found[name] = value.item() if isinstance(value, np.generic) else value
    return found | {"random_state": classifier.config_.seed}


def classifier_of(path: Path, kind: type[E]) -> E:
    """Return a fitted estimator from a checkpoint, that of an estimator or of a training.

    Parameters
    ----------
    path : Path
        The checkpoint, of mode hardware.
    kind : type of MetabitClassifier
        What to make.

    Raises
    ------
    CheckpointError
        If the file is missing or damaged, or does not say what samples are.
    """
    checkpoint = load_checkpoint(path)
    record, config = checkpoint.record, checkpoint.config
    if record.seen is None:
        raise CheckpointError(
            f"checkpoint {path} is of an earlier version, which did not keep the shape of its "
            "samples; train again, or make it longer with metabit train --resume"
        )
    kept = record.estimator
    given: dict[str, Any]
    if kept is not None:
        given = {n: tuple(v) if isinstance(v, list) else v for n, v in kept.parameters.items()}
        labels: npt.NDArray = np.array(kept.labels, np.dtype(kept.dtype))
    else:
        given = {name: getattr(config, name) for name in settings_of(Config)}
        shape = record.seen.shape if len(record.seen.shape) > 1 else None
        given |= {"epochs": record.epochs, "random_state": config.seed, "image_shape": shape}
        labels = np.array(record.class_names) if record.class_names else np.arange(config.classes)
    classifier = kind(**given)
    classifier.classes_ = labels
    classifier.n_features_in_ = math.prod(record.seen.shape)
    if kept is not None and kept.features is not None:
        classifier.feature_names_in_ = np.array(kept.features, object)
    classifier.config_ = config
    classifier.network_ = checkpoint.network()
    classifier.encoder_ = record.encoder_of(config.encoder)
    accuracy = checkpoint.schedule().accuracy if kept is None else kept.training_accuracy
    classifier.training_accuracy_ = list(accuracy)
    epochs = [(errors, record.samples) for errors in record.history]
    classifier._trained = TrainedOn(record.data_sha256, record.seen, epochs)
    # Damping starts as if all had been wrong.
    classifier._errors = epochs[-1] if epochs else (1, 1)
    return classifier
