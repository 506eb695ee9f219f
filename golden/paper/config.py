"""The configuration of the paper's own rule and of its baseline: software only."""

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ..config import Config
from ..configurations.configuration import NetworkConfig
from ..configurations.settings import APART

_Width = Annotated[int, Field(ge=1, le=65536)]

SIXTEEN_BITS = 2**15 - 1
"""Limit of hidden weights of 16 bits, as Binary Error Propagation has them."""


class PaperConfig(NetworkConfig):
    """A network trained by the paper's rule, or by that of its baseline.

    Parameters
    ----------
    name, dataset, encoder, inputs, hidden, classes, group, margin, reinforcement, seed
        As in :class:`~metabit.golden.configurations.configuration.NetworkConfig`; the group must
        divide every layer.
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

    name: str = "paper"
    inputs: _Width
    hidden: Annotated[tuple[_Width, ...], Field(min_length=1, max_length=32)]
    rule: Annotated[Literal["paper", "baldassi"], APART] = "paper"
    weight_clip: Annotated[
        int, Field(ge=0, le=2**20, description="Limit of hidden weights; 0 is none")
    ] = 0
    batch: Annotated[int, Field(ge=1, le=4096, description="Samples whose updates are summed")] = (
        100
    )
    epochs: Annotated[int, Field(ge=1, le=10_000), APART] = 50

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
    def mode(self) -> str:
        """The rule."""
        return self.rule

    @property
    def brief(self) -> str:
        """The rule."""
        return self.rule

    @property
    def particulars(self) -> str:
        """Rule, batch, and the limit of hidden weights."""
        clip = f"  weight clip {self.weight_clip}" if self.weight_clip else ""
        return f"mode {self.rule}  batch {self.batch}{clip}"

    @property
    def limits(self) -> tuple[int, int] | None:
        """The weight clip, both ways."""
        return (-self.weight_clip, self.weight_clip) if self.weight_clip else None

    @cached_property
    def voters(self) -> tuple[int, ...]:
        """Units of each layer that enter the class scores: neurons, or the baseline's groups."""
        if self.rule != "baldassi":
            return self.hidden
        return tuple(width // self.group for width in self.hidden)

    @cached_property
    def margin_threshold(self) -> tuple[int, ...]:
        """Margin below which each layer is updated, ``int(r * K_l)``."""
        return tuple(int(self.margin * width) for width in self.voters)

    @property
    def tile(self) -> int:
        """The batch, by the name under which :class:`~metabit.golden.schedule.Schedule` asks."""
        return self.batch

    @property
    def lag(self) -> int:
        """0: the paper's forward passes see all updates."""
        return 0

    @property
    def views(self) -> int:
        """1: the paper learns images as they are."""
        return 1

    @property
    def order(self) -> str:
        """Shuffled anew for every epoch."""
        return "shuffled"

    def annealing_exponent(self, epoch: int, epochs: int) -> int:
        """Return 0: the paper does not anneal."""
        return 0

    @staticmethod
    def reinforcement_damping(errors: int, samples: int) -> int:
        """Return 0: the paper's reinforcement follows the accuracy without levels."""
        return 0


class BepConfig(PaperConfig):
    """A network trained by Binary Error Propagation (the same authors, arXiv 2512.04189).

    Parameters
    ----------
    gate : float
        ``nu``: a neuron hands its desired activation on, to the layer below, if ``|z|`` is at most
        ``nu`` times its fan-in.
    **fields
        As in :class:`PaperConfig`. Hidden weights have 16 bits unless ``weight_clip`` says
        otherwise.
    """

    name: str = "bep"
    rule: Annotated[Literal["bep"], APART] = "bep"  # type: ignore[assignment]
    weight_clip: Annotated[
        int, Field(ge=0, le=2**20, description="Limit of hidden weights; 0 is none")
    ] = SIXTEEN_BITS
    gate: Annotated[
        float, Field(ge=0, le=1, description="Share of the fan-in up to which a neuron hands on")
    ] = 0.05

    @cached_property
    def margin_threshold(self) -> tuple[int, ...]:
        """That of the last layer, for all."""
        return self.layers * super().margin_threshold[-1:]

    @property
    def particulars(self) -> str:
        """What the paper's have, and the gate."""
        return f"{super().particulars}  gate {self.gate:g}"


def make_paper_config(**fields: Any) -> PaperConfig:
    """Return the configuration of these fields.

    Raises
    ------
    ConfigurationError
        If they are not valid; says which field, what it must be and what it was.
    """
    return PaperConfig.make(**fields)


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
    shared = {name: getattr(config, name) for name in NetworkConfig.model_fields}
    given = {name: value for name, value in fields.items() if value is not None}
    make = BepConfig.make if given.get("rule") == "bep" else make_paper_config
    return make(**{**shared, **given})
