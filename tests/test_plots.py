"""Pictures of a training: what is on them, and where it comes from."""

import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.image import imread
from typer.testing import CliRunner

from metabit.cli import app
from metabit.golden.checkpoints.hardware import load_checkpoint
from metabit.golden.configurations.named import named, override
from metabit.golden.data.datasets import load_dataset
from metabit.golden.data.training_data import adapt, prepare
from metabit.golden.encoding.encoders import Encoder
from metabit.golden.paper.config import PaperConfig
from metabit.golden.paper.run import PaperRun
from metabit.golden.runs.observation import margins_of
from metabit.golden.runs.run import Run
from metabit.installation import install_command
from metabit.plots.curves import activity, learning_curve
from metabit.plots.distributions import confusion, counters, margins
from metabit.plots.fields import _Layout, class_fields, field_of, receptive_fields
from metabit.plots.maps import feature_maps
from metabit.plots.subject import guess_shape, subject_of_checkpoint, subject_of_run

EPOCHS = 3


def metabit(*arguments, status=0):
    result = CliRunner().invoke(app, [str(word) for word in arguments])
    assert result.exit_code == status, result.output
    return " ".join(result.output.split())


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Images of three classes, 8 x 8 pixels: a bright bar at one of three heights, in noise."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 180)
    images = rng.integers(0, 140, (180, 8, 8))
    for row in range(8):
        images[np.arange(180), row] += 100 * ((labels == row // 3)[:, None])
    path = tmp_path_factory.mktemp("own") / "bars.npz"
    np.savez(path, x=images.astype(np.uint8), y=labels)
    return path


ENCODER = "edges:d=1,t=8,c=0/4+thermometer:50,150"


@pytest.fixture(scope="module")
def run(own):
    dataset = load_dataset(str(own))
    config = override(named("tiny"), hidden=(14, 9), group=5, counter_bits=5)
    config = adapt(config, dataset, ENCODER)
    run = Run.start(config, prepare(config, dataset=dataset), EPOCHS)
    run.finish()
    return run


@pytest.fixture(scope="module")
def subject(run):
    return subject_of_run(run)


@pytest.fixture(scope="module")
def checkpoint(run, tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "run.npz"
    run.checkpoint().save(path)
    return path


def lines(axes):
    """Curves of at least two points, by colour."""
    return {line.get_color(): line.get_ydata() for line in axes.lines if len(line.get_xdata()) > 2}


def texts(figure):
    """All that is written on a figure."""
    FigureCanvasAgg(figure).draw()
    found = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        found += [text.get_text() for text in axes.texts]
        found += [axes.get_title(loc="left"), axes.get_xlabel(), axes.get_ylabel()]
    return " ".join([*found, figure.get_suptitle()])


def test_learning_curve(subject, run):
    figure = learning_curve(subject)
    first, second = figure.axes
    train, test = (line.get_ydata() for line in first.lines[:2])
    np.testing.assert_array_equal(train, 100 * np.array(run.schedule.accuracy))
    np.testing.assert_array_equal(test, 100 * np.array(run.test_accuracy))
    for layer, line in enumerate(second.lines):
        values = [100 * seen.layers[layer].accuracy for seen in run.observer.observations]
        np.testing.assert_array_equal(line.get_ydata(), values)
    written = texts(figure)
    assert f"test {100 * run.test_accuracy[-1]:.1f} %" in written
    assert "accuracy, %" in written
    assert f"tiny-custom, {run.network.config.inputs}-14-9-3, {ENCODER}, 5 bits" in written


def test_activity(subject, run):
    figure = activity(subject)
    seen = run.observer.observations
    samples, weights = run.schedule.samples, [14 * run.network.config.inputs, 9 * 14]
    for layer in range(2):
        for axes, expected in zip(
            figure.axes,
            (
                [100 * one.layers[layer].triggers / samples for one in seen],
                [one.layers[layer].updates / samples for one in seen],
                [100 * one.layers[layer].flips / weights[layer] for one in seen],
                [100 * one.layers[layer].saturated / weights[layer] for one in seen],
            ),
            strict=True,
        ):
            np.testing.assert_allclose(axes.lines[layer].get_ydata(), expected, rtol=1e-12)


def test_counters(subject, run):
    figure = counters(subject)
    for layer, values in enumerate(run.network.counters):
        bars = figure.axes[2 * layer].patches
        assert [bar.get_x() for bar in bars] == list(range(-16, 16))
        expected = np.bincount(values.reshape(-1) + 16, minlength=32) * 100 / values.size
        np.testing.assert_allclose([bar.get_height() for bar in bars], expected)
    assert f"{9 * 14} counters" in texts(figure)


def test_margins(subject, run):
    figure = margins(subject)
    for layer, threshold in enumerate(run.network.config.margin_threshold):
        axes = figure.axes[2 * layer]
        heights = sum(bar.get_height() for bar in axes.patches)
        assert heights == pytest.approx(100)
        assert f"updates below {threshold}" in [t.get_text() for t in axes.get_legend().texts]
        scores = run.network.forward(run.data.test).scores[layer]
        values = margins_of(scores, run.data.test_labels)
        wrong = scores.argmax(axis=1) != run.data.test_labels
        share = 100 * np.mean(wrong | (values < threshold))
        assert f"would trigger {share:.1f} %" in texts(figure)


def test_margins_of_two_classes_by_the_papers_rule(own):
    """The rule compares the difference of the two scores, whatever the number of classes."""
    dataset = load_dataset(str(own))
    two = replace(dataset, labels=dataset.labels % 2, classes=2)
    network = {"hidden": (15,), "group": 5, "classes": 2, "epochs": 2}
    inputs = Encoder(ENCODER).bits((8, 8))
    config = PaperConfig(encoder=ENCODER, inputs=inputs, **network)
    data = prepare(config, dataset=two)
    run = PaperRun.start(config, data)
    run.finish()
    figure = margins(subject_of_run(run))
    (threshold,) = config.margin_threshold
    result = run.network.forward(data.test)
    share = 100 * np.mean(run.network._triggered(0, result, data.test_labels))
    legend = [text.get_text() for text in figure.axes[0].get_legend().texts]
    assert f"updates below {threshold}" in legend
    assert f"would trigger {share:.1f} %" in texts(figure)


def test_confusion(subject, run):
    figure = confusion(subject, subject.tested)
    predictions = run.network.predict(run.data.test)
    axes = figure.axes[0]
    written = {text.get_position(): int(text.get_text()) for text in axes.texts}
    for true in range(3):
        for predicted in range(3):
            count = np.sum((run.data.test_labels == true) & (predictions == predicted))
            assert written.get((predicted, true), 0) == count
    assert f"{100 * run.test_accuracy[-1]:.2f} % of 30 test samples right" in texts(figure)


def test_a_field_is_the_hidden_weights(subject, run):
    hidden = [2 * values.astype(int) + 1 for values in run.network.counters]
    np.testing.assert_array_equal(field_of(subject, 0), hidden[0])
    expected = np.sign(hidden[1]) @ hidden[0] / 14
    np.testing.assert_allclose(field_of(subject, 1), expected)


def test_receptive_fields(subject, run):
    figure = receptive_fields(subject, 0, [2, 13, 14])
    maps = feature_maps(run.data.encoder, (8, 8))
    images = figure.axes[0].images
    assert len(images) == 2 * len(maps) == 20
    hidden = 2 * run.network.counters[0][13].astype(int) + 1
    for image, feature_map in zip(images[10:], maps, strict=True):
        np.testing.assert_array_equal(image.get_array(), hidden[feature_map.indices])
    code = "".join(str(label) for label in range(3) if run.network.classifier[0][label, 13])
    assert f"neuron 13 for {code or 'none'}" in " ".join(texts(figure).split())
    assert "2 of 14 neurons" in texts(figure)


def test_class_fields(subject, run):
    images = class_fields(subject).axes[0].images
    assert len(images) == 3 * 10
    code = np.where(run.network.classifier[0], 1, -1)[1]
    expected = code @ (2 * run.network.counters[0].astype(int) + 1) / 14
    maps = feature_maps(run.data.encoder, (8, 8))
    for image, feature_map in zip(images[10:20], maps, strict=True):
        np.testing.assert_allclose(image.get_array(), expected[feature_map.indices])


@pytest.mark.parametrize(
    ("spec", "shape", "shapes"),
    [
        (ENCODER, (8, 8), [(2, 2)] * 8 + [(8, 8)] * 2),
        ("edges-1568", (28, 28), [(7, 7)] * 16 + [(28, 28)]),
        ("median", (28, 28), [(28, 28)]),
        ("thermometer:0,4,8,12", (8, 8), [(8, 8)] * 4),
        ("none", (1000,), [(32, 32)]),
        ("thermometer:1", (4, 6, 3), [(4, 6)] * 3),
        ("distributive:5", (4,), [(4, 5)]),
        ("distributive:5,n=3", (7,), [(3, 5), (2, 2)]),
    ],
)
def test_maps_hold_every_bit_once(spec, shape, shapes):
    encoder = Encoder(spec)
    maps = feature_maps(encoder, shape)
    assert [feature_map.indices.shape for feature_map in maps] == shapes
    indices = np.concatenate([feature_map.indices.reshape(-1) for feature_map in maps])
    np.testing.assert_array_equal(np.sort(indices[indices >= 0]), np.arange(encoder.bits(shape)))


def test_maps_show_a_bit_where_it_comes_from():
    """A bright spot lights the bits of its cell and its pixel, and only those."""
    encoder = Encoder("edges:d=1,t=8,c=0+thermometer:50")
    image = np.zeros((1, 12, 8), np.uint8)
    image[0, 6, 5] = 200
    bits = encoder.encode(image)[0]
    *edges, pixels = feature_maps(encoder, (12, 8))
    assert {feature_map.name for feature_map in edges} == {
        f"darker {arrow}\n> 0 of 16" for arrow in "→←↓↑"
    }
    for feature_map in edges:
        np.testing.assert_array_equal(np.argwhere(feature_map.image(bits)), [[1, 1]])
    np.testing.assert_array_equal(np.argwhere(pixels.image(bits)), [[6, 5]])
    # The edge to its right is in another cell than the spot if that cell ends with the spot.
    image[0, 6, 5], image[0, 6, 4] = 0, 200
    bits = encoder.encode(image)[0]
    cells = {m.name[:8]: np.argwhere(m.image(bits)).tolist() for m in edges}
    assert cells["darker →"] == [[1, 1]]
    assert cells["darker ←"] == [[1, 0]]


@pytest.mark.parametrize(
    ("spec", "inputs", "shape"),
    [
        ("edges-1568", 1568, (28, 28)),
        ("thermometer:0,4,8,12", 256, (8, 8)),
        ("none", 1000, (1000,)),
    ],
)
def test_shapes_are_guessed_without_the_data(spec, inputs, shape):
    assert guess_shape(Encoder(spec), inputs) == shape


def test_a_checkpoint_shows_what_its_run_showed(subject, checkpoint, own, tmp_path):
    again, missing = subject_of_checkpoint(load_checkpoint(checkpoint))
    assert missing is None
    assert again.observations == subject.observations
    np.testing.assert_array_equal(again.tested.predictions, subject.tested.predictions)
    assert again.title == subject.title


def test_train_draws_and_does_not_train_otherwise(tmp_path, own):
    """Recording and drawing leave the training as it is, to the last bit."""
    options = ("train", "--dataset", own, "--hidden", "12,8", "--group", 4, "--epochs", 2)
    plain, drawn, folder = tmp_path / "a.json", tmp_path / "b.json", tmp_path / "p" / "q"
    metabit(*options, "--json", plain)
    printed = metabit(*options, "--json", drawn, "--plots", folder)
    states = [json.loads(path.read_text())["state_sha256"] for path in (plain, drawn)]
    assert states[0] == states[1]
    names = ["activity", "class_fields", "confusion", "counters", "fields_0", "fields_1"]
    names += ["learning_curve", "margins"]
    assert sorted(path.stem for path in folder.glob("*.png")) == names
    assert f"open {folder}/index.html" in printed
    page = (folder / "index.html").read_text()
    assert sorted(re.findall(r'<img src="(\w+).png"', page)) == names
    for path in folder.glob("*.png"):
        height, width, _ = imread(path).shape
        assert 300 < height < 3000
        assert 500 < width < 3000


def test_train_draws_every_seed(tmp_path, own):
    options = ("--dataset", own, "--hidden", "4", "--group", 4, "--epochs", 1, "--seeds", 2)
    metabit("train", *options, "--plots", tmp_path / "p")
    assert {path.name for path in (tmp_path / "p").iterdir()} == {"seed-0", "seed-1"}


def test_train_refuses_a_file_as_folder(tmp_path):
    (tmp_path / "file").touch()
    printed = metabit("train", "--plots", tmp_path / "file", status=1)
    assert printed.endswith("file: File exists")


def test_inspect(tmp_path, checkpoint, run):
    report = tmp_path / "a.json"
    printed = metabit("inspect", checkpoint, "--json", report, "--neurons", "3,10-12")
    assert run.network.config.name in printed
    assert "3 epochs, finished" in printed
    last = run.observer.observations[-1].layers
    percent = 100 * last[1].triggers / run.schedule.samples
    assert re.search(rf" 1 {percent:.2f} [0-9. ]+ {last[1].margins[2]}\b", printed)
    assert (checkpoint.parent / "run-plots" / "fields_1.png").exists()
    results = json.loads(report.read_text())
    assert results["test_accuracy_per_epoch"] == run.test_accuracy
    seen = [one.model_dump(mode="json") for one in run.observer.observations]
    assert results["observations"] == seen


def test_inspect_without_its_data(tmp_path, own, run):
    """What cannot be known is left out, and said to be."""
    moved = own.with_name("moved.npz")
    path = tmp_path / "run.npz"
    run.checkpoint().save(path)
    own.rename(moved)
    try:
        printed = metabit("inspect", path)
    finally:
        moved.rename(own)
    assert "no confusion matrix and no margins of all test samples" in printed
    assert "bars.npz, which is not there" in printed
    names = {picture.stem for picture in (tmp_path / "run-plots").glob("*.png")}
    assert "confusion" not in names
    assert {"margins", "fields_0", "fields_1", "learning_curve"} <= names


def test_inspect_a_run_that_has_hardly_begun(tmp_path, own, monkeypatch):
    monkeypatch.setattr("metabit.golden.schedule.SPAN", 4)
    dataset = load_dataset(str(own))
    config = adapt(override(named("tiny"), hidden=(4,), group=4), dataset, "median")
    begun = Run.start(config, prepare(config, dataset=dataset), EPOCHS)
    next(begun.spans())
    begun.checkpoint().save(tmp_path / "run.npz")
    printed = metabit("inspect", tmp_path / "run.npz")
    assert "epoch 1 of 3, sample 32 of 150" in printed
    names = {picture.stem for picture in (tmp_path / "run-plots").glob("*.png")}
    assert names == {"counters", "margins", "confusion", "class_fields", "fields_0"}


def test_classes_of_a_table_have_their_names(tmp_path):
    rows = [f"{number},{number % 7},{'even' if number % 2 else 'odd'}" for number in range(60)]
    path = tmp_path / "own.csv"
    path.write_text("\n".join(["a,b,kind", *rows]) + "\n")
    out = tmp_path / "run.npz"
    network = ("--encoder", "distributive:4", "--hidden", 4, "--group", 4)
    metabit("train", "--dataset", path, "--epochs", 1, *network, "--out", out)
    again, missing = subject_of_checkpoint(load_checkpoint(out))
    assert missing is None
    assert sorted(again.class_names) == ["even", "odd"]
    labels = [
        label.get_text() for label in confusion(again, again.tested).axes[0].get_yticklabels()
    ]
    assert labels == again.class_names


@pytest.mark.parametrize("mode", ["paper", "baldassi"])
def test_paper_mode(tmp_path, own, mode):
    options = ("--dataset", own, "--hidden", "12", "--group", 3, "--epochs", 2, "--mode", mode)
    folder, out = tmp_path / "p", tmp_path / "run.npz"
    metabit("train", *options, "--encoder", "median", "--plots", folder, "--out", out)
    names = {"learning_curve", "activity", "counters", "margins", "confusion"}
    names |= {"class_fields", "fields_0"}
    assert {picture.stem for picture in folder.glob("*.png")} == names
    printed = metabit("inspect", out)
    assert f"mode {mode}" in printed
    assert "layer triggers updates flips zero median" in printed
    assert {picture.stem for picture in (tmp_path / "run-plots").glob("*.png")} == names


@pytest.mark.parametrize(("clip", "shown"), [(0, "zeros"), (30, "saturated")])
def test_what_moved_in_paper_mode(own, clip, shown):
    dataset = load_dataset(str(own))
    config = PaperConfig(
        dataset=str(own),
        encoder="median",
        inputs=64,
        classes=3,
        hidden=(12, 8),
        group=4,
        batch=30,
        epochs=3,
        weight_clip=clip,
    )
    run = PaperRun.start(config, prepare(config, dataset=dataset))
    run.finish()
    subject, seen = subject_of_run(run), run.observer.observations
    for layer, weights in enumerate((12 * 64, 8 * 12)):
        for axes, name in zip(activity(subject).axes[2:], ("flips", shown), strict=True):
            counts = [getattr(one.layers[layer], name) for one in seen]
            expected = [100 * count / weights for count in counts]
            np.testing.assert_allclose(axes.lines[layer].get_ydata(), expected, rtol=1e-12)
        # The histograms of all epochs, in bins of the widest, cover all weights.
        axes = counters(subject).axes[2 * layer + 1]
        assert axes.get_xlabel() == "epoch"
        widest = max(one.layers[layer].bin_width for one in seen)
        shares = axes.collections[0].get_array().reshape(128, 3)
        hidden = run.network.hidden[layer]
        expected, _ = np.histogram(hidden, bins=128, range=(-64 * widest, 64 * widest))
        np.testing.assert_allclose(shares[:, -1], 100 * expected / weights)
        np.testing.assert_allclose(shares.sum(axis=0), 100)
    written = texts(activity(subject)) + texts(counters(subject))
    assert ("Zero: weights" in written) == (not clip)
    assert ("at the weight clip" in written) == bool(clip)
    assert ("lie outside" in written) == (not clip)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--neurons", "x"], "--neurons must be numbers and ranges, e.g. 0-15,40, not 'x'"),
        (["--neurons", "5-3"], "--neurons must be numbers and ranges"),
        (["--neurons", "14"], "--neurons must be below 14, the widest layer, not 14"),
        (["--plots", "x", "--no-plots"], "--plots and --no-plots contradict each other"),
    ],
)
def test_mistakes_are_one_line(checkpoint, arguments, message):
    assert message in metabit("inspect", checkpoint, *arguments, status=1)


def test_without_matplotlib_it_is_said_before_training(tmp_path, own):
    program = "import sys; sys.modules['matplotlib'] = None\nfrom metabit.cli import app; app()"
    words = ["train", "--plots", str(tmp_path / "p")]
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"run: {install_command('plot')}" in done.stderr


@given(count=st.integers(1, 70), depth=st.integers(1, 130))
def test_no_map_covers_another(count, depth):
    layout = _Layout.of(count, depth)
    places = [layout.place(number, index) for number in range(count) for index in range(depth)]
    right, bottom = layout.extent
    for x, y in places:
        assert layout.left <= x <= right - 1
        assert layout.names <= y <= bottom - 1
    # In any line, maps are a whole map apart; lines are, too.
    lines = {}
    for x, y in places:
        lines.setdefault(round(y, 6), []).append(x)
    for line in lines.values():
        assert np.all(np.diff(sorted(line)) > 1)
    assert np.all(np.diff(sorted(lines)) > 1)
