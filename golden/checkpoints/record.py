"""What checkpoints of any mode keep of a run, arrays aside."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from ..binary_network import Statistics
from ..configurations.configuration import NetworkConfig
from ..data.datasets import Dataset
from ..data.options import AS_BEFORE, DataOptions
from ..data.seen import Seen
from ..data.trained import Trained
from ..encoding.comparisons import Comparison
from ..encoding.distributive import numbers_of_encoder
from ..encoding.encoders import Encoder
from ..errors import DataError
from ..generator import PERIOD
from ..runs.observation import Observation, Opening
from ..schedule import Schedule, Scheduled

Count = Annotated[int, Field(ge=0, lt=2**63)]

MAX_SAMPLES = 1 << 24
"""Training samples of a run at most, 16 million: their order alone takes 128 MiB then."""

MAX_EPOCHS = 10**6


class StatisticsRecord(BaseModel):
    """:class:`~metabit.golden.binary_network.Statistics` as a file keeps them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    samples: Count
    correct: Count
    triggers: tuple[Count, ...]
    updates: tuple[Count, ...]

    @classmethod
    def of(cls, statistics: Statistics) -> Self:
        """Return what a file keeps of statistics."""
        return cls(
            samples=statistics.samples,
            correct=statistics.correct,
            triggers=tuple(statistics.triggers),
            updates=tuple(statistics.updates),
        )

    def statistics(self) -> Statistics:
        """Return statistics to count on."""
        return Statistics(self.samples, self.correct, list(self.triggers), list(self.updates))


class OpeningRecord(BaseModel):
    """Counts of an :class:`~metabit.golden.runs.observation.Opening`; its signs are arrays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    triggers: tuple[Count, ...]
    updates: tuple[Count, ...]

    @classmethod
    def of(cls, opening: Opening) -> Self:
        """Return what a record keeps of an opening."""
        return cls(triggers=opening.triggers, updates=opening.updates)


EVERYTHING = "all"
"""In place of a split: everything was trained on, as the estimator is given no test set."""


class EstimatorRecord(BaseModel):
    """What a fitted estimator is besides its network.

    Attributes
    ----------
    parameters : dict
        As it was made with.
    labels : tuple of bool, int, float or str
        Of the classes.
    dtype : str
        Their type.
    features : tuple of str or None
        Names of the features; None: they have none.
    training_accuracy : tuple of float
        Of each epoch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    parameters: dict[str, JsonValue]
    labels: tuple[bool | int | float | str, ...]
    dtype: Annotated[str, Field(pattern=r"object|[<>|=]?[biufU][0-9]+")]
    features: tuple[str, ...] | None
    training_accuracy: tuple[Annotated[float, Field(ge=0, le=1)], ...]


class RunRecord(BaseModel):
    """Everything in a checkpoint that is no array.

    Attributes
    ----------
    format, version
        What the file is.
    generator_state : int
        State of the network's generator.
    statistics : StatisticsRecord
        Counts of the network.
    config : NetworkConfig
        Configuration; the record of each mode says of which type.
    dataset, split : str
        What was trained on.
    data_sha256 : str
        Hash of the encoded training samples.
    median, thresholds, selection, comparisons
        Fitted state of the encoder.
    columns, class_names : tuple of str
        Of a table: names of its columns and classes.
    data_options : DataOptions or None
        How the data set was read; None: by a version that knew no options.
    seen : Seen or None
        Shape and range of the training samples; None: written by a version that did not look.
    samples, epochs, epoch, sample, errors, history
        The schedule: training samples, planned epochs, position, errors so far, errors of
        finished epochs.
    test_accuracy : tuple of float
        After each finished epoch.
    seconds : tuple of float
        That each finished epoch took.
    observations : tuple of Observation
        What was recorded of finished epochs.
    opening : OpeningRecord or None
        How an unfinished epoch began; None: it has not begun, or it is not known.
    plans : tuple of tuple of int
        Former lengths of a run that was made longer; see :data:`~metabit.golden.runs.longer.Plans`.
    estimator : EstimatorRecord or None
        Of the estimator that was fitted; None: it was a run.
    state_sha256 : str
        Hash of the network's state.
    versions : dict
        Versions of the tools that wrote it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["metabit-checkpoint"] = "metabit-checkpoint"
    version: Literal[1, 2, 3, 4, 5, 6] = 6
    generator_state: Annotated[int, Field(ge=1, le=PERIOD)]
    statistics: StatisticsRecord
    config: NetworkConfig
    dataset: str
    split: str
    data_sha256: str
    median: float | None
    thresholds: tuple[tuple[float, ...], ...] | None = None
    selection: tuple[Count, ...] | None = None
    comparisons: tuple[Comparison, ...] | None = None
    columns: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    data_options: DataOptions | None = None
    seen: Seen | None = None
    samples: Annotated[int, Field(ge=1, le=MAX_SAMPLES)]
    epochs: Annotated[int, Field(ge=1, le=MAX_EPOCHS)]
    epoch: Annotated[int, Field(ge=1, le=MAX_EPOCHS + 1)]
    sample: Count
    errors: Count
    history: tuple[Count, ...]
    test_accuracy: tuple[Annotated[float, Field(ge=0, le=1)], ...]
    seconds: tuple[Annotated[float, Field(ge=0)], ...]
    observations: tuple[Observation, ...] = ()
    opening: OpeningRecord | None = None
    plans: tuple[tuple[Count, Count], ...] = ()
    estimator: EstimatorRecord | None = None
    state_sha256: str
    versions: dict[str, str]

    def encoder_of(self, spec: str) -> Encoder:
        """Return the encoder in the state of the checkpoint.

        Parameters
        ----------
        spec : str
            The encoder of the run's configuration.
        """
        return Encoder(spec, self.median, self.thresholds, self.selection, self.comparisons)

    @property
    def reading(self) -> DataOptions:
        """How to read the data set again."""
        return AS_BEFORE if self.data_options is None else self.data_options

    @property
    def finished(self) -> bool:
        """Whether the last of the planned epochs is over."""
        return self.epoch > self.epochs

    @property
    def trained(self) -> Trained:
        """What new samples must be like."""
        numbers = numbers_of_encoder(Encoder(self.config.encoder).parts, len(self.columns))
        return Trained(self.dataset, self.columns, numbers, self.reading, self.seen)

    def check_columns(self, dataset: Dataset) -> None:
        """Check that a data set has the columns and classes that the run was trained on.

        Parameters
        ----------
        dataset : Dataset
            To be tested on.

        Raises
        ------
        DataError
            If both are tables, and these differ.
        """
        for what, ours, theirs in (
            ("columns", self.columns, dataset.columns),
            ("classes", self.class_names, dataset.class_names),
        ):
            if ours and ours != theirs:
                raise DataError(
                    f"data set {dataset.name} has the {what} {', '.join(theirs) or '-'}; "
                    f"the network was trained on {', '.join(ours)}"
                )

    def schedule_of(self, config: Scheduled) -> Schedule:
        """Return the schedule at the position of the checkpoint.

        Parameters
        ----------
        config : Scheduled
            The run's configuration.
        """
        return Schedule(
            config,
            self.samples,
            self.epochs,
            epoch=self.epoch,
            sample=self.sample,
            errors=self.errors,
            history=self.history,
        )


def position_of(schedule: Schedule) -> dict[str, Any]:
    """Return the fields of a record that describe a schedule."""
    return {
        "samples": schedule.samples,
        "epochs": schedule.epochs,
        "epoch": schedule.epoch,
        "sample": schedule.sample,
        "errors": schedule.errors,
        "history": tuple(schedule.history),
    }
