"""Training on a device, and `metabit run`."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from metabit.boards.run import DeviceRun
from metabit.cli import app
from metabit.commands.options import choose
from metabit.golden import schedule
from metabit.golden.checkpoints.hardware import load_checkpoint, save_checkpoint
from metabit.golden.configurations.named import load_config
from metabit.golden.data.training_data import prepare
from metabit.golden.network import Network
from metabit.golden.runs.run import Run
from metabit.golden.state import network_sha256
from metabit.hdl.link.protocol import MAX_WORDS, Operation
from metabit.hdl.placement import Placement
from metabit.hdl.shape import SHAPES, Shape
from metabit.hdl.statistics import PHASES
from metabit.host.compare import DivergenceError
from metabit.host.driver import Driver
from tests.host.model_device import ModelDevice

SMALL = SHAPES["small"]


@pytest.fixture(autouse=True)
def short_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two spans an epoch."""
    monkeypatch.setattr(schedule, "SPAN", 4)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Two dozen images of two classes and some test images."""
    generator = np.random.default_rng(1)
    images = generator.integers(0, 256, (24, 4, 4), dtype=np.uint8)
    labels = (images[:, 0].sum(axis=1) > 512).astype(np.int64)
    path = tmp_path / "own.npz"
    np.savez(path, x=images, y=labels, x_test=images[:8], y_test=labels[:8])
    return path


@pytest.fixture(params=[0, 1])
def config_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    fields = {"hidden": (10, 6), "group": 4, "tile": 3, "counter_bits": 4, "lag": request.param}
    path = tmp_path / "own.json"
    path.write_text(json.dumps(load_config("tiny").model_dump() | fields))
    return path


@pytest.fixture
def device(config_file: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch) -> ModelDevice:
    """What every serial port leads to."""
    device = ModelDevice(SMALL, choose(str(config_file), dataset=str(dataset)).config)
    monkeypatch.setattr("metabit.host.transport.SerialTransport", lambda *_: device)
    return device


def metabit(*arguments: object, status: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return " ".join(result.output.split())


def golden_run(config_file: Path, dataset: Path, epochs: int) -> Run:
    chosen = choose(str(config_file), dataset=str(dataset))
    return Run.start(chosen.config, prepare(chosen.config, dataset=chosen.dataset), epochs)


def test_a_device_run_is_the_golden_run(
    device: ModelDevice, config_file: Path, dataset: Path
) -> None:
    golden = golden_run(config_file, dataset, 3)
    on_device = DeviceRun(Driver(device, SMALL), golden_run(config_file, dataset, 3))
    spans = 0
    for ours, theirs in zip(on_device.spans(), golden.spans(), strict=True):
        np.testing.assert_array_equal(ours.predictions, theirs.predictions)
        spans += 1
    assert spans == 6
    assert network_sha256(on_device.network) == network_sha256(golden.network)
    assert on_device.network.statistics == golden.network.statistics
    assert on_device.test_accuracy == golden.test_accuracy
    assert on_device.schedule.history == golden.schedule.history
    assert on_device.observer.observations == golden.observer.observations


@pytest.mark.parametrize("verify", [False, True])
def test_a_device_run_that_stops_after_every_tile_is_the_golden_run(
    device: ModelDevice, config_file: Path, dataset: Path, verify: bool
) -> None:
    golden = golden_run(config_file, dataset, 2)
    run = DeviceRun(Driver(device, SMALL), golden_run(config_file, dataset, 2), verify=verify)
    run.most_tiles = 1
    tiles, parts = 0, golden.spans()
    for result in run.spans():
        tiles += 1
        assert run.counts.samples == 3 * tiles
        # What is on the device is read at the end of an epoch, and alongside it is always there.
        assert run.at_hand == (verify or result.step.last)
        if result.step.drains:
            next(parts)
            assert run.counts == golden.network.statistics
    assert tiles == 16
    assert network_sha256(run.network) == network_sha256(golden.network)
    assert run.test_accuracy == golden.test_accuracy


def test_without_an_observer_the_network_is_there_after_every_epoch(
    device: ModelDevice, config_file: Path, dataset: Path
) -> None:
    golden = golden_run(config_file, dataset, 2)
    begun = golden_run(config_file, dataset, 2)
    begun.observer = None
    for ours, _ in zip(
        DeviceRun(Driver(device, SMALL), begun).spans(), golden.spans(), strict=True
    ):
        if ours.step.last:
            assert network_sha256(begun.network) == network_sha256(golden.network)


def test_run_trains_verifies_and_reports(
    device: ModelDevice, config_file: Path, dataset: Path, tmp_path: Path
) -> None:
    out, report = tmp_path / "run.npz", tmp_path / "run.json"
    options = ("--port", "X", "--config", config_file, "--dataset", dataset, "--epochs", 2)
    printed = metabit("run", *options, "--verify", "--out", out, "--json", report)
    assert "device small on X" in printed
    assert "device and golden agree in every bit" in printed
    assert "cycles per training sample: run" in printed
    results = json.loads(report.read_text())
    golden = golden_run(config_file, dataset, 2)
    assert len(list(golden.spans())) == 4
    assert results["state_sha256"] == network_sha256(golden.network)
    assert results["test_accuracy"] == golden.test_accuracy[-1]
    assert results["bit_exact"] is True
    assert results["samples"] == 48
    assert results["device"] == "small"
    assert results["cycles"].keys() == set(PHASES)
    link = results["link"]
    assert (link["baud"], link["damaged"], link["silent"], link["resent"]) == (1_000_000, 0, 0, 0)
    # The first of all asks which device this is, before there is a driver.
    assert link["answered"] == link["sent"] == len(device.requests) - 1
    assert link["limit"] in ("line", "host")
    assert link["samples_per_second"] > 0
    assert link["core_samples_per_second"] is None
    words = Placement(device.config, SMALL).sample_words
    full = 8 * MAX_WORDS / (8 * MAX_WORDS + 12)
    assert link["line_samples_per_second"] == pytest.approx(100_000 / (8 * words) * full)
    assert "samples a second: " in printed
    assert "the line carries" in printed
    assert f"link: {link['answered']:,} requests, no errors" in printed
    assert load_checkpoint(out).record.state_sha256 == results["state_sha256"]
    assert device.closed


def test_a_bad_line_is_counted_and_said(
    device: ModelDevice, config_file: Path, dataset: Path, tmp_path: Path
) -> None:
    report = tmp_path / "run.json"
    numbers = itertools.count(1)
    device.damage_reply = lambda raw: raw[:-1] if not next(numbers) % 7 else raw
    device.notice = "X has no low-latency mode"
    options = ("--port", "X", "--config", config_file, "--dataset", dataset, "--epochs", 1)
    printed = metabit("run", *options, "--json", report)
    results = json.loads(report.read_text())
    golden = golden_run(config_file, dataset, 1)
    list(golden.spans())
    assert results["state_sha256"] == network_sha256(golden.network)
    link = results["link"]
    assert link["damaged"] > 3
    assert link["sent"] == link["answered"] + link["resent"]
    assert f"{link['damaged']} errors ({link['damaged']} damaged, 0 without" in printed
    assert "X has no low-latency mode" in printed


def test_a_device_may_count_no_cycles(
    device: ModelDevice, config_file: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.shape = Shape.model_validate({**SMALL.model_dump(), "phases": False})
    monkeypatch.setitem(SHAPES, "small", device.shape)
    options = ("--port", "X", "--config", config_file, "--dataset", dataset, "--epochs", 1)
    assert "cycles per" not in metabit("run", *options)


def test_run_resumes_in_the_middle_of_an_epoch(
    device: ModelDevice, config_file: Path, dataset: Path, tmp_path: Path
) -> None:
    part = tmp_path / "part.npz"
    golden = golden_run(config_file, dataset, 2)
    for number, _ in enumerate(golden.spans()):
        if number == 2:
            save_checkpoint(part, golden.checkpoint())
    metabit("run", "--port", "X", "--resume", part, "--verify")
    record = load_checkpoint(part).record
    assert record.state_sha256 == network_sha256(golden.network)
    assert record.statistics.samples == golden.network.statistics.samples == 48
    assert record.test_accuracy == tuple(golden.test_accuracy)
    assert "part.npz has finished" in metabit("run", "--port", "X", "--resume", part, status=1)


def test_verify_notices_a_single_counter(
    device: ModelDevice, config_file: Path, dataset: Path
) -> None:
    driver = Driver(device, SMALL)
    run = DeviceRun(driver, golden_run(config_file, dataset, 1), verify=True)
    next(run.spans())
    assert device.network is not None
    counters = device.network.counters[0]
    counters[3, 5] = 1 - counters[3, 5]
    with pytest.raises(DivergenceError) as error:
        run.synchronise()
    assert str(error.value).startswith(
        "device and golden differ after tile 3: counter of layer 0, neuron 3, weight 5: golden "
    )
    assert error.value.agreed == 0


def test_verify_notices_a_count(device: ModelDevice, config_file: Path, dataset: Path) -> None:
    run = DeviceRun(Driver(device, SMALL), golden_run(config_file, dataset, 1), verify=True)
    next(run.spans())
    assert device.network is not None
    device.network.statistics.updates[0] += 1
    with pytest.raises(
        DivergenceError, match=r"count of updates of layer 0: golden \d+, device \d"
    ):
        run.synchronise()


def test_verify_notices_a_prediction(device: ModelDevice, config_file: Path, dataset: Path) -> None:
    driver = Driver(device, SMALL)
    run = DeviceRun(driver, golden_run(config_file, dataset, 1), verify=True)
    driver.load(Network(device.config.model_copy(update={"seed": 99})))
    device.config = driver.config
    with pytest.raises(
        DivergenceError, match=r"differ after tile \d: (prediction of tile \d, sample|counter)"
    ):
        list(run.spans())


def test_verify_calls_classes_by_their_names(
    device: ModelDevice, config_file: Path, dataset: Path
) -> None:
    begun = golden_run(config_file, dataset, 1)
    begun.data = replace(begun.data, class_names=("left", "right"))
    run = DeviceRun(Driver(device, SMALL), begun, verify=True)
    trained = run.driver.train_tiles
    run.driver.train_tiles = lambda *given, **more: 1 - trained(*given, **more)
    with pytest.raises(DivergenceError, match=r"sample 0: golden (0 left, device 1|1 right, dev)"):
        list(run.spans())


def test_errors_of_run(
    device: ModelDevice, config_file: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("run", "--port", "X", "--dataset", dataset)
    assert (
        "configuration tiny-custom has counters of 8 bits, device small of 4; use --counter-bits 4"
        in metabit(*options, status=1)
    )
    assert device.closed
    options = (*options, "--config", config_file)
    assert "--out must end in .npz" in metabit(*options, "--out", "run.txt", status=1)
    monkeypatch.setattr(device, "damage_reply", lambda raw: None)
    printed = metabit(*options, status=1)
    assert "no answer from the model in no time after 3 tries: is it switched on?" in printed
    monkeypatch.undo()
    printed = metabit(*options, "--port", "/dev/ttyNONE", status=1)
    assert "cannot open /dev/ttyNONE: it does not exist" in printed


def test_a_board_that_fails_says_how_to_go_on(
    device: ModelDevice, config_file: Path, dataset: Path, tmp_path: Path
) -> None:
    """The third RUN is of the second epoch; each has two."""
    out = tmp_path / "run.npz"
    port = ("run", "--port", "/dev/ttyX")
    options = (*port, "--config", config_file, "--dataset", dataset, "--epochs", 3)

    def pulled(raw: bytes) -> bytes | None:
        return None if device.executed.count(Operation.RUN) > 4 else raw

    device.damage_reply = pulled
    printed = metabit(*options, "--out", out, status=1)
    assert "no answer from the model" in printed
    assert "before, it has answered" in printed
    assert f"saved; go on with: metabit run --port /dev/ttyX --resume {out}" in printed
    assert load_checkpoint(out).record.epoch == 2
    device.executed.clear()
    printed = metabit(*options, status=1)
    assert "nothing was saved (--out FILE.npz does that)" in printed


def test_counter_bits_make_a_configuration_fit(
    device: ModelDevice, config_file: Path, dataset: Path
) -> None:
    config = json.loads(config_file.read_text()) | {"counter_bits": 8}
    config_file.write_text(json.dumps(config))
    options = ("run", "--port", "X", "--config", config_file, "--dataset", dataset)
    metabit(*options, "--epochs", 1, "--counter-bits", 4)
