"""The configuration of a recurrent layer."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..generator import initial_state
from ..paper.config import SIXTEEN_BITS

_Width = Annotated[int, Field(ge=1, le=4096)]


class SequenceConfig(BaseModel):
    """A recurrent binary layer, its read-out, and how they learn.

    Parameters
    ----------
    inputs : int
        Bits of a step.
    state, readout : int
        Neurons of the recurrent layer and of the read-out.
    classes : int
        Number of classes.
    rule : {"local", "bep"}
        What the state is told to be; see :class:`~.network.SequenceNetwork`.
    group : tuple of int or None
        Neurons per group, of the recurrent layer and of the read-out; None: all, so that one
        neuron a layer learns from a step of a sample.
    margin : float
        Robustness ``r`` of both.
    gate : float
        ``nu`` of rule ``"bep"``.
    reinforcement : float
        ``p_r``.
    weight_clip : int
        Hidden weights stay within, both ways.
    batch : int
        Sequences whose moves are summed.
    seed : int
        Of everything random.

    Raises
    ------
    pydantic.ValidationError
        If a value is out of range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: _Width
    state: _Width = 128
    readout: _Width = 64
    classes: Annotated[int, Field(ge=2, le=256)]
    rule: Literal["local", "bep"] = "local"
    group: tuple[_Width, _Width] | None = None
    margin: Annotated[float, Field(ge=0, le=1)] = 0.5
    gate: Annotated[float, Field(ge=0, le=1)] = 0.1
    reinforcement: Annotated[float, Field(ge=0, le=1)] = 0.5
    weight_clip: Annotated[int, Field(ge=1, le=2**20)] = SIXTEEN_BITS
    batch: Annotated[int, Field(ge=1, le=4096)] = 50
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0

    @property
    def groups(self) -> tuple[int, int]:
        """Neurons per group of both layers."""
        return self.group or (self.state, self.readout)

    @property
    def generator_state(self) -> int:
        """Where the generator starts, as in hardware mode."""
        return initial_state(self.seed)
