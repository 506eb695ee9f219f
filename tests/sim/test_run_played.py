"""`metabit run` on a board that plays the samples from its memory, all of it behind a pty."""

import json

import pytest
from pty_device import PtyDevice
from small import CONFIG, write_dataset
from typer.testing import CliRunner

from metabit.cli import app
from metabit.golden.checkpoints.hardware import load_checkpoint
from metabit.hdl.shape import SHAPES
from metabit.sim.stored import build_stored, open_stored

SHAPE = SHAPES["small-sdram"]
EPOCHS = 12


@pytest.fixture
def board():
    """A board that has just been switched on."""
    driver, _ = open_stored(build_stored(SHAPE), SHAPE, blank=True)
    opened = PtyDevice(driver.transport.device)
    yield opened
    opened.close()
    driver.close()


@pytest.fixture
def options(tmp_path):
    path, data = tmp_path / "small.json", write_dataset(tmp_path / "own.npz", 61)
    path.write_text(json.dumps(CONFIG.model_dump() | {"order": "strides", "margin": 0.5}))
    return ("--config", path, "--dataset", data, "--split", "official")


def metabit(*arguments, status=0):
    result = CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": "300"})
    assert result.exit_code == status, result.output
    return " ".join(result.output.split())


def trained(tmp_path, options):
    metabit("train", *options, "--epochs", EPOCHS, "--json", tmp_path / "train.json")
    return json.loads((tmp_path / "train.json").read_text())


@pytest.mark.parametrize("more", [(), ("--verify",), ("--out", "run.npz")])
def test_a_run_ends_as_on_the_host(tmp_path, board, options, more, monkeypatch):
    monkeypatch.chdir(tmp_path)
    expected = trained(tmp_path, options)
    run = ("run", "--port", board.port, *options, "--epochs", EPOCHS, *more)
    printed = metabit(*run, "--json", "run.json")
    found = json.loads((tmp_path / "run.json").read_text())
    for key in ("state_sha256", "train_accuracy", "test_accuracy_per_epoch"):
        assert found[key] == pytest.approx(expected[key]), key
    assert (found["device"], found["stored"]) == ("small-sdram", "sdram")
    assert found["bit_exact"] is (True if "--verify" in more else None)
    assert "sdram memory: write 61 samples, 0.0 MB" in printed
    assert "samples/s, learnt and tested, from the device's sdram" in printed
    # What was predicted of each class, by the network of the end.
    metabit("train", *options, "--epochs", EPOCHS, "--out", "golden.npz")
    metabit("evaluate", "golden.npz", "--json", "evaluate.json")
    evaluated = json.loads((tmp_path / "evaluate.json").read_text())
    assert found["confusion"] == evaluated["confusion"]
    assert found["class_names"] == evaluated["class_names"]
    assert found["confusion_counted_by"] == "device"
    assert "counted by the device, in the last test" in printed
    if "--out" in more:
        assert load_checkpoint(tmp_path / "run.npz").record.state_sha256 == found["state_sha256"]
        # A second run finds the samples where they are.
        again = metabit("run", "--port", board.port, *options, "--epochs", 2)
        assert "check the samples in memory" in again
        assert "write" not in again


def test_a_run_goes_on_from_its_checkpoint(tmp_path, board, options, monkeypatch):
    monkeypatch.chdir(tmp_path)
    expected = trained(tmp_path, options)
    metabit("run", "--port", board.port, *options, "--epochs", 5, "--out", "run.npz")
    metabit(
        *("run", "--port", board.port, "--resume", "run.npz", "--epochs", EPOCHS),
        *("--json", "run.json"),
    )
    golden = tmp_path / "golden.json"
    metabit("train", *options, "--epochs", 5, "--out", "golden.npz")
    metabit("train", "--resume", "golden.npz", "--epochs", EPOCHS, "--json", golden)
    found = json.loads((tmp_path / "run.json").read_text())
    assert found["state_sha256"] == json.loads(golden.read_text())["state_sha256"]
    assert found["state_sha256"] != expected["state_sha256"]  # annealing follows the plan
