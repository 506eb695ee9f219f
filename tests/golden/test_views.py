"""Views: what they are, drawn and learnt; runs with views stop, go on, and simulate like others."""

import json
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from typer.testing import CliRunner

from metabit.cli import app
from metabit.estimator import MetabitClassifier
from metabit.golden import views
from metabit.golden.checkpoints.hardware import load_checkpoint
from metabit.golden.configurations.named import named, override
from metabit.golden.data.datasets import load_dataset
from metabit.golden.data.training_data import prepare
from metabit.golden.encoding import encoders, shifts
from metabit.golden.encoding.encoders import Encoder
from metabit.golden.encoding.shifts import SHIFTS, view_of
from metabit.golden.errors import DataError
from metabit.golden.generator import Generator
from metabit.golden.learner import GoldenLearner
from metabit.golden.network import Network
from metabit.golden.runs.run import Run
from metabit.golden.schedule import Schedule
from metabit.golden.scores import predictions_of, scores_of
from metabit.golden.streams import derive, permutation
from metabit.golden.views import WEIGHTS, drawn_views
from tests.hdl.planted import plant

SMALL = override(named("tiny"), hidden=(16,), group=8, views=5)
OPTIONS = ("--config", "tiny", "--hidden", "16", "--group", "8", "--views", "5", "--epochs", "2")


def metabit(*arguments, status=0):
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == status, result.output
    return " ".join(result.output.split())


def moved(image, down, right):
    """A view pixel by pixel: the border is repeated."""
    height, width = image.shape[:2]
    found = np.empty_like(image)
    for y in range(height):
        for x in range(width):
            from_y = min(max(y - down, 0), height - 1)
            from_x = min(max(x - right, 0), width - 1)
            found[y, x] = image[from_y, from_x]
    return found


@pytest.mark.parametrize("shape", [(5, 7), (1, 6), (6, 5, 3)])
def test_views(shape):
    images = np.random.default_rng(1).integers(0, 256, (4, *shape), np.uint8)
    for view, shift in enumerate(SHIFTS):
        found = view_of(images, view)
        for image, original in zip(found, images, strict=True):
            np.testing.assert_array_equal(image, moved(original, *shift))
    if len(shape) == 3:
        first = images.transpose(0, 3, 1, 2)
        np.testing.assert_array_equal(view_of(first, 2).transpose(0, 2, 3, 1), view_of(images, 2))


def test_views_are_stacked():
    images = np.random.default_rng(2).integers(0, 3, (4, 3, 3))
    bits = Encoder("thermometer:0").encode(images, 5)
    for view in range(5):
        np.testing.assert_array_equal(
            bits[4 * view : 4 * view + 4], view_of(images, view).reshape(4, -1) > 0
        )


def test_draws():
    found = drawn_views(3, 2, 700)
    draws = Generator(derive(3, "views/2")).draw(700)
    table = [0, 0, 0, 1, 2, 3, 4]
    assert found.tolist() == [table[7 * int(draw) >> 32] for draw in draws]
    counts = Counter(drawn_views(0, 1, 70_000).tolist())
    assert all(abs(counts[view] - (30_000 if view == 0 else 10_000)) < 400 for view in range(5))


def test_the_schedule_draws_a_view_for_each_sample():
    schedule = Schedule(SMALL, 50, 2)
    for epoch in (1, 2):
        step = schedule.step()
        np.testing.assert_array_equal(step.indices % 50, permutation(0, f"order/{epoch}", 50))
        np.testing.assert_array_equal(step.indices // 50, drawn_views(0, epoch, 50))
        schedule.advance(0, step.tiles)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_training_is_that_of_the_views_that_were_drawn(engine):
    if engine == "numba":
        pytest.importorskip("numba", reason="the extra 'fast' is not installed")
    run = Run.start(SMALL, prepare(SMALL), 2, engine=engine)
    run.finish()
    data = prepare(override(SMALL, views=1))
    network = Network(override(SMALL, views=1))
    schedule = Schedule(SMALL, data.samples, 2)
    images, labels = data.split.images, data.split.labels
    for step in schedule:
        samples, drawn = step.indices % len(images), step.indices // len(images)
        seen = np.array([moved(images[i], *SHIFTS[v]) for i, v in zip(samples, drawn, strict=True)])
        own = data.encoder.encode(seen)
        options = {"annealing": step.annealing, "damping": step.damping}
        learner = GoldenLearner(network)
        predictions = learner.train_tiles(
            learner.pack(own), labels[samples], np.arange(len(own)), **options
        )
        schedule.advance(int(np.count_nonzero(predictions != labels[samples])), step.tiles)
    assert run.state_sha256 == network.state_sha256
    scores = [
        scores_of(run.network, data.encoder.encode(view_of(data.split.test_images, view)))
        for view in range(5)
    ]
    expected = sum(w * s for w, s in zip(WEIGHTS, scores, strict=True)).argmax(axis=1)
    np.testing.assert_array_equal(predictions_of(run.network, run.data.test_views), expected)
    assert run.accuracy_of_views() == np.mean(expected == data.test_labels)


def test_the_same_from_every_stop(tmp_path):
    whole = Run.start(SMALL, prepare(SMALL), 2)
    states = []
    for _ in whole.spans():
        whole.checkpoint().save(tmp_path / f"{len(states)}.npz")
        states.append(whole.state_sha256)
    for first, second in pairwise(range(len(states))):
        resumed = Run.resume(load_checkpoint(tmp_path / f"{first}.npz"), prepare(SMALL))
        next(iter(resumed.spans()))
        assert resumed.state_sha256 == states[second]


def test_commands(tmp_path):
    run, results = tmp_path / "run.npz", tmp_path / "results.json"
    printed = metabit("train", *OPTIONS, "--out", run, "--json", results)
    found = json.loads(results.read_text())
    one, every = (f"{100 * found[n]:.2f} %" for n in ("test_accuracy", "test_accuracy_views"))
    assert f"test accuracy {one}, {every} by all views" in printed
    assert f"test accuracy {one}, {every} by all views" in metabit("evaluate", run)
    checkpoint = load_checkpoint(run)
    data = load_dataset("digits")
    np.savez(tmp_path / "new.npz", x=data.images[:300])
    out = tmp_path / "classes.npz"
    printed = metabit("predict", run, "--dataset", tmp_path / "new.npz", "--out", out)
    assert "judged in 5 views of each sample" in printed
    encode = checkpoint.record.encoder_of(checkpoint.config.encoder).encode
    samples = [encode(view_of(data.images[:300], view)) for view in range(5)]
    with np.load(out) as arrays:
        found = arrays["classes"]
    np.testing.assert_array_equal(found, predictions_of(checkpoint.network(), samples))
    assert (found != predictions_of(checkpoint.network(), samples[:1])).any()
    said = metabit("export", run, "--format", "c", "--out", tmp_path / "run.h")
    assert "judges one view of a sample; metabit predict judges 5" in said
    metabit("train", "--resume", run, "--epochs", "3", "--out", tmp_path / "longer.npz")
    printed = metabit("train", *OPTIONS, "--seeds", 2, "--json", results)
    assert "by all views over 2 seeds" in printed
    assert "test_accuracy_views_std" in json.loads(results.read_text())


def test_what_has_no_views():
    message = "5 views are moved by a pixel, and samples of 4 are no images: leave --views out"
    printed = metabit("train", *OPTIONS, "--dataset", "iris", status=1)
    assert message in printed
    # Only what was asked for is refused: the views of a configuration are those of images.
    printed = metabit("train", "--config", "up5k", "--dataset", "iris", "--epochs", "1")
    assert "views" not in printed
    assert "views 5" in metabit("train", *OPTIONS)
    with pytest.raises(DataError, match="samples of 9 x 9 x 9 are no images"):
        Encoder("thermometer:0").encode(np.zeros((1, 9, 9, 9)), 5)
    printed = metabit("train", "--config", "tiny", "--views", "3", status=1)
    assert "views must be one of 1, 5" in printed or "views must be 1 or 5" in printed


def test_the_estimator(tmp_path):
    data = load_dataset("digits")
    X, y = data.images.reshape(len(data.images), -1), data.labels
    options = {"encoder": "thermometer:0,4,8,12", "image_shape": (8, 8), "epochs": 2}
    classifier = MetabitClassifier(16, group=8, views=5, **options).fit(X[:900], y[:900])
    encode = classifier.encoder_.encode
    views_of = [encode(view_of(data.images[900:], view)) for view in range(5)]
    expected = predictions_of(classifier.network_, views_of)
    np.testing.assert_array_equal(classifier.predict(X[900:]), expected)
    classifier.save(tmp_path / "saved.npz")
    again = MetabitClassifier.load(tmp_path / "saved.npz")
    np.testing.assert_array_equal(again.predict(X[900:]), expected)
    with pytest.raises(DataError, match="no images"):
        MetabitClassifier(16, group=8, views=5).fit(X[:90], y[:90])


def test_selection_sees_views():
    config = override(SMALL, encoder="select:40:thermometer:0,4,8,12", inputs=40)
    chosen = [prepare(override(config, views=n)).encoder.selection for n in (1, 5)]
    assert chosen[0] != chosen[1]


def test_planted_mistakes_in_stacked_views_are_noticed(monkeypatch):
    planted = plant(views, ("yield encode(view_of(images, view))", "yield encode(images)"))
    monkeypatch.setattr(encoders, "each_view", planted.each_view)
    with pytest.raises(AssertionError):
        test_views_are_stacked()


@pytest.mark.parametrize(
    ("module", "name", "right", "wrong"),
    [
        (shifts, "view_of", "np.arange(height) - down", "np.arange(height) + down"),
        (views, "drawn_views", "(0, 0, 0, 1, 2, 3, 4)", "(0, 0, 1, 1, 2, 3, 4)"),
    ],
)
def test_planted_mistakes_are_noticed(monkeypatch, module, name, right, wrong):
    monkeypatch.setitem(globals(), name, getattr(plant(module, (right, wrong)), name))

    def everything():
        test_views((5, 7))
        test_draws()

    with pytest.raises(AssertionError):
        everything()
