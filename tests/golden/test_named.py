"""Named configurations, configurations from files, and what is said about wrong ones."""

import json

import pytest

from metabit.golden.configurations.named import NAMES, load_config, make_config, named, override
from metabit.golden.encoding.encoders import Encoder
from metabit.golden.errors import ConfigurationError, ObsoleteFieldWarning


def test_names():
    hardware = ("up5k", "ecp5", "ecp5-8bit", "up5k-flash", "ecp5-sdram", "up5k-live", "multi")
    assert ("tiny", *hardware, "paper-135") == NAMES
    for name in NAMES:
        config = named(name)
        assert config.name == name
        shape = (8, 8) if config.dataset == "digits" else (28, 28)
        assert Encoder(config.encoder).bits(shape) == config.inputs


@pytest.mark.parametrize(
    ("name", "inputs", "hidden", "group", "bits"),
    [
        ("tiny", 256, (64,), 32, 8),
        ("up5k", 1536, (64,), 64, 8),
        ("ecp5", 3072, (128,), 64, 7),
        ("ecp5-8bit", 3072, (128,), 64, 8),
        ("multi", 1536, (224, 64), 64, 7),
        ("paper-135", 784, (135, 135), 45, 8),
    ],
)
def test_networks(name, inputs, hidden, group, bits):
    config = named(name)
    assert (config.inputs, config.hidden) == (inputs, hidden)
    assert (config.group, config.counter_bits) == (group, bits)


def test_the_papers_configuration_has_the_papers_rule():
    config = named("paper-135")
    assert not config.rival_selection
    assert config.annealing == ()


def test_json_round_trip(tmp_path):
    path = tmp_path / "mine.json"
    for name in NAMES:
        path.write_text(named(name).model_dump_json())
        assert load_config(path) == named(name)
        assert load_config(str(path)) == named(name)


def test_a_file_without_name_gets_one(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"inputs": 8, "hidden": [4], "group": 2}))
    assert load_config(path).name == "mine"


@pytest.mark.parametrize("array", [{"rows": 4, "memory": "spram"}, None, 3])
def test_hardware_in_an_old_file_is_ignored(tmp_path, array):
    path = tmp_path / "old.json"
    path.write_text(json.dumps({"inputs": 8, "hidden": [4], "group": 2, "array": array}))
    with pytest.warns(ObsoleteFieldWarning, match=r"old\.json: 'array' is ignored"):
        config = load_config(path)
    assert config == make_config({"name": "old", "inputs": 8, "hidden": [4], "group": 2})


def test_override_marks_what_is_no_longer_the_original():
    config = named("up5k")
    assert override(config, seed=3, dataset="mnist").name == "up5k"
    assert override(config, group=64).name == "up5k"
    changed = override(config, group=16, counter_bits=6)
    assert (changed.name, changed.group, changed.counter_bits) == ("up5k-custom", 16, 6)
    assert override(changed, tile=4).name == "up5k-custom"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"margin": 7}, "margin must be 0 to 1, not 7"),
        ({"counter_bits": 1}, "counter_bits must be 2 to 16, not 1"),
        ({"counter_bits": 17}, "counter_bits must be 2 to 16, not 17"),
        ({"counter_bits": "x"}, "counter_bits must be an integer, not 'x'"),
        ({"tile": 2.5}, "tile must be an integer, not 2.5"),
        ({"margin": "x"}, "margin must be a number, not 'x'"),
        ({"encoder": 3}, "encoder must be a text, not 3"),
        ({"group": 0}, "group must be at least 1, not 0"),
        ({"group": 65}, "group must not exceed the widest layer, 64, not 65"),
        ({"hidden": ()}, "hidden must have 1 to 8 entries, not 0"),
        ({"hidden": (5000,)}, "hidden.0 must be 1 to 4096, not 5000"),
        ({"annealing": (0.5, 1)}, "annealing.1 must be more than 0 and less than 1, not 1"),
        ({"annealing": (0.5, 0.4)}, "annealing fractions must increase, not [0.5, 0.4]"),
        ({"seed": 2**32}, "seed must be 0 to 4294967295, not 4294967296"),
        ({"seed": -1}, "seed must be 0 to 4294967295, not -1"),
        ({"array": {"rows": 4}}, "unknown field 'array'; known: name, dataset, encoder, inputs"),
        ({"margins": 1}, "unknown field 'margins'; known: name, dataset, encoder, inputs"),
        ({"margin": 7, "tile": 0}, "margin must be 0 to 1, not 7; tile must be 1 to 64, not 0"),
    ],
)
def test_errors_name_field_range_and_value(changes, message):
    with pytest.raises(ConfigurationError) as caught:
        override(named("up5k"), **changes)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_missing_fields():
    with pytest.raises(
        ConfigurationError, match=r"^inputs is missing; hidden is missing; group is"
    ):
        make_config({})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"mine\.json does not exist"),
        ("{", r"mine\.json cannot be read: Expecting"),
        ("[]", r"mine\.json must be a JSON object of fields"),
        ('{"inputs": 0}', r"mine\.json: inputs must be 1 to 8192, not 0; hidden is missing"),
    ],
)
def test_bad_files(tmp_path, text, message):
    path = tmp_path / "mine.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        load_config(path)


def test_unknown_names():
    with pytest.raises(ConfigurationError, match="unknown configuration 'x'; known: tiny, up5k"):
        load_config("x")
    with pytest.raises(ConfigurationError, match=r"no configuration 'ecp5-best' any more: 'ecp5' "):
        load_config("ecp5-best")
