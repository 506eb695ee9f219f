"""A point of a sweep: all that a training's result depends on."""

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from .. import __version__
from ..golden import network
from ..golden.configurations.configuration import NetworkConfig
from ..golden.data.datasets import Dataset
from ..golden.paper import network as paper_network

_NO_INFLUENCE = ("name", "dataset")
"""Fields of a configuration that no result depends on; the data are known by their contents."""


@dataclass(frozen=True)
class Point:
    """A training to be done.

    Attributes
    ----------
    label : dict of str to str
        What tells it from others of the sweep, the seed excepted: heading and value.
    config : NetworkConfig
        Configuration with its seed; its type is the mode.
    dataset, data_sha256 : str
        Name and :func:`dataset_sha256` of the data set.
    split : str or None
        Split; None: the data set's default.
    epochs : int
        Length.
    """

    label: dict[str, str] = field(compare=False)
    config: NetworkConfig
    dataset: str
    data_sha256: str
    split: str | None
    epochs: int

    @property
    def mode(self) -> str:
        """Rule that it is trained by: `hardware`, `paper` or `baldassi`."""
        return self.config.mode

    @property
    def seed(self) -> int:
        """Seed."""
        return self.config.seed

    @cached_property
    def key(self) -> str:
        """Hash by which a result is found again.

        A later version of Metabit, or of its rules, may train otherwise, so that both enter.
        """
        fields = self.config.model_dump(mode="json")
        for name in _NO_INFLUENCE:
            fields.pop(name, None)
        facts = {
            "metabit": __version__,
            "rules": (network.RULE_VERSION, paper_network.RULE_VERSION),
            "mode": self.mode,
            "config": fields,
            "data": self.data_sha256,
            "split": self.split,
            "epochs": self.epochs,
        }
        text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def describe(self) -> dict[str, Any]:
        """Return what a line of the ledger says of the point."""
        return {
            "key": self.key,
            "label": self.label,
            "mode": self.mode,
            "dataset": self.dataset,
            "data_sha256": self.data_sha256,
            "split": self.split,
            "epochs": self.epochs,
            "seed": self.seed,
            "config": self.config.model_dump(mode="json"),
        }


def dataset_sha256(dataset: Dataset) -> str:
    """Return the SHA-256 of all samples and labels of a data set, and how it is split."""
    digest = hashlib.sha256(f"{dataset.holdout} {dataset.default_split}".encode())
    for array in (dataset.images, dataset.labels, dataset.test_images, dataset.test_labels):
        if array is not None:
            digest.update(f"{array.dtype.str} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
