"""`metabit simulate` as a user calls it: agreement, divergence, waveforms, checkpoints, sweeps."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from metabit.boards.transport import DeviceTimeoutError
from metabit.cli import app
from metabit.commands.options import choose
from metabit.golden.checkpoints.hardware import save_checkpoint
from metabit.golden.config import Config
from metabit.golden.data.training_data import prepare
from metabit.golden.network import Network
from metabit.golden.run import Run
from metabit.golden.state import network_sha256
from metabit.hdl.v1 import core
from metabit.hdl.v1.update import Update
from metabit.sim import sweep as sweep_module
from metabit.sim.sweep import Trial
from tests.hdl.test_mutants import UpdateWraps
from tests.sim.small import CONFIG, write_dataset

EPOCHS = 3
SAMPLES = 61
TILES = -(-SAMPLES // CONFIG.tile)
"""Of an epoch; the last one is short."""


def metabit(*arguments, status=0):
    """Run `metabit simulate` and return what it printed, errors last, on one line."""
    result = CliRunner().invoke(app, ["simulate", *map(str, arguments)])
    assert result.exit_code == status, result.output
    return " ".join(result.output.split())


@pytest.fixture
def dataset(tmp_path):
    return write_dataset(tmp_path / "own.npz", SAMPLES)


@pytest.fixture
def options(tmp_path, dataset):
    """Options for a run of EPOCHS epochs on the small device."""
    path = tmp_path / "small.json"
    # Epochs of full training, and one of annealing.
    config = CONFIG.model_dump() | {"annealing": (0.7,)}
    path.write_text(json.dumps(config | {"array": CONFIG.array.model_dump()}))
    return ("--config", path, "--dataset", dataset, "--epochs", EPOCHS)


@pytest.fixture
def run(options):
    """The same run of the golden network alone."""
    chosen = choose(str(options[1]), dataset=str(options[3]))
    return Run.start(chosen.config, prepare(chosen.config, dataset=chosen.dataset), EPOCHS)


def train(run, tiles):
    """Train a run on so many tiles more, and return the samples that were in them."""
    trained = 0
    for _, result in zip(range(tiles), run.tiles(), strict=False):
        trained += len(result.predictions)
    return trained


def test_a_whole_run_agrees(tmp_path, options, run):
    report = tmp_path / "simulate.json"
    printed = metabit(*options, "--json", report)
    results = json.loads(report.read_text())
    train(run, EPOCHS * TILES)
    assert results["state_sha256"] == network_sha256(run.network)
    assert results["bit_exact"] is True
    assert results["samples"] == EPOCHS * SAMPLES
    assert results["tiles"] == EPOCHS * TILES
    phases = results["cycles_by_phase"]
    assert list(phases) == ["forward", "select", "update", "transfer"]
    assert all(phases.values())
    assert results["cycles"] == sum(phases.values())
    assert results["cycles_per_sample"] == results["cycles"] / results["samples"]
    assert results["simulated_cycles"] > results["cycles"]
    speed = results["simulated_cycles"] / results["seconds"]
    assert results["cycles_per_second"] == pytest.approx(speed)
    assert results["config"]["hidden"] == [9, 7]
    assert (results["seed"], results["epochs"], results["split"]) == (0, EPOCHS, "official")
    assert Config.model_validate(results["config"]) == run.network.config
    assert f"{EPOCHS * SAMPLES} samples in {EPOCHS * TILES} tiles" in printed
    assert "agree in every bit" in printed
    assert results["state_sha256"] in printed


@pytest.mark.parametrize("more", [(), ("--stalls", 0.4), ("--compare-every", 1)])
def test_part_of_a_run_ends_after_a_whole_tile(tmp_path, options, run, more):
    report = tmp_path / "simulate.json"
    metabit(*options, "--samples", 40, "--json", report, *more)
    results = json.loads(report.read_text())
    assert train(run, 14) == results["samples"] == 42
    assert results["tiles"] == 14
    assert results["state_sha256"] == network_sha256(run.network)
    # The beginning, the fourteen tiles, and the end.
    if "--compare-every" in more:
        assert results["comparisons"] == 16


def test_a_seed_changes_the_run_and_not_the_device(tmp_path, options):
    states = []
    for seed in (0, 1):
        report = tmp_path / f"{seed}.json"
        metabit(*options, "--samples", 30, "--seed", seed, "--json", report)
        states.append(json.loads(report.read_text())["state_sha256"])
    assert states[0] != states[1]


def test_a_checkpoint_is_gone_on_from(tmp_path, options, run):
    checkpoint, report = tmp_path / "run.npz", tmp_path / "simulate.json"
    # In the middle of the second epoch.
    train(run, TILES + 5)
    save_checkpoint(checkpoint, run.checkpoint())
    metabit("--resume", checkpoint, "--samples", 60, "--json", report)
    trained = train(run, 21)
    results = json.loads(report.read_text())
    assert results["samples"] == trained
    assert results["state_sha256"] == network_sha256(run.network)
    # Without an end, to that of the run, which includes the annealed epoch.
    metabit("--resume", checkpoint, "--samples", 10_000, "--json", report)
    train(run, EPOCHS * TILES)
    results = json.loads(report.read_text())
    assert results["samples"] == (EPOCHS - 1) * SAMPLES - 5 * CONFIG.tile
    assert results["state_sha256"] == network_sha256(run.network)

    printed = metabit("--resume", checkpoint, "--seed", 3, "--epochs", 9, status=1)
    assert "--epochs, --seed cannot be given with --resume" in printed
    save_checkpoint(checkpoint, run.checkpoint())
    assert "has finished its 3 epochs" in metabit("--resume", checkpoint, status=1)


@pytest.mark.slow
def test_a_planted_bug_is_pinpointed(tmp_path, options, run, monkeypatch):
    """Counters that wrap around at the ends of their range, in the RTL itself."""
    report = tmp_path / "simulate.json"
    monkeypatch.setattr(core, "Update", UpdateWraps)
    printed = metabit(*options, "--json", report, status=1)
    results = json.loads(report.read_text())
    assert results["bit_exact"] is False
    tile, sample = results["tile"], results["sample"]
    first = next(d for d in results["divergences"] if d["kind"] == "counter")
    layer, neuron, weight = (first["place"][name] for name in ("layer", "neuron", "weight"))
    golden, device = first["golden"], first["device"]
    # Only saturated counters can have come out different, and they have wrapped by one.
    assert (golden, device) in {(7, -8), (-8, 7)}
    steps = [(run.data.train[s.indices], run.data.train_labels[s.indices], s) for s in plan(run)]
    network = Network(run.network.config)
    for samples, labels, step in steps[:tile]:
        network.train_tile(samples, labels, annealing=step.annealing, damping=step.damping)
    samples, labels, step = steps[tile]
    network.train_tile(
        samples[: sample + 1],
        labels[: sample + 1],
        annealing=step.annealing,
        damping=step.damping,
    )
    assert network.counters[layer][neuron, weight] == golden
    assert f"device and golden differ first in tile {tile}, sample {sample}: " in printed
    where = f"counter of layer {layer}, neuron {neuron}, weight {weight}"
    assert f"{where}: golden {golden}, device {device}" in printed
    assert f"--trace tile.vcd --trace-from {tile}" in printed
    assert Update is not UpdateWraps


def plan(run):
    """Return all steps of a run that has not begun."""
    steps = []
    for step in run.schedule:
        steps.append(step)
        run.schedule.advance(0)
    return steps


def test_a_device_that_hangs_is_an_error(options, monkeypatch):
    from metabit.boards.driver import Driver

    keep = Driver.train_tile

    def hang(driver, samples, labels, **more):
        if len(samples) < CONFIG.tile:
            raise DeviceTimeoutError("no answer from the simulated device in 9 cycles")
        return keep(driver, samples, labels, **more)

    monkeypatch.setattr(Driver, "train_tile", hang)
    printed = metabit(*options, status=1)
    assert f"in tile {TILES - 1}: no answer from the simulated device in 9 cycles" in printed
    assert f"--trace tile.vcd --trace-from {TILES - 1}" in printed


@pytest.mark.slow
def test_a_waveform_holds_the_tiles_asked_for(tmp_path, options, run):
    lengths = []
    for first, count in ((0, 1), (2, 1), (2, 2), (2, 1000)):
        path = tmp_path / f"{first}-{count}.vcd"
        window = ("--trace", path, "--trace-from", first, "--trace-tiles", count)
        report = tmp_path / "simulate.json"
        metabit(*options, "--samples", 4 * CONFIG.tile, "--json", report, *window)
        text = path.read_text()
        assert "rx__payload" in text
        assert "element_1_1" in text, "signals of the blocks are there"
        times = [int(line[1:]) for line in text.splitlines() if line.startswith("#")]
        assert set(np.diff(times)) == {5}, "every edge, without a gap"
        lengths.append(len(times))
        simulated = json.loads(report.read_text())["simulated_cycles"]
    one, third, both, rest = lengths
    assert min(one, third) > 300
    assert third < both == rest < 2 * simulated
    train(run, 4)
    assert json.loads(report.read_text())["state_sha256"] == network_sha256(run.network)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--samples", 0), "--samples"),
        (("--stalls", 1), "stall probability receive must be 0 to below 1, not 1.0"),
        (("--trace", "tile.txt"), "trace must be a .vcd or .fst file, not 'tile.txt'"),
        (("--trace", "no/such/tile.vcd"), "--trace no/such/tile.vcd: folder no/such does not"),
        (("--json", "no/such/x.json"), "--json no/such/x.json: folder no/such does not exist"),
        (("--sweep", 2), "--config, --epochs cannot be given with --sweep"),
    ],
)
def test_wrong_options_are_refused(options, more, message):
    assert message in metabit(*options, *more, status=2 if "--samples" in more else 1)


def trials(error):
    return lambda count, seed, workers, netlist: (
        Trial(n, CONFIG, 9, 1000 + seed, error if n == 1 else None) for n in range(count)
    )


def test_a_sweep_that_agrees(tmp_path, monkeypatch):
    report = tmp_path / "sweep.json"
    monkeypatch.setattr(sweep_module, "sweep", trials(None))
    printed = metabit("--sweep", 3, "--seed", 5, "--json", report)
    assert "agree in every bit: 3 configurations, 27 samples" in printed
    results = json.loads(report.read_text())
    assert (results["bit_exact"], results["seed"], results["samples"]) == (True, 5, 27)
    assert results["simulated_cycles"] == 3015
    assert [trial["error"] for trial in results["trials"]] == [None] * 3
    assert Config.model_validate(results["trials"][2]["config"]) == CONFIG


def test_a_sweep_that_fails(tmp_path, monkeypatch):
    report = tmp_path / "sweep.json"
    monkeypatch.setattr(sweep_module, "sweep", trials("device and golden differ"))
    printed = metabit("--sweep", 3, "--json", report, status=1)
    assert "1 of 3 configurations failed (seed 0)" in printed
    results = json.loads(report.read_text())
    assert results["bit_exact"] is False
    assert results["trials"][1]["error"] == "device and golden differ"
    assert np.count_nonzero([trial["error"] is None for trial in results["trials"]]) == 2
