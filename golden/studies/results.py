"""Results of runs of published rows, kept in a file as they come."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import DataError
from ..paper.config import PaperConfig
from ..paper.network import RULE_VERSION


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
