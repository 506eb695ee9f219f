"""A field of a configuration is declared once: a planted one shows wherever fields are chosen."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.slow

BEFORE = "    tile: Annotated[int, Field("
PLANTED = """    planted: Annotated[
        int, Field(ge=0, le=7, description="Planted for a test; 0 is off"), Written("Q")
    ] = 3
    planted_list: Annotated[tuple[int, ...], Field(description="Planted, too")] = (1,)
"""

USE = """
import inspect, json, sys
from pathlib import Path
import numpy as np
from typer.testing import CliRunner
from metabit import MetabitClassifier
from metabit.cli import app

def metabit(*arguments):
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})
    return {"status": result.exit_code, "output": result.output}

def read(name):
    return json.loads(Path(name).read_text())

short = ("--epochs", "1", "--json")
found = {"help": metabit("train", "--help")["output"]}
given = ("--planted", "5", "--planted-list", "4,2")
metabit("train", *given, *short, "train.json")
found["train"] = read("train.json")["config"]
found["too_large"] = metabit("train", "--planted", "9", *short, "no.json")
found["paper"] = metabit("train", "--planted", "5", "--mode", "paper", *short, "no.json")
metabit("sweep", "--vary", "planted=1 2", "--seeds", "1", *short, "sweep.json")
found["sweep"] = [line["config"]["planted"] for line in read("sweep.json")["runs"]]
X = np.random.default_rng(0).random((20, 8)) < 0.5
classifier = MetabitClassifier(hidden=8, epochs=1, planted=6, planted_list=[7, 8])
config = classifier.fit(X, X[:, 0]).config_
classifier.save("classifier.npz")
found["estimator"] = {
    "parameters": classifier.get_params(),
    "default": MetabitClassifier().planted,
    "loaded": MetabitClassifier.load("classifier.npz").planted,
    "config": [config.planted, config.planted_list],
    "documentation": inspect.getdoc(MetabitClassifier),
}
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What a Metabit does that has two more fields in its configuration, and no other change."""
    folder = tmp_path_factory.mktemp("planted")
    parts = ("golden", "hdl", "sim", "boards")
    # Some installations reach the parts through links; here they are folders of their own.
    ignored = shutil.ignore_patterns("__pycache__", *parts)
    shutil.copytree(ROOT / "metabit", folder / "metabit", ignore=ignored)
    for part in parts:
        shutil.copytree(ROOT / part, folder / "metabit" / part)
    file = folder / "metabit" / "golden" / "config.py"
    text = file.read_text(encoding="utf-8")
    assert text.count(BEFORE) == 1
    file.write_text(text.replace(BEFORE, PLANTED + BEFORE), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", USE],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_is_an_option_of_train(found):
    assert "--planted " in found["help"]
    assert "Planted for a test, 0 to 7; 0 is off." in found["help"]
    assert "--planted-list" in found["help"]
    assert found["train"]["planted"] == 5
    assert found["train"]["planted_list"] == [4, 2]


def test_its_bounds_hold(found):
    assert found["too_large"]["status"] == 1
    assert "planted must be 0 to 7, not 9" in found["too_large"]["output"]


def test_it_means_nothing_in_other_modes(found):
    assert found["paper"]["status"] == 1
    assert "--planted means nothing in mode paper" in found["paper"]["output"]


def test_sweeps_vary_it(found):
    assert found["sweep"] == [1, 2]


def test_the_estimator_has_it(found):
    estimator = found["estimator"]
    assert estimator["parameters"]["planted"] == 6
    assert estimator["default"] == 3
    assert estimator["loaded"] == 6
    assert estimator["config"] == [6, [7, 8]]
    assert "planted : int\n    Planted for a test, 0 to 7; 0 is off." in estimator["documentation"]
