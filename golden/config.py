"""The one configuration type that golden model, hardware, simulation and boards all read."""

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from .generator import initial_state

WORD = 16
"""Weights per memory word: the unit of updates, reinforcement draws and transfers."""

MAX_INPUTS = 8192
"""Most bits that a sample may have."""

OBSOLETE = ("array",)
"""Fields that files of earlier versions have: they described hardware, and mean nothing now."""

_GENERATOR_BITS = 32
_Width = Annotated[int, Field(ge=1, le=4096)]


def _number(value: Any) -> Any:
    """Return the number that a text says, as fields of numbers take it; anything else as it is."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


_Lag = Annotated[Literal[0, 1], BeforeValidator(_number)]


class Config(BaseModel):
    """A network and its training rule; what trains it is no part of it.

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
        Neurons per group (gamma of the paper); the last group of a layer may be smaller.
    counter_bits : int
        Width ``b`` of a hidden-weight counter, 2 to 16.
    margin : float
        Robustness ``r``: a layer is updated while its margin is below ``floor(r * K_l)``.
    rival_selection : bool
        Only neurons whose code bit tells the label from its rival may win.
    annealing : tuple of float
        Fractions of the epochs after which the annealing exponent grows by one; empty: off.
    reinforcement : float
        Reinforcement probability ``p_r``; 0 switches reinforcement off.
    head_offset : int
        0: one bit per neuron enters the class scores. ``T > 0``: three bits,
        ``z >= -T``, ``z >= 0`` and ``z >= T`` (the three-threshold head).
    summed_scores : bool
        The prediction is the class of the highest sum of all layers' scores, not of the highest
        score of the last layer alone. Every layer still learns from its own.
    tile : int
        Samples whose forward passes all use the same weights.
    lag : {0, 1}
        Tiles by which these weights are older than the counters before the tile. 0: they are up to
        date. 1: they lack the updates of the tile before, so that hardware can compute a tile's
        forward passes and the updates of the tile before at the same time.
    seed : int
        Seeds classifier, initial counters, reinforcement (one generator) and data order.

    Raises
    ------
    pydantic.ValidationError
        If a value is out of range or fields contradict each other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "custom"
    dataset: str = "fashion-mnist"
    encoder: str = "none"
    inputs: Annotated[int, Field(ge=1, le=MAX_INPUTS)]
    hidden: Annotated[tuple[_Width, ...], Field(min_length=1, max_length=8)]
    classes: Annotated[int, Field(ge=2, le=256)] = 10
    group: Annotated[int, Field(ge=1)]
    counter_bits: Annotated[int, Field(ge=2, le=16)] = 8
    margin: Annotated[float, Field(ge=0, le=1)] = 0.25
    rival_selection: bool = True
    annealing: Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], Field(max_length=3)] = (
        0.6,
        0.75,
        0.9,
    )
    reinforcement: Annotated[float, Field(ge=0, le=1)] = 0.5
    head_offset: Annotated[int, Field(ge=0, le=4095)] = 0
    summed_scores: bool = True
    tile: Annotated[int, Field(ge=1, le=64)] = 8
    lag: _Lag = 1
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0

    @model_validator(mode="after")
    def _check(self) -> "Config":
        if list(self.annealing) != sorted(set(self.annealing)):
            raise ValueError(f"annealing fractions must increase, not {list(self.annealing)}")
        if self.group > max(self.hidden):
            raise ValueError(
                f"group must not exceed the widest layer, {max(self.hidden)}, not {self.group}"
            )
        if self.reinforcement_shift and max(self.reinforcement_shift) + 3 > _GENERATOR_BITS:
            raise ValueError(
                f"reinforcement must be 0 or large enough for a draw of {_GENERATOR_BITS} bits, "
                f"not {self.reinforcement}"
            )
        return self

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

    @cached_property
    def words(self) -> tuple[int, ...]:
        """Words of 16 weights that hold one neuron of each layer."""
        return tuple(-(-fan_in // WORD) for fan_in in self.fan_in)

    @property
    def planes(self) -> int:
        """Bits per neuron that enter the class scores: 1, or 3 with a head offset."""
        return 3 if self.head_offset else 1

    @property
    def layers_vote(self) -> bool:
        """Whether a sum decides; that of a single layer's scores takes no hardware."""
        return self.summed_scores and self.layers > 1

    @cached_property
    def margin_threshold(self) -> tuple[int, ...]:
        """Margin below which each layer is updated: ``floor(r * planes * K_l)``."""
        return tuple(math.floor(self.margin * self.planes * width) for width in self.hidden)

    @cached_property
    def reinforcement_shift(self) -> tuple[int, ...] | None:
        """``T`` of each layer: a word is reinforced with probability ``2**-(T + j)``.

        ``T = round(-log2(p_r * sqrt(2 / (pi * fan_in))))``, the paper's probability
        (section 4) to the nearest power of two; None when reinforcement is off.
        """
        if not self.reinforcement:
            return None
        return tuple(
            max(0, round(-math.log2(self.reinforcement * math.sqrt(2 / (math.pi * fan_in)))))
            for fan_in in self.fan_in
        )

    @property
    def counter_range(self) -> tuple[int, int]:
        """Smallest and largest value of a counter."""
        return -(1 << (self.counter_bits - 1)), (1 << (self.counter_bits - 1)) - 1

    @property
    def start_bits(self) -> int:
        """Bits of a counter's first value: over a quarter of its range, or of that of 8 bits.

        A counter of 16 bits that started over a quarter of its own range would take its sign from
        chance for far too long.
        """
        return min(6, max(1, self.counter_bits - 2))

    @property
    def generator_state(self) -> int:
        """Initial state of the generator."""
        return initial_state(self.seed)

    def annealing_exponent(self, epoch: int, epochs: int) -> int:
        """Annealing exponent ``q`` of an epoch.

        Parameters
        ----------
        epoch, epochs : int
            This epoch, counted from 1, and their total.
        """
        return sum(epoch > epochs * fraction for fraction in self.annealing)

    @staticmethod
    def reinforcement_damping(errors: int, samples: int) -> int:
        """Return ``j`` that follows from last epoch's errors; pass ``errors = samples`` at first.

        Parameters
        ----------
        errors, samples : int
            Wrong predictions and samples of the epoch before.
        """
        return sum(factor * errors <= samples for factor in (2, 8, 32))
