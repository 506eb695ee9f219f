"""One netlist with all mutants in it, and an input that says which of them is alive."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

from amaranth.back import rtlil
from amaranth.lib import wiring

from ..sim.source import KNOWN, Report
from ..tools.find import tool_version
from ..tools.run import run_tool

SELECT = "mutant"
"""Input of the netlist: the number of the mutant that is alive, or 0."""

FLAT = "flat.il"
"""File of the netlist without mutants."""

_DESIGN, _LIST, _NETLIST = "design.il", "mutants.ys", "top.v"

_PREPARE = f"""\
read_rtlil {_DESIGN}
hierarchy -top top
proc
flatten
memory_collect
opt_expr -full
opt_muxtree
opt_clean
"""
"""Constants and what nobody reads go first: to change them would be no mutant."""

_CONTROL = re.compile(r"-ctrl \S+ \d+ \d+ ")
_SOURCE = re.compile(r"-src (\S+?):(\d+)")

_FOLDERS = ("hdl",)
"""Packages whose lines are named; the others are those of the language."""


@dataclass(frozen=True)
class Mutant:
    """A change of one bit of a port of a cell.

    Attributes
    ----------
    number : int
        From 1.
    mode : str
        ``inv``: inverted; ``const0``, ``const1``: constant; ``cnot0``, ``cnot1``: inverted while
        another bit of the same port is 0, or 1.
    cell, port : str
        Where, as Yosys names it.
    bit : int
        Of the port.
    wire : str
        Bit of the description that hangs there, if it has a name.
    sources : tuple of str
        Files and lines of the description, below the package.
    """

    number: int
    mode: str
    cell: str
    port: str
    bit: int
    wire: str
    sources: tuple[str, ...]

    @classmethod
    def parse(cls, number: int, command: str) -> "Mutant":
        """Return what a line of Yosys' list says."""

        def field(name: str) -> str:
            found = re.search(rf" -{name} (\S+)", command)
            return found[1] if found else ""

        wire = field("wire")
        return cls(
            number,
            field("mode"),
            field("cell"),
            field("port"),
            int(field("portbit")),
            f"{wire}[{field('wirebit')}]" if wire else "",
            tuple(
                f"{package}/{path.rpartition(f'/{package}/')[2]}:{line}"
                for path, line in _SOURCE.findall(command)
                for package in _FOLDERS
                if f"/{package}/" in path
            ),
        )


class Mutated:
    """A component with mutants that are drawn at random from all bits of all its cells.

    Parameters
    ----------
    create : callable
        Returns the component.
    count : int
        Mutants.
    seed : int
        Of the draw.
    """

    def __init__(self, create: Callable[[], wiring.Component], count: int, seed: int) -> None:
        self._create = create
        self._count = count
        self._seed = seed

    @cached_property
    def _design(self) -> str:
        return rtlil.convert(self._create(), emit_src=True)

    @cached_property
    def _drawn(self) -> tuple[str, str]:
        """The flat netlist, and Yosys' commands that put the mutants in."""
        bits = self._count.bit_length()
        draw = f"mutate -list {self._count} -seed {self._seed} -ctrl {SELECT} {bits} 1 -o {_LIST}"
        with TemporaryDirectory(prefix="metabit-") as name:
            folder = Path(name)
            (folder / _DESIGN).write_text(self._design)
            script = f"{_PREPARE}write_rtlil {FLAT}\n{draw}\n"
            yosys(folder, script, "draw")
            return (folder / FLAT).read_text(), (folder / _LIST).read_text()

    @property
    def mutants(self) -> list[Mutant]:
        """What was drawn; fewer than asked for if there are no more."""
        lines = self._drawn[1].splitlines()
        return [Mutant.parse(number, line) for number, line in enumerate(lines, 1)]

    def change(self, number: int) -> tuple[str, str]:
        """Return the netlist without mutants, and Yosys' command that makes it one of them."""
        flat, commands = self._drawn
        return flat, _CONTROL.sub("", commands.splitlines()[number - 1])

    def identity(self) -> str:
        """Return the netlist, its mutants, and who made it."""
        versions = (metadata.version("amaranth"), tool_version("yosys"))
        return "\0".join([*self._drawn, *versions, *KNOWN])

    def write(self, folder: Path, report: Report) -> list[str | Path]:
        """Put the mutants in, and write Verilog.

        Raises
        ------
        ToolError
            If Yosys is missing or fails.
        """
        flat, commands = self._drawn
        (folder / FLAT).write_text(flat)
        (folder / _LIST).write_text(commands)
        report("put mutants in")
        script = f"read_rtlil {FLAT}\nscript {_LIST}\nopt_clean\nwrite_verilog -noattr {_NETLIST}\n"
        yosys(folder, script, "mutate")
        return [*KNOWN, folder / _NETLIST]


def yosys(folder: Path, script: str, name: str) -> None:
    """Run a script of Yosys in a folder; script and log are left there under a name."""
    path = folder / f"{name}.ys"
    path.write_text(script)
    run_tool(["yosys", "-q", "-s", path.name], folder, folder / f"{name}.log")
