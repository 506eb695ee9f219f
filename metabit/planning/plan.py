"""A plan: what a network takes on a device, and how fast it would be."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..boards.registry import Board
from ..golden.config import Config
from ..hdl.placement import Placement, Requirement
from ..hdl.shape import LANES, Shape
from .cycles import Bounds, bounds, count_all, predict, predict_inference
from .energy import CELLS, Energy, estimate
from .events import Run
from .fit import shortages, suggestions
from .memories import (
    SINGLE_PORT_RAMS,
    Memory,
    memories,
    used_block_rams,
    usual_die,
)
from .pipeline import Counts
from .rates import EPOCHS, Known, rates_of, rates_of_runs

LINK_BITS = 10
"""Bits of a byte on a serial line, with start and stop."""


@dataclass(frozen=True)
class Speed:
    """How long a sample takes.

    Attributes
    ----------
    what : str
        "epoch 1", ..., or "inference".
    known : Known or None
        Rates of training, and where they are from.
    counts : Counts
        Predicted.
    bound : Bounds
    """

    what: str
    known: Known | None
    counts: Counts
    bound: Bounds

    @property
    def cycles(self) -> float:
        """Cycles a sample; a memory that samples are played from may be slower than the core."""
        return self.counts.run / self.counts.samples + self._starved

    @property
    def _starved(self) -> float:
        return max(0.0, self.bound.memory - self.counts.run / self.counts.samples)

    @property
    def phases(self) -> dict[str, float]:
        """Cycles a sample, by phase. ``update`` and ``search`` happen beside the others.

        ``turn``: between visits, passes and tiles, at the beginning and at the end of a run.
        """
        counts = self.counts
        parts = {
            name: getattr(counts, name) / counts.samples
            for name in ("forward", "wait", "commit", "update")
        }
        parts["wait"] += self._starved
        still = self.cycles - parts["forward"] - parts["wait"] - parts["commit"]
        return {**parts, "turn": still}

    @property
    def ratio(self) -> float:
        """Cycles over those of the bound."""
        return self.cycles / self.bound.cycles

    def samples_per_second(self, clock_mhz: float) -> float:
        """Return the speed at a clock."""
        return 1e6 * clock_mhz / self.cycles


@dataclass(frozen=True)
class Plan:
    """What a network takes on a device.

    Attributes
    ----------
    config : Config
    shape : Shape
    board : Board or None
    clock_mhz : float
    memories : tuple of Memory
    shortages : tuple of Requirement
        Empty: it fits.
    suggestions : tuple of str
        Options with which it would.
    speeds : tuple of Speed
        Of training and inference; empty if it does not fit.
    energy : Energy
    """

    config: Config
    shape: Shape
    board: Board | None
    clock_mhz: float
    memories: tuple[Memory, ...]
    shortages: tuple[Requirement, ...]
    suggestions: tuple[str, ...]
    speeds: tuple[Speed, ...]
    energy: Energy

    @property
    def fits(self) -> bool:
        """Whether the network fits the device."""
        return not self.shortages

    @property
    def block_rams(self) -> tuple[int, int]:
        """Block RAMs of the device, and of the FPGA."""
        die = self.board.die if self.board else usual_die(self.shape)
        return used_block_rams(self.memories), die.block_rams

    @property
    def single_port_rams(self) -> tuple[int, int] | None:
        """Single-port RAMs of the device, and of the FPGA, if it has any."""
        if self.shape.memory != "spram":
            return None
        return sum(memory.single_port_rams for memory in self.memories), SINGLE_PORT_RAMS

    @property
    def link_samples_per_second(self) -> float | None:
        """Samples that the board's serial line can carry at the most."""
        if self.board is None:
            return None
        words = Placement(self.config, self.shape, check=False).sample_words
        return self.board.baud / LINK_BITS / (words * LANES / 8)

    def to_dict(self) -> dict[str, Any]:
        """Return what ``--json`` writes."""
        used, total = self.block_rams
        found: dict[str, Any] = {
            "config": self.config.model_dump(mode="json"),
            "device": self.shape.name,
            "board": self.board.name if self.board else None,
            "clock_mhz": self.clock_mhz,
            "fits": self.fits,
            "shortages": [asdict(need) for need in self.shortages],
            "suggestions": list(self.suggestions),
            "memories": [asdict(memory) for memory in self.memories],
            "block_rams": {"used": used, "total": total},
            "link_samples_per_second": self.link_samples_per_second,
            "energy": asdict(self.energy),
            "speeds": [self._speed(speed) for speed in self.speeds],
        }
        if self.single_port_rams is not None:
            used, total = self.single_port_rams
            found["single_port_rams"] = {"used": used, "total": total}
        return found

    def _speed(self, speed: Speed) -> dict[str, Any]:
        rate = speed.samples_per_second(self.clock_mhz)
        return {
            "what": speed.what,
            "rates": None if speed.known is None else asdict(speed.known),
            "cycles_per_sample": speed.cycles,
            "cycles_by_phase": speed.phases,
            "bound": asdict(speed.bound) | {"cycles": speed.bound.cycles, "part": speed.bound.part},
            "ratio": speed.ratio,
            "samples_per_second": rate,
            "microjoules_per_sample": self.energy.microjoules(rate),
        }


def make_plan(
    config: Config,
    shape: Shape,
    board: Board | None = None,
    *,
    clock_mhz: float | None = None,
    cells: int = CELLS,
    measured: Mapping[int, Sequence[Run]] | None = None,
) -> Plan:
    """Return the plan of a network on a device.

    Parameters
    ----------
    config : Config
    shape : Shape
    board : Board, optional
        Gives the clock and the serial line.
    clock_mhz : float, optional
        The board's, or 1, if none is given.
    cells : int
        Logic cells of the device, for the estimate of its power.
    measured : mapping of int to sequence of Run, optional
        What samples have caused, by epoch, instead of rates.
    """
    clock = clock_mhz or (board.clock_of(shape.name) if board else 1.0)
    placement = Placement(config, shape, check=False)
    short = shortages(config, shape)
    speeds: list[Speed] = []
    if not short:
        speeds = [_training(placement, epoch, measured) for epoch in measured or EPOCHS]
        speeds.append(
            Speed("inference", None, predict_inference(placement), bounds(placement, None))
        )
    return Plan(
        config,
        shape,
        board,
        clock,
        memories(placement, board.die if board else None),
        short,
        tuple(suggestions(config, shape)) if short else (),
        tuple(speeds),
        estimate(board, clock, cells),
    )


def _training(
    placement: Placement, epoch: int, measured: Mapping[int, Sequence[Run]] | None
) -> Speed:
    if measured is not None:
        rates = rates_of_runs(placement.config, measured[epoch])
        known = Known(epoch, rates, "measured")
        counts = count_all(placement, measured[epoch])
    else:
        known = rates_of(placement.config, epoch)
        counts = predict(placement, known.rates)
    return Speed(f"epoch {epoch}", known, counts, bounds(placement, known.rates))
