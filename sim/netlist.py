"""The netlist that synthesis leaves of a design, simulated cell by cell."""

import os
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path

from amaranth.back import rtlil
from amaranth.lib import wiring

from ..boards.registry import BOARDS, Board, Family
from ..boards.synthesis import OPTIONS, PREPARATION, preparation
from ..errors import MetabitError
from ..hdl.device import Device
from ..hdl.shape import Shape
from ..tools.errors import ToolFailedError
from ..tools.find import tool_version
from ..tools.run import run_tool
from .cell_models import CELL_OPTIONS, cell_models, write_models
from .source import Report

_DESIGN, _SCRIPT, _NETLIST, _LOG = "design.il", "synthesis.ys", "netlist.v", "synthesis.log"


def board_of(family: Family) -> Board:
    """Return the board whose netlist stands for its family's."""
    return next(board for board in BOARDS.values() if board.family == family)


class Netlist:
    """A component mapped to the cells of an FPGA, by the synthesis that bitstreams are made with.

    Parameters
    ----------
    create : callable
        Returns the component; it is elaborated for a board of the family.
    family : {"ice40", "ecp5"}
        FPGA.
    prepare : str
        Commands of Yosys before synthesis.
    """

    def __init__(
        self,
        create: Callable[[], wiring.Component],
        family: Family,
        prepare: str = PREPARATION,
    ) -> None:
        self._create = create
        self._family = family
        self._prepare = prepare

    @cached_property
    def _design(self) -> str:
        platform = board_of(self._family).create_platform()
        return rtlil.convert(self._create(), platform=platform, emit_src=False)

    @cached_property
    def _models(self) -> dict[str, str]:
        """Texts of the cells' models, by file name."""
        return cell_models(self._family)

    @property
    def _script(self) -> str:
        # Verilator takes a vector for one signal, and a carry chain in a vector for a loop.
        return f"""\
read_rtlil {_DESIGN}
{self._prepare}
synth_{self._family} {OPTIONS[self._family]} -top top
splitnets
write_verilog -noattr {_NETLIST}
"""

    def identity(self) -> str:
        """Return the design, how it is synthesised, and what its cells do."""
        version = tool_version("yosys")  # first of all: without it, all else would be in vain
        return "\0".join(
            [self._design, self._script, version, *self._models.values(), *CELL_OPTIONS]
        )

    def write(self, folder: Path, report: Report) -> list[str | Path]:
        """Synthesise.

        Raises
        ------
        ToolNotFoundError
            If Yosys is not installed.
        ToolFailedError
            If it fails; its log is kept beside the folder.
        """
        (folder / _DESIGN).write_text(self._design)
        (folder / _SCRIPT).write_text(self._script)
        report("synthesise")
        try:
            run_tool(["yosys", "-s", _SCRIPT], folder, folder / _LOG)
        except ToolFailedError as error:
            kept = folder.parent / _LOG
            os.replace(folder / _LOG, kept)
            raise ToolFailedError(str(error).replace(str(error.log), str(kept)), kept) from error
        # Not before: Yosys would take these files for its own.
        return [*write_models(self._models, folder), folder / _NETLIST]


def device_netlist(shape: Shape, family: Family) -> Netlist:
    """Return the netlist of the whole device.

    Raises
    ------
    MetabitError
        If the FPGA lacks the kind of memory that the shape asks for.
    """
    board = board_of(family)
    if shape.memory not in board.memories:
        raise MetabitError(
            f"device {shape.name} keeps its counters in {shape.memory!r} memory, which "
            f"{board.name} ({board.device}) does not have"
        )
    return Netlist(partial(Device, shape), family, preparation(family, shape))
