"""Checkpoints of data of one's own, with every command, wherever the data are."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from metabit.cli import app
from metabit.golden import schedule
from metabit.golden.checkpoints.hardware import load_checkpoint
from metabit.hdl.shape import SHAPES
from tests.golden.conftest import idx_bytes
from tests.host.model_device import ModelDevice

NETWORK = ("--hidden", 12, "--group", 4, "--epochs", 2)


def metabit(*arguments: object, status: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return " ".join(result.output.split())


@pytest.fixture(params=["table.csv", "arrays.npz", "idx"])
def dataset(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Data of one's own, in one of three formats, in a folder of their own."""
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 3, 90)
    images = np.clip(rng.integers(0, 120, (90, 4, 4)) + 60 * labels[:, None, None], 0, 255)
    path = tmp_path / "before" / request.param
    path.parent.mkdir()
    if path.suffix == ".csv":
        rows = [[*(f"p{i}" for i in range(16)), "kind"]]
        rows += [[*map(str, x.ravel()), f"k{y}"] for x, y in zip(images, labels, strict=True)]
        path.write_text("\n".join(map(",".join, rows)))
    elif path.suffix == ".npz":
        np.savez(path, x=images.astype(np.uint8), y=labels)
    else:
        path.mkdir()
        (path / "train-images-idx3-ubyte").write_bytes(idx_bytes(images))
        (path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    return path


@pytest.fixture
def trained(dataset: Path, tmp_path: Path) -> Path:
    named = (f"{dataset}#kind",) if dataset.suffix == ".csv" else (dataset,)
    metabit("train", "--dataset", *named, *NETWORK, "--out", tmp_path / "run.npz")
    return tmp_path / "run.npz"


@pytest.fixture
def moved(dataset: Path, trained: Path, tmp_path: Path) -> Path:
    return dataset.rename(tmp_path / f"after-{dataset.name}")


@pytest.fixture
def other(moved: Path, tmp_path: Path) -> Path:
    """The same data but for a few classes."""
    path = tmp_path / f"other-{moved.name}"
    if moved.suffix == ".csv":
        path.write_text(moved.read_text().replace(",k0", ",k1", 9))
    elif moved.suffix == ".npz":
        with np.load(moved) as arrays:
            labels = arrays["y"].copy()
            labels[labels == 0] = 1
            np.savez(path, x=arrays["x"], y=labels)
    else:
        path.mkdir()
        for file in moved.iterdir():
            raw = file.read_bytes()
            cut = -40 if "labels" in file.name else len(raw)
            (path / file.name).write_bytes(raw[:cut] + bytes(len(raw[cut:])))
    return path


@pytest.mark.slow
def test_every_command_takes_a_checkpoint(
    dataset: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = load_checkpoint(trained).record.state_sha256
    report = tmp_path / "report.json"
    accuracy = f"test accuracy {100 * load_checkpoint(trained).record.test_accuracy[-1]:.2f} %"
    assert accuracy in metabit("evaluate", trained)
    assert state in metabit("inspect", trained, "--no-plots")
    assert "small-spram" in metabit("plan", trained)
    printed = metabit("simulate", trained, "--json", report)
    assert accuracy in printed
    assert "device and host predict the same, and keep the same state" in printed
    assert json.loads(report.read_text())["state_sha256"] == state
    assert "predict" not in metabit("predict", trained, "--dataset", dataset)
    shape = SHAPES["up5k"]
    device = ModelDevice(shape, load_checkpoint(trained).config)
    monkeypatch.setattr("metabit.host.transport.SerialTransport", lambda *_: device)
    assert accuracy in metabit("run", trained, "--port", "X")
    # Longer, on the device and on the host, is the same.
    longer = tmp_path / "longer.npz"
    metabit("run", trained, "--port", "X", "--epochs", 3, "--out", longer, "--verify")
    metabit("train", "--resume", trained, "--epochs", 3)
    record = load_checkpoint(longer).record
    assert record.plans == ((2, 2),)
    assert record.state_sha256 == load_checkpoint(trained).record.state_sha256
    assert load_checkpoint(trained).record.state_sha256 != state


def test_data_that_have_moved_are_asked_for(dataset: Path, trained: Path, moved: Path) -> None:
    for command in (("train", "--epochs", 3, "--resume"), ("evaluate",), ("simulate",)):
        printed = metabit(*command, trained, status=1)
        assert "which is not there; say where it is now with --dataset PATH" in printed
        assert str(dataset) in printed


@pytest.mark.slow
def test_data_that_have_moved_are_known_by_their_contents(trained: Path, moved: Path) -> None:
    accuracy = f"test accuracy {100 * load_checkpoint(trained).record.test_accuracy[-1]:.2f} %"
    printed = metabit("evaluate", trained, "--dataset", moved)
    assert accuracy in printed
    assert "split paper" in printed
    metabit("inspect", trained, "--no-plots", "--dataset", moved)
    assert accuracy in metabit("simulate", trained, "--dataset", moved)
    metabit("train", "--resume", trained, "--dataset", moved, "--epochs", 3)
    record = load_checkpoint(trained).record
    assert record.dataset.partition("#")[0] == str(moved)
    # From now on, it is there.
    metabit("evaluate", trained)


def test_other_data_are_refused_by_name(trained: Path, other: Path) -> None:
    before = trained.read_bytes()
    for command in (
        ("train", "--epochs", 3, "--resume", trained),
        ("simulate", trained),
        ("run", trained, "--port", "X"),
        ("inspect", trained, "--no-plots"),
    ):
        printed = metabit(*command, "--dataset", other, status=1)
        assert f"data set {other}" in printed, command
        assert "is not what the checkpoint was trained on" in printed, command
    assert trained.read_bytes() == before
    # To evaluate is to test on other data, all of them.
    assert "split paper" not in metabit("evaluate", trained, "--dataset", other)


def test_an_unfinished_run_goes_on_elsewhere(
    trained: Path, moved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from metabit.golden.data.datasets import load_dataset
    from metabit.golden.data.training_data import prepare
    from metabit.golden.runs.run import Run

    monkeypatch.setattr(schedule, "SPAN", 4)
    loaded = load_checkpoint(trained)
    name = f"{moved}#kind" if moved.suffix == ".csv" else str(moved)
    dataset = load_dataset(name, None, loaded.record.reading)
    run = Run.start(loaded.config, prepare(loaded.config, dataset=dataset), 2)
    part = tmp_path / "part.npz"
    next(iter(run.spans()))
    run.checkpoint().save(part)
    run.finish()
    monkeypatch.chdir(moved.parent)
    metabit("train", "--resume", "part.npz", "--dataset", moved.name)
    assert load_checkpoint(part).record.state_sha256 == run.state_sha256


def test_what_means_nothing_for_a_finished_training_is_refused(trained: Path) -> None:
    printed = metabit("simulate", trained, "--trace", "t.vcd", "--stalls", 0.1, status=1)
    assert "--stalls, --trace means nothing for a training that has finished" in printed
    printed = metabit("simulate", trained, "--resume", trained, status=1)
    assert "one is enough" in printed
