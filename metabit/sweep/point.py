"""A point of a sweep: all that a training's result depends on."""

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from .. import __version__
from ..golden import network
from ..golden.data.datasets import Dataset
from ..golden.paper import network as paper_network
from ..golden.runs.plan import Plan
from ..golden.studies.variations import Variation

_NO_INFLUENCE = ("name", "dataset")
"""Fields of a configuration that no result depends on; the data are known by their contents."""


@dataclass(frozen=True)
class Point:
    """A training to be done.

    Attributes
    ----------
    label : dict of str to str
        What tells it from others, the seed excepted: heading and value.
    plan : Plan
        What is trained.
    data_sha256 : str
        :func:`dataset_sha256` of the data set.
    variation : str or SoftErrors or None
        What is different in the rule itself; see :mod:`~metabit.golden.studies.variations`.
    """

    label: dict[str, str] = field(compare=False)
    plan: Plan
    data_sha256: str
    variation: Variation | None = None

    @property
    def seed(self) -> int:
        """Seed."""
        return self.plan.seed

    @property
    def name(self) -> str:
        """What the run is called."""
        return name_of(self.label, self.seed)

    @cached_property
    def key(self) -> str:
        """Hash by which a result is found again.

        A later version of Metabit, or of its rules, may train otherwise, so that both enter.
        """
        fields = self.plan.config.model_dump(mode="json")
        for name in _NO_INFLUENCE:
            fields.pop(name, None)
        facts = {
            "metabit": __version__,
            "rules": (network.RULE_VERSION, paper_network.RULE_VERSION),
            "mode": self.plan.mode.name,
            "config": fields,
            "data": self.data_sha256,
            "split": self.plan.split,
            "epochs": self.plan.epochs,
        }
        if self.variation is not None:
            facts["variation"] = str(self.variation)
        text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def describe(self) -> dict[str, Any]:
        """Return what a line of the ledger says of the point."""
        plan = self.plan
        varied = {} if self.variation is None else {"variation": str(self.variation)}
        return {
            "key": self.key,
            "label": self.label,
            "mode": plan.mode.name,
            "dataset": plan.config.dataset,
            "data_sha256": self.data_sha256,
            "split": plan.split,
            "epochs": plan.epochs,
            "seed": self.seed,
            **varied,
            "config": plan.config.model_dump(mode="json"),
        }


def name_of(label: dict[str, str], seed: int) -> str:
    """Return what the run of a label and a seed is called."""
    return ", ".join([*label.values(), f"seed {seed}"])


def dataset_sha256(dataset: Dataset) -> str:
    """Return the SHA-256 of all samples and labels of a data set, and how it is split."""
    digest = hashlib.sha256(f"{dataset.holdout} {dataset.default_split}".encode())
    for array in (dataset.images, dataset.labels, dataset.test_images, dataset.test_labels):
        if array is not None:
            digest.update(f"{array.dtype.str} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
