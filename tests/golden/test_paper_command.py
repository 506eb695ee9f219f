"""`metabit train --mode paper` and `--mode baldassi`, and their checkpoints."""

import itertools
import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from metabit.cli import app
from metabit.golden.checkpoints.hardware import load_checkpoint
from metabit.golden.data.datasets import load_dataset
from metabit.golden.data.training_data import prepare
from metabit.golden.errors import CheckpointError
from metabit.golden.modes.registry import load_any_checkpoint
from metabit.golden.paper.config import PaperConfig
from metabit.golden.paper.run import PaperRun


def metabit(*arguments, status=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return result.output


def own(path, *more):
    """Options for a short training on the user's own data."""
    layers = ("--hidden", "12,8", "--group", 4, "--batch", 30, "--epochs", 3)
    return ("--mode", "paper", "--dataset", path, *layers, *more)


@pytest.mark.parametrize(
    ("mode", "state", "accuracy"),
    [
        (
            "paper",
            "91a48b4c19bc7ea93586aba253b6db8e9728102aa7a159e1c233564a6de000a5",
            0.6861111111111111,
        ),
        (
            "baldassi",
            "17ce7897cd504600bb2b8feb478985733ba1170330f31c19b20c19779a88b5d6",
            0.21388888888888888,
        ),
    ],
)
def test_results_never_change(tmp_path, mode, state, accuracy):
    """The state that this training ends in, on any machine and with any version of NumPy."""
    report = tmp_path / "train.json"
    metabit(
        *("train", "--mode", mode, "--epochs", 2, "--seed", 7, "--hidden", "60,45"),
        *("--group", 15, "--json", report),
    )
    results = json.loads(report.read_text())
    assert (results["mode"], results["seed"]) == (mode, 7)
    assert results["state_sha256"] == state
    assert results["test_accuracy"] == accuracy


def test_train_and_evaluate(tmp_path):
    out, report, second = tmp_path / "run.npz", tmp_path / "train.json", tmp_path / "test.json"
    printed = metabit(
        *("train", "--mode", "paper", "--hidden", 135, "--group", 45, "--epochs", 8),
        *("--thresholds", "0,8", "--out", out, "--json", report),
    )
    results = json.loads(report.read_text())
    assert results["test_accuracy"] > 0.85
    assert "mode paper  batch 100" in printed
    assert results["config"]["encoder"] == "thermometer:0,8"
    printed = metabit("evaluate", out, "--json", second)
    tested = json.loads(second.read_text())
    assert tested["test_accuracy"] == results["test_accuracy"]
    assert tested["state_sha256"] == results["state_sha256"]


def test_the_paper_trains_50_epochs(tmp_path, own_npz):
    out = tmp_path / "run.npz"
    options = ("--mode", "paper", "--dataset", own_npz, "--hidden", 4, "--group", 2)
    metabit("train", *options, "--out", out)
    assert len(load_any_checkpoint(out).record.test_accuracy) == 50


def test_every_option_reaches_the_configuration(tmp_path):
    out = tmp_path / "run.npz"
    metabit(
        *("train", "--mode", "baldassi", "--epochs", 1, "--out", out, "--seed", 3),
        *("--encoder", "median", "--layers", "20,10", "--group", 5, "--margin", 0.5),
        *("--reinforcement", 0.25, "--batch", 17, "--weight-clip", 90),
    )
    assert load_any_checkpoint(out).config == PaperConfig(
        name="tiny-custom",
        rule="baldassi",
        dataset="digits",
        encoder="median",
        inputs=64,
        hidden=(20, 10),
        group=5,
        margin=0.5,
        reinforcement=0.25,
        weight_clip=90,
        batch=17,
        seed=3,
        epochs=1,
    )


@pytest.mark.usefixtures("short_spans")
def test_interrupt_and_resume(tmp_path, own_npz, monkeypatch):
    """In epoch 2, which like each has 7 batches in 2 spans."""
    whole, part = tmp_path / "whole.npz", tmp_path / "part.npz"
    metabit("train", *own(own_npz, "--out", whole))
    spans = PaperRun.spans

    def interrupted(run):
        for number, result in enumerate(spans(run)):
            if number == 2:
                os.kill(os.getpid(), signal.SIGINT)
            yield result

    with monkeypatch.context() as patch:
        patch.setattr(PaperRun, "spans", interrupted)
        printed = metabit("train", *own(own_npz, "--out", part), status=130)
    assert f"metabit train --resume {part}" in printed.replace("\n", "")
    assert load_any_checkpoint(part).record.sample == 4 * 30
    metabit("train", "--resume", part)
    first, second = load_any_checkpoint(whole), load_any_checkpoint(part)
    assert first.record.state_sha256 == second.record.state_sha256
    assert first.record.statistics == second.record.statistics
    assert first.record.test_accuracy == second.record.test_accuracy
    assert "has finished its 3 epochs" in metabit("train", "--resume", part, status=1)


def test_seeds(tmp_path, own_npz):
    report = tmp_path / "train.json"
    metabit("train", *own(own_npz, "--seeds", 2, "--seed", 5, "--json", report))
    results = json.loads(report.read_text())
    assert results["seeds"] == [5, 6]
    assert len({run["state_sha256"] for run in results["runs"]}) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--mode", "sgd"), "--mode must be one of hardware, paper, baldassi, bep, not 'sgd'"),
        (("--mode", "paper", "--tile", 3), "--tile means nothing in mode paper"),
        (("--mode", "baldassi", "--no-rival-selection"), "--rival-selection means nothing"),
        (("--batch", 3), "--batch means nothing in mode hardware"),
        (("--mode", "paper", "--group", 5), "every layer: 5 does not divide 64"),
        (("--mode", "paper", "--weight-clip", -1), "weight_clip must be 0 to 1048576, not -1"),
        (("--thresholds", 1, "--encoder", "none"), "--thresholds and --encoder cannot both"),
        (("--thresholds", "x"), "thermometer needs numbers"),
    ],
)
def test_errors(options, message):
    assert message in metabit("train", *options, status=1).replace("\n", " ")


@pytest.fixture
def checkpoint(own_npz, short_spans):
    """In the middle of the second epoch."""
    config = PaperConfig(
        dataset=str(own_npz),
        inputs=24,
        classes=4,
        hidden=(12, 8),
        group=4,
        batch=30,
        epochs=3,
    )
    run = PaperRun.start(config, prepare(config, dataset=load_dataset(str(own_npz))))
    for _ in itertools.islice(run.spans(), 3):
        pass
    return run.checkpoint()


def test_checkpoint_round_trip(tmp_path, checkpoint):
    checkpoint.save(tmp_path / "run.npz")
    loaded = load_any_checkpoint(tmp_path / "run.npz")
    assert loaded.record == checkpoint.record
    for left, right in zip(loaded.hidden, checkpoint.hidden, strict=True):
        np.testing.assert_array_equal(left, right)


def test_another_mode_is_refused_where_hardware_is_needed(tmp_path, checkpoint):
    checkpoint.save(tmp_path / "run.npz")
    with pytest.raises(CheckpointError, match="is of mode paper, which only the golden model has"):
        load_checkpoint(tmp_path / "run.npz")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"generator_state": 5}, "is damaged: its state hash differs"),
        ({"rule_version": 1}, "was trained by version 1 of the paper's rule, and this Metabit has"),
        ({"errors": 10**6}, "errors must be 0 to the samples done"),
        ({"test_accuracy": (0.5, 0.5)}, "test_accuracy must have 1 entries, not 2"),
    ],
)
def test_damaged_checkpoints(tmp_path, checkpoint, fields, message):
    record = checkpoint.record.model_copy(update=fields)
    replace(checkpoint, record=record).save(tmp_path / "run.npz")
    with pytest.raises(CheckpointError, match=message):
        load_any_checkpoint(tmp_path / "run.npz")


def test_changed_weights_are_noticed(tmp_path, checkpoint):
    hidden = tuple(layer.copy() for layer in checkpoint.hidden)
    hidden[1][2, 3] += 2
    replace(checkpoint, hidden=hidden).save(tmp_path / "run.npz")
    with pytest.raises(CheckpointError, match="is damaged: its state hash differs"):
        load_any_checkpoint(tmp_path / "run.npz")
