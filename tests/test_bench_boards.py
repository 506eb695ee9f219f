"""`metabit bench boards`: the page of the boards."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from metabit.boards.registry import BOARDS
from metabit.boards.results import BuildResult, Usage
from metabit.cli import app
from metabit.commands.bench.boards_tables import describe, page
from metabit.hdl.placement import Placement
from metabit.hdl.shape import SHAPES

PAGE = Path(__file__).parent.parent / "docs" / "board-table.md"
FEW = ("icebreaker", "hx8k-evn", "ulx3s-12f")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three boards only."""
    monkeypatch.setattr(
        "metabit.commands.bench.boards.BOARDS", {name: BOARDS[name] for name in FEW}
    )


@pytest.fixture
def builds(tmp_path: Path) -> Path:
    """A build of one of them."""
    folder = tmp_path / "builds" / "hx8k-evn"
    folder.mkdir(parents=True)
    result = BuildResult(
        board="hx8k-evn",
        device="iCE40HX8K-CT256",
        shape="hx8k",
        shape_digest="",
        resources={"logic cells": Usage(6800, 7680), "block RAMs": Usage(29, 32)},
        fmax_mhz={"sync": 91.23},
        target_mhz={"sync": 75.0},
        bitstream="",
        bytes=0,
        baud=1_000_000,
        seconds={},
        tools={},
    )
    (folder / "build.json").write_text(result.to_json())
    return tmp_path / "builds"


def bench(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["bench", "boards", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.usefixtures("few")
def test_page_and_json(builds: Path, tmp_path: Path) -> None:
    text, file = tmp_path / "page.md", tmp_path / "boards.json"
    printed = bench("--build", builds, "--out", text, "--json", file)
    written = text.read_text()
    assert printed in written
    assert "None of these bitstreams has run on a physical board." in written
    built = next(line for line in printed.splitlines() if "HX8K breakout" in line)
    assert "| 75 | 91.2 | 6,800 of 7,680 | 29 of 32 | USB chip | no |" in built
    assert sum("no build given" in line for line in printed.splitlines()) == 2
    rows = json.loads(file.read_text())["boards"]
    assert [row["board"] for row in rows] == list(FEW)
    assert rows[0]["networks"] == ["3072-32", "1536-64", "384-128"]
    assert rows[0]["line_samples_per_second"] == pytest.approx(476, abs=1)
    for table in printed.split("\n\n"):
        assert len({line.count("|") for line in table.strip().splitlines()}) == 1


@pytest.mark.parametrize("name", FEW)
def test_networks_that_are_named_fit(name: str) -> None:
    found = describe(BOARDS[name], None)
    assert len(found.networks) == 3
    for config in found.networks:
        Placement(config, SHAPES[found.board.shape])
    assert found.core > found.line > 100


def test_a_board_that_was_tried_is_said_to_be() -> None:
    tried = describe(replace(BOARDS["icebreaker"], tried=True), None)
    assert "Tried on physical boards: 1BitSquared iCEBreaker; none of the others." in page([tried])
    assert page([tried]).count("| yes |") == 1


def test_the_page_that_is_kept_has_every_board_as_it_is_registered() -> None:
    kept = PAGE.read_text()
    for board in BOARDS.values():
        line = next(line for line in kept.splitlines() if line.startswith(f"| `{board.name}`, "))
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[1:4] == [board.device, f"`{board.shape}`", f"{board.clock_mhz:g}"]
        assert cells[-2:] == [board.line, "yes" if board.tried else "no"]
