"""Tasks on sequences: cues to be remembered, rows of images, a stream of a sensor."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..codes import Bits
from ..data.datasets import load_dataset
from ..data.splits import split
from ..errors import ConfigurationError
from ..generator import Generator
from ..streams import derive

CUE_BITS = 64
"""Bits of a step of the tasks with cues."""

_SAMPLES, _TESTS = 8000, 2000


@dataclass(frozen=True)
class Task:
    """Sequences to train and to test on.

    Attributes
    ----------
    train, test : ndarray of bool, shape (n, T, bits)
        Encoded steps.
    train_labels, test_labels : ndarray of int64, shape (n,)
        Classes.
    classes : int
        Number of classes.
    """

    train: Bits
    train_labels: npt.NDArray[np.int64]
    test: Bits
    test_labels: npt.NDArray[np.int64]
    classes: int


def _bits(seed: int, purpose: str, *shape: int) -> Bits:
    """Return fair random bits."""
    draws = Generator(derive(seed, f"sequences/{purpose}")).draw(int(np.prod(shape)))
    return (draws >> np.uint32(16) & np.uint32(1)).astype(bool).reshape(shape)


def _cut(samples: Bits, labels: npt.NDArray, classes: int) -> Task:
    labels = labels.astype(np.int64)
    return Task(
        samples[:_SAMPLES], labels[:_SAMPLES], samples[_SAMPLES:], labels[_SAMPLES:], classes
    )


def recall(seed: int, steps: int) -> Task:
    """Return sequences that begin with one of four cues, noise after it; which is the class."""
    count = _SAMPLES + _TESTS
    samples = _bits(seed, "noise", count, steps, CUE_BITS)
    cues = _bits(0, "cues", 4, CUE_BITS)
    shown = _bits(seed, "shown", count, 2) @ np.array([1, 2])
    samples[:, 0] = cues[shown]
    return _cut(samples, shown, 4)


def xor(seed: int, steps: int) -> Task:
    """Return sequences with one of two cues first, one of two others last, and noise between.

    The class is the XOR of which they were: neither tells anything alone.
    """
    count = _SAMPLES + _TESTS
    samples = _bits(seed, "noise", count, steps, CUE_BITS)
    cues = _bits(0, "cues", 4, CUE_BITS)
    first, last = _bits(seed, "shown", 2, count).astype(int)
    samples[:, 0] = cues[first]
    samples[:, -1] = cues[2 + last]
    return _cut(samples, first ^ last, 2)


def sensor(seed: int, steps: int) -> Task:
    """Return noisy waves that rise, fall, swing slowly or swing fast, in 16 levels a step.

    Phase and height differ from sample to sample, so that no single step tells the class.
    """
    count = _SAMPLES + _TESTS
    labels = np.arange(count) % 4
    draws = Generator(derive(seed, "sequences/sensor")).draw(count * (2 + steps))
    unit = draws.astype(np.float64).reshape(count, -1) / 2**32
    time = (np.arange(steps)[None, :] / steps + unit[:, :1]) % 1
    slope = {0: time, 1: 1 - time}
    waves = {2: 1, 3: 3}
    signal = np.empty((count, steps))
    for label in range(4):
        rows = labels == label
        if label in slope:
            signal[rows] = slope[label][rows]
        else:
            signal[rows] = 0.5 + 0.5 * np.sin(2 * np.pi * waves[label] * time[rows])
    signal = 0.3 + 0.4 * unit[:, 1:2] + 0.6 * (signal - 0.5) + 0.1 * (unit[:, 2:] - 0.5)
    levels = np.arange(1, 17) / 17
    return _cut(np.repeat(signal[:, :, None] > levels, 4, axis=2), labels, 4)


def rows(name: str, threshold: float, copies: int) -> Callable[[int, int], Task]:
    """Return the task of images that come row after row, each pixel a bit in some copies.

    Of the first images of split `paper`, as many as the other tasks have samples.
    """

    def make(seed: int, steps: int) -> Task:
        parts = split(load_dataset(name), "paper", seed)

        def encoded(images: npt.NDArray) -> Bits:
            if images.shape[1] != steps:
                raise ConfigurationError(f"images of {name} have {images.shape[1]} rows")
            return np.repeat(images > threshold, copies, axis=2)

        return Task(
            encoded(parts.images[:_SAMPLES]),
            parts.labels[:_SAMPLES].astype(np.int64),
            encoded(parts.test_images[:_TESTS]),
            parts.test_labels[:_TESTS].astype(np.int64),
            10,
        )

    return make


TASKS: dict[str, tuple[Callable[[int, int], Task], tuple[int, ...]]] = {
    "recall": (recall, (4, 16, 32)),
    "xor": (xor, (2, 4, 8)),
    "sensor": (sensor, (16,)),
    "digit rows": (rows("digits", 7, 8), (8,)),
    "fashion rows": (rows("fashion-mnist", 64, 4), (28,)),
}
"""Tasks by name, and how many steps their sequences have."""
