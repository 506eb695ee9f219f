"""The plan of a training: from what, by which rule, how long; nothing else decides the result."""

from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from ..checkpoints.record import MAX_EPOCHS, RunRecord
from ..configurations.configuration import NetworkConfig
from ..configurations.strict_json import parse
from ..configurations.validation import describe
from ..data.datasets import Dataset, absolute_name, load_dataset
from ..data.options import DataOptions
from ..data.splits import SPLITS, Split
from ..data.training_data import TrainingData, prepare
from ..encoding.encoders import Encoder
from ..engines import EngineName, choose_engine
from ..errors import CheckpointError, ConfigurationError
from ..modes.registry import MODES, AnyMode, load_any_checkpoint, mode_of
from .longer import other_epochs
from .training_run import TrainingRun

FORMAT = "metabit-plan"
"""What a file with a plan is."""

VERSION = 1
"""Of such files."""


@dataclass(frozen=True)
class Plan:
    """What is trained, from what, and how.

    Attributes
    ----------
    config : NetworkConfig
        Network, encoder, seed and name of the data set; its type is the mode.
    epochs : int
        Length.
    split : str or None
        One of :data:`~metabit.golden.data.splits.SPLITS`; None: the data set's default.
    reading : DataOptions
        How the user's own data are read.
    engine : str
        One of :data:`~metabit.golden.engines.ENGINES`; has no influence on the result.
    data_dir : Path or None
        Folder with the files of `mnist` or `fashion-mnist`; has none either.
    source : str or None
        Where the data set is, if that is not its name.
    """

    config: NetworkConfig
    epochs: int
    split: str | None = None
    reading: DataOptions = field(default_factory=DataOptions)
    engine: str = "auto"
    data_dir: Path | None = None
    source: str | None = None

    @classmethod
    def of(cls, record: RunRecord) -> "Plan":
        """Return the plan that a checkpoint's run followed."""
        config = record.config.model_copy(update={"dataset": record.dataset})
        return cls(config, record.epochs, record.split, record.reading)

    @cached_property
    def mode(self) -> AnyMode:
        """Rule that is trained by."""
        return mode_of(self.config)

    @property
    def seed(self) -> int:
        """Seed of everything random."""
        return self.config.seed

    def with_seed(self, seed: int) -> "Plan":
        """Return the same plan with another seed."""
        return replace(self, config=self.config.with_seed(seed))

    def elsewhere(self) -> "Plan":
        """Return the same plan as a process in another folder understands it."""
        data_dir = None if self.data_dir is None else self.data_dir.resolve()
        source = absolute_name(self.source or self.config.dataset)
        return replace(self, source=source, data_dir=data_dir)

    def load(self) -> Dataset:
        """Load the data set.

        Raises
        ------
        DataError
            If the data cannot be had.
        """
        return load_dataset(self.source or self.config.dataset, self.data_dir, self.reading)

    def prepare(
        self,
        dataset: Dataset | None = None,
        *,
        encoder: Encoder | None = None,
        parts: Split | None = None,
    ) -> TrainingData:
        """Return the data, split and encoded.

        Parameters
        ----------
        dataset : Dataset, optional
            What is loaded already.
        encoder : Encoder, optional
            In the state of a checkpoint; None: the configuration's, fitted to the training data.
        parts : Split, optional
            The split itself, where it is none that has a name.

        Raises
        ------
        DataError
            If the data cannot be had, or do not fit the configuration.
        """
        dataset = self.load() if dataset is None else dataset
        return prepare(
            self.config, dataset=dataset, split_name=self.split, parts=parts, encoder=encoder
        )

    def start(self, data: TrainingData, *, observe: bool = True) -> TrainingRun:
        """Return a run at its beginning.

        Parameters
        ----------
        data : TrainingData
            From :meth:`prepare`.
        observe : bool
            Record what there is to see; has no influence on the training.
        """
        engine = self.engine_for(data)
        return self.mode.start(self.config, data, self.epochs, observe=observe, engine=engine)

    def engine_for(self, data: TrainingData) -> EngineName:
        """Return what computes a run on these data."""
        return choose_engine(self.engine, data.samples * self.epochs)

    def to_dict(self) -> dict[str, Any]:
        """Return all that has an influence on the result, as a JSON file keeps it."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "mode": self.mode.name,
            "config": self.config.model_dump(mode="json"),
            "split": self.split,
            "epochs": self.epochs,
            "reading": asdict(self.reading),
        }


class _File(BaseModel):
    """A plan as a file keeps it; the configuration's fields are checked by their mode."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["metabit-plan"]
    version: Literal[1]
    mode: str
    config: dict[str, JsonValue]
    split: Literal[SPLITS] | None = None  # type: ignore[valid-type]
    epochs: Annotated[int, Field(ge=1, le=MAX_EPOCHS)]
    reading: DataOptions = DataOptions()


def read_plan(path: Path) -> Plan:
    """Read the plan of a JSON file, or that which a checkpoint's run followed.

    Parameters
    ----------
    path : Path
        Ends in ``.json`` or ``.npz``.

    Raises
    ------
    ConfigurationError
        If the file is missing, damaged or no plan.
    CheckpointError
        The same of a checkpoint.
    """
    if path.suffix == ".npz":
        record = load_any_checkpoint(path).record
        if record.estimator is not None:
            raise CheckpointError(
                f"checkpoint {path} is of an estimator, whose samples are in no file: "
                "it has no plan"
            )
        plan = Plan.of(record)
        if other_epochs(plan.config, record.plans, plan.epochs):
            raise CheckpointError(
                f"checkpoint {path} is of a run that was made longer and had annealed for its "
                "former length: no plan gives the same"
            )
        return plan
    try:
        found = _File.model_validate(parse(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise ConfigurationError(f"plan {path} does not exist") from error
    except ValidationError as error:
        raise ConfigurationError(f"plan {path}: {describe(error, _File)}") from error
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"plan {path} cannot be read: {error}") from error
    if found.mode not in MODES:
        raise ConfigurationError(f"plan {path}: mode must be one of {', '.join(MODES)}")
    try:
        config = MODES[found.mode].config_type.make(**found.config)
    except ConfigurationError as error:
        raise ConfigurationError(f"plan {path}: config: {error}") from error
    return Plan(config, found.epochs, found.split, found.reading)
