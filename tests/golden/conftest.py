"""Small data sets in the formats that users bring."""

import gzip
import struct

import numpy as np
import pytest

from metabit.golden import schedule
from metabit.golden.data.idx import PARTS


@pytest.fixture
def short_spans(monkeypatch):
    """Spans of four tiles, so that small data sets have many: a training of another rule."""
    monkeypatch.setattr(schedule, "SPAN", 4)


def idx_bytes(array):
    """Contents of an IDX file of unsigned bytes."""
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def idx_arrays():
    """Training images and labels, test images and labels: 60 + 12 images of 8 x 8."""
    rng = np.random.default_rng(0)
    return [
        rng.integers(0, 256, (60, 8, 8)),
        np.arange(60) % 10,
        rng.integers(0, 256, (12, 8, 8)),
        np.arange(12) % 10,
    ]


@pytest.fixture
def idx_folder(tmp_path, idx_arrays):
    """Folder with four IDX files: the images compressed, the labels not."""
    folder = tmp_path / "idx"
    folder.mkdir()
    for part, array in zip(PARTS, idx_arrays, strict=True):
        raw = idx_bytes(array)
        if array.ndim == 3:
            (folder / f"{part}-ubyte.gz").write_bytes(gzip.compress(raw))
        else:
            (folder / f"{part}-ubyte").write_bytes(raw)
    return folder


@pytest.fixture
def own_npz(tmp_path):
    """File of the user's own: four noisy patterns of 24 bits, too hard to be learnt by heart."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 4, 240)
    patterns = rng.random((4, 24)) < 0.5
    path = tmp_path / "own.npz"
    np.savez(path, x=patterns[labels] ^ (rng.random((240, 24)) < 0.25), y=labels)
    return path
