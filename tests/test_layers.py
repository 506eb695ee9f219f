"""The layers of docs/architecture.md, held to the imports."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FOLDERS = {
    "golden": ROOT / "golden",
    "hdl": ROOT / "hdl",
    "host": ROOT / "metabit" / "host",
    "sim": ROOT / "sim",
    "boards": ROOT / "boards",
}

DRAWING = re.search(r"^golden  <-.*$", (ROOT / "docs" / "architecture.md").read_text(), re.M)

FOR_ALL = {"__version__", "cache", "errors", "installation", "locking", "tools"}
"""What knows nothing of networks."""


def drawn() -> dict[str, set[str]]:
    """Return what each layer may import of the others, as the document draws it."""
    assert DRAWING is not None
    order = [name.strip() for name in DRAWING[0].partition(" (")[0].split("<-")]
    assert order.pop() == "metabit"
    return {name: set(order[:place]) for place, name in enumerate(order)}


MAY_IMPORT = drawn()
"""What each layer may import of the others, all of which the command imports."""


def refused(layer: str, names: set[str]) -> list[str]:
    """Return those of the imported names that are none of a layer's business."""
    allowed = {layer, *MAY_IMPORT[layer], *FOR_ALL}
    wrong = []
    for name in names:
        parts = name.split(".")
        ours = parts[0] == "metabit" and len(parts) > 1
        if parts[0] == "tests" or (ours and parts[1] not in allowed):
            wrong.append(name)
    return wrong


def imported(file: Path, package: str) -> set[str]:
    """Return the absolute names of all modules that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1]
            prefix = ".".join([*base, node.module or ""]).rstrip(".") if node.level else node.module
            names |= {f"{prefix}.{alias.name}" for alias in node.names}
    return names


def package_of(layer: str, file: Path) -> str:
    """Return the package of a file of a layer, as it is installed."""
    inside = file.parent.relative_to(FOLDERS[layer]).parts
    return ".".join(["metabit", layer, *inside])


@pytest.mark.parametrize("layer", FOLDERS)
def test_no_layer_imports_one_above_it(layer: str) -> None:
    wrong = {}
    for file in FOLDERS[layer].rglob("*.py"):
        if found := refused(layer, imported(file, package_of(layer, file))):
            wrong[str(file.relative_to(ROOT))] = found
    assert not wrong


def test_the_drawing_has_every_layer() -> None:
    assert MAY_IMPORT.keys() == FOLDERS.keys()
    assert MAY_IMPORT["host"] == {"golden", "hdl"}


def test_what_is_for_all_imports_nothing_else() -> None:
    files = [ROOT / "metabit" / f"{name}.py" for name in FOR_ALL - {"__version__", "tools"}]
    for file in [*files, *(ROOT / "metabit" / "tools").glob("*.py")]:
        package = ".".join(file.parent.relative_to(ROOT).parts)
        ours = {name for name in imported(file, package) if name.startswith("metabit.")}
        assert {name.split(".")[1] for name in ours} <= FOR_ALL, file


def test_there_is_one_lockstep_and_neither_simulation_nor_boards_owns_it() -> None:
    owners = [
        file.relative_to(ROOT)
        for folder in FOLDERS.values()
        for file in folder.rglob("*.py")
        if "class DivergenceError" in file.read_text()
    ]
    assert owners == [Path("metabit", "host", "compare.py")]


def test_golden_knows_no_hardware_and_hdl_no_simulator() -> None:
    for layer, forbidden in (("golden", "amaranth"), ("hdl", "verilator")):
        for file in FOLDERS[layer].rglob("*.py"):
            names = imported(file, package_of(layer, file))
            assert not {name for name in names if name.split(".")[0] == forbidden}, file
            assert "amaranth.sim" not in names, file


def test_an_arrow_upwards_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "planted.py"
    file.write_text("from ..sim.model import SimulatedDevice\nfrom ..plots import write\n")
    names = imported(file, "metabit.hdl")
    assert names == {"metabit.sim.model.SimulatedDevice", "metabit.plots.write"}
    assert sorted(refused("hdl", names)) == sorted(names)
    assert refused("boards", {"metabit.sim.model"})
    assert not refused("sim", {"metabit.boards.registry", "metabit.tools.run"})
