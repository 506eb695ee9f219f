"""`metabit train` and `metabit evaluate` as a user calls them."""

import itertools
import json
import os
import signal

import numpy as np
import pytest
from rewriting import as_version_3, rewrite
from typer.testing import CliRunner

from metabit.cli import app
from metabit.golden import schedule
from metabit.golden.checkpoints.file import VERSION
from metabit.golden.checkpoints.hardware import load_checkpoint
from metabit.golden.data.training_data import prepare
from metabit.golden.errors import CheckpointError
from metabit.golden.runs.run import Run

STATES = (
    (0, 8, "21c2e10683b363e1819b465384f9aaaf0bf954eb87312fb6f85057760ff97980"),
    (0, 2, "46bdb057721c11963ab22b6de9985c47ff32e84cc4d4c109495a805d571c236e"),
    (1, 8, "b029d2c4f093f99bb1cc3fc1cff79f2147d41402c4da51576f48bcd5b36e7f7a"),
    (1, 2, "f09b4382817e1287143ad89f25de173727cf9e4ae368671c173b3b95f4162956"),
)
"""Lag, tile, and the state after two epochs of the digits: of one span each with tiles of 8, of
three with tiles of 2. The scalar reference, which takes a minute, ends in the same states."""


def metabit(*arguments, status=0):
    """Run a command and return what it printed, errors last."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return result.output


def own(path, *more):
    """Options for a short training on the user's own data."""
    return ("--dataset", path, "--hidden", "12,8", "--group", 4, "--epochs", 3, *more)


def test_train_and_evaluate_digits(tmp_path):
    out, report, second = tmp_path / "run.npz", tmp_path / "train.json", tmp_path / "test.json"
    printed = metabit("train", "--epochs", 6, "--out", out, "--json", report)
    results = json.loads(report.read_text())
    assert results["test_accuracy"] > 0.85
    assert len(results["train_accuracy"]) == 6
    assert results["train_accuracy"][-1] > results["train_accuracy"][0]
    assert results["seconds_per_epoch"] > 0
    assert results["state_sha256"] == load_checkpoint(out).record.state_sha256
    assert results["config"]["name"] == "tiny"
    assert (results["seed"], results["dataset"], results["split"]) == (0, "digits", "paper")
    assert f"{results['test_accuracy'] * 100:.2f} %" in printed
    assert results["state_sha256"] in printed

    printed = metabit("evaluate", out, "--json", second)
    tested = json.loads(second.read_text())
    assert tested["test_accuracy"] == results["test_accuracy"]
    assert np.trace(tested["confusion"]) == round(results["test_accuracy"] * 360)
    assert "360 samples" in printed


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize(("lag", "tile", "expected"), STATES)
def test_results_never_change(tmp_path, engine, lag, tile, expected):
    """The state that this training ends in, on any machine and with any version of NumPy."""
    if engine == "numba":
        pytest.importorskip("numba", reason="the extra 'fast' is not installed")
    report = tmp_path / "train.json"
    options = ("--epochs", 2, "--seed", 7, "--lag", lag, "--tile", tile, "--engine", engine)
    metabit("train", *options, "--json", report)
    results = json.loads(report.read_text())
    assert results["engine"] == engine
    assert results["state_sha256"] == expected


@pytest.mark.usefixtures("short_spans")
def test_interrupt_and_resume(tmp_path, own_npz, monkeypatch):
    """In epoch 2, which like each has 25 tiles in 7 spans."""
    whole, part = tmp_path / "whole.npz", tmp_path / "part.npz"
    metabit("train", *own(own_npz, "--out", whole))
    spans = Run.spans

    def interrupted(run):
        for number, result in enumerate(spans(run)):
            if number == 10:
                os.kill(os.getpid(), signal.SIGINT)
            yield result

    with monkeypatch.context() as patch:
        patch.setattr(Run, "spans", interrupted)
        printed = metabit("train", *own(own_npz, "--out", part), status=130)
    assert f"metabit train --resume {part}" in printed.replace("\n", "")
    assert load_checkpoint(part).record.epoch == 2
    assert load_checkpoint(part).record.sample == 4 * 4 * 8
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    metabit("train", "--resume", part)
    first, second = load_checkpoint(whole).record, load_checkpoint(part).record
    assert first.state_sha256 == second.state_sha256
    assert first.test_accuracy == second.test_accuracy
    printed = metabit("train", "--resume", part, status=1)
    assert "has finished its 3 epochs" in printed


def test_interrupted_without_a_file(own_npz, monkeypatch):
    spans = Run.spans

    def interrupted(run):
        os.kill(os.getpid(), signal.SIGINT)
        yield from spans(run)

    monkeypatch.setattr(Run, "spans", interrupted)
    assert "nothing was saved (--out FILE.npz" in metabit("train", *own(own_npz), status=130)


@pytest.mark.usefixtures("short_spans")
def test_an_interrupted_training_reports_the_epochs_that_it_has_finished(
    tmp_path, own_npz, monkeypatch
):
    report = tmp_path / "train.json"
    spans = Run.spans

    def interrupted(run):
        for result in spans(run):
            if result.step.last:
                os.kill(os.getpid(), signal.SIGINT)
            yield result

    monkeypatch.setattr(Run, "spans", interrupted)
    metabit("train", *own(own_npz, "--json", report), status=130)
    found = json.loads(report.read_text())
    assert found["interrupted"]
    assert len(found["test_accuracy_per_epoch"]) == 1


@pytest.mark.usefixtures("short_spans")
def test_an_interruption_loses_no_seed_that_is_finished(tmp_path, own_npz, monkeypatch):
    report = tmp_path / "train.json"
    spans = Run.spans

    def interrupted(run):
        for result in spans(run):
            if run.network.config.seed == 2:
                os.kill(os.getpid(), signal.SIGINT)
            yield result

    monkeypatch.setattr(Run, "spans", interrupted)
    metabit("train", *own(own_npz, "--seeds", 3, "--json", report), status=130)
    found = json.loads(report.read_text())
    assert found["interrupted"]
    assert found["seeds"] == [0, 1]


def test_a_picture_that_cannot_be_drawn_loses_no_result(tmp_path, own_npz, monkeypatch):
    def fail(*arguments):
        raise OSError(28, "No space left on device", "plots/margins.png")

    monkeypatch.setattr("metabit.commands.train.draw_run", fail)
    report = tmp_path / "train.json"
    plots = tmp_path / "plots"
    printed = metabit("train", *own(own_npz, "--json", report, "--plots", plots), status=1)
    assert "error: plots/margins.png: No space left on device" in printed
    assert len(json.loads(report.read_text())["train_accuracy"]) == 3


def test_classes_have_their_names_where_they_are_shown(tmp_path):
    table = tmp_path / "fruit.csv"
    rows = [f"{5 * (n % 2)},{n % 7},{('apple', 'quince')[n % 2]}" for n in range(60)]
    table.write_text("\n".join(["a,b,class", *rows]))
    out, report = tmp_path / "run.npz", tmp_path / "test.json"
    options = ("--target", "class", "--hidden", 8, "--group", 4, "--encoder", "quantiles:2")
    metabit("train", "--dataset", table, *options, "--epochs", 2, "--out", out)
    printed = metabit("evaluate", out, "--json", report)
    assert "0 apple" in printed
    assert "1 quince" in printed
    assert json.loads(report.read_text())["class_names"] == ["apple", "quince"]


def test_checkpoints_between_epochs(tmp_path, own_npz, monkeypatch):
    saved = []
    monkeypatch.setattr(
        "metabit.golden.checkpoints.hardware.save_checkpoint",
        lambda path, c: saved.append(c.record.epoch),
    )
    out = tmp_path / "run.npz"
    metabit("train", *own(own_npz, "--out", out, "--checkpoint-every", 2))
    assert saved == [3, 4]


def test_seeds(tmp_path, own_npz):
    report, out = tmp_path / "train.json", tmp_path / "run.npz"
    printed = metabit(
        "train", *own(own_npz, "--seeds", 3, "--seed", 5, "--json", report, "--out", out)
    )
    results = json.loads(report.read_text())
    accuracies = [run["test_accuracy"] for run in results["runs"]]
    assert results["seeds"] == [5, 6, 7]
    assert results["test_accuracy"] == pytest.approx(np.mean(accuracies))
    assert results["test_accuracy_std"] == pytest.approx(np.std(accuracies, ddof=1))
    assert len({run["state_sha256"] for run in results["runs"]}) == 3
    assert "over 3 seeds" in printed
    assert load_checkpoint(tmp_path / "run-6.npz").config.seed == 6
    alone = tmp_path / "alone.json"
    metabit("train", *own(own_npz, "--seed", 6, "--json", alone))
    assert json.loads(alone.read_text())["state_sha256"] == results["runs"][1]["state_sha256"]


def test_every_option_reaches_the_configuration(tmp_path):
    out = tmp_path / "run.npz"
    metabit(
        *("train", "--epochs", 1, "--out", out, "--seed", 3, "--encoder", "median"),
        *("--layers", "20,10", "--group", 6, "--counter-bits", 5, "--margin", 0.5, "--tile", 3),
        *(
            "--summed-scores",
            "--no-rival-selection",
            "--annealing",
            "0.5,0.7",
            "--reinforcement",
            0.25,
        ),
        *("--head-offset", 2),
    )
    config = load_checkpoint(out).config
    assert config.name == "tiny-custom"
    assert (config.encoder, config.inputs, config.hidden) == ("median", 64, (20, 10))
    assert (config.group, config.counter_bits, config.margin, config.tile) == (6, 5, 0.5, 3)
    assert (config.rival_selection, config.annealing) == (False, (0.5, 0.7))
    assert config.summed_scores
    assert (config.reinforcement, config.head_offset, config.seed) == (0.25, 2, 3)


@pytest.mark.parametrize("lag", [0, 1])
def test_lag(tmp_path, own_npz, lag):
    out = tmp_path / "run.npz"
    printed = metabit("train", *own(own_npz, "--lag", lag, "--out", out))
    assert load_checkpoint(out).config.lag == lag
    assert f"lag {lag}" in printed


def test_without_a_word_about_it_there_is_a_lag(tmp_path, own_npz):
    path, out = tmp_path / "mine.json", tmp_path / "run.npz"
    fields = {"dataset": str(own_npz), "inputs": 24, "classes": 4, "hidden": [6], "group": 3}
    path.write_text(json.dumps(fields))
    metabit("train", "--config", path, "--epochs", 1, "--out", out)
    assert load_checkpoint(out).config.lag == 1


@pytest.mark.usefixtures("short_spans")
def test_older_trainings_go_on_by_their_own_rule(tmp_path, own_npz, monkeypatch):
    """Amid what is a span today: it is finished, and the state is that of the older rule."""
    whole, part = tmp_path / "whole.npz", tmp_path / "part.npz"
    metabit("train", *own(own_npz, "--lag", 0, "--out", whole))
    choice = load_checkpoint(whole)
    config = choice.config
    data = prepare(config)
    with monkeypatch.context() as patch:
        patch.setattr(schedule, "SPAN", 3)
        run = Run.start(config, data, 3)
        for _ in itertools.islice(run.spans(), 11):
            pass
        run.checkpoint().save(part)
    rewrite(part, as_version_3)
    assert load_checkpoint(part).record.sample == 2 * 3 * 8
    assert load_checkpoint(part).config.lag == 0
    assert "test accuracy" in metabit("evaluate", part)
    printed = metabit("train", "--resume", part)
    assert "resuming in epoch 2 after 48 samples" in printed
    assert "trained with weights up to date (lag 0); continues so" in printed
    first, second = load_checkpoint(whole).record, load_checkpoint(part).record
    assert first.state_sha256 == second.state_sha256
    assert first.observations == second.observations
    assert second.config.lag == 0
    assert second.version == VERSION


@pytest.mark.usefixtures("short_spans")
def test_resuming_says_by_which_rule(tmp_path, own_npz):
    out = tmp_path / "run.npz"
    metabit("train", *own(own_npz, "--lag", 1, "--out", out))
    config = load_checkpoint(out).config
    run = Run.start(config, prepare(config), 3)
    next(run.spans())
    run.checkpoint().save(out)
    printed = metabit("train", "--resume", out)
    assert "trained with weights one tile old (lag 1); continues so" in printed


def test_annealing_off(tmp_path, own_npz):
    out = tmp_path / "run.npz"
    metabit("train", *own(own_npz, "--annealing", "off", "--out", out))
    assert load_checkpoint(out).config.annealing == ()


def test_configuration_from_a_file(tmp_path, own_npz):
    path, out = tmp_path / "mine.json", tmp_path / "run.npz"
    fields = {"dataset": str(own_npz), "inputs": 24, "classes": 4, "hidden": [6], "group": 3}
    path.write_text(json.dumps(fields))
    metabit("train", "--config", path, "--epochs", 1, "--out", out)
    assert load_checkpoint(out).config.name == "mine"
    path.write_text(json.dumps({**fields, "margin": 7}))
    printed = metabit("train", "--config", path, status=1)
    assert "mine.json: margin must be 0 to 1, not 7" in printed.replace("\n", "")


def test_evaluate_on_other_data(tmp_path, own_npz):
    out, report, other = tmp_path / "run.npz", tmp_path / "test.json", tmp_path / "other.npz"
    metabit("train", *own(own_npz, "--out", out))
    with np.load(own_npz) as file:
        np.savez(other, x=file["x"][:50], y=file["y"][:50])
    metabit("evaluate", out, "--dataset", other, "--json", report)
    assert json.loads(report.read_text())["samples"] == 50
    metabit("evaluate", out, "--dataset", other, "--split", "paper", "--json", report)
    assert json.loads(report.read_text())["samples"] == 8
    np.savez(other, x=np.zeros((5, 23)), y=np.zeros(5, int))
    printed = metabit("evaluate", out, "--dataset", other, status=1)
    assert "delivers 150 bits" in printed
    np.savez(other, x=np.zeros((5, 24)), y=np.full(5, 7))
    printed = metabit("evaluate", out, "--dataset", other, status=1)
    assert "labels up to 7, and the configuration 4 classes" in printed.replace("\n", " ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config", "x"], "unknown configuration 'x'; known: tiny, up5k"),
        (["--dataset", "x"], "unknown data set 'x'; known: breast-cancer, digits"),
        (["--encoder", "x"], "unknown encoder 'x'; known: none, median"),
        (["--split", "x"], "split must be one of paper, official, validation, not 'x'"),
        (["--split", "official"], "data set digits has no official test set"),
        (["--margin", "7"], "margin must be 0 to 1, not 7"),
        (["--lag", "2"], "lag must be 0 or 1, not 2"),
        (["--seed", "-1"], "seed must be 0 to 4294967295, not -1"),
        (["--hidden", "a"], "--hidden must be numbers separated by commas, e.g. 256,128, not 'a'"),
        (["--annealing", "x"], "--annealing must be numbers separated by commas"),
        (["--seed", "4294967295", "--seeds", "2"], "seed must be 0 to 4294967295, not 4294967296"),
        (["--out", "run.txt"], "--out must end in .npz, not 'run.txt'"),
        (["--out", "absent/run.npz"], "folder absent does not exist"),
        (["--resume", "absent.npz"], "absent.npz does not exist"),
        (["--resume", "r.npz", "--tile", "3", "--seed", "4"], "--tile, --seed cannot be given"),
        (["--json", "absent/x.json"], "--json absent/x.json: folder absent does not exist"),
        (["--epochs", "1", "--json", "."], "cannot write .: Is a directory"),
    ],
)
def test_mistakes_are_one_line(arguments, message):
    printed = metabit("train", *arguments, status=1)
    assert message in printed.replace("\n", " ")
    assert "Traceback" not in printed


def test_help_has_examples():
    for command in ("train", "evaluate"):
        assert "Examples" in metabit(command, "--help")


@pytest.mark.usefixtures("short_spans")
def test_only_the_same_training_is_replaced_without_being_asked(tmp_path, own_npz, monkeypatch):
    out = tmp_path / "run.npz"
    metabit("train", *own(own_npz, "--out", out))
    state = load_checkpoint(out).record.state_sha256
    metabit("train", *own(own_npz, "--out", out))
    assert load_checkpoint(out).record.state_sha256 == state

    other = own(own_npz, "--out", out, "--seed", 3)
    printed = metabit("train", *other, status=1).replace("\n", "")
    assert f"--out {out} holds another training (tiny-custom" in printed
    assert "seed 0, 3 epochs); choose another name, or replace it with --force" in printed
    assert load_checkpoint(out).record.state_sha256 == state
    metabit("train", *other, "--force")
    assert load_checkpoint(out).config.seed == 3

    spans = Run.spans

    def interrupted(run):
        os.kill(os.getpid(), signal.SIGINT)
        yield from spans(run)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "spans", interrupted)
        metabit("train", *own(own_npz, "--out", out, "--force"), status=130)
    printed = metabit("train", *own(own_npz, "--out", out), status=1).replace("\n", "")
    assert f"go on with --resume {out}, or begin anew with --force" in printed
    metabit("train", "--resume", out)
    assert load_checkpoint(out).record.state_sha256 == state


def test_data_are_not_replaced_by_a_checkpoint(tmp_path, own_npz):
    before = own_npz.read_bytes()
    printed = metabit("train", *own(own_npz, "--out", own_npz), status=1).replace("\n", "")
    assert "exists, and is no checkpoint that could be replaced" in printed
    assert own_npz.read_bytes() == before


@pytest.mark.usefixtures("short_spans")
def test_two_trainings_do_not_write_one_file(tmp_path, own_npz, monkeypatch):
    out = tmp_path / "run.npz"
    spans = Run.spans

    def meanwhile(run):
        with monkeypatch.context() as patch:
            patch.setattr(Run, "spans", spans)
            printed = metabit("train", *own(own_npz, "--out", out), status=1)
        assert "another training writes" in printed
        yield from spans(run)

    monkeypatch.setattr(Run, "spans", meanwhile)
    metabit("train", *own(own_npz, "--out", out))
    assert sorted(file.name for file in tmp_path.glob("*run*")) == ["run.npz"]


def test_a_full_disk_loses_no_finished_epoch(tmp_path, own_npz, monkeypatch):
    def full(path, checkpoint):
        raise CheckpointError(f"cannot write checkpoint {path}: No space left on device")

    monkeypatch.setattr("metabit.golden.checkpoints.hardware.save_checkpoint", full)
    report = tmp_path / "train.json"
    options = ("--out", tmp_path / "run.npz", "--json", report)
    printed = metabit("train", *own(own_npz, *options), status=1)
    assert "No space left on device" in printed
    found = json.loads(report.read_text())
    assert len(found["train_accuracy"]) == 1
    assert found["interrupted"]
