"""Images of a range that no configuration is made for, from training to evaluation."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from metabit.cli import app
from metabit.estimator import MetabitClassifier
from metabit.golden.checkpoints.hardware import load_checkpoint
from metabit.golden.data.datasets import load_dataset

NETWORK = ("--hidden", 12, "--group", 4, "--epochs", 2)
ENCODER = "select:256,steps=3:comparisons:2048"


def metabit(*arguments: object, status: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return " ".join(result.output.split())


def write(path: Path, scale: float) -> Path:
    digits = load_dataset("digits")
    images = (digits.images[:240] * scale).astype(np.float32)
    np.savez(path, x=images, y=digits.labels[:240])
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on images of 0 to 1."""
    folder = tmp_path_factory.mktemp("own")
    data = write(folder / "images.npz", 1 / 16)
    said = metabit("train", "--dataset", data, *NETWORK, "--out", folder / "run.npz")
    (folder / "said.txt").write_text(said)
    return folder


def test_the_choice_is_said_before_the_training(folder):
    said = (folder / "said.txt").read_text().partition("epoch train %")[0]
    assert f"encoder {ENCODER} (256 of 2048 comparisons of pixels, learnt from the" in said
    assert "and these are 0.0 to 1.0" in said
    assert "input bits 256, all of them change, 256 balanced" in said
    assert load_checkpoint(folder / "run.npz").config.encoder == ENCODER


def test_the_run_goes_on_and_is_looked_at(folder, tmp_path):
    longer = tmp_path / "longer.npz"
    metabit("train", "--resume", folder / "run.npz", "--epochs", 3, "--out", longer)
    assert len(load_checkpoint(longer).record.history) == 3
    assert ENCODER in metabit("inspect", longer, "--no-plots")
    assert "open " in metabit("inspect", longer)


def test_an_export_keeps_the_comparisons(folder, tmp_path):
    net, copy = tmp_path / "net.onnx", write(tmp_path / "copy.npz", 1 / 16)
    metabit("export", folder / "run.npz", "--format", "qonnx", "--out", net)
    asked = ("--dataset", copy, "--split", "paper")
    tested = [metabit("evaluate", file, *asked) for file in (folder / "run.npz", net)]
    assert tested[0].partition("test accuracy")[2] in tested[1]


def test_the_estimator_of_a_checkpoint_encodes_alike(folder, tmp_path):
    checkpoint = load_checkpoint(folder / "run.npz")
    encoder = checkpoint.record.encoder_of(checkpoint.config.encoder)
    with np.load(write(tmp_path / "copy.npz", 1 / 16)) as arrays:
        images = arrays["x"]
    classifier = MetabitClassifier.load(folder / "run.npz")
    found = classifier.predict(images.reshape(len(images), -1))
    expected = checkpoint.network().predict(encoder.encode(images))
    np.testing.assert_array_equal(found, expected)


def test_images_of_another_range_are_noticed(folder, tmp_path):
    run = folder / "run.npz"
    assert "unlike the training data" not in metabit("evaluate", run)
    copy = write(tmp_path / "copy.npz", 1 / 16)
    assert "unlike the training data" not in metabit("evaluate", run, "--dataset", copy)
    other = write(tmp_path / "other.npz", 255 / 16)
    said = metabit("evaluate", run, "--dataset", other)
    assert "unlike the training data: values: 0 to 255 here, 0 to 1 in training (" in said
    narrow = write(tmp_path / "narrow.npz", 1 / 256)
    said = metabit("evaluate", run, "--dataset", narrow)
    assert "values: 0 to 0.0625 here, 0 to 1 in training: is it the same scale?" in said


def test_a_file_that_has_changed_is_noticed_under_the_same_name(folder):
    path = folder / "images.npz"
    before = path.read_bytes()
    write(path, 3)
    assert "values: 0 to 48 here, 0 to 1 in training" in metabit("evaluate", folder / "run.npz")
    path.write_bytes(before)


def test_known_data_sets_are_not_looked_at_again(tmp_path):
    run = tmp_path / "run.npz"
    metabit("train", "--dataset", "iris", *NETWORK, "--out", run)
    assert "unlike the training data" not in metabit("evaluate", run)
