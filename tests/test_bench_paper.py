"""`metabit bench paper` as a user calls it."""

import csv
import json

import pytest
from typer.testing import CliRunner

from metabit.cli import app
from metabit.golden.studies.published import select
from metabit.golden.studies.results import former_key
from metabit.sweep import work

ROW = ("--tables", "layers", "--dataset", "prototypes", "--rows", "35-35", "--epochs", 1)


@pytest.fixture
def bench(tmp_path):
    """Run the command with a cache of the test's own."""

    def run(*arguments, status=0):
        words = ["bench", "paper", "--cache", tmp_path / "runs.jsonl", *arguments]
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert result.exit_code == status, result.output
        return result.output

    return run


def test_list(bench):
    printed = bench("--list", "--tables", "layers")
    assert "layers/fashion-mnist/135-135                     85.68 ± 0.34" in printed
    assert "1035-1035 " not in printed
    assert "86.96 ± 0.32  (with --all)" in bench("--list", "--all")


def test_table_files_and_plots(bench, tmp_path):
    files = {kind: tmp_path / f"table.{kind}" for kind in ("json", "csv", "markdown")}
    options = [word for kind, path in files.items() for word in (f"--{kind}", path)]
    printed = bench(*ROW[:4], *ROW[6:], "--rows", "35-35,75-75", "--seeds", 1, *options)
    assert "layers/prototypes/75-75, seed 0: " in printed
    rows = json.loads(files["json"].read_text())["rows"]
    assert [row["row"] for row in rows] == ["layers/prototypes/35-35", "layers/prototypes/75-75"]
    for row in rows:
        assert (row["seeds"], row["epochs"]) == (1, 1)
        assert (row["test_verdict"], row["train_verdict"]) == ("worse", "worse")
    with files["csv"].open() as file:
        lines = list(csv.DictReader(file))
    for column in ("test_measured_mean", "train_measured_mean"):
        assert [float(line[column]) for line in lines] == [row[column] for row in rows]
    assert "| 75-75 | 1 | 87.64 ± 0.56 |" in files["markdown"].read_text()
    assert "| 96.82 ± 0.30 |" in files["markdown"].read_text()

    # Everything is there now: nothing is run, and pictures do not depend on the day.
    pytest.importorskip("matplotlib")
    plots = tmp_path / "plots"
    again = bench(*ROW[:4], *ROW[6:], "--seeds", 1, "--report-only", "--plots", plots)
    assert "seed 0" not in again
    assert "worse" in again
    picture = plots / "width-prototypes.svg"
    assert [path.name for path in plots.iterdir()] == [picture.name]
    text = picture.read_text()
    assert text.startswith("<?xml")
    assert "two layers, measured" in text
    bench(*ROW[:4], *ROW[6:], "--seeds", 1, "--report-only", "--plots", plots)
    assert picture.read_text() == text


def test_more_seeds_add_to_those_that_are_there(bench):
    assert "layers/prototypes/35-35, seed 0: " in bench(*ROW, "--seeds", 1)
    printed = bench(*ROW, "--seeds", 2)
    assert "2 runs, 1 of them done already" in printed
    assert "seed 0" not in printed
    assert "layers/prototypes/35-35, seed 1: " in printed
    assert "no results yet" in bench(*ROW, "--seeds", 2, "--seed", 5, "--report-only")


def test_failed_runs_give_an_exit_status(bench, monkeypatch):
    train = work._train

    def fail(point):
        if point.seed == 1:
            raise RuntimeError("no luck")
        return train(point)

    with monkeypatch.context() as patch:
        patch.setattr(work, "_train", fail)
        printed = bench(*ROW, "--seeds", 2, status=1)
    assert "failed: layers/prototypes/35-35, seed 1: RuntimeError: no luck" in printed
    assert "1 of 2 runs failed" in printed
    assert "35-35" in printed.split("seed 1")[-2]
    assert "2 runs, 1 of them done already" in bench(*ROW, "--seeds", 2)


def test_results_of_earlier_versions_are_taken(bench, tmp_path):
    (row,) = select(*("layers", "prototypes", "35-35"))
    kept = {
        "key": former_key(row.config(0, 1)),
        "row": row.name,
        "seed": 0,
        "epochs": 1,
        "test_accuracy": [0.7625],
        "train_accuracy": [0.5],
        "seconds_per_epoch": 0.1,
        "state_sha256": "ab",
    }
    (tmp_path / "runs.jsonl").write_text(json.dumps(kept) + "\n")
    assert "76.25" in bench(*ROW, "--seeds", 1, "--report-only")
    printed = bench(*ROW, "--seeds", 2, "--json", tmp_path / "a.json")
    assert "1 runs, 0 of them done already" in printed
    (row,) = json.loads((tmp_path / "a.json").read_text())["rows"]
    assert row["runs"][0]["test_accuracy"] == [0.7625]
    assert len(row["runs"]) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--rows", "36-36"), "no row '36-36' in these tables"),
        (("--cache", "nowhere/runs.jsonl"), "folder nowhere does not exist"),
        (("--plots", "no/where"), "folder no does not exist"),
    ],
)
def test_errors(bench, options, message):
    assert message in bench(*options, status=1).replace("\n", " ")


def test_no_jobs(bench):
    assert "must be -1 or at least 1, not 0" in bench(*ROW, "--jobs", 0, status=2)
