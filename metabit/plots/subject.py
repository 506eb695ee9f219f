"""What pictures are made of: a run, or what a checkpoint tells of one."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import MetabitError
from ..golden.binary_network import BinaryNetwork
from ..golden.checkpoints.again import dataset_of
from ..golden.checkpoints.layers import Saved
from ..golden.configurations.configuration import NetworkConfig
from ..golden.data.class_names import class_names
from ..golden.data.splits import split
from ..golden.data.training_data import check_fit
from ..golden.encoding.encoders import Bits, Encoder
from ..golden.modes.registry import AnyMode, mode_of
from ..golden.runs.observation import Observation
from ..golden.runs.training_run import TrainingRun

_BATCH = 4096
_LARGEST_SIDE = 512


@dataclass(frozen=True)
class Tested:
    """What a network makes of its test set.

    Attributes
    ----------
    labels : ndarray of int64, shape (n,)
        True classes.
    scores : list of ndarray of int32, shape (n, C)
        Class scores of each layer.
    predictions : ndarray of int64, shape (n,)
        Class of each sample by the last layer; -1: neither of two.
    """

    labels: npt.NDArray[np.int64]
    scores: list[npt.NDArray[np.int32]]
    predictions: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Subject:
    """A training, as far as it has come.

    Attributes
    ----------
    config : NetworkConfig
        Configuration.
    dataset, split : str
        What was trained on.
    samples : int
        Training samples of an epoch.
    epochs : int
        Planned length.
    train_accuracy, test_accuracy : list of float
        After each finished epoch.
    observations : list of Observation
        What was recorded of finished epochs.
    hidden : list of ndarray of int32, shape (K_l, fan_in)
        Hidden weights ``H`` of each layer; in hardware mode they are ``2 v + 1``.
    classifier : list of ndarray of int8, shape (C, K_l)
        Classifier of each layer, -1, 0 or 1; in the baseline, that of a neuron's group.
    encoder : Encoder
        Fitted.
    shape : tuple of int
        Of a sample before it is encoded.
    names : tuple of str
        Names of the classes that the data set brings, if it does.
    tested : Tested or None
        None: the test set is not at hand.
    """

    config: NetworkConfig
    dataset: str
    split: str
    samples: int
    epochs: int
    train_accuracy: list[float]
    test_accuracy: list[float]
    observations: list[Observation]
    hidden: list[npt.NDArray[np.int32]]
    classifier: list[npt.NDArray[np.int8]]
    encoder: Encoder
    shape: tuple[int, ...]
    names: tuple[str, ...]
    tested: Tested | None

    @property
    def title(self) -> str:
        """What was trained, in a line."""
        config = self.config
        layers = "-".join(map(str, (config.inputs, *config.hidden, config.classes)))
        done, planned = len(self.train_accuracy), self.epochs
        epochs = f"{done} epochs" if done == planned else f"{done} of {planned} epochs"
        return (
            f"{config.name}, {layers}, {config.encoder}, {config.brief}, "
            f"{self.dataset} ({self.split}), seed {config.seed}, {epochs}"
        )

    @property
    def mode(self) -> AnyMode:
        """The mode, which knows what is stored, and the words for it."""
        return mode_of(self.config)

    @property
    def unlimited(self) -> bool:
        """Whether hidden weights may grow without a limit."""
        return self.config.limits is None

    @property
    def class_names(self) -> list[str]:
        """Names of the classes."""
        return class_names(self.dataset, self.config.classes, self.names)


def subject_of_run(run: TrainingRun) -> Subject:
    """Return what can be shown of a run."""
    network, data = run.network, run.data
    observer = run.observer
    return Subject(
        config=network.config,
        dataset=data.dataset,
        split=data.split.name,
        samples=run.schedule.samples,
        epochs=run.schedule.epochs,
        train_accuracy=run.schedule.accuracy,
        test_accuracy=list(run.test_accuracy),
        observations=list(observer.observations) if observer is not None else [],
        hidden=network.hidden_weights(),
        classifier=network.neuron_codes(),
        encoder=data.encoder,
        shape=data.split.images.shape[1:],
        names=data.class_names,
        tested=_test(network, data.test, data.test_labels),
    )


def subject_of_checkpoint(
    checkpoint: Saved, data_dir: Path | None = None, dataset_path: str | None = None
) -> tuple[Subject, str | None]:
    """Return what can be shown of a checkpoint, and why it is not everything, or None.

    Parameters
    ----------
    checkpoint : Saved
        What to show.
    data_dir : Path, optional
        Folder with the files of `mnist` or `fashion-mnist`.
    dataset_path : str, optional
        Where the data set is now; None: where it was.
    """
    record, network = checkpoint.record, checkpoint.network()
    config = checkpoint.config
    encoder = record.encoder_of(config.encoder)
    tested = reason = None
    try:
        dataset = dataset_of(record, dataset_path, data_dir)
        check_fit(config, dataset)
        parts = split(dataset, record.split, config.seed)
        shape = dataset.images.shape[1:]
        tested = _test(network, encoder.encode(parts.test_images), parts.test_labels)
    except MetabitError as error:
        reason = str(error)
        shape = guess_shape(encoder, config.inputs)
    schedule = checkpoint.schedule()
    return Subject(
        config=config,
        dataset=record.dataset,
        split=record.split,
        samples=record.samples,
        epochs=record.epochs,
        train_accuracy=schedule.accuracy,
        test_accuracy=list(record.test_accuracy),
        observations=list(record.observations),
        hidden=network.hidden_weights(),
        classifier=network.neuron_codes(),
        encoder=encoder,
        shape=shape,
        names=record.class_names,
        tested=tested,
    ), reason


def guess_shape(encoder: Encoder, inputs: int) -> tuple[int, ...]:
    """Return the shape of square images that encode to so many bits, or of plain vectors."""
    for side in range(1, _LARGEST_SIDE):
        for shape in ((side, side), (side * side,)):
            try:
                if encoder.bits(shape) == inputs:
                    return shape
            except MetabitError:
                continue
    return (inputs // max(1, encoder.bits((1,))),)


def _test(network: BinaryNetwork, samples: Bits, labels: npt.NDArray[np.int64]) -> Tested:
    """Return what a network makes of samples."""
    passes = [
        network.forward(samples[start : start + _BATCH]) for start in range(0, len(samples), _BATCH)
    ]
    scores = [
        np.concatenate([result.scores[layer] for result in passes]).astype(np.int32)
        for layer in range(network.config.layers)
    ]
    return Tested(labels, scores, np.concatenate([result.predictions for result in passes]))
