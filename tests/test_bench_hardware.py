"""`metabit bench hardware`, on next to nothing."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from typer.testing import CliRunner

from metabit.boards.registry import BOARDS
from metabit.boards.results import BuildResult, Usage
from metabit.cli import app
from metabit.commands.bench import hardware_runs
from metabit.commands.bench.hardware_runs import collect_builds
from metabit.commands.bench.hardware_tables import LITERATURE
from metabit.errors import MetabitError
from metabit.golden.config import Config
from metabit.sim import simulate
from metabit.sim.verilate import build

BOARD = replace(BOARDS["icebreaker"], shape="small-spram")


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A board with a small device, and a network and data for it."""
    monkeypatch.setitem(BOARDS, "icebreaker", BOARD)
    monkeypatch.setattr(simulate, "build", partial(build, optimise="-O0"))
    rng = np.random.default_rng(0)
    centres = rng.random((3, 100)) < 0.5
    labels = np.arange(120) % 3
    noisy = centres[labels] ^ (rng.random((120, 100)) < 0.25)
    data = tmp_path / "data.npz"
    np.savez(data, x=noisy, y=labels, x_test=noisy[:20], y_test=labels[:20])
    config = Config(name="s", inputs=100, hidden=(12,), classes=3, group=6, dataset=str(data))
    file = tmp_path / "s.json"
    file.write_text(config.model_dump_json())
    return file


def bench(*arguments, status=0):
    result = CliRunner().invoke(app, ["bench", "hardware", *map(str, arguments)])
    assert result.exit_code == status, result.output
    return result.output


def built(seed_mhz, cells, target=36.0):
    return BuildResult(
        board="icebreaker",
        device="iCE40UP5K-SG48",
        shape="small-spram",
        shape_digest="00",
        resources={"logic cells": Usage(cells, 5280), "block RAMs": Usage(30, 30)},
        fmax_mhz={"sync": seed_mhz},
        target_mhz={"sync": target},
        bitstream="x.bin",
        bytes=1,
        baud=1_000_000,
        seconds={},
        tools={},
    ).to_json()


@pytest.fixture
def builds(tmp_path):
    for seed, (mhz, cells) in enumerate([(41.0, 5000), (45.5, 5100), (43.0, 5040)]):
        folder = tmp_path / "builds" / str(seed)
        folder.mkdir(parents=True)
        (folder / "build.json").write_text(built(mhz, cells))
    return tmp_path / "builds"


def test_tables_and_json(small, builds, tmp_path):
    file, text = tmp_path / "hardware.json", tmp_path / "hardware.md"
    printed = bench(
        *("--boards", "icebreaker", "--config", small, "--build", builds, "--epochs", "1,2"),
        *("--training", 3, "--json", file, "--markdown", text),
    )
    assert text.read_text() in printed
    assert "43.0 MHz (41.0 to 45.5)" in printed
    assert "5,040 of 5,280 logic cells, 30 of 30 block RAMs" in printed
    assert "estimate, not a measurement" in printed
    assert "Nothing of it has run on a physical board" in printed
    (board,) = json.loads(file.read_text())["boards"]
    assert board["clock_mhz"] == 36.0
    runs = board["runs"]
    assert [run["what"] for run in runs] == ["epoch 1", "epoch 2", "inference"]
    assert [run["samples"] for run in runs] == [120, 120, 20]
    for run in runs:
        cycles = run["cycles"]
        assert run["cycles_per_sample"] == cycles["run"] / run["samples"]
        assert run["samples_per_second"] == pytest.approx(36e6 / run["cycles_per_sample"])
        assert run["ratio"] > 1
        assert cycles["forward"] == 12 * run["samples"]
    assert runs[0]["rates"]["triggers"][0] > runs[1]["rates"]["triggers"][0]
    assert runs[2]["rates"] is None
    # Lines of a table have as many cells as their heading.
    tables = [part for part in text.read_text().split("\n\n") if part.startswith("|")]
    assert len(tables) == 4
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_some_samples_are_no_epoch(small):
    printed = bench(*("--boards", "icebreaker", "--config", small, "--epochs", 1, "--samples", 16))
    assert "the first 16 samples of epochs" in printed
    assert "not built" in printed


def test_builds_are_found_and_told_apart(builds):
    found = collect_builds([builds], BOARD)
    assert found.median_mhz == 43.0
    assert found.used("logic cells") == 5040
    assert found.used("multipliers") is None
    assert collect_builds([builds], BOARDS["ulx3s-85f"]) is None
    assert collect_builds([builds / "1" / "build.json"], BOARD).fmax_mhz == (45.5,)
    (builds / "0" / "build.json").write_text(built(41.0, 5000, target=24.0))
    with pytest.raises(MetabitError, match=r"different clocks: 24 MHz, 36 MHz"):
        collect_builds([builds], BOARD)
    with pytest.raises(MetabitError, match="does not exist"):
        collect_builds([builds / "none"], BOARD)


def test_a_wrong_device_is_found(small, monkeypatch):
    class Wrong(hardware_runs.Run):
        @classmethod
        def resume(cls, checkpoint, data, **options):
            run = super().resume(checkpoint, data, **options)
            run.network.counters[0][0] ^= -1
            return run

    # Golden starts from other counters than those that are visible.
    monkeypatch.setattr(hardware_runs, "Run", Wrong)
    assert "differ" in bench(
        *("--boards", "icebreaker", "--config", small, "--epochs", 1), status=1
    )


def test_literature():
    tunheim = LITERATURE[0]
    assert tunheim.training == 40_000
    watts = 13.3e-6 * 134_000
    assert round(1e6 * watts / 40_000) == 45


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "one"], "--epochs must be numbers"),
        (["--epochs", "31"], "--epochs must lie in 1 to 30"),
        (["--config", "up5k"], "--config is the network of one board"),
        (["--boards", "none"], "board must be one of"),
        (["--split", "none"], "--split must be one of"),
    ],
)
def test_wrong_use(arguments, message):
    assert message in bench(*arguments, status=1)
