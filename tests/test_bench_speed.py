"""`metabit bench speed`, on next to nothing."""

import json

import pytest
from typer.testing import CliRunner

from metabit.cli import app
from metabit.commands.bench import speed, stopwatch
from metabit.commands.bench.machine import cores, machine
from metabit.errors import MetabitError
from metabit.golden.configurations.named import named

START = {"import_seconds": 0.25, "compile_seconds": 6.0, "load_seconds": 0.5}


def bench(*arguments, status=0):
    result = CliRunner().invoke(app, ["bench", "speed", *map(str, arguments)])
    assert result.exit_code == status, result.output
    return result.output


@pytest.fixture
def numba(monkeypatch):
    pytest.importorskip("numba", reason="the extra 'fast' is not installed")
    monkeypatch.setattr(speed, "time_start", lambda: START)
    monkeypatch.setattr(stopwatch, "NEURONS", (3, 40))
    monkeypatch.setattr(stopwatch, "TILES", (2,))


def test_training_growth_and_encoding(tmp_path, numba):
    file = tmp_path / "speed.json"
    printed = bench("--config", "tiny", "--epochs", 1, "--threads", 2, "--json", file)
    for word in ("tiny", "numpy", "numba", "neurons", "tile", "threads", "encoding", "digits"):
        assert word in printed
    assert "compiling takes 6.0 s, once" in printed
    found = json.loads(file.read_text())
    assert list(found) == [
        *("machine", "training", "start", "neurons", "tile", "threads", "encoding")
    ]
    assert found["machine"]["versions"]["numba"]
    rows = found["training"]
    assert [(row["config"], row["engine"]) for row in rows] == [
        ("tiny", "numpy"),
        ("tiny", "numba"),
    ]
    assert rows[0]["state_sha256"] == rows[1]["state_sha256"]
    assert rows[0]["ratio"] == 1
    assert rows[1]["ratio"] == rows[0]["seconds_per_epoch"] / rows[1]["seconds_per_epoch"]
    for row in rows:
        assert row["samples"] == 1437
        assert row["samples_per_second"] == row["samples"] / row["seconds_per_epoch"]
    assert [row["neurons"] for row in found["neurons"]] == [3, 40]
    assert [row["tile"] for row in found["tile"]] == [2]
    assert [row["threads"] for row in found["threads"]] == [1, 2]
    assert [(row["encoder"], row["images"], row["bits"]) for row in found["encoding"]] == [
        ("thermometer:0,4,8,12", 1797, 256)
    ]


def test_one_engine(tmp_path):
    file = tmp_path / "speed.json"
    bench("--config", "tiny", "--epochs", 1, "--engine", "numpy", "--json", file)
    found = json.loads(file.read_text())
    assert list(found) == ["machine", "training", "encoding"]
    assert [row["engine"] for row in found["training"]] == ["numpy"]


def test_an_encoder_that_selects_is_fitted_first(tmp_path):
    fields = named("tiny").model_dump(mode="json")
    fields |= {"encoder": "select:64:thermometer:0,8", "inputs": 64}
    config, file = tmp_path / "some.json", tmp_path / "speed.json"
    config.write_text(json.dumps(fields))
    bench("--config", config, "--epochs", 1, "--engine", "numpy", "--json", file)
    (row,) = json.loads(file.read_text())["encoding"]
    assert (row["encoder"], row["bits"]) == (fields["encoder"], 64)


def test_paper_mode(tmp_path, numba):
    file = tmp_path / "speed.json"
    options = ("--config", "tiny", "--epochs", 1, "--no-growth", "--mode", "both")
    bench(*options, "--engine", "numba", "--json", file)
    rows = json.loads(file.read_text())["training"]
    assert [row["mode"] for row in rows] == ["hardware", "paper"]
    assert rows[0]["state_sha256"] != rows[1]["state_sha256"]


def test_mistakes():
    message = bench("--mode", "fast", status=1)
    assert message == "error: --mode must be one of hardware, paper, both, not 'fast'\n"
    message = bench("--engine", "fastest", status=1)
    assert message == "error: --engine must be one of all, numpy, numba, not 'fastest'\n"
    assert "unknown configuration 'huge'" in bench("--config", "huge", status=1)


def test_engines_that_differ_are_no_benchmark():
    row = {"config": "tiny", "engine": "numpy", "state_sha256": "12"}
    stopwatch.check_same(row, row)
    with pytest.raises(
        MetabitError, match="engine numba has trained tiny to the state 34, engine numpy to 12"
    ):
        stopwatch.check_same(row, {**row, "engine": "numba", "state_sha256": "34"})


def test_machine():
    found = machine()
    assert found["cpu"]
    assert found["cores"] == cores() >= 1
    assert found["versions"]["python"]


@pytest.mark.slow
def test_start_is_quicker_with_a_cache():
    pytest.importorskip("numba", reason="the extra 'fast' is not installed")
    start = stopwatch.time_start()
    assert 0 < 2 * start["load_seconds"] < start["compile_seconds"]
