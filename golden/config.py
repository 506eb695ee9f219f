"""The one configuration type that golden model, hardware, simulation and boards all read."""

import math
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from .configurations.configuration import NetworkConfig
from .configurations.settings import Written

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


class Config(NetworkConfig):
    """A network and the hardware's training rule; what trains it is no part of it.

    Parameters
    ----------
    name, dataset, encoder, inputs, hidden, classes, reinforcement
        As in :class:`~metabit.golden.configurations.configuration.NetworkConfig`.
    group : int
        Neurons per group (gamma of the paper); the last group of a layer may be smaller.
    counter_bits : int
        Width ``b`` of a hidden-weight counter, 2 to 16.
    codes : {"random", "balanced"}
        How the classifier is drawn; see :mod:`~metabit.golden.codes`.
    margin : float
        Robustness ``r``: a layer is updated while its margin is below ``floor(r * K_l)``.
    rival_selection : bool
        Only neurons whose code bit tells the label from its rival may win.
    annealing : tuple of float
        Fractions of the epochs after which the annealing exponent grows by one; empty: off.
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
    order : {"shuffled", "strides"}
        Order of the training samples: shuffled by the host, anew for every epoch, or as a device
        makes it that reads them from its own memory; see :mod:`~metabit.golden.strides`.
    seed : int
        Seeds classifier, initial counters, reinforcement (one generator) and data order.

    Raises
    ------
    pydantic.ValidationError
        If a value is out of range or fields contradict each other.
    """

    name: str = "custom"
    inputs: Annotated[int, Field(ge=1, le=MAX_INPUTS)]
    hidden: Annotated[tuple[_Width, ...], Field(min_length=1, max_length=8)]
    counter_bits: Annotated[int, Field(ge=2, le=16, description="Bits of a counter")] = 8
    codes: Annotated[
        Literal["random", "balanced"],
        Field(
            description="Codes of the classes: random, or balanced, where every neuron is for half "
            "of the classes"
        ),
    ] = "random"
    rival_selection: Annotated[
        bool,
        Field(description="Whether only neurons that tell the label from its rival may win"),
    ] = True
    annealing: Annotated[
        tuple[Annotated[float, Field(gt=0, lt=1)], ...],
        Field(
            max_length=3,
            description="Fractions of the epochs after which fewer words are touched",
        ),
        Written("F"),
    ] = (0.6, 0.75, 0.9)
    head_offset: Annotated[
        int,
        Field(ge=0, le=4095, description="Offset of the three-threshold head; 0 is the plain head"),
        Written("T"),
    ] = 0
    summed_scores: Annotated[
        bool,
        Field(
            description="Whether all layers' scores count for the prediction, or the last layer's "
            "alone"
        ),
    ] = True
    tile: Annotated[int, Field(ge=1, le=64, description="Samples per tile")] = 8
    lag: Annotated[
        Literal[0, 1],
        BeforeValidator(_number),
        Field(
            description="Tiles by which the weights of a forward pass lag behind; 0: they are up "
            "to date"
        ),
    ] = 1
    views: Annotated[
        Literal[1, 5],
        BeforeValidator(_number),
        Field(
            description="Views of an image to learn and to judge: 1, as it is, or 5, moved by a "
            "pixel, too"
        ),
    ] = 1

    order: Annotated[
        Literal["shuffled", "strides"],
        Field(
            description="Order of the training samples: shuffled by the host, or in the strides of "
            "a device that keeps them in memory of its own"
        ),
    ] = "shuffled"

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

    @property
    def mode(self) -> str:
        """The hardware's."""
        return "hardware"

    @property
    def brief(self) -> str:
        """Width of the counters."""
        return f"{self.counter_bits} bits"

    @property
    def particulars(self) -> str:
        """Counters, tiles, how old the weights of a forward pass are, and what is unusual."""
        views = f"  views {self.views}" if self.views > 1 else ""
        codes = f"  codes {self.codes}" if self.codes != "random" else ""
        order = f"  order {self.order}" if self.order != "shuffled" else ""
        return f"{self.counter_bits} bits  tile {self.tile}  lag {self.lag}{views}{codes}{order}"

    @property
    def limits(self) -> tuple[int, int]:
        """The range of a counter."""
        return self.counter_range

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

    def annealing_exponent(self, epoch: int, epochs: int) -> int:
        """Annealing exponent ``q`` of an epoch; see :meth:`.NetworkConfig.annealing_exponent`."""
        return sum(epoch > epochs * fraction for fraction in self.annealing)

    @staticmethod
    def reinforcement_damping(errors: int, samples: int) -> int:
        """Return ``j``, 0 to 3; see :meth:`.NetworkConfig.reinforcement_damping`."""
        return sum(factor * errors <= samples for factor in (2, 8, 32))
