"""What the cells of an FPGA do: Yosys' models, and ours of cells that it knows from outside."""

from importlib import resources
from pathlib import Path

from ..boards.registry import Family
from ..tools.find import yosys_library

_MODELS: dict[Family, tuple[str, ...]] = {
    "ice40": ("ice40/cells_sim.v",),
    "ecp5": ("ecp5/common_sim.vh", "ecp5/ccu2c_sim.vh"),
}
"""Files of Yosys that say what the cells of a family do."""

_OWN_MODELS: dict[Family, tuple[str, ...]] = {"ice40": ("pll40.v",), "ecp5": ("dp16kd.v",)}
"""Files of ours for cells that Yosys knows from the outside only."""

CELL_OPTIONS = (
    # What is undefined is random: unknown values, and memory and registers without initial value.
    *("--x-assign", "unique", "--x-initial", "unique"),
    # Models of cells that no synthesis makes use of lie in files of their own.
    "-DNO_INCLUDES",
    # Models have delays for timing analysis, and no two files agree whether to name a unit.
    *("-Wno-SPECIFYIGN", "-Wno-TIMESCALEMOD"),
)
"""Options of Verilator for netlists of cells."""


def cell_models(family: Family) -> dict[str, str]:
    """Return the texts of the models of a family's cells, by file name.

    Raises
    ------
    ToolNotFoundError
        If Yosys is not installed.
    """
    library = yosys_library()
    own = resources.files(__package__).joinpath("cells")
    texts = {Path(name).name: (library / name).read_text() for name in _MODELS[family]}
    return texts | {name: own.joinpath(name).read_text() for name in _OWN_MODELS[family]}


def write_models(models: dict[str, str], folder: Path) -> list[str | Path]:
    """Write models to a folder; returns the arguments with which Verilator reads them."""
    for name, text in models.items():
        (folder / name).write_text(text)
    # From files given as a library, only the cells in use are taken.
    return [*CELL_OPTIONS, *(part for name in models for part in ("-v", folder / name))]
