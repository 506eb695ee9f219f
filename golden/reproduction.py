"""Reproduction of published results: runs, their cache, and the verdict."""

import hashlib
import json
import math
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from .datasets import Dataset, load_dataset
from .engines import choose_engine
from .errors import DataError
from .paper import paper_sha256
from .paper_config import PaperConfig
from .paper_run import PaperRun
from .published import RUNS, PublishedRow
from .training_data import prepare

RULE_VERSION = 1
"""To be counted up with every change of the rule, so that older results are not taken for new."""

TOLERANCE = 0.5
"""Points of accuracy that do not matter: about the spread between two splits."""


@dataclass(frozen=True)
class Result:
    """One run, as a line of the cache.

    Attributes
    ----------
    key : str
        Hash of configuration and rule version.
    row : str
        Name of the row.
    seed, epochs : int
        Of the run.
    test_accuracy : list of float
        Fraction after each epoch, on the last of the shuffled training images.
    train_accuracy : list of float
        Fraction of each epoch, counted online.
    seconds_per_epoch : float
        Mean over the epochs.
    state_sha256 : str
        Final state.
    """

    key: str
    row: str
    seed: int
    epochs: int
    test_accuracy: list[float]
    train_accuracy: list[float]
    seconds_per_epoch: float
    state_sha256: str


def key_of(config: PaperConfig) -> str:
    """Return the hash by which a result is found again; the name does not enter."""
    fields = {"version": RULE_VERSION, **config.model_dump(mode="json", exclude={"name"})}
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]


class Cache:
    """Results of finished runs, one JSON object a line, appended as they come.

    A line that a killed process left unfinished is ignored, and its run done again.

    Parameters
    ----------
    path : Path
        File; need not exist.

    Raises
    ------
    DataError
        If the file exists and cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._results: dict[str, Result] = {}
        self._complete = True
        if not path.exists():
            return
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path} cannot be read: {error}") from error
        self._complete = not text or text.endswith("\n")
        for line in text.splitlines():
            try:
                result = Result(**json.loads(line))
            except (ValueError, TypeError):
                continue
            self._results[result.key] = result

    def __len__(self) -> int:
        """Return the number of results."""
        return len(self._results)

    def get(self, config: PaperConfig) -> Result | None:
        """Return the result of a configuration, if it is there."""
        return self._results.get(key_of(config))

    def add(self, result: Result) -> None:
        """Keep a result, on disk before this returns."""
        self._results[result.key] = result
        with self.path.open("a", encoding="utf-8") as file:
            if not self._complete:
                file.write("\n")
            file.write(json.dumps(asdict(result)) + "\n")
        self._complete = True


@dataclass(frozen=True)
class Comparison:
    """A row, measured and published.

    Attributes
    ----------
    row : PublishedRow
        What was published.
    results : list of Result
        What was measured, a run each.
    """

    row: PublishedRow
    results: list[Result]

    @property
    def accuracies(self) -> list[float]:
        """Test accuracy of each run after its last epoch, in per cent."""
        return [100 * result.test_accuracy[-1] for result in self.results]

    @property
    def mean(self) -> float:
        """Their mean."""
        return statistics.fmean(self.accuracies)

    @property
    def std(self) -> float:
        """Their sample standard deviation; 0 for a single run."""
        return statistics.stdev(self.accuracies) if len(self.results) > 1 else 0.0

    @property
    def seconds_per_epoch(self) -> float:
        """Mean over the runs."""
        return round(statistics.fmean(result.seconds_per_epoch for result in self.results), 4)

    @property
    def difference(self) -> float:
        """Measured mean minus published mean, in points."""
        return self.mean - self.row.mean if self.row.mean is not None else math.nan

    @property
    def error(self) -> float:
        """Standard error of the difference, in points.

        From the pooled variance of both samples, as in Student's test: with few runs, their own
        spread alone says little. The published deviation is taken for a sample deviation.
        """
        runs = len(self.results)
        variance = (runs - 1) * self.std**2 + (RUNS - 1) * (self.row.std or 0.0) ** 2
        return math.sqrt(variance / (runs + RUNS - 2) * (1 / runs + 1 / RUNS))

    @property
    def verdict(self) -> str:
        """Whether they agree.

        ``"agrees"``: the means differ by no more than 3 standard errors, so that chance explains
        it. ``"close"``: by more than that, but by no more than 0.5 points. ``"better"`` and
        ``"worse"``: neither. ``"-"``: nothing was published.
        """
        if self.row.mean is None:
            return "-"
        if abs(self.difference) <= 3 * self.error:
            return "agrees"
        if abs(self.difference) <= TOLERANCE:
            return "close"
        return "better" if self.difference > 0 else "worse"


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
        samples = len(data.train) * config.epochs
        run = PaperRun.start(config, data, engine=choose_engine("auto", samples))
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
        state_sha256=paper_sha256(run.network),
    )
