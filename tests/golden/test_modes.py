"""Modes: all that tells one rule from another is in one object, and a new one needs no other."""

import ast
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from metabit.cli import app
from metabit.golden.checkpoints.file import read_file
from metabit.golden.config import Config
from metabit.golden.configurations.named import named
from metabit.golden.data.datasets import load_dataset
from metabit.golden.data.training_data import adapt, prepare
from metabit.golden.errors import CheckpointError
from metabit.golden.modes.hardware import HardwareMode
from metabit.golden.modes.registry import MODES, load_any_checkpoint, mode_of
from metabit.plots.distributions import counters
from metabit.plots.subject import subject_of_run

ROOT = Path(__file__).parent.parent.parent

TYPES = {
    *("NetworkConfig", "Config", "PaperConfig", "BinaryNetwork", "Network", "PaperNetwork"),
    *("Saved", "Checkpoint", "PaperCheckpoint", "TrainingRun", "Run", "PaperRun"),
    *("PaperLearner", "GoldenLearner", "Engine"),
}
"""What nobody may ask for by type: that is what the mode is for."""


def metabit(*arguments, status=0):
    result = CliRunner().invoke(app, [str(word) for word in arguments])
    assert result.exit_code == status, result.output
    return " ".join(result.output.split())


@pytest.fixture
def own(tmp_path):
    """Three noisy patterns of 24 bits."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 160)
    patterns = rng.random((3, 24)) < 0.5
    path = tmp_path / "own.npz"
    np.savez(path, x=patterns[labels] ^ (rng.random((160, 24)) < 0.2), y=labels)
    return path


@pytest.fixture
def base(own):
    return adapt(named("tiny"), load_dataset(str(own)))


@pytest.mark.parametrize("name", MODES)
def test_a_mode_from_its_configuration_to_its_checkpoint_and_back(tmp_path, own, base, name):
    mode = MODES[name]
    config = mode.configure(base, 4)
    assert config.mode == name
    assert mode_of(config) is mode
    assert config.with_seed(7) == config.model_copy(update={"seed": 7})
    data = prepare(config, dataset=load_dataset(str(own)))
    whole = mode.start(config, data, 4, observe=False)
    whole.finish()

    half = mode.start(config, data, 4, observe=False)
    for _ in half.spans():
        if half.schedule.epoch == 3:
            break
    half.checkpoint().save(tmp_path / "half.npz")
    saved = load_any_checkpoint(tmp_path / "half.npz")
    assert saved.config == config
    assert mode_of(saved.config) is mode
    rest = mode.resume(saved, data)
    rest.finish()
    assert rest.state_sha256 == whole.state_sha256
    predictor = mode.predictor(whole.checkpoint(), "numpy")
    assert np.array_equal(predictor.predict(data.test), whole.network.predict(data.test))


@pytest.mark.parametrize("name", MODES)
def test_what_a_network_shows_belongs_together(own, base, name):
    mode = MODES[name]
    config = mode.configure(base, 1)
    run = mode.start(config, prepare(config, dataset=load_dataset(str(own))), 1)
    run.finish()
    network = run.network
    for layer, hidden in enumerate(network.hidden_weights()):
        found = network.distribution(layer)
        assert sum(found.histogram) == hidden.size
        assert (found.bin_width is None) == network.fixed_range
        counted = mode.histogram(config, hidden, 64)
        assert counted.counts.sum() == hidden.size
        assert counted.low <= mode.shown(hidden).min()
        codes = network.neuron_codes()[layer]
        assert codes.shape == (config.classes, config.hidden[layer])
        above = np.unpackbits(np.atleast_2d(network.signs()[layer])[0], count=hidden.size)
        assert np.array_equal(above.reshape(hidden.shape) == 1, hidden > 0)


class OneLayerConfig(Config):
    """The configuration of a planted mode."""

    @property
    def mode(self):
        return "planted"

    @property
    def brief(self):
        return "planted rule"


class PlantedMode(HardwareMode):
    """A mode that nothing but this file knows."""

    name = "planted"
    config_type = OneLayerConfig
    file_mode = "planted"
    epochs = 3
    stored = "pebble"

    def configure(self, base, epochs=None, **fields):
        return OneLayerConfig(**super().configure(base, epochs, **fields).model_dump())


def test_a_new_mode_is_one_object(tmp_path, own, monkeypatch):
    monkeypatch.setitem(MODES, "planted", PlantedMode())
    data = ("--dataset", own, "--mode", "planted")
    said = metabit("train", *data, "--plots", tmp_path / "plots", "--json", tmp_path / "t.json")
    results = json.loads((tmp_path / "t.json").read_text())
    assert results["mode"] == "planted"
    assert results["epochs"] == 3
    assert "8 bits" in said
    page = (tmp_path / "plots" / "index.html").read_text()
    assert "planted rule" in page
    metabit(
        *("sweep", *data, "--seeds", 1, "--jobs", 1),
        *("--out", tmp_path / "s.jsonl", "--json", tmp_path / "s.json"),
    )
    (line,) = json.loads((tmp_path / "s.json").read_text())["runs"]
    assert line["mode"] == "planted"
    # It trains by the hardware's rule, so that the results are the hardware's, too.
    same = ("train", "--dataset", own, "--epochs", 3, "--json", tmp_path / "h.json")
    metabit(*same)
    expected = json.loads((tmp_path / "h.json").read_text())["state_sha256"]
    assert results["state_sha256"] == expected


def test_pictures_use_a_modes_own_words(own, base, monkeypatch):
    mode = PlantedMode()
    monkeypatch.setitem(MODES, "planted", mode)
    config = mode.configure(base)
    run = mode.start(config, prepare(config, dataset=load_dataset(str(own))), 1)
    run.finish()
    figure = counters(subject_of_run(run))
    assert figure.get_suptitle().startswith("Pebbles: the weight is their sign")
    assert figure.axes[0].get_xlabel() == "pebble"


def test_there_is_no_such_mode(own, tmp_path):
    said = metabit("train", "--dataset", own, "--mode", "papers", status=1)
    assert "--mode must be one of hardware, paper, baldassi, bep, not 'papers'" in said


def test_a_file_of_an_unknown_mode(tmp_path, own, monkeypatch):
    from metabit.golden.modes import registry

    metabit("train", "--dataset", own, "--epochs", 1, "--out", tmp_path / "run.npz")

    def of_another(path):
        fields, arrays = read_file(path)
        return {**fields, "mode": "later"}, arrays

    monkeypatch.setattr(registry, "read_file", of_another)
    with pytest.raises(CheckpointError, match="of mode 'later'; known: hardware, paper"):
        load_any_checkpoint(tmp_path / "run.npz")


def asked_for_by_type(source: str) -> set[str]:
    """Return the types of :data:`TYPES` that a source tells apart with `isinstance` or `match`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        where: list[ast.AST] = []
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {
            "isinstance",
            "issubclass",
        }:
            where = [node.args[1]]
        elif isinstance(node, ast.MatchClass):
            where = [node.cls]
        for part in where:
            for name in ast.walk(part):
                found |= {getattr(name, "id", ""), getattr(name, "attr", "")} & TYPES
    return found


def test_nobody_asks_for_a_mode_by_type():
    for folder in ("golden", "hdl", "sim", "boards", "metabit"):
        for file in (ROOT / folder).rglob("*.py"):
            assert not asked_for_by_type(file.read_text()), file


@pytest.mark.parametrize(
    "source",
    [
        "isinstance(config, PaperConfig)",
        "isinstance(network, Network | str)",
        "issubclass(type(run), (int, runs.PaperRun))",
        "match saved:\n    case Checkpoint(): pass",
    ],
)
def test_who_does_is_found(source):
    assert asked_for_by_type(source)
