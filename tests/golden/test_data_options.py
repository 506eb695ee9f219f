"""Options of data of one's own, from the command line to the checkpoint and back."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from metabit.cli import app
from metabit.commands import bench, evaluate, plan, predict, run, simulate, sweep, train
from metabit.golden.checkpoints.hardware import load_checkpoint
from metabit.golden.data.options import AS_BEFORE, DataOptions
from tests.golden.rewriting import rewrite

NETWORK = ("--hidden", 16, "--group", 8, "--epochs", 3)


def metabit(*arguments, status=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return " ".join(result.output.split())


def rows(count, rng):
    """Yield rows of row number, class, two numbers, a constant and a colour."""
    for i in range(count):
        kind = int(rng.integers(3))
        length, width = rng.normal(3 * kind, 1), rng.normal(-2 * kind, 1)
        yield f"{i},k{kind},{length:.3f},{width:.3f},7,{'red' if kind == 1 else 'blue'}"


@pytest.fixture
def plants(tmp_path):
    lines = [",class,length,width,unit,colour", *rows(150, np.random.default_rng(3))]
    path = tmp_path / "plants.csv"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize(
    "command",
    [
        *(train.train, evaluate.evaluate, predict.predict, simulate.simulate, run.run, plan.plan),
        *(sweep.sweep, bench.hardware.hardware),
    ],
)
def test_every_command_that_takes_a_data_set_has_the_options(command):
    names = command.__signature__.parameters
    assert "reading" not in names
    assert {"target", "drop", "keep", "header", "missing", "decimal", "image_shape"} <= set(names)


def test_what_was_found_is_said_before_training(plants):
    printed = metabit("train", "--dataset", plants, *NETWORK)
    summary, _, rest = printed.partition("tiny-custom")
    assert "150 rows, the first line names the columns, commas between columns" in summary
    assert "target class: 3 classes, k0, k1, k2" in summary
    assert "numbers 2: length, width" in summary
    assert "categories 1: colour (2)" in summary
    assert "left out 2: (no name) (row numbers), unit (always '7')" in summary
    assert "66-16-3" in rest


def test_options_are_kept_in_the_checkpoint(tmp_path, plants):
    out, whole = tmp_path / "run.npz", tmp_path / "whole.npz"
    lines = plants.read_text().splitlines()
    lines[3:8] = [
        line.replace("red", "blue").rpartition("7,blue")[0] + "?,blue" for line in lines[3:8]
    ]
    plants.write_text("\n".join(lines))
    options = ("--dataset", plants, "--missing", "drop", "--drop", "colour", "--target", "class")
    printed = metabit("train", *options, *NETWORK, "--out", whole)
    assert "145 rows (5 more with missing cells are left out)" in printed
    assert "left out 3: (no name) (row numbers), unit (always '7'), colour (as asked)" in printed
    record = load_checkpoint(whole).record
    assert record.dataset == f"{plants}#class"
    assert record.data_options == DataOptions(
        target="class", drop=("", "unit", "colour"), missing="drop", automatic=False
    )
    assert "test accuracy" in metabit("evaluate", whole)
    # A test set of a few rows, in which other columns are constant, has the same columns.
    other = tmp_path / "other.csv"
    other.write_text("class,length,width,unit\nk0,0.1,5,7\nk1,3,5,8\nk2,6,5,7\n")
    printed = metabit("evaluate", whole, "--dataset", other)
    assert "numbers 2: length, width" in printed
    assert "3 samples)" in printed
    metabit("train", *options, *NETWORK, "--out", out)
    assert load_checkpoint(out).record.state_sha256 == record.state_sha256


def test_checkpoints_of_before_are_read_as_before(tmp_path):
    path, out = tmp_path / "old.csv", tmp_path / "run.npz"
    lines = [f"{i},{'xy'[i % 2]},{i % 3},{i % 5}" for i in range(40)]
    path.write_text("\n".join([",class,n,last", *lines]))
    # What today finds, without a word to the contrary, is something else.
    assert "target class: 2 classes" in metabit("train", "--dataset", path, *NETWORK)
    metabit("train", "--dataset", path, "--target", "last", "--keep", "1", *NETWORK, "--out", out)
    before = load_checkpoint(out).record

    def as_version_4(record, arrays):
        record["version"] = 4
        record["dataset"] = str(path)
        del record["data_options"]

    rewrite(out, as_version_4)
    record = load_checkpoint(out).record
    assert record.data_options is None
    assert record.reading == AS_BEFORE
    printed = metabit("evaluate", out)
    assert "target last: 5 classes" in printed
    assert f"{before.test_accuracy[-1] * 100:.2f} %" in printed


def test_resume_reads_the_same_data(tmp_path, plants, short_spans):
    from metabit.golden.configurations.named import named, override
    from metabit.golden.data.datasets import load_dataset
    from metabit.golden.data.training_data import adapt, prepare
    from metabit.golden.runs.run import Run

    dataset = load_dataset(str(plants), None, DataOptions(drop=("colour",)))
    config = override(adapt(named("tiny"), dataset), hidden=(16,), group=8)
    whole = Run.start(config, prepare(config, dataset=dataset), 2)
    whole.finish()
    part = Run.start(config, prepare(config, dataset=dataset), 2)
    next(iter(part.spans()))
    part.checkpoint().save(tmp_path / "part.npz")
    printed = metabit("train", "--resume", tmp_path / "part.npz")
    assert f"state {whole.state_sha256}" in printed
    printed = metabit(
        "train", "--resume", tmp_path / "part.npz", "--dataset", plants, "--drop", 3, status=1
    )
    assert "--drop cannot be given with --resume" in printed


def test_images_in_rows(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (60, 64)).astype(np.uint8)
    np.savez(tmp_path / "own.npz", x=x, y=np.array(["a", "b"])[x[:, 0] // 128])
    options = ("--dataset", tmp_path / "own.npz", "--image-shape", "8x8", *NETWORK)
    printed = metabit("train", *options, "--out", tmp_path / "run.npz")
    assert "samples 60 samples of 8 x 8, uint8" in printed
    assert "target 2 classes, a, b" in printed
    assert "encoder select:256,steps=3:comparisons:2048 (256 of 2048" in printed
    assert load_checkpoint(tmp_path / "run.npz").record.class_names == ("a", "b")
    assert "60 samples of 8 x 8" in metabit("evaluate", tmp_path / "run.npz")


def test_few_bits_that_change_are_said(tmp_path):
    x = np.zeros((60, 8, 8), np.uint8)
    x[:, 0, :3] = np.random.default_rng(0).integers(0, 17, (60, 3))
    np.savez(tmp_path / "own.npz", x=x, y=np.arange(60) % 2)
    printed = metabit("train", "--dataset", tmp_path / "own.npz", *NETWORK)
    assert "only 12 of 256 input bits differ between training samples" in printed


def test_sweep_reads_them_alike(tmp_path, plants):
    report = tmp_path / "sweep.json"
    printed = metabit(
        *("sweep", "--dataset", plants, "--drop", "colour", "--vary", "hidden=16", "--seeds", 1),
        *("--vary", "group=8", "--epochs", 2, "--jobs", 1, "--out", tmp_path / "a.jsonl"),
        *("--json", report),
    )
    assert "left out 3: (no name) (row numbers), unit (always '7'), colour (as asked)" in printed
    out = tmp_path / "train.json"
    metabit(
        *("train", "--dataset", plants, "--drop", "colour", "--hidden", 16, "--group", 8),
        *("--epochs", 2, "--json", out),
    )
    (line,) = json.loads(report.read_text())["runs"]
    assert line["state_sha256"] == json.loads(out.read_text())["state_sha256"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--drop", "x"), "--drop needs --dataset FILE.csv"),
        (("--missing", "drop", "--dataset", "iris"), "--missing needs --dataset FILE.csv"),
        (("--header", "no", "--dataset", "a.npz"), "--header needs --dataset FILE.csv"),
        (("--image-shape", "8x8"), "--image-shape needs --dataset with your own"),
        (("--image-shape", "8x8", "--dataset", "digits"), "--image-shape needs --dataset with"),
        (("--image-shape", "64", "--dataset", "a.npz"), "--image-shape must be height x width"),
        (("--missing", "maybe", "--dataset", "a.csv"), "--missing must be one of error drop keep"),
        (("--decimal", ";", "--dataset", "a.csv"), "--decimal must be one of auto . ,, not ';'"),
        (("--target", "x", "--dataset", "a.csv#b"), "cannot be given with --dataset a.csv#b"),
    ],
)
def test_options_that_mean_nothing(options, message):
    assert message in metabit("train", *options, status=1)
