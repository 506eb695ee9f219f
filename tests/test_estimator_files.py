"""Fitted estimators as checkpoints, and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_iris
from typer.testing import CliRunner

from metabit import MetabitClassifier
from metabit.cli import app
from metabit.estimator_files import encoder_of_columns
from metabit.export.c_header import c_header
from metabit.golden.checkpoints.hardware import load_checkpoint
from metabit.golden.encoding.quantiles import Quantiles
from metabit.golden.errors import CheckpointError
from metabit.golden.state import network_sha256


def metabit(*arguments, status=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return " ".join(result.output.split())


X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])


@given(
    values=st.lists(
        st.lists(st.integers(-3, 3), min_size=4, max_size=4), min_size=3, max_size=30
    ).filter(lambda rows: len({tuple(row) for row in rows}) > 1),
    levels=st.integers(1, 9),
    dtype=st.sampled_from([np.float64, np.float32, np.int64]),
)
def test_the_encoder_of_a_checkpoint_gives_the_same_bits(values, levels, dtype):
    samples = np.array(values).astype(dtype) / dtype(3 if dtype is not np.int64 else 1)
    samples = samples.astype(dtype)
    quantiles = Quantiles(levels).fit(samples)
    again = encoder_of_columns(quantiles, samples.shape[1])
    assert again.bits(samples.shape[1:]) == len(quantiles.columns)
    np.testing.assert_array_equal(again.encode(samples), quantiles.encode(samples))


@pytest.mark.parametrize("labels", ["names", "objects", "numbers", "odd", "bool"])
def test_what_is_loaded_is_what_was_saved(tmp_path, labels):
    y = {
        "names": NAMES[Y],
        "objects": NAMES[Y].astype(object),
        "numbers": Y,
        "odd": 10 * Y - 5,
        "bool": Y > 0,
    }[labels]
    path = tmp_path / "net.npz"
    fitted = MetabitClassifier((16, 8), epochs=2, random_state=np.random.RandomState(5)).fit(X, y)
    fitted.save(path)
    loaded = MetabitClassifier.load(path)
    kept = fitted.get_params() | {"random_state": fitted.config_.seed}
    assert loaded.get_params() == kept
    assert loaded.classes_.dtype == fitted.classes_.dtype
    np.testing.assert_array_equal(loaded.classes_, fitted.classes_)
    np.testing.assert_array_equal(loaded.decision_function(X), fitted.decision_function(X))
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
    assert loaded.training_accuracy_ == fitted.training_accuracy_
    # It goes on as if nothing had been in between, and can be fitted anew.
    for _ in range(2):
        fitted.partial_fit(X[::-1], y[::-1])
        loaded.partial_fit(X[::-1], y[::-1])
    assert network_sha256(loaded.network_) == network_sha256(fitted.network_)
    assert loaded.training_accuracy_ == fitted.training_accuracy_
    fitted.set_params(**kept)
    state = network_sha256(loaded.fit(X, y).network_)
    assert state == network_sha256(fitted.fit(X, y).network_)


@pytest.mark.slow
def test_every_command_takes_it(tmp_path):
    run, data = tmp_path / "net.npz", tmp_path / "data.npz"
    fitted = MetabitClassifier(16, epochs=3).fit(X, NAMES[Y])
    fitted.save(run)
    np.savez(data, x=X, y=NAMES[Y])
    accuracy = f"test accuracy {100 * fitted.score(X, NAMES[Y]):.2f} %"
    assert accuracy in metabit("evaluate", run, "--dataset", data)
    assert network_sha256(fitted.network_) in metabit("inspect", run, "--no-plots")
    assert "small-spram" in metabit("plan", run)
    printed = metabit("simulate", run, "--dataset", data)
    assert accuracy in printed
    assert "device and host predict the same" in printed
    metabit("predict", run, "--dataset", data, "--out", tmp_path / "o.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "o.npy"), fitted.predict(X))
    assert "setosa" in c_header(load_checkpoint(run), "net").text
    printed = metabit("evaluate", run, status=1)
    assert "trained by the estimator, whose samples are in no file that it knows of" in printed
    metabit("train", "--resume", run, "--dataset", data, "--epochs", 5)
    assert len(load_checkpoint(run).record.history) == 5


def test_names_of_features_find_columns(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b", "c", "d"])
    fitted = MetabitClassifier(16, epochs=2).fit(frame, NAMES[Y])
    fitted.save(tmp_path / "net.npz")
    frame[["d", "b", "a", "c"]].to_csv(tmp_path / "new.csv", index=False)
    metabit(
        *("predict", tmp_path / "net.npz", "--dataset", tmp_path / "new.csv"),
        *("--out", tmp_path / "o.npy"),
    )
    np.testing.assert_array_equal(np.load(tmp_path / "o.npy"), fitted.predict(frame))
    loaded = MetabitClassifier.load(tmp_path / "net.npz")
    np.testing.assert_array_equal(loaded.predict(frame), fitted.predict(frame))
    with pytest.raises(ValueError, match="feature names should match"):
        loaded.predict(frame[["d", "b", "a", "c"]])


def test_images_and_their_encoder(tmp_path):
    images = np.random.default_rng(3).integers(0, 256, (60, 64))
    labels = np.arange(60) % 3
    fitted = MetabitClassifier(
        16, epochs=2, encoder="edges:d=1,t=8,c=0/3+median", image_shape=(8, 8)
    ).fit(images, labels)
    fitted.save(tmp_path / "net.npz")
    loaded = MetabitClassifier.load(tmp_path / "net.npz")
    assert loaded.image_shape == (8, 8)
    np.testing.assert_array_equal(loaded.predict(images), fitted.predict(images))
    assert load_checkpoint(tmp_path / "net.npz").record.seen.shape == (8, 8)


def test_a_run_is_loaded_as_an_estimator(tmp_path):
    path = tmp_path / "run.npz"
    metabit("train", "--epochs", 2, "--out", path)
    loaded = MetabitClassifier.load(path)
    from sklearn.datasets import load_digits

    images, _ = load_digits(return_X_y=True)
    network = load_checkpoint(path).network()
    bits = load_checkpoint(path).record.encoder_of("thermometer:0,4,8,12").encode(images)
    np.testing.assert_array_equal(loaded.predict(images), network.predict(bits))
    assert loaded.encoder == "thermometer:0,4,8,12"


def test_calls_on_other_numbers_of_samples(tmp_path):
    fitted = MetabitClassifier(16).partial_fit(X[::2], Y[::2], classes=[0, 1, 2])
    fitted.partial_fit(X, Y).save(tmp_path / "net.npz")
    record = load_checkpoint(tmp_path / "net.npz").record
    assert (record.epochs, record.samples, len(record.history)) == (1, 150, 1)
    loaded = MetabitClassifier.load(tmp_path / "net.npz")
    assert loaded.training_accuracy_ == fitted.training_accuracy_
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))


def test_what_cannot_be_saved_is_refused(tmp_path):
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        MetabitClassifier().save(tmp_path / "net.npz")
    samples = np.arange(600.0).reshape(-1, 1)
    fitted = MetabitClassifier(8, levels=300, epochs=1).fit(samples, samples[:, 0] > 99)
    with pytest.raises(CheckpointError, match="a feature has 300 thresholds, and a checkpoint"):
        fitted.save(tmp_path / "net.npz")
    with pytest.raises(CheckpointError, match="does not exist"):
        MetabitClassifier.load(tmp_path / "absent.npz")
