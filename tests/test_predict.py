"""`metabit predict`."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from metabit.cli import app
from metabit.golden.checkpoints.hardware import load_checkpoint
from metabit.golden.data.class_names import real_names
from metabit.golden.modes.registry import load_any_checkpoint
from metabit.golden.scores import scores_of
from metabit.hdl.shape import SHAPES
from tests.golden.rewriting import rewrite
from tests.host.model_device import ModelDevice

NETWORK = ("--hidden", 16, "--group", 8, "--epochs", 2)


def metabit(*arguments: object, status: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return " ".join(result.output.split())


@pytest.fixture
def plants(tmp_path: Path) -> Path:
    """A table that the network has been trained on, as run.npz beside it."""
    rng = np.random.default_rng(3)
    lines = ["kind,length,width,colour"]
    for _ in range(120):
        kind = int(rng.integers(3))
        length, width = rng.normal(3 * kind, 1), rng.normal(-2 * kind, 1)
        lines.append(f"k{kind},{length:.3f},{width:.3f},{'red' if kind else 'blue'}")
    path = tmp_path / "plants.csv"
    path.write_text("\n".join(lines))
    metabit(
        *("train", "--dataset", path, "--target", "kind", *NETWORK),
        *("--out", tmp_path / "run.npz"),
    )
    return path


@pytest.fixture
def own_npz(tmp_path: Path) -> Path:
    """Two noisy patterns of 24 bits, with classes."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 90)
    path = tmp_path / "own.npz"
    np.savez(path, x=(rng.random((2, 24)) < 0.5)[labels] ^ (rng.random((90, 24)) < 0.2), y=labels)
    return path


@pytest.fixture
def new(plants: Path) -> Path:
    """The same table without its classes, columns in another order, a cell missing."""
    rows = [line.split(",") for line in plants.read_text().split("\n")]
    rows = [[colour, width, length] for _, length, width, colour in rows[:31]]
    rows[4][1] = ""
    path = plants.with_name("new.csv")
    path.write_text("\n".join(map(",".join, rows)))
    return path


def expected(plants: Path) -> tuple[np.ndarray, np.ndarray]:
    """Scores and classes of the first rows of the table, as the training reader gives them."""
    from metabit.golden.data.datasets import load_dataset

    loaded = load_checkpoint(plants.with_name("run.npz"))
    record = loaded.record
    images = load_dataset(record.dataset, None, record.reading).images[:30]
    scores = scores_of(loaded.network(), record.encoder_of(loaded.config.encoder).encode(images))
    return scores, loaded.network().predict(record.encoder_of(loaded.config.encoder).encode(images))


def test_files_of_every_kind_say_the_same(plants: Path, new: Path, tmp_path: Path) -> None:
    scores, classes = expected(plants)
    names = [f"k{label}" for label in classes]
    names[3] = ""
    run = plants.with_name("run.npz")
    common = ("predict", run, "--dataset", new, "--missing", "drop", "--out")
    for ending in ("csv", "json", "npz"):
        metabit(*common, tmp_path / f"o.{ending}", "--scores")
    metabit(*common, tmp_path / "o.npy")
    with (tmp_path / "o.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["sample", "class", "score k0", "score k1", "score k2"]
    assert [row[1] for row in rows[1:]] == names
    assert rows[4] == ["3", "", "", "", ""]
    assert [int(cell) for cell in rows[1][2:]] == scores[0].tolist()
    results = json.loads((tmp_path / "o.json").read_text())
    assert results["predictions"] == [name or None for name in names]
    assert results["scores"][5] == scores[5].tolist()
    assert results["scores"][3] is None
    assert results["classes"] == ["k0", "k1", "k2"]
    assert np.load(tmp_path / "o.npy").tolist() == names
    with np.load(tmp_path / "o.npz") as arrays:
        assert arrays["predictions"].tolist() == names
        assert arrays["classes"].tolist() == [-1 if not n else int(n[1]) for n in names]
        np.testing.assert_array_equal(np.delete(arrays["scores"], 3, 0), np.delete(scores, 3, 0))


def test_the_screen_shows_names_labels_and_what_is_strange(plants: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.csv"
    new.write_text("kind,width,length,colour,more\nk9,500,1,blue,q\n")
    printed = metabit("predict", plants.with_name("run.npz"), "--dataset", new)
    assert "labels column kind is ignored" in printed
    assert "not used 1: more" in printed
    assert "unlike the training data: column width: 500 to 500 here" in printed
    assert "│ 0 │ k" in printed


def test_the_encoder_of_the_training_is_applied(plants: Path, tmp_path: Path) -> None:
    """Thresholds fitted to the new samples would tell other classes: all columns are shifted."""
    lines = [line.split(",") for line in plants.read_text().split("\n")]
    shifted = [[k, str(float(a) - 50), str(float(b) + 50), c] for k, a, b, c in lines[1:]]
    (tmp_path / "new.csv").write_text("\n".join(map(",".join, [lines[0], *shifted])))
    common = ("predict", plants.with_name("run.npz"), "--dataset", tmp_path / "new.csv")
    assert "same scale" not in metabit(*common, "--out", tmp_path / "o.npy")
    # No threshold is passed, or every one: two samples differ in their colour at most.
    assert len(set(np.load(tmp_path / "o.npy").tolist())) <= 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--dataset says where the new samples are"),
        (("--dataset", "n.csv", "--out", "o.txt"), "--out must end in .csv, .json, .npy, .npz"),
        (("--dataset", "n.csv", "--out", "o.npy", "--scores"), "holds one array, the classes"),
        (("--dataset", "n.csv", "--port", "X", "--simulate"), "--port means a board"),
        (("--dataset", "n.csv", "--out", "absent/o.csv"), "folder absent does not exist"),
        (("--dataset", "absent.csv"), "absent.csv does not exist"),
    ],
)
def test_what_is_wrong_is_said(plants: Path, arguments: tuple[str, ...], message: str) -> None:
    assert message in metabit("predict", plants.with_name("run.npz"), *arguments, status=1)


def test_a_board_predicts_the_same(
    plants: Path, new: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = plants.with_name("run.npz")
    device = ModelDevice(SHAPES["up5k"], load_checkpoint(run).config)
    monkeypatch.setattr("metabit.host.transport.SerialTransport", lambda *_: device)
    common = ("predict", run, "--dataset", new, "--missing", "drop", "--port", "X")
    assert "device up5k on X and host predict the same" in metabit(*common)
    # A board that is wrong is found out.
    monkeypatch.setattr(
        "metabit.host.driver.Driver.predict", lambda driver, samples: np.zeros(len(samples), int)
    )
    assert "the device predicts class" in metabit(*common, status=1)


def test_the_simulated_device_predicts_the_same(plants: Path, new: Path) -> None:
    printed = metabit(
        *("predict", plants.with_name("run.npz"), "--dataset", new, "--missing", "drop"),
        *("--device", "small-spram"),
    )
    assert "device small-spram simulated and host predict the same" in printed


def test_networks_of_the_paper_predict_on_the_host_alone(own_npz: Path, tmp_path: Path) -> None:
    run, out = tmp_path / "run.npz", tmp_path / "o.npz"
    options = ("--mode", "paper", "--encoder", "none", "--hidden", 12, "--group", 4)
    metabit("train", "--dataset", own_npz, *options, "--epochs", 2, "--out", run)
    printed = metabit("predict", run, "--dataset", own_npz, "--out", out, "--scores")
    assert "ignored y" in printed
    with np.load(own_npz) as data, np.load(out) as found:
        network = load_any_checkpoint(run).network()
        np.testing.assert_array_equal(found["classes"], network.predict(data["x"]))
        np.testing.assert_array_equal(found["scores"].argmax(axis=1), found["classes"])
    refused = metabit("predict", run, "--dataset", own_npz, "--simulate", status=1)
    assert "trained in mode paper, which no device has" in refused


def test_known_data_sets_have_names() -> None:
    assert real_names("fashion-mnist", 10)[9] == "boot"
    assert real_names("fashion-mnist", 10, tuple("abcdefghij"))[0] == "a"
    assert real_names("digits", 10) == ()
    assert real_names("own.csv", 2, ("0", "1")) == ()


def test_checkpoints_of_before_predict_without_a_range(plants: Path, new: Path) -> None:
    run = plants.with_name("run.npz")

    def as_version_5(record, arrays):
        record["version"] = 5
        del record["seen"]

    rewrite(run, as_version_5)
    printed = metabit("predict", run, "--dataset", new, "--missing", "drop")
    assert "range not compared: the checkpoint is of a version that did not keep it" in printed
