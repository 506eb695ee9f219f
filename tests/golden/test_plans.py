"""Plans: what a checkpoint carries trains the same network again."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from metabit.cli import app
from metabit.estimator import MetabitClassifier
from metabit.golden.errors import CheckpointError, ConfigurationError
from metabit.golden.modes.registry import MODES, load_any_checkpoint
from metabit.golden.runs.plan import Plan, read_plan

SMALL = ("--hidden", 8, "--group", 4)


def metabit(*arguments, status=0):
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == status, result.output
    return " ".join(result.output.split())


def state(path):
    return load_any_checkpoint(path).record.state_sha256


@pytest.fixture
def table(tmp_path):
    """Two columns of numbers, one of texts, one that is of no use, and the classes in the first."""
    rng = np.random.default_rng(4)
    rows = [
        f"{'ab'[int(x + y > 0)]};{x:.2f};{y:.2f};{'uvw'[number % 3]};{number}"
        for number, (x, y) in enumerate(rng.normal(size=(90, 2)))
    ]
    path = tmp_path / "own.csv"
    path.write_text("\n".join(["class;x;y;kind;number", *rows]))
    return path


@pytest.mark.parametrize("mode", MODES)
def test_a_checkpoint_carries_its_plan(tmp_path, table, mode):
    first, again = tmp_path / "first.npz", tmp_path / "again.npz"
    metabit(
        *("train", "--mode", mode, "--dataset", table, "--target", "class", "--drop", "kind"),
        *(*SMALL, "--epochs", 3, "--split", "validation", "--seed", 5, "--out", first),
    )
    file = tmp_path / "plan.json"
    metabit("inspect", first, "--no-plots", "--plan", file)
    plan = read_plan(file)
    assert plan == read_plan(first) == Plan.of(load_any_checkpoint(first).record)
    assert (plan.mode.name, plan.epochs, plan.split, plan.seed) == (mode, 3, "validation", 5)
    assert (plan.reading.target, plan.reading.drop) == ("class", ("kind", "number"))
    for source in (file, first):
        metabit("train", "--plan", source, "--out", again, "--force")
        assert state(again) == state(first)
    metabit("train", "--plan", file, "--seed", 6, "--out", again, "--force")
    assert state(again) != state(first)


def test_data_that_have_moved(tmp_path, table):
    first, again = tmp_path / "first.npz", tmp_path / "again.npz"
    metabit("train", "--dataset", table, "--target", "class", *SMALL, "--epochs", 2, "--out", first)
    table.rename(tmp_path / "moved.csv")
    said = metabit("train", "--plan", first, "--out", again, status=1)
    assert "own.csv" in said
    metabit("train", "--plan", first, "--dataset", tmp_path / "moved.csv", "--out", again)
    assert state(again) == state(first)


def test_a_plan_is_not_changed_in_passing(tmp_path):
    first = tmp_path / "first.npz"
    metabit("train", *SMALL, "--epochs", 2, "--out", first)
    said = metabit("train", "--plan", first, "--margin", 0.5, "--epochs", 3, status=1)
    assert "--margin, --epochs cannot be given with --plan" in said


def test_runs_that_no_plan_gives(tmp_path):
    longer, fitted = tmp_path / "longer.npz", tmp_path / "fitted.npz"
    metabit("train", *SMALL, "--epochs", 4, "--out", longer)
    metabit("train", "--resume", longer, "--epochs", 8)
    with pytest.raises(CheckpointError, match="had annealed for its former length: no plan gives"):
        read_plan(longer)
    X = np.random.default_rng(0).random((40, 6))
    MetabitClassifier(hidden=(8,), group=4, epochs=1).fit(X, np.arange(40) % 2).save(fitted)
    with pytest.raises(CheckpointError, match="in no file: it has no plan"):
        read_plan(fitted)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "metabit-checkpoint"}, "format must be 'metabit-plan'"),
        ({"version": 2}, "version must be"),
        ({"mode": "float"}, "mode must be one of hardware, paper, baldassi, bep"),
        ({"epochs": 0}, "epochs must be"),
        ({"split": "all"}, "split must be"),
        ({"reading": {"header": "perhaps"}}, "reading"),
        ({"more": 1}, "more"),
        ({"config": {"hidden": [-1]}}, "config: "),
    ],
)
def test_files_that_are_no_plans(tmp_path, changes, message):
    first, file = tmp_path / "first.npz", tmp_path / "plan.json"
    metabit("train", *SMALL, "--epochs", 1, "--out", first)
    file.write_text(json.dumps(read_plan(first).to_dict() | changes))
    with pytest.raises(ConfigurationError, match=message):
        read_plan(file)


@pytest.mark.parametrize(("text", "message"), [("{", "cannot be read"), (None, "does not exist")])
def test_files_that_are_nothing(tmp_path, text, message):
    file = tmp_path / "plan.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        read_plan(file)
