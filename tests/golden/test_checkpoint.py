"""Runs that stop and go on, and checkpoints that are refused."""

import fcntl
import hashlib
import itertools
import os
import struct

import numpy as np
import pytest
from rewriting import rewrite

from metabit.golden.checkpoints.file import VERSION
from metabit.golden.checkpoints.hardware import load_checkpoint, save_checkpoint
from metabit.golden.configurations.named import named, override
from metabit.golden.data.datasets import load_dataset
from metabit.golden.data.training_data import adapt, prepare
from metabit.golden.errors import CheckpointError, DataError
from metabit.golden.network import Network
from metabit.golden.runs.run import Run
from metabit.golden.state import network_sha256, state_sha256

EPOCHS = 3


@pytest.fixture(params=[0, 1])
def data(own_npz, request, short_spans):
    """The user's own bits and two hidden layers; epochs of 29 tiles, in 8 spans."""
    fields = {"hidden": (13, 9), "group": 5, "counter_bits": 5, "tile": 7, "seed": 4}
    config = override(named("tiny"), lag=request.param, **fields)
    dataset = load_dataset(str(own_npz))
    # Of balanced codes, three classes are learnt before the last span.
    config = adapt(config, dataset, "none", asked=("codes",))
    return config, prepare(config, dataset=dataset)


def train(run, spans=None):
    for _ in itertools.islice(run.spans(), spans):
        pass
    return run


@pytest.fixture
def path(tmp_path, data):
    """Checkpoint of a run in the middle of epoch 2."""
    config, prepared = data
    path = tmp_path / "run.npz"
    save_checkpoint(path, train(Run.start(config, prepared, EPOCHS), 11).checkpoint())
    return path


def test_it_learns(data):
    config, prepared = data
    run = train(Run.start(config, prepared, EPOCHS))
    assert run.test_accuracy[-1] > 0.5
    assert len(run.test_accuracy) == len(run.seconds) == EPOCHS


@pytest.mark.parametrize("spans", [0, 1, 7, 8, 9, 11, 23, 24])
def test_a_resumed_run_ends_in_the_same_state(tmp_path, data, spans):
    config, prepared = data
    whole = train(Run.start(config, prepared, EPOCHS))
    path = tmp_path / "run.npz"
    save_checkpoint(path, train(Run.start(config, prepared, EPOCHS), spans).checkpoint())
    checkpoint = load_checkpoint(path)
    again = prepare(
        checkpoint.config, encoder=checkpoint.record.encoder_of(checkpoint.config.encoder)
    )
    resumed = train(Run.resume(checkpoint, again))
    assert network_sha256(resumed.network) == network_sha256(whole.network)
    assert resumed.network.statistics == whole.network.statistics
    assert resumed.schedule.history == whole.schedule.history
    assert resumed.test_accuracy == whole.test_accuracy
    assert resumed.checkpoint().record.state_sha256 == whole.checkpoint().record.state_sha256


def test_stopping_early_is_not_the_end(data):
    config, prepared = data
    part = train(Run.start(config, prepared, EPOCHS), 23)
    whole = train(Run.start(config, prepared, EPOCHS))
    assert network_sha256(part.network) != network_sha256(whole.network)


def test_everything_is_kept(path, data):
    config, prepared = data
    record = load_checkpoint(path).record
    assert record.config == config
    assert (record.epoch, record.sample, record.epochs) == (2, 84, EPOCHS)
    assert record.dataset == prepared.dataset
    assert record.split == "paper"
    assert len(record.test_accuracy) == len(record.history) == 1
    assert set(record.versions) == {"metabit", "numpy", "python"}


def test_sixteen_bit_counters_are_kept(tmp_path, data):
    config, prepared = data
    config = override(config, counter_bits=16)
    run = Run.start(config, prepared, 1)
    extreme = [np.where(layer > 0, 32767, -32768) for layer in run.network.counters]
    run.network.load(extreme)
    save_checkpoint(tmp_path / "run.npz", run.checkpoint())
    for found, expected in zip(
        load_checkpoint(tmp_path / "run.npz").counters, extreme, strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_the_fitted_encoder_is_kept(tmp_path):
    config = override(named("tiny"), encoder="median", inputs=64, hidden=(8,), group=4)
    prepared = prepare(config)
    run = Run.start(config, prepared, 1)
    save_checkpoint(tmp_path / "run.npz", run.checkpoint())
    assert load_checkpoint(tmp_path / "run.npz").record.median == prepared.encoder.median == 1


def test_hash_is_what_the_documentation_says():
    network = Network(override(named("tiny"), hidden=(3, 2), group=2, inputs=5))
    expected = hashlib.sha256(struct.pack("<I", 2))
    for layer in network.counters:
        expected.update(struct.pack("<II", *layer.shape))
        expected.update(struct.pack(f"<{layer.size}h", *layer.reshape(-1).tolist()))
    expected.update(struct.pack("<I", network.generator.state))
    assert network_sha256(network) == expected.hexdigest()
    wide = [np.asfortranarray(layer, np.int64) for layer in network.counters]
    assert state_sha256(wide, network.generator.state) == expected.hexdigest()


def test_other_data_are_noticed(path, own_npz):
    with np.load(own_npz) as file:
        x, y = file["x"], file["y"]
    np.savez(own_npz, x=x, y=3 - y)
    checkpoint = load_checkpoint(path)
    with pytest.raises(CheckpointError, match="is not what the checkpoint was trained on"):
        Run.resume(checkpoint, prepare(checkpoint.config))


def test_data_that_do_not_fit(data):
    config, _ = data
    with pytest.raises(DataError, match="'none' delivers 24 bits for samples of 24, and the conf"):
        prepare(override(config, inputs=25))
    digits = override(named("tiny"), classes=9)
    with pytest.raises(DataError, match="labels up to 9, and the configuration 9 classes, 0 to 8"):
        prepare(digits)


def test_writing_replaces_or_does_nothing(path, data, monkeypatch):
    config, prepared = data
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", lambda *a: (_ for _ in ()).throw(OSError(28, "No space left")))
        with pytest.raises(CheckpointError, match=r"cannot write checkpoint .*: No space left"):
            save_checkpoint(path, Run.start(config, prepared, 1).checkpoint())
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.glob("*run.npz*")] == ["run.npz"]
    with pytest.raises(CheckpointError, match=r"cannot write checkpoint .*: No such file"):
        save_checkpoint(path.parent / "x" / "y.npz", Run.start(config, prepared, 1).checkpoint())


def set_field(name, value):
    def change(record, arrays):
        *parents, last = name.split(".")
        for parent in parents:
            record = record[parent]
        record[last] = value

    return change


def flip(record, arrays):
    arrays["counters_0"][0, 0] ^= 1


def as_floats(record, arrays):
    arrays["counters_1"] = arrays["counters_1"].astype(float)


def drop_layer(record, arrays):
    del arrays["counters_1"]


def out_of_range(record, arrays):
    arrays["counters_0"][0, 0] = 100
    layers = [arrays["counters_0"], arrays["counters_1"]]
    record["state_sha256"] = state_sha256(layers, record["generator_state"])


def transpose(record, arrays):
    arrays["counters_0"] = arrays["counters_0"].T
    layers = [arrays["counters_0"], arrays["counters_1"]]
    record["state_sha256"] = state_sha256(layers, record["generator_state"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_field("format", "x"), "is no checkpoint of Metabit"),
        (set_field("version", VERSION + 1), "has format 7, written by a newer Metabit; this one"),
        (set_field("config.margin", 7), r"config\.margin must be 0 to 1, not 7"),
        (
            set_field("config.hidden", [13]),
            "must hold counters_0, opening_0, not counters_0, counters_1",
        ),
        (set_field("generator_state", 0), "generator_state must be 1 to 4294967295, not 0"),
        (set_field("generator_state", 1), "is damaged: its state hash differs"),
        (set_field("epoch", 9), "epoch must be 1 to 4, not 9"),
        (set_field("sample", 1), "sample must be a multiple of the (tile size 7|span size 28)"),
        (set_field("history", []), "history must have 1 error counts"),
        (set_field("test_accuracy", [0.5, 0.5]), "test_accuracy must have 1 entries, not 2"),
        (set_field("test_accuracy", [2]), r"test_accuracy\.0 must be 0 to 1, not 2"),
        (set_field("statistics.updates", [1]), "updates must have 2 entries, not 1"),
        (set_field("nonsense", 1), "unknown field 'nonsense'; known: format, version, generator"),
        (flip, "is damaged: its state hash differs"),
        (as_floats, "counters_1 must be integers, not float64"),
        (drop_layer, "must hold counters_0, counters_1, opening_0, opening_1, not counters_0"),
        (out_of_range, "counters of layer 0 must lie in -16 to 15, not -?[0-9]+ to 100"),
        (transpose, r"counters must have the shapes \[\(13, 24\), .* not \[\(24, 13\)"),
    ],
)
def test_changed_checkpoints_are_refused(path, change, message):
    rewrite(path, change)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(path)


def test_damaged_files_are_refused(path, own_npz):
    raw, refused = path.read_bytes(), 0
    for cut in (0, 10, len(raw) // 2, len(raw) - 1):
        path.write_bytes(raw[:cut])
        with pytest.raises(CheckpointError, match=r"run\.npz is damaged or no checkpoint"):
            load_checkpoint(path)
    path.write_bytes(raw)
    record = load_checkpoint(path).record
    for position in range(0, len(raw), 53):
        path.write_bytes(raw[:position] + bytes([raw[position] ^ 0x55]) + raw[position + 1 :])
        # A few bytes of a .npz file mean nothing, dates for example; the rest must be noticed.
        try:
            assert load_checkpoint(path).record == record
        except CheckpointError:
            refused += 1
    assert refused > 0.8 * len(range(0, len(raw), 53))
    with pytest.raises(CheckpointError, match="is no checkpoint of Metabit"):
        load_checkpoint(own_npz)
    with pytest.raises(CheckpointError, match="does not exist"):
        load_checkpoint(path.with_name("absent.npz"))


def test_a_checkpoint_has_the_rights_that_the_umask_leaves(path):
    checkpoint = load_checkpoint(path)
    before = os.umask(0o027)
    try:
        save_checkpoint(path, checkpoint)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640


def test_what_killed_writers_have_left_is_removed(path):
    checkpoint = load_checkpoint(path)
    names = ("dead", "at work", "young", "other")
    dead, busy, young, other = (path.with_name(f".{path.name}.{name}.tmp") for name in names)
    other = other.with_name(".another.npz.dead.tmp")
    for file in (dead, busy, young, other):
        file.write_bytes(b"half a checkpoint")
    for file in (dead, busy, other):
        os.utime(file, (0, 0))
    with busy.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        save_checkpoint(path, checkpoint)
    assert not dead.exists()
    assert busy.exists()
    assert young.exists()
    assert other.exists()
