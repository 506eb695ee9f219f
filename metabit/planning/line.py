"""What limits a training on a board: its serial line, its core, or the way in between."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..boards.registry import board_of
from ..golden.config import Config
from ..golden.encoding.program import Program
from ..hdl.encode.cycles import count_cycles
from ..hdl.link.protocol import CRC_BYTES, MAX_WORDS, REQUEST_BYTES, WORD_BYTES
from ..hdl.placement import Placement
from ..hdl.shape import Shape
from ..host.driver import Driver
from ..host.traffic import Traffic
from .plan import LINK_BITS, make_plan

_FRAMING = REQUEST_BYTES + CRC_BYTES + 2
"""Bytes of a full frame besides its words: header, CRC, the code of COBS, the delimiter."""

_NEAR = 0.8
"""Share of what line and core would do below which neither is what limits."""

Limit = Literal["line", "core", "host"]


@dataclass(frozen=True)
class Speed:
    """Speed of a training on a board, and what it could be.

    Attributes
    ----------
    measured : float
        Samples a second; 0: nothing was.
    line : float
        Samples that the line carries in a second.
    core : float or None
        Samples that the plan of the network says the device takes, at the clock of its board; None
        if no board has such a device.
    """

    measured: float
    line: float
    core: float | None

    @property
    def limit(self) -> Limit:
        """What limits: "host" stands for host, USB and adapter, which answer too late."""
        possible = self.line if self.core is None else min(self.line, self.core)
        if self.measured and self.measured < _NEAR * possible:
            return "host"
        return "line" if possible == self.line else "core"

    def __str__(self) -> str:
        """Say it in a line."""
        causes = {
            "line": "the serial line limits",
            "core": "the core limits",
            "host": "host, USB or adapter limit: answers come late",
        }
        core = "" if self.core is None else f", the core takes {self.core:,.0f}"
        return (
            f"{self.measured:,.0f} samples/s; {causes[self.limit]} "
            f"(the line carries {self.line:,.0f}/s{core})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what ``--json`` writes."""
        return {
            "samples_per_second": self.measured,
            "line_samples_per_second": self.line,
            "core_samples_per_second": self.core,
            "limit": self.limit,
        }


class SpeedOf:
    """Speed of a network on a device behind a line.

    Parameters
    ----------
    config : Config
    shape : Shape
    baud : int
        Bits per second of the line.
    program : Program, optional
        With which the device encodes the samples itself: they are sent raw.
    """

    def __init__(
        self, config: Config, shape: Shape, baud: int, program: Program | None = None
    ) -> None:
        self._baud = baud
        bytes_per_second = baud / LINK_BITS
        words = Placement(config, shape).sample_words
        if program is not None:
            words = 1 + program.frame.bytes // WORD_BYTES
        self._line = bytes_per_second / (words * (WORD_BYTES + _FRAMING / MAX_WORDS))
        board = board_of(shape.name)
        self._core = None
        if board is not None:
            plan = make_plan(config, shape, board)
            self._core = min(speed.samples_per_second(plan.clock_mhz) for speed in plan.speeds)
            if program is not None and shape.encodes is not None:
                cycles = count_cycles(program, shape.encodes.lanes)
                self._core = min(self._core, 1e6 * plan.clock_mhz / cycles)

    @property
    def line(self) -> float:
        """Samples that the line carries in a second."""
        return self._line

    @property
    def possible(self) -> float:
        """Samples a second that neither line nor core prevents."""
        return self._line if self._core is None else min(self._line, self._core)

    def of(self, traffic: Traffic) -> Speed:
        """Return the speed that was measured, beside what was possible."""
        return Speed(traffic.samples_per_second, self._line, self._core)

    def report(self, driver: Driver) -> dict[str, Any]:
        """Return what ``--json`` says of a device's line: rate, speed, and what went wrong."""
        return {
            "baud": self._baud,
            **self.of(driver.traffic).to_dict(),
            "bytes_per_sample": driver.traffic.bytes_per_sample,
            **asdict(driver.link),
        }
