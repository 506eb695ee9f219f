"""Results of runs of published rows, as the lines of a ledger tell them."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from ..configurations.configuration import NetworkConfig
from ..paper.network import RULE_VERSION


@dataclass(frozen=True)
class Result:
    """One run.

    Attributes
    ----------
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

    seed: int
    epochs: int
    test_accuracy: list[float]
    train_accuracy: list[float]
    seconds_per_epoch: float
    state_sha256: str

    @classmethod
    def of(cls, line: dict[str, Any]) -> "Result":
        """Return the result of a line, also of one that an earlier version has written."""
        test, train = (
            [round(accuracy, 6) for accuracy in line.get(f"{name}_per_epoch") or line[name]]
            for name in ("test_accuracy", "train_accuracy")
        )
        seconds = round(line["seconds_per_epoch"], 4)
        return cls(line["seed"], line["epochs"], test, train, seconds, line["state_sha256"])


def former_key(config: NetworkConfig) -> str:
    """Return the hash by which earlier versions found a result again."""
    fields = {"version": RULE_VERSION, **config.model_dump(mode="json", exclude={"name"})}
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]
