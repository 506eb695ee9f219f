"""What the configurations of all modes have in common."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import ConfigurationError
from ..generator import initial_state
from .settings import APART, Written
from .validation import describe

_ENCODER = (
    "How images become bits: none, median, thermometer:T,T..., quantiles:N, edges-1568, "
    "edges-1960, edges-2548, edges:d=1,t=8,c=0/4, distributive:B, or a sum with '+'"
)


class NetworkConfig(BaseModel, ABC):
    """A network and the rule that trains it; each mode has a type of its own.

    A field is an option of commands, a field of sweeps and, in the hardware's mode, an argument of
    the estimator, unless it is marked :data:`~metabit.golden.configurations.settings.APART`.

    Layer ``l`` counts from 0; ``K_l`` is ``hidden[l]`` and its fan-in is ``fan_in[l]``.

    Parameters
    ----------
    name : str
        Free label, shown in tables and file names.
    dataset : str
        Data set that commands use when none is given.
    encoder : str
        How images become bits, e.g. ``"thermometer:0,128"``; see
        :mod:`metabit.golden.encoding.encoders`.
    inputs : int
        Bits per sample that the encoder delivers (``K_0`` of the paper).
    hidden : tuple of int
        Neurons of each hidden layer.
    classes : int
        Number of classes, 2 to 256.
    group : int
        Neurons per group (gamma of the paper).
    margin : float
        Robustness ``r``, 0 to 1: the share of a layer's votes below which its margin triggers.
    reinforcement : float
        Reinforcement probability ``p_r``; 0 switches reinforcement off.
    seed : int
        Seeds everything random.

    Raises
    ------
    pydantic.ValidationError
        If a value is out of range or fields contradict each other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, APART]
    dataset: Annotated[str, APART] = "fashion-mnist"
    encoder: Annotated[str, Field(description=_ENCODER), Written("SPEC")] = "none"
    inputs: Annotated[int, APART]
    hidden: Annotated[
        tuple[int, ...],
        Field(description="Neurons of each hidden layer"),
        Written(aliases=("layers",)),
    ]
    classes: Annotated[int, Field(ge=2, le=256), APART] = 10
    group: Annotated[int, Field(ge=1, description="Neurons per group")]
    margin: Annotated[float, Field(ge=0, le=1, description="Margin r"), Written("R")] = 0.25
    reinforcement: Annotated[
        float,
        Field(ge=0, le=1, description="Reinforcement probability; 0 is off"),
        Written("P"),
    ] = 0.5
    seed: Annotated[int, Field(ge=0, lt=2**32), APART] = 0

    if TYPE_CHECKING:

        @property
        def views(self) -> int:
            """Views of a sample; a field, or always 1."""

    @classmethod
    def make(cls, **fields: Any) -> Self:
        """Return the configuration of these fields.

        Raises
        ------
        ConfigurationError
            If they are not valid; says which field, what it must be and what it was.
        """
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            raise ConfigurationError(describe(error, cls)) from error

    def with_seed(self, seed: int) -> Self:
        """Return the same configuration with another seed.

        Raises
        ------
        ConfigurationError
            If it is none.
        """
        return self.make(**self.model_dump() | {"seed": seed})

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with some fields replaced, validated like any other instance.

        Pydantic's own copy neither validates nor forgets what was derived from the old fields.
        """
        return type(self).model_validate(self.model_dump() | dict(update or {}))

    @property
    def layers(self) -> int:
        """Number of hidden layers."""
        return len(self.hidden)

    @cached_property
    def fan_in(self) -> tuple[int, ...]:
        """Inputs of a neuron of each layer."""
        return (self.inputs, *self.hidden[:-1])

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Shape of each layer's weights: neurons and inputs."""
        return list(zip(self.hidden, self.fan_in, strict=True))

    @property
    def generator_state(self) -> int:
        """Initial state of the generator."""
        return initial_state(self.seed)

    @property
    @abstractmethod
    def mode(self) -> str:
        """Name of the :class:`~metabit.golden.modes.mode.Mode` that this is a configuration of."""

    @property
    @abstractmethod
    def brief(self) -> str:
        """What is particular to the mode, in a word or two."""

    @property
    @abstractmethod
    def particulars(self) -> str:
        """What is particular to the mode, in a line."""

    @property
    @abstractmethod
    def limits(self) -> tuple[int, int] | None:
        """Smallest and largest value of what a weight is the sign of; None: there is no limit."""

    # A field of one mode, and a property of another; pydantic takes a property here for a mistake.
    if TYPE_CHECKING:

        @property
        def tile(self) -> int:
            """Samples of a step; see :class:`~metabit.golden.schedule.Scheduled`."""

        @property
        def lag(self) -> int:
            """Tiles by which the weights of a forward pass are behind."""

        @property
        def order(self) -> str:
            """Who makes the order of samples; see :class:`~metabit.golden.schedule.Scheduled`."""

        @property
        def margin_threshold(self) -> tuple[int, ...]:
            """Margin below which each layer is updated."""

    @abstractmethod
    def annealing_exponent(self, epoch: int, epochs: int) -> int:
        """Annealing exponent ``q`` of an epoch.

        Parameters
        ----------
        epoch, epochs : int
            This epoch, counted from 1, and their total.
        """

    @staticmethod
    @abstractmethod
    def reinforcement_damping(errors: int, samples: int) -> int:
        """Return ``j`` that follows from last epoch's errors; pass ``errors = samples`` at first.

        Parameters
        ----------
        errors, samples : int
            Wrong predictions and samples of the epoch before.
        """
