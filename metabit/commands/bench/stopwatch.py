"""What `metabit bench speed` measures; every result is a row of --json.

Times are those of the processor, all threads added up, which other programs on the machine hardly
disturb; only what several threads do at once is timed by the clock, in the best of some attempts.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from metabit.errors import MetabitError
from metabit.golden.config import Config
from metabit.golden.configurations.configuration import NetworkConfig
from metabit.golden.configurations.named import override
from metabit.golden.data.training_data import TrainingData
from metabit.golden.encoding.encoders import Encoder
from metabit.golden.engines import EngineName
from metabit.golden.modes.mode import NetworkLearner
from metabit.golden.modes.registry import mode_of
from metabit.golden.runs.trainer import Trainer
from metabit.golden.schedule import Schedule

Row = dict[str, Any]

EPOCHS = 10
"""Length of the training whose first epochs are timed: at the beginning, nothing is annealed."""

_GROWTH_EPOCHS = 3
"""Epochs timed, of which the median counts, where one thing changes."""

_ATTEMPTS = 5
"""Attempts, of which the quickest counts, at what is timed by the clock."""

NEURONS = (16, 32, 64, 128, 256, 512, 1024)
TILES = (1, 2, 4, 8, 16, 32, 64)

_START = """
import time
start = time.process_time()
from metabit.golden.config import Config
from metabit.golden.compiled.engine import Engine
from metabit.golden.network import Network
imported = time.process_time()
Engine(Network(Config(inputs=1, hidden=(1,), group=1)))
print(imported - start, time.process_time() - imported)
"""


@dataclass(frozen=True)
class Timed:
    """A training, and how long its epochs have taken.

    Parameters
    ----------
    learner : NetworkLearner
        What is trained.
    trainer : Trainer
        Trains it.
    """

    learner: NetworkLearner
    trainer: Trainer
    seconds: list[float] = field(default_factory=list)

    def train(self, epochs: int) -> "Timed":
        """Train for that many epochs, and return self."""
        start = time.process_time()
        for result in self.trainer.spans():
            if result.step.last:
                self.seconds.append(time.process_time() - start)
                if len(self.seconds) == epochs:
                    break
                start = time.process_time()
        return self

    @property
    def row(self) -> Row:
        """Median time of an epoch."""
        seconds = statistics.median(self.seconds)
        samples = len(self.trainer.data.train)
        return {"seconds_per_epoch": seconds, "samples_per_second": samples / seconds}

    @property
    def test_seconds(self) -> float:
        """Time that the test set takes."""
        start = time.process_time()
        self.trainer.test_accuracy()
        return time.process_time() - start


def _begin(config: NetworkConfig, data: TrainingData, engine: EngineName) -> Timed:
    """Return a training that has not begun, whose engine is ready."""
    mode, first = mode_of(config), np.arange(min(config.tile, data.samples))
    # Compile, or load what was compiled before, with a network of its own.
    warm = mode.learner(config, Schedule(config, len(first), 1), engine)
    packed = warm.pack(data.train[first])
    warm.train_tiles(packed, data.train_labels[first], first, annealing=0, damping=0)
    warm.predict(data.train[first])
    schedule = Schedule(config, data.samples, EPOCHS)
    learner = mode.learner(config, schedule, engine)
    return Timed(learner, Trainer(learner, data, schedule))


def time_training(
    config: NetworkConfig, data: TrainingData, engines: tuple[EngineName, ...], epochs: int
) -> Iterator[Row]:
    """Train with each engine and yield how long an epoch and the test take.

    Parameters
    ----------
    config : NetworkConfig
        What to train; its mode is by which rule.
    data : TrainingData
        On what.
    engines : tuple of {"numpy", "numba"}
        With what; a ratio is to the first one's time.
    epochs : int
        How many, up to :data:`EPOCHS`; the median counts.

    Raises
    ------
    MetabitError
        If the engines do not end in the same state.
    """
    first: Row | None = None
    for engine in engines:
        timed = _begin(config, data, engine).train(epochs)
        row = {
            "config": config.name,
            "mode": config.mode,
            "engine": engine,
            "samples": data.samples,
            **timed.row,
            "test_samples": len(data.test),
            "test_seconds": timed.test_seconds,
            "epochs": epochs,
            "state_sha256": timed.learner.network.state_sha256,
        }
        first = first or row
        check_same(first, row)
        yield row | {"ratio": first["seconds_per_epoch"] / row["seconds_per_epoch"]}


def check_same(first: Row, row: Row) -> None:
    """Check that two engines have trained to the same state.

    Raises
    ------
    MetabitError
        If they have not.
    """
    if row["state_sha256"] != first["state_sha256"]:
        raise MetabitError(
            f"engine {row['engine']} has trained {row['config']} to the state "
            f"{row['state_sha256']}, engine {first['engine']} to {first['state_sha256']}"
        )


def time_neurons(config: Config, data: TrainingData) -> Iterator[Row]:
    """Yield the time of an epoch for layers of several widths, in groups of up to 32."""
    for width in NEURONS:
        changed = override(config, hidden=(width,), group=min(32, width))
        yield {"neurons": width, **_begin(changed, data, "numba").train(_GROWTH_EPOCHS).row}


def time_tiles(config: Config, data: TrainingData) -> Iterator[Row]:
    """Yield the time of an epoch for tiles of several sizes."""
    for tile in TILES:
        changed = override(config, tile=tile)
        yield {"tile": tile, **_begin(changed, data, "numba").train(_GROWTH_EPOCHS).row}


def time_threads(config: Config, data: TrainingData, most: int) -> Iterator[Row]:
    """Yield the time in which 1, 2, 4 ... threads each train a network of their own.

    Parameters
    ----------
    config, data
        What to train; every thread has another seed.
    most : int
        Threads at most.
    """
    threads = 1
    while threads <= most:
        seconds = min(_together(config, data, threads) for _ in range(_ATTEMPTS))
        yield {
            "threads": threads,
            "seconds_per_epoch": seconds,
            "samples_per_second": threads * data.samples / seconds,
        }
        threads *= 2


def _together(config: Config, data: TrainingData, threads: int) -> float:
    """Return the time of an epoch in each of some threads at once."""
    trainings = [
        _begin(override(config, seed=config.seed + number), data, "numba")
        for number in range(threads)
    ]
    barrier = threading.Barrier(threads + 1)
    workers = [threading.Thread(target=_epochs, args=(each, barrier)) for each in trainings]
    for worker in workers:
        worker.start()
    barrier.wait()
    start = time.perf_counter()
    for worker in workers:
        worker.join()
    return (time.perf_counter() - start) / _GROWTH_EPOCHS


def _epochs(timed: Timed, barrier: threading.Barrier) -> None:
    barrier.wait()
    timed.train(_GROWTH_EPOCHS)


def time_encoders(images: npt.NDArray, encoders: Iterable[Encoder]) -> Iterator[Row]:
    """Yield how long each encoder takes for images.

    Parameters
    ----------
    images : ndarray, shape (n, ...)
        What to encode.
    encoders : iterable of Encoder
        Encoders; their fitting is not timed.
    """
    for encoder in encoders:
        start = time.process_time()
        bits = encoder.encode(images)
        seconds = time.process_time() - start
        yield {
            "encoder": encoder.spec,
            "images": len(images),
            "bits": bits.shape[1],
            "seconds": seconds,
            "images_per_second": len(images) / seconds,
        }


def time_start() -> Row:
    """Return what the compiled engine costs before its first sample, in new processes.

    Once with an empty cache, as at the first use after an installation, and once with what that
    left behind.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
        times = []
        for _ in range(2):
            done = subprocess.run(
                [sys.executable, "-c", _START],
                capture_output=True,
                text=True,
                check=False,
                env=environment,
            )
            if done.returncode:
                raise MetabitError(f"the compiled engine does not start: {done.stderr[-500:]}")
            times.append([float(word) for word in done.stdout.split()])
    (_, compiling), (importing, loading) = times
    return {
        "import_seconds": importing,
        "compile_seconds": compiling,
        "load_seconds": loading,
    }
