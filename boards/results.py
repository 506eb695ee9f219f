"""What place and route reports: resources, clocks, and whether they suffice."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from ..errors import MetabitError
from ..golden.configurations.strict_json import parse

RESOURCE_NAMES = {
    "ICESTORM_LC": "logic cells",
    "ICESTORM_RAM": "block RAMs",
    "ICESTORM_SPRAM": "single-port RAMs",
    "ICESTORM_DSP": "multipliers",
    "ICESTORM_PLL": "phase-locked loops",
    "SB_IO": "pins",
    "SB_GB": "global buffers",
    "TRELLIS_COMB": "look-up tables",
    "TRELLIS_FF": "flip-flops",
    "DP16KD": "block RAMs",
    "MULT18X18D": "multipliers",
    "EHXPLLL": "phase-locked loops",
    "DCCA": "global buffers",
    "TRELLIS_IO": "pins",
    "TRELLIS_RAMW": "distributed RAM write ports",
}
"""Plain names of what the tools count; others keep the name that the tool gives them."""


_Rate = Annotated[float, Field(gt=0)]


class DesignTooLargeError(MetabitError):
    """The design needs more of a resource than the device has."""


class TimingError(MetabitError):
    """A clock is slower than it must be."""


@dataclass(frozen=True)
class Usage:
    """How much of a resource is used, of how much there is."""

    used: int
    total: int

    @property
    def percent(self) -> float:
        """Used share in percent."""
        return 100 * self.used / self.total if self.total else 0.0


@dataclass(frozen=True)
class BuildResult:
    """A bitstream and what it costs.

    Parameters
    ----------
    board, device, shape : str
        Names of the board, of its FPGA and of what was built.
    shape_digest : str
        What the device answers when it is asked who it is.
    resources : dict of str to Usage
        By plain name; those of which the design uses none are left out.
    fmax_mhz, target_mhz : dict of str to float
        Per clock.
    bitstream : str
        Path of the file for the programmer.
    bytes : int
        Its length.
    baud : int
        Of the serial link.
    seconds : dict of str to float
        Time of each step; empty if the build was taken from the cache.
    tools : dict of str to str
        Versions.
    picture : str
        Path of the picture of the placed design.
    blocks : dict of str to dict
        Cells per resource of each block of the design.
    critical_path : tuple of str
        Cells along the slowest path, start and end included.
    """

    # No fields that this version does not know.
    __pydantic_config__ = ConfigDict(extra="forbid")

    board: str
    device: str
    shape: str
    shape_digest: str
    resources: dict[str, Usage]
    fmax_mhz: dict[str, _Rate]
    target_mhz: dict[str, _Rate]
    bitstream: str
    bytes: int
    baud: int
    seconds: dict[str, float]
    tools: dict[str, str]
    picture: str = ""
    blocks: dict[str, dict[str, int]] = field(default_factory=dict)
    critical_path: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return the result as JSON, as ``--json`` writes it."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "BuildResult":
        """Return the result that :meth:`to_json` has written.

        Raises
        ------
        ValueError
            If it is none.
        """
        result = TypeAdapter(cls).validate_python(parse(text))
        if result.fmax_mhz.keys() != result.target_mhz.keys():
            raise ValueError(
                f"fmax_mhz is of {', '.join(result.fmax_mhz) or 'no clock'}, and target_mhz of "
                f"{', '.join(result.target_mhz) or 'none'}"
            )
        return result


@dataclass(frozen=True)
class Report:
    """The JSON report of nextpnr.

    Parameters
    ----------
    resources : dict of str to Usage
    fmax_mhz, target_mhz : dict of str to float
    critical_path : tuple of str
        Cells along the slowest path between registers, start and end included.
    """

    resources: dict[str, Usage]
    fmax_mhz: dict[str, float]
    target_mhz: dict[str, float]
    critical_path: tuple[str, ...]

    def check_fit(self, board: str) -> None:
        """Raise :class:`DesignTooLargeError` if the device is too small."""
        over = {name: use for name, use in self.resources.items() if use.used > use.total}
        if not over:
            return
        needs = " and ".join(
            f"{use.used:,} {name} of {use.total:,} ({use.used - use.total:,} too many)"
            for name, use in over.items()
        )
        raise DesignTooLargeError(
            f"the design does not fit {board}: it needs {needs}; choose a smaller --device"
        )

    def check_timing(self, seed: int) -> None:
        """Raise :class:`TimingError` if a clock is too slow."""
        for clock, target in self.target_mhz.items():
            if self.fmax_mhz[clock] < target:
                raise TimingError(
                    f"timing is not met: clock {clock} reaches {self.fmax_mhz[clock]:.2f} MHz, "
                    f"needs {target:.2f} MHz; try another --seed (now {seed}) or a lower --freq"
                )


def parse_report(text: str) -> Report:
    """Return what a JSON report of nextpnr says."""
    report: dict[str, Any] = json.loads(text)
    resources = {
        RESOURCE_NAMES.get(name, name): Usage(use["used"], use["available"])
        for name, use in report["utilization"].items()
        if use["used"]
    }
    names = _clock_names(list(report["fmax"]))
    slowest: list[dict[str, Any]] = []
    for path in report["critical_paths"]:
        if path["from"] == path["to"] and _delay(path["path"]) > _delay(slowest):
            slowest = path["path"]
    cells: list[str] = []
    for step in slowest:
        if not cells or cells[-1] != step["to"]["cell"]:
            cells.append(step["to"]["cell"])
    return Report(
        resources=resources,
        fmax_mhz={names[net]: round(clock["achieved"], 2) for net, clock in report["fmax"].items()},
        # The tools hold periods in picoseconds; two decimals undo that rounding.
        target_mhz={
            names[net]: round(float(clock["constraint"]), 2)
            for net, clock in report["fmax"].items()
        },
        critical_path=tuple(cells),
    )


def _delay(path: list[dict[str, Any]]) -> float:
    return sum(step["delay"] for step in path)


def _clock_names(nets: list[str]) -> dict[str, str]:
    """Return a plain name for each clock net; the only clock there is is domain ``sync``."""
    if len(nets) == 1:
        return {nets[0]: "sync"}
    return {net: net.removeprefix("$glbnet$").removesuffix("$glb_clk") for net in nets}


def load_result(file: Path) -> BuildResult:
    """Read a result from a file.

    Raises
    ------
    MetabitError
        If it is none.
    """
    try:
        return BuildResult.from_json(file.read_text())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "all of it"
        raise MetabitError(
            f"{file} is no result of `metabit build`, or one of an earlier version: {where}: "
            f"{first['msg']}"
        ) from error
    except (OSError, ValueError) as error:
        raise MetabitError(f"{file} is no result of `metabit build`: {error}") from error
