"""Early stopping: where it ends, and that what it keeps is the network of that epoch."""

import json

import pytest
from typer.testing import CliRunner

from metabit.cli import app
from metabit.golden.modes.registry import load_any_checkpoint
from metabit.golden.runs import stopping
from tests.hdl.planted import plant

FIXED = ("train", "--hidden", 16, "--group", 8)
HARDWARE = ("--annealing", "off")


def metabit(*arguments, status=0):
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == status, result.output
    return " ".join(result.output.split())


def stopped(tmp_path, patience, *options):
    out, report = tmp_path / "run.npz", tmp_path / "run.json"
    said = metabit(
        *(*FIXED, "--epochs", 40, "--patience", patience, "--out", out, "--json", report),
        *(*options, "--force"),
    )
    return said, load_any_checkpoint(out).record, json.loads(report.read_text())


def check(tmp_path, patience, *options):
    """Compare with the whole run, of which the stopped one is the beginning."""
    said, record, results = stopped(tmp_path, patience, *options)
    whole = tmp_path / "whole.json"
    metabit(*FIXED, "--epochs", 40, *options, "--json", whole)
    accuracies = json.loads(whole.read_text())["test_accuracy_per_epoch"]
    best, last = 0, 0
    while last < 40 and last - best < patience:
        if accuracies[last] > max(accuracies[:last], default=-1):
            best = last + 1
        last += 1
    assert f"epoch {best} of {last} was the best" in said
    assert results["stopped_after"] == last
    assert results["test_accuracy_per_epoch"] == accuracies[:best]
    assert results["state_sha256"] == record.state_sha256
    assert (record.epoch, record.epochs) == (best + 1, 40)
    metabit(*FIXED, "--epochs", best, *options, "--json", whole)
    assert json.loads(whole.read_text())["state_sha256"] == record.state_sha256
    return said


@pytest.mark.parametrize("mode", ["hardware", "paper"])
@pytest.mark.parametrize("patience", [1, 4])
def test_what_is_kept_is_the_best_epoch(tmp_path, patience, mode):
    own = HARDWARE if mode == "hardware" else ()
    said = check(tmp_path, patience, "--mode", mode, *own, "--split", "validation")
    assert "flatters" not in said


def test_the_test_set_is_not_for_choosing(tmp_path):
    assert "the test set has chosen the epoch" in stopped(tmp_path, 2, *HARDWARE)[0]


def test_goes_on_from_the_best(tmp_path):
    first = stopped(tmp_path, 2, *HARDWARE)[1]
    said = metabit("train", "--resume", tmp_path / "run.npz", "--patience", 2)
    again = load_any_checkpoint(tmp_path / "run.npz").record
    # The same epochs once more, and the same choice.
    assert (again.epoch, again.state_sha256) == (first.epoch, first.state_sha256)
    assert f"epoch {first.epoch - 1} of {first.epoch + 1} was the best" in said


def test_a_mistake_is_noticed(tmp_path, monkeypatch):
    planted = plant(stopping, ("[-1] > self._best", "[-1] >= self._best"))
    monkeypatch.setattr("metabit.commands.train.Patience", planted.Patience)
    with pytest.raises(AssertionError):
        check_seeds(tmp_path, 8)


def check_seeds(tmp_path, seeds):
    """Among several seeds, some have two epochs that are equally good."""
    for seed in range(seeds):
        check(tmp_path, 4, *HARDWARE, "--seed", seed)
