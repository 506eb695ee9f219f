"""From a configuration to encoded samples: data set, split and encoder put together."""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..codes import suitable_codes, suitable_group
from ..config import MAX_INPUTS, Config
from ..configurations.configuration import NetworkConfig
from ..configurations.named import override
from ..encoding.encoders import Bits, Encoder
from ..encoding.selection import select_bits
from ..errors import CheckpointError, DataError
from ..views import each_view
from .choosing import Suitable, suitable_encoder, wide_enough
from .datasets import DATASETS, Dataset, load_dataset
from .options import DataOptions
from .seen import Seen
from .splits import Split, split
from .summary import balance


@dataclass(frozen=True)
class TrainingData:
    """Encoded samples, and the images that they came from.

    Attributes
    ----------
    dataset : str
        Name of the data set.
    split : Split
        Images and labels.
    encoder : Encoder
        Fitted to the training images.
    train, test : ndarray of bool, shape (n, inputs)
        Encoded samples; with views, all of each view of the training samples after the other's.
    columns, class_names : tuple of str
        Of a table: names of its columns and classes.
    options : DataOptions
        What reads the same data again in the same way.
    summary : tuple of tuple of str and str
        What was found in the user's own data, a heading and a text each.
    views : int
        Views of a sample.
    """

    dataset: str
    split: Split
    encoder: Encoder
    train: Bits
    test: Bits
    columns: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    options: DataOptions = field(default_factory=DataOptions)
    summary: tuple[tuple[str, str], ...] = ()
    views: int = 1

    @property
    def samples(self) -> int:
        """Training samples, however many views of each there are."""
        return len(self.split.labels)

    @cached_property
    def train_labels(self) -> npt.NDArray[np.int64]:
        """Classes of the training samples, in all views."""
        return np.tile(self.split.labels, self.views)

    @property
    def test_views(self) -> Iterator[Bits]:
        """Test samples in each view, encoded."""
        return each_view(self.encoder.encode, self.split.test_images, self.views)

    @property
    def test_labels(self) -> npt.NDArray[np.int64]:
        """Classes of the test samples."""
        return self.split.test_labels

    @cached_property
    def sha256(self) -> str:
        """Hash of the training samples and labels, by which a resumed run knows its data."""
        return data_sha256(self.train, self.train_labels)

    def record(self) -> dict[str, Any]:
        """Return what a checkpoint keeps of the data; see :class:`.RunRecord`."""
        return {
            "dataset": self.dataset,
            "split": self.split.name,
            "data_sha256": self.sha256,
            "median": self.encoder.median,
            "thresholds": self.encoder.thresholds,
            "selection": self.encoder.selection,
            "comparisons": self.encoder.comparisons,
            "columns": self.columns,
            "class_names": self.class_names,
            "data_options": self.options,
            "seen": Seen.of(self.split.images, columns=bool(self.columns)),
        }

    def check_same(self, sha256: str) -> None:
        """Check that these are the data of a checkpoint.

        Parameters
        ----------
        sha256 : str
            Hash that the checkpoint holds.

        Raises
        ------
        CheckpointError
            If they are not.
        """
        if self.sha256 != sha256:
            raise CheckpointError(
                f"data set {self.dataset}, split {self.split.name}, is not what the checkpoint was "
                "trained on: its contents have changed"
            )


def data_sha256(samples: Bits, labels: npt.NDArray[np.integer]) -> str:
    """Return the hash of encoded training samples and their classes."""
    digest = hashlib.sha256(np.array(samples.shape, "<u4").tobytes())
    digest.update(np.packbits(samples, axis=1).tobytes())
    digest.update(labels.astype("<i4").tobytes())
    return digest.hexdigest()


def adapt(
    config: Config, dataset: Dataset, encoder: str | None = None, asked: Collection[str] = ()
) -> Config:
    """Return a configuration made to fit a data set: inputs, classes, encoder, codes, groups.

    Few classes get balanced codes, and groups of half the size: of random codes, half of a group
    cannot tell two classes, so that winners are as many as before.

    Parameters
    ----------
    config : Config
        What to start from.
    dataset : Dataset
        What to train on. Data of type bool need no encoder and get ``none``; tables have one of
        their own. Where the configuration's thresholds are made for pixels of another range, the
        user's own data get an encoder that is fitted to the training data.
    encoder : str, optional
        Encoder instead of the configuration's.
    asked : collection of str
        Fields that the user has chosen: ``codes`` and ``group`` then stay as they are.
    """
    if encoder is None:
        encoder = encoder_for(config, dataset).spec
    inputs = Encoder(encoder).bits(dataset.images.shape[1:])
    # A data set need not contain all classes; fewer than the configuration has are no error.
    classes = dataset.classes
    changes = {"dataset": dataset.name, "encoder": encoder, "inputs": inputs, "classes": classes}
    codes = suitable_codes(classes)
    if "codes" not in asked and codes != "random" and config.codes == "random":
        changes["codes"] = codes
        if "group" not in asked:
            changes["group"] = suitable_group(config.group, codes)
    return override(config, **changes)


def encoder_for(config: Config, dataset: Dataset) -> Suitable:
    """Return the encoder for a data set where none is asked for; see :func:`adapt`."""
    if dataset.name in DATASETS and dataset.encoder is None and dataset.images.dtype != bool:
        return Suitable(config.encoder)
    return wide_enough(_suitable(config, dataset), dataset.images.shape[1:])


def _suitable(config: Config, dataset: Dataset) -> Suitable:
    """Return the encoder for a data set, however few its bits are."""
    if dataset.encoder is not None:
        return Suitable(dataset.encoder)
    if dataset.images.dtype == bool:
        return Suitable("none")
    return suitable_encoder(
        config.encoder, config.inputs, config.dataset, dataset.name, dataset.images
    )


def check_fit(config: NetworkConfig, dataset: Dataset) -> None:
    """Check that a data set suits a configuration.

    Raises
    ------
    DataError
        If there are labels without a class, or the encoder delivers another number of bits.
    """
    if dataset.classes > config.classes:
        raise DataError(
            f"data set {dataset.name} has labels up to {dataset.classes - 1}, and the "
            f"configuration {config.classes} classes, 0 to {config.classes - 1}"
        )
    check_shape(config, dataset.images.shape[1:])


def check_shape(config: NetworkConfig, shape: tuple[int, ...]) -> None:
    """Check that samples of a shape become as many bits as a configuration has inputs.

    Raises
    ------
    DataError
        If they do not.
    """
    bits = Encoder(config.encoder).bits(shape)
    if bits != config.inputs:
        raise DataError(
            f"encoder {config.encoder!r} delivers {bits} bits for samples of "
            f"{' x '.join(map(str, shape))}, and the configuration has {config.inputs} inputs"
        )


def fit_and_encode(
    spec: str, images: npt.NDArray, labels: npt.NDArray[np.integer], seed: int, views: int = 1
) -> tuple[Encoder, Bits]:
    """Return an encoder that has taken from training samples what it needs, and their bits.

    Parameters
    ----------
    spec : str
        See :mod:`metabit.golden.encoding.encoders`.
    images : ndarray, shape (n, ...)
        Training samples.
    labels : ndarray of int, shape (n,)
        Their classes.
    seed : int
        Of the training that selects bits, if there is one.
    views : int
        That it learns.

    Returns
    -------
    Encoder
    ndarray of bool, shape (views x n, bits)
        As by :meth:`~metabit.golden.encoding.encoders.Encoder.encode`.
    """
    encoder = Encoder(spec).fit(images)
    if encoder.selected is None:
        return encoder, encoder.encode(images, views)
    encoder.bits(images.shape[1:])
    if encoder.selected > MAX_INPUTS:
        raise DataError(
            f"encoder {spec!r} selects {encoder.selected} bits, and a network takes {MAX_INPUTS}"
        )
    chosen, samples = select_bits(
        lambda columns: encoder.encode_candidates(images, views, columns),
        encoder.all_bits(images.shape[1:]),
        labels,
        encoder.selected,
        seed,
        steps=encoder.steps,
        views=views,
    )
    encoder.select(chosen)
    return encoder, encoder.widened(samples)


def changing(samples: Bits) -> int:
    """Return how many bits differ between samples."""
    return int(np.count_nonzero(samples.any(axis=0) & ~samples.all(axis=0)))


def prepare(
    config: NetworkConfig,
    *,
    dataset: Dataset | None = None,
    split_name: str | None = None,
    parts: Split | None = None,
    data_dir: Path | None = None,
    encoder: Encoder | None = None,
) -> TrainingData:
    """Load, split and encode the data that a configuration is trained on.

    Parameters
    ----------
    config : NetworkConfig
        Names data set and encoder; its seed shuffles split `paper`.
    dataset : Dataset, optional
        Data set, if it is loaded already.
    split_name : str, optional
        One of :data:`~metabit.golden.data.splits.SPLITS`; None: the data set's default.
    parts : Split, optional
        The split itself, where it is none of these.
    data_dir : Path, optional
        Folder with the files of `mnist` or `fashion-mnist`.
    encoder : Encoder, optional
        In the state of a checkpoint; None: the configuration's, fitted to the training data.

    Raises
    ------
    DataError
        If the data cannot be had, or do not fit the configuration.
    """
    if dataset is None:
        dataset = load_dataset(config.dataset, data_dir)
    check_fit(config, dataset)
    if parts is None:
        parts = split(dataset, split_name, config.seed)
    if encoder is None:
        encoder, train = fit_and_encode(
            config.encoder, parts.images, parts.labels, config.seed, config.views
        )
    else:
        train = encoder.encode(parts.images, config.views)
    if len(train) > 1 and not changing(train):
        raise DataError(
            f"encoder {encoder.spec!r} gives all {len(parts.images)} training samples of "
            f"{dataset.name} the same {train.shape[1]} bits: there is nothing to learn from; the "
            f"data are {parts.images.min()} to {parts.images.max()}, try --encoder quantiles:4"
        )
    summary = dataset.summary
    if dataset.name not in DATASETS:
        summary = (*summary, ("input bits", balance(train[: len(parts.images)])))
    return TrainingData(
        dataset.name,
        parts,
        encoder,
        train,
        encoder.encode(parts.test_images),
        dataset.columns,
        dataset.class_names,
        dataset.options,
        summary,
        config.views,
    )
