"""What a report shows of the results of a command, and what that must be."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

_Share = Annotated[float, Field(ge=0, le=1)]
_Count = Annotated[float, Field(ge=0)]


class Network(BaseModel):
    """What is said of a network; a configuration of any mode has more fields."""

    name: str = ""
    inputs: int = 1
    hidden: list[int] = []
    classes: int = 1
    seed: int = 0


class Results(BaseModel):
    """What all commands say."""

    config: Network | None = None
    dataset: str | None = None
    split: str | None = None
    versions: dict[str, str] | None = None
    state_sha256: str | None = None


class TrainResults(Results):
    """Results of a training; of several seeds, the first, with their mean and number."""

    test_accuracy: _Share
    train_accuracy: list[_Share]
    test_accuracy_per_epoch: list[_Share] = []
    seconds_per_epoch: _Count
    mean: _Share = 0.0
    seeds: int = 1


class Divergence(BaseModel):
    """A difference between device and golden."""

    kind: str
    place: str
    golden: Any
    device: Any


class SimulateResults(Results):
    """Results of a simulation."""

    samples: int
    bit_exact: bool | None
    test_accuracy: _Share = 0.0
    cycles: _Count | None = None
    cycles_per_sample: _Count | None = None
    cycles_per_second: _Count | None = None
    cycles_by_phase: dict[str, _Count] = {}
    divergences: list[Divergence] = []
    device: str | None = None
