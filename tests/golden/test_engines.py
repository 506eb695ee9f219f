"""Runs that use one engine or the other, or both."""

import builtins
import itertools
import json
import threading

import numpy as np
import pytest
from typer.testing import CliRunner

from metabit.cli import app
from metabit.golden.checkpoints.hardware import load_checkpoint, save_checkpoint
from metabit.golden.config import Config
from metabit.golden.configurations.named import override
from metabit.golden.data.datasets import load_dataset
from metabit.golden.data.training_data import adapt, prepare
from metabit.golden.engines import ENGINES, WORTHWHILE, choose_engine, make_learner
from metabit.golden.errors import ConfigurationError
from metabit.golden.network import Network
from metabit.golden.runs.run import Run
from metabit.golden.state import network_sha256

CONFIG = Config(
    inputs=1, hidden=(20, 12), group=4, margin=0.5, annealing=(0.4, 0.7), tile=3, seed=3
)


@pytest.fixture(params=[0, 1])
def data(own_npz, request, short_spans):
    dataset = load_dataset(str(own_npz))
    config = override(adapt(CONFIG, dataset), lag=request.param)
    return config, prepare(config, dataset=dataset)


@pytest.fixture
def numba():
    return pytest.importorskip("numba", reason="the extra 'fast' is not installed")


def outcome(run):
    record = run.checkpoint().record
    return record.model_dump(exclude={"seconds"})


def test_a_run_is_the_same_with_either_engine(data, numba):
    config, prepared = data
    runs = [Run.start(config, prepared, 4, engine=engine) for engine in ("numpy", "numba")]
    for run in runs:
        run.finish()
    assert outcome(runs[0]) == outcome(runs[1])
    assert runs[1].engine == "numba"
    assert runs[1].schedule.history[0] > runs[1].schedule.history[-1] > 0
    assert min(runs[1].network.statistics.updates) > 0


@pytest.mark.parametrize("first", ["numpy", "numba"])
def test_either_engine_goes_on_where_the_other_stopped(data, numba, tmp_path, first):
    """A checkpoint after every few spans, amid epochs, and the engines in turn."""
    config, prepared = data
    whole = Run.start(config, prepared, 3)
    whole.finish()
    run, path, turns = Run.start(config, prepared, 3, engine=first), tmp_path / "run.npz", 0
    inside = set()
    while not run.schedule.done:
        for _ in itertools.islice(run.spans(), 5):
            pass
        save_checkpoint(path, run.checkpoint())
        inside.add(run.schedule.sample)
        turns += 1
        other = "numpy" if run.engine == "numba" else "numba"
        run = Run.resume(load_checkpoint(path), prepared, engine=other)
    assert turns > 3
    assert len(inside) > 2
    assert outcome(run) == outcome(whole)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_every_learner_is_given_whole_spans(data, numba, engine):
    config, prepared = data
    run = Run.start(config, prepared, 2, engine=engine)
    steps = [result.step for result in run.spans()]
    assert len(prepared.train) == 200
    # Epochs of 67 tiles of 3 samples.
    spans = [(tile, 4, False) for tile in range(0, 64, 4)] + [(64, 3, True)]
    assert [(step.epoch, step.tile, step.tiles, step.last) for step in steps] == [
        (epoch, *span) for epoch in (1, 2) for span in spans
    ]
    assert sum(len(step.indices) for step in steps) == 400


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_who_asks_after_every_few_tiles_changes_nothing(data, numba, engine):
    config, prepared = data
    whole = Run.start(config, prepared, 3)
    whole.finish()
    run, rng, within = Run.start(config, prepared, 3, engine=engine), np.random.default_rng(6), 0
    for result in run.spans():
        assert run.most_tiles is None or result.step.tiles <= run.most_tiles
        within += not result.step.drains
        if run.schedule.resumable:
            run.checkpoint()
        run.most_tiles = [None, 1, 2, 3][rng.integers(4)]
    assert within > 50
    assert outcome(run) == outcome(whole)
    assert run.test_predictions.tolist() == whole.network.predict(prepared.test).tolist()


def test_engines_work_side_by_side(data, numba):
    """Each in a thread of its own: nothing is shared, and the interpreter's lock is not held."""
    config, prepared = data
    expected, found = {}, {}

    def train(seed, engine, results):
        run = Run.start(config.model_copy(update={"seed": seed}), prepared, 3, engine=engine)
        run.finish()
        results[seed] = network_sha256(run.network)

    threads = [threading.Thread(target=train, args=(seed, "numba", found)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(4):
        train(seed, "numpy", expected)
    assert found == expected
    assert len(set(found.values())) == 4


def test_auto_takes_the_compiled_engine_where_it_pays(numba):
    assert choose_engine("auto", WORTHWHILE) == "numba"
    assert choose_engine("auto", WORTHWHILE - 1) == "numpy"
    assert choose_engine("numpy", 10 * WORTHWHILE) == "numpy"
    assert choose_engine("numba", 1) == "numba"
    with pytest.raises(
        ConfigurationError, match="engine must be one of auto, numpy, numba, not 'cuda'"
    ):
        choose_engine("cuda", 1)
    assert ENGINES == ("auto", "numpy", "numba")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            ModuleNotFoundError("No module named 'numba'", name="numba"),
            r"engine numba needs the package numba; run: .*\[fast\]",
        ),
        (ImportError("Numba needs NumPy 2.4 or less"), "engine numba cannot be used: Numba needs"),
    ],
)
def test_without_numba(monkeypatch, error, message):
    real = builtins.__import__

    def refuse(name, *arguments, **options):
        if name == "numba":
            raise error
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert choose_engine("auto", WORTHWHILE) == "numpy"
    assert choose_engine("numpy", WORTHWHILE) == "numpy"
    with pytest.raises(ConfigurationError, match=message):
        choose_engine("numba", 1)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_learners_predict_alike(engine, numba):
    network = Network(CONFIG.model_copy(update={"inputs": 9}))
    samples = np.random.default_rng(0).random((50, 9)) < 0.5
    expected = network.predict(samples)
    learner = make_learner(network, engine)
    assert learner.network is network
    np.testing.assert_array_equal(learner.predict(samples), expected)


def metabit(*arguments, status=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return result.output


def test_commands_take_an_engine(tmp_path, numba):
    out, report = tmp_path / "run.npz", tmp_path / "train.json"
    metabit("train", "--epochs", 2, "--engine", "numba", "--out", out, "--json", report)
    results = json.loads(report.read_text())
    assert results["engine"] == "numba"
    tested = [metabit("evaluate", out, "--engine", engine) for engine in ENGINES]
    assert tested[0] == tested[1] == tested[2]
    assert f"{results['test_accuracy'] * 100:.2f} %" in tested[0]


def test_small_trainings_do_not_wait_for_the_compiler(tmp_path):
    report = tmp_path / "train.json"
    metabit("train", "--epochs", 1, "--json", report)
    assert json.loads(report.read_text())["engine"] == "numpy"


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_unknown_engine(command, tmp_path):
    out = tmp_path / "run.npz"
    metabit("train", "--epochs", 1, "--out", out)
    arguments = ("evaluate", out) if command == "evaluate" else ("train",)
    expected = "error: engine must be one of auto, numpy, numba, not 'gpu'\n"
    assert metabit(*arguments, "--engine", "gpu", status=1) == expected
