"""Trained networks to export."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from metabit.golden.checkpoints.hardware import Checkpoint
from metabit.golden.configurations.named import named, override
from metabit.golden.data.datasets import load_dataset
from metabit.golden.data.training_data import adapt, prepare
from metabit.golden.runs.run import Run

Trained = tuple[Checkpoint, npt.NDArray]


def train(path: Path | str, encoder: str | None = None, **fields: Any) -> Trained:
    """Train on data of one's own, and return the checkpoint and all samples."""
    dataset = load_dataset(str(path))
    config = adapt(named("tiny"), dataset, encoder)
    config = override(config, **{"hidden": (12,), "group": 4, **fields})
    run = Run.start(config, prepare(config, dataset=dataset), 2)
    run.finish()
    return run.checkpoint(), dataset.images


@pytest.fixture
def trained(tmp_path: Path) -> Callable[..., Trained]:
    """Train on arrays."""

    def on_arrays(images: npt.NDArray, encoder: str | None = None, **fields: Any) -> Trained:
        classes = fields.pop("labels", 3)
        labels = np.random.default_rng(len(images)).integers(0, classes, len(images))
        np.savez(tmp_path / "data.npz", x=images, y=labels)
        return train(tmp_path / "data.npz", encoder, **fields)

    return on_arrays
