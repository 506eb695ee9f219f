"""Reproduction of published results: the runs."""

import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..data.datasets import Dataset, load_dataset
from ..data.training_data import prepare
from ..engines import choose_engine
from ..paper.config import PaperConfig
from ..paper.run import PaperRun
from .published import PublishedRow
from .results import Cache, Result, key_of


@dataclass(frozen=True)
class Finished:
    """A run that is over.

    Attributes
    ----------
    row : PublishedRow
        Whose run.
    seed : int
        Of the run.
    result : Result or None
        What came out; None: it failed.
    error : str
        Why it failed.
    cached : bool
        Whether it was there already.
    """

    row: PublishedRow
    seed: int
    result: Result | None
    error: str = ""
    cached: bool = False


def reproduce(
    rows: Iterable[PublishedRow],
    seeds: Iterable[int],
    epochs: int,
    cache: Cache,
    *,
    data_dir: Path | None = None,
    jobs: int = 1,
) -> Iterator[Finished]:
    """Run every row with every seed, first all rows with the first seed, and yield the results.

    A run that fails is reported, and the others go on.

    Parameters
    ----------
    rows : iterable of PublishedRow
        What to run.
    seeds : iterable of int
        Seeds of the runs.
    epochs : int
        Length of a run; the published ones have 50.
    cache : Cache
        Finished runs are taken from it, and added to it.
    data_dir : Path, optional
        Folder with Fashion-MNIST.
    jobs : int
        Processes that run at a time; -1: as many as there are cores.
    """
    rows = list(rows)
    missing: dict[str, tuple[PublishedRow, PaperConfig]] = {}
    again: list[tuple[PublishedRow, PaperConfig]] = []
    for seed in seeds:
        for row in rows:
            config = row.config(seed, epochs)
            result = cache.get(config)
            if result is not None:
                yield Finished(row, seed, result, cached=True)
            elif key_of(config) in missing:
                # Two tables may have a row in common.
                again.append((row, config))
            else:
                missing[key_of(config)] = row, config
    failures: dict[str, str] = {}
    for key, outcome in _outcomes([config for _, config in missing.values()], data_dir, jobs):
        row, config = missing[key]
        if isinstance(outcome, Result):
            cache.add(outcome)
            yield Finished(row, config.seed, outcome)
        else:
            failures[key] = outcome
            yield Finished(row, config.seed, None, outcome)
    for row, config in again:
        key = key_of(config)
        yield Finished(row, config.seed, cache.get(config), failures.get(key, ""), cached=True)


_parallel_options: dict[str, Any] = {}


def _outcomes(
    configs: list[PaperConfig], data_dir: Path | None, jobs: int
) -> Iterator[tuple[str, Result | str]]:
    """Run configurations, and yield results or what went wrong as they come."""
    if jobs == 1:
        for config in configs:
            yield _run(config, data_dir)
        return
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", **_parallel_options)
    yield from parallel(delayed(_run)(config, data_dir) for config in configs)


def _run(config: PaperConfig, data_dir: Path | None) -> tuple[str, Result | str]:
    """Run a configuration; return its key, and the result or what went wrong."""
    try:
        dataset = _dataset(config.dataset, data_dir)
        data = prepare(config, dataset=dataset, split_name="paper")
        samples = data.samples * config.epochs
        engine = choose_engine("auto", samples)
        run = PaperRun.start(config, data, observe=False, engine=engine)
        run.finish()
    except (ValueError, OSError, MemoryError) as error:
        return key_of(config), f"{type(error).__name__}: {error}"
    return key_of(config), result_of(run)


@lru_cache(maxsize=2)
def _dataset(name: str, data_dir: Path | None) -> Dataset:
    """Return a data set, which many runs of a process share."""
    return load_dataset(name, data_dir)


def result_of(run: PaperRun) -> Result:
    """Return what is kept of a finished run."""
    config = run.network.config
    return Result(
        key=key_of(config),
        row=config.name,
        seed=config.seed,
        epochs=config.epochs,
        test_accuracy=[round(accuracy, 6) for accuracy in run.test_accuracy],
        train_accuracy=[round(accuracy, 6) for accuracy in run.schedule.accuracy],
        seconds_per_epoch=round(statistics.fmean(run.seconds), 4),
        state_sha256=run.state_sha256,
    )
