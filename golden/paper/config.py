"""The configuration of the paper's own rule and of its baseline: software only."""

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..config import Config
from ..errors import ConfigurationError
from ..generator import initial_state
from ..validation import describe

SHARED = (
    "name",
    "dataset",
    "encoder",
    "inputs",
    "hidden",
    "classes",
    "group",
    "margin",
    "reinforcement",
    "seed",
)
"""Fields that mean the same in :class:`~metabit.golden.config.Config`."""

_Width = Annotated[int, Field(ge=1, le=65536)]


class PaperConfig(BaseModel):
    """A network trained by the paper's rule, or by that of its baseline.

    Parameters
    ----------
    name, dataset, encoder, inputs, hidden, classes, group, margin, reinforcement, seed
        As in :class:`~metabit.golden.config.Config`; the group must divide every layer.
    rule : {"paper", "baldassi"}
        The paper's rule, or the committee machine of Baldassi et al. with its grouping layer, to
        which the paper compares: see :class:`~metabit.golden.paper.network.PaperNetwork`.
    weight_clip : int
        Hidden weights stay in ``-weight_clip .. weight_clip``; 0: no limit.
    batch : int
        Samples whose updates are summed.
    epochs : int
        Length of the training.

    Raises
    ------
    pydantic.ValidationError
        If a value is out of range or fields contradict each other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "paper"
    rule: Literal["paper", "baldassi"] = "paper"
    dataset: str = "fashion-mnist"
    encoder: str = "none"
    inputs: _Width
    hidden: Annotated[tuple[_Width, ...], Field(min_length=1, max_length=32)]
    classes: Annotated[int, Field(ge=2, le=256)] = 10
    group: Annotated[int, Field(ge=1)]
    margin: Annotated[float, Field(ge=0, le=1)] = 0.25
    reinforcement: Annotated[float, Field(ge=0, le=1)] = 0.5
    weight_clip: Annotated[int, Field(ge=0, le=2**20)] = 0
    batch: Annotated[int, Field(ge=1, le=4096)] = 100
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 50

    @model_validator(mode="after")
    def _check(self) -> "PaperConfig":
        for width in self.hidden:
            if width % self.group:
                raise ValueError(
                    "group must divide the neurons of every layer: "
                    f"{self.group} does not divide {width}"
                )
        return self

    @property
    def layers(self) -> int:
        """Number of hidden layers."""
        return len(self.hidden)

    @cached_property
    def fan_in(self) -> tuple[int, ...]:
        """Inputs of a neuron of each layer."""
        return (self.inputs, *self.hidden[:-1])

    @cached_property
    def voters(self) -> tuple[int, ...]:
        """Units of each layer that enter the class scores: neurons, or the baseline's groups."""
        if self.rule == "paper":
            return self.hidden
        return tuple(width // self.group for width in self.hidden)

    @cached_property
    def margin_threshold(self) -> tuple[int, ...]:
        """Margin below which each layer is updated, ``int(r * K_l)``."""
        return tuple(int(self.margin * width) for width in self.voters)

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Shape of each layer's weights: neurons and inputs."""
        return list(zip(self.hidden, self.fan_in, strict=True))

    @property
    def generator_state(self) -> int:
        """Initial state of the generator."""
        return initial_state(self.seed)

    @property
    def tile(self) -> int:
        """The batch, by the name under which :class:`~metabit.golden.schedule.Schedule` asks."""
        return self.batch

    @property
    def lag(self) -> int:
        """0: the paper's forward passes see all updates."""
        return 0

    def annealing_exponent(self, epoch: int, epochs: int) -> int:
        """Return 0: the paper does not anneal."""
        return 0

    def reinforcement_damping(self, errors: int, samples: int) -> int:
        """Return 0: the paper's reinforcement follows the accuracy without levels."""
        return 0


def make_paper_config(**fields: Any) -> PaperConfig:
    """Return the configuration of these fields.

    Raises
    ------
    ConfigurationError
        If they are not valid; says which field, what it must be and what it was.
    """
    try:
        return PaperConfig.model_validate(fields)
    except ValidationError as error:
        raise ConfigurationError(describe(error, PaperConfig)) from error


def paper_config(config: Config, **fields: Any) -> PaperConfig:
    """Return the paper's version of a hardware configuration: what they share is taken over.

    Parameters
    ----------
    config : Config
        Hardware configuration.
    **fields
        Further fields; None: the default.

    Raises
    ------
    ConfigurationError
        If the result is not valid.
    """
    shared = {name: getattr(config, name) for name in SHARED}
    given = {name: value for name, value in fields.items() if value is not None}
    return make_paper_config(**{**shared, **given})
