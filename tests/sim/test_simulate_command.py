"""`metabit simulate` as a user calls it: agreement, divergence, waveforms, checkpoints, sweeps."""

import json
import os
import signal

import numpy as np
import pytest
from typer.testing import CliRunner

from metabit.cli import app
from metabit.commands.options import choose
from metabit.golden.checkpoints.hardware import save_checkpoint
from metabit.golden.config import Config
from metabit.golden.data.training_data import prepare
from metabit.golden.learner import GoldenLearner
from metabit.golden.network import Network
from metabit.golden.runs.run import Run
from metabit.golden.state import network_sha256
from metabit.hdl.learn import step
from metabit.hdl.shape import SHAPES, Shape
from metabit.hdl.statistics import PHASES
from metabit.hdl.store import block
from metabit.host.driver import Driver
from metabit.host.errors import DeviceTimeoutError
from metabit.sim import simulate
from metabit.sim import sweep as sweep_module
from metabit.sim.named_rows import NOTHING
from metabit.sim.sweep import Trial
from metabit.sim.timeline import ACTIVITIES, read_timeline
from tests.hdl.planted import plant
from tests.hdl.test_planted import COUNTERS_WRAP
from tests.sim.small import CONFIG, SHAPE, small_library, write_dataset
from tests.sim.test_named_waves import check_layouts, read

EPOCHS = 3
SAMPLES = 61
TILES = -(-SAMPLES // CONFIG.tile)
"""Of an epoch; the last one is short."""

SNUG = Shape(
    name="snug",
    elements=2,
    samples=2,
    counter_bits=4,
    depth=32,
    code_bits=4,
    codes=32,
    neurons=9,
    inputs=137,
    records=32,
    winners=64,
    layers=2,
    phases=False,
)
"""Holds CONFIG and little more, so that its models are compiled soon."""


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
    path.write_text(json.dumps(CONFIG.model_dump() | {"annealing": (0.7,)}))
    return ("--config", path, "--dataset", dataset, "--epochs", EPOCHS)


@pytest.fixture
def compiled(monkeypatch):
    """Have the small device elaborated once for all, which takes most of a command's time."""
    build = simulate.build_device

    def take(shape, **more):
        plain = shape == SHAPE and more["trace"] is None
        return small_library() if plain else build(shape, **more)

    monkeypatch.setattr(simulate, "build_device", take)


@pytest.fixture
def snug(options, monkeypatch):
    """Options for the same run on the device that it just fits."""
    monkeypatch.setitem(SHAPES, SNUG.name, SNUG)
    return (*options, "--device", SNUG.name)


@pytest.fixture
def run(options):
    """The same run of the golden network alone."""
    chosen = choose(str(options[1]), dataset=str(options[3]))
    return Run.start(chosen.config, prepare(chosen.config, dataset=chosen.dataset), EPOCHS)


def train(run, tiles):
    """Train a run on so many tiles more, and return the samples that were in them."""
    learner, data, trained = GoldenLearner(run.network), run.data, 0
    while tiles and not run.schedule.done:
        step = run.schedule.step(tiles)
        predictions = learner.train_tiles(
            data.train,
            data.train_labels,
            step.indices,
            annealing=step.annealing,
            damping=step.damping,
        )
        errors = np.count_nonzero(predictions != data.train_labels[step.indices])
        run.schedule.advance(errors, step.tiles)
        trained += len(step.indices)
        tiles -= step.tiles
    return trained


def test_a_whole_run_agrees(tmp_path, options, run):
    report = tmp_path / "simulate.json"
    printed = metabit(*options, "--json", report)
    results = json.loads(report.read_text())
    train(run, EPOCHS * TILES)
    assert results["state_sha256"] == network_sha256(run.network)
    assert results["bit_exact"] is True
    assert results["netlist"] is None
    assert results["device"] == "small"
    assert results["samples"] == EPOCHS * SAMPLES
    assert results["tiles"] == EPOCHS * TILES
    phases = results["cycles_by_phase"]
    assert list(phases) == list(PHASES)
    assert all(phases.values())
    # Phases overlap, but none is longer than the run.
    assert max(phases.values()) == phases["run"] == results["cycles"]
    assert results["cycles_per_sample"] == results["cycles"] / results["samples"]
    assert results["simulated_cycles"] > results["cycles"]
    speed = results["simulated_cycles"] / results["seconds"]
    assert results["cycles_per_second"] == pytest.approx(speed)
    assert results["config"]["hidden"] == [9, 7]
    assert (results["seed"], results["epochs"], results["split"]) == (0, EPOCHS, "official")
    assert Config.model_validate(results["config"]) == run.network.config
    assert "network small on device small" in printed
    assert f"{EPOCHS * SAMPLES} samples in {EPOCHS * TILES} tiles" in printed
    assert "agree in every bit" in printed
    assert results["state_sha256"] in printed


@pytest.mark.parametrize("more", [(), ("--stalls", 0.4), ("--compare-every", 1)])
def test_part_of_a_run_ends_after_a_whole_tile(tmp_path, options, compiled, run, more):
    report = tmp_path / "simulate.json"
    # An epoch, and two tiles of the next.
    metabit(*options, "--samples", SAMPLES + 4, "--json", report, *more)
    results = json.loads(report.read_text())
    assert train(run, TILES + 2) == results["samples"] == SAMPLES + 6
    assert results["tiles"] == TILES + 2
    assert results["state_sha256"] == network_sha256(run.network)
    # The beginning, both spans, and the end.
    if "--compare-every" in more:
        assert results["comparisons"] == 4


def test_a_seed_changes_the_run_and_not_the_device(tmp_path, options, compiled):
    states = []
    for seed in (0, 1):
        report = tmp_path / f"{seed}.json"
        metabit(*options, "--samples", 30, "--seed", seed, "--json", report)
        states.append(json.loads(report.read_text())["state_sha256"])
    assert states[0] != states[1]


def test_a_checkpoint_is_gone_on_from(tmp_path, options, compiled, run):
    checkpoint, report = tmp_path / "run.npz", tmp_path / "simulate.json"
    train(run, TILES)
    save_checkpoint(checkpoint, run.checkpoint())
    metabit("--resume", checkpoint, "--samples", 30, "--json", report)
    trained = train(run, 10)
    results = json.loads(report.read_text())
    assert results["samples"] == trained == 30
    assert results["state_sha256"] == network_sha256(run.network)


def test_a_checkpoint_is_gone_on_from_to_the_end(tmp_path, options, compiled, run):
    checkpoint, report = tmp_path / "run.npz", tmp_path / "simulate.json"
    train(run, TILES)
    save_checkpoint(checkpoint, run.checkpoint())
    # That of the run, which includes the annealed epoch.
    metabit("--resume", checkpoint, "--samples", 10_000, "--json", report)
    train(run, EPOCHS * TILES)
    results = json.loads(report.read_text())
    assert results["samples"] == (EPOCHS - 1) * SAMPLES
    assert results["state_sha256"] == network_sha256(run.network)

    printed = metabit("--resume", checkpoint, "--seed", 3, "--epochs", 9, status=1)
    assert "--seed cannot be given with --resume" in printed
    save_checkpoint(checkpoint, run.checkpoint())
    assert "has finished its 3 epochs" in metabit("--resume", checkpoint, status=1)


@pytest.mark.slow
def test_cycles_are_counted_by_phase_where_it_is_asked_for(tmp_path, snug):
    report, cycles = tmp_path / "simulate.json", []
    for more in ((), ("--count-phases",)):
        metabit(*snug, "--samples", 30, "--json", report, *more)
        cycles.append(json.loads(report.read_text())["cycles_by_phase"])
    assert [list(phases) for phases in cycles] == [["run"], list(PHASES)]
    # Counted from outside, requests and answers are included.
    assert 0 < cycles[0]["run"] - cycles[1]["run"] < 1000


@pytest.mark.slow
def test_a_planted_bug_is_pinpointed(tmp_path, snug, run, monkeypatch):
    """Counters that wrap around at the ends of their range, in the RTL itself."""
    report = tmp_path / "simulate.json"
    monkeypatch.setattr(block, "Step", plant(step, *COUNTERS_WRAP).Step)
    printed = metabit(*snug, "--json", report, status=1)
    results = json.loads(report.read_text())
    assert results["bit_exact"] is False
    tile, sample = results["tile"], results["sample"]
    assert 0 <= tile < TILES, "in the first epoch"
    first = next(d for d in results["divergences"] if d["kind"] == "counter")
    layer, neuron, weight = (first["place"][name] for name in ("layer", "neuron", "weight"))
    golden, device = first["golden"], first["device"]
    # Only saturated counters can have come out different, and they have wrapped by one or two.
    assert (golden, device) in {(7, -8), (7, -7), (-8, 7), (-8, 6)}
    network, span = Network(run.network.config), run.schedule.step()
    end = tile * CONFIG.tile + sample + 1
    for start in range(0, end, CONFIG.tile):
        chosen = span.indices[start : min(start + CONFIG.tile, end)]
        network.train_tile(
            run.data.train[chosen],
            run.data.train_labels[chosen],
            annealing=span.annealing,
            damping=span.damping,
        )
    assert network.counters[layer][neuron, weight] == golden
    assert f"device and golden differ first in tile {tile}, sample {sample}: " in printed
    where = f"counter of layer {layer}, neuron {neuron}, weight {weight}"
    assert f"{where}: golden {golden}, device {device}" in printed
    assert f"--trace tile.vcd --trace-from {tile}" in printed


def test_a_device_that_hangs_is_an_error(options, compiled, monkeypatch):
    keep, calls = Driver.train_tiles, []

    def hang(driver, *arguments, **more):
        calls.append(arguments)
        if len(calls) == 2:
            raise DeviceTimeoutError("no answer from the simulated device in 9 cycles")
        return keep(driver, *arguments, **more)

    monkeypatch.setattr(Driver, "train_tiles", hang)
    printed = metabit(*options, status=1)
    assert f"in tile {TILES}: no answer from the simulated device in 9 cycles" in printed
    assert f"--trace tile.vcd --trace-from {TILES}" in printed


@pytest.mark.slow
def test_a_waveform_holds_the_tiles_asked_for(tmp_path, snug, run):
    report, lengths = tmp_path / "simulate.json", []
    for first, count in ((3, 1), (3, 3), (3, 1000)):
        path = tmp_path / f"{first}-{count}.vcd"
        window = ("--trace", path, "--trace-from", first, "--trace-tiles", count)
        metabit(*snug, "--samples", 8 * CONFIG.tile, "--json", report, *window)
        text = path.read_text()
        assert "rx__payload" in text
        assert "element_1_1" in text, "signals of the blocks are there"
        times = [int(line[1:]) for line in text.splitlines() if line.startswith("#")]
        assert set(np.diff(times)) == {5}, "every edge, without a gap"
        lengths.append(len(times))
        timeline = read_timeline(path)
        assert timeline.cycles == len(times) // 2
        assert set(timeline.spans) == {activity.title for activity in ACTIVITIES}
        assert all(timeline.spans.values()), "everything happens"
    results = json.loads(report.read_text())
    one, three, rest = lengths
    # With the tile before and the one behind.
    assert 300 < one < three < 2 * results["cycles"]
    assert one < three / 1.2
    # To the end, where all state is read.
    assert 2 * results["cycles"] < rest < 2 * results["simulated_cycles"]
    train(run, 8)
    assert results["state_sha256"] == network_sha256(run.network)


@pytest.mark.slow
def test_a_waveform_for_people_shows_what_golden_does(tmp_path, snug, run):
    folder, tiles = tmp_path / "waves", 8
    window = ("--waves", folder, "--trace-from", 3, "--trace-tiles", 2)
    printed = metabit(*snug, "--samples", tiles * CONFIG.tile, *window)
    assert f"recorded in {folder}: gtkwave tile.vcd tile.gtkw" in printed.replace("/ ", "/")
    assert {file.name for file in folder.iterdir()} == {"tile.vcd", "tile.gtkw", "tile.sucl"}
    check_layouts(folder)
    found = read(folder / "tile.vcd")
    assert all(len(changes) > 1 for name, changes in found.items() if name != "metabit.run.state")

    # What is said of the samples when they are predicted, in their order, column beside column.
    def said(what):
        columns = [dict(found[f"metabit.head.{what}_{s}"]) for s in range(SNUG.samples)]
        shown = [c.get(cycle, NOTHING) for cycle in predicted for c in columns]
        return [int(name) for name in shown if name != NOTHING]

    predicted = [cycle for cycle, name in found["metabit.head.prediction_0"] if name != NOTHING]
    step = run.schedule.step(tiles)
    predictions = GoldenLearner(run.network).train_tiles(
        run.data.train, run.data.train_labels, step.indices, annealing=0, damping=0
    )
    labels = run.data.train_labels[step.indices]
    recorded = len(said("prediction"))
    first = next(n for n in range(3 * CONFIG.tile) if said("label") == list(labels[n:][:recorded]))
    assert said("prediction") == list(predictions[first:][:recorded])
    assert first + recorded >= 5 * CONFIG.tile


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--samples", 0), "--samples"),
        (("--stalls", 1), "stall probability receive must be 0 to below 1, not 1.0"),
        (("--trace", "tile.txt"), "trace must be a .vcd or .fst file, not 'tile.txt'"),
        (
            ("--waves", "waves", "--trace", "t.fst"),
            "readable names are made of a .vcd file, not of ",
        ),
        (
            ("--waves", "waves", "--netlist", "ice40"),
            "--waves cannot be given with --netlist, whose",
        ),
        (("--waves", "no/such"), "--waves no/such: folder no does not exist"),
        (("--trace", "no/such/tile.vcd"), "--trace no/such/tile.vcd: folder no/such does not"),
        (("--json", "no/such/x.json"), "--json no/such/x.json: folder no/such does not exist"),
        (("--sweep", 2), "--config, --epochs cannot be given with --sweep"),
        (
            ("--device", "big"),
            "device must be one of up5k, ecp5, ecp5-8bit, paper, small, ",
        ),
        (("--device", "ecp5"), "small has counters of 4 bits, device ecp5 of 7; use --counter-bi"),
    ],
)
def test_wrong_options_are_refused(options, compiled, more, message):
    assert message in metabit(*options, *more, status=2 if "--samples" in more else 1)


def trials(error):
    return lambda count, seed, workers, netlist: (
        Trial(n, "small", CONFIG, 9, 1000 + seed, error if n == 1 else None) for n in range(count)
    )


def test_a_sweep_that_agrees(tmp_path, monkeypatch):
    report = tmp_path / "sweep.json"
    monkeypatch.setattr(sweep_module, "sweep", trials(None))
    printed = metabit("--sweep", 3, "--seed", 5, "--json", report)
    assert "agree in every bit: 3 networks, 27 samples" in printed
    assert "on small 9 samples, 1,005 cycles: agrees" in printed
    results = json.loads(report.read_text())
    assert (results["bit_exact"], results["seed"], results["samples"]) == (True, 5, 27)
    assert results["simulated_cycles"] == 3015
    assert [trial["error"] for trial in results["trials"]] == [None] * 3
    assert [trial["device"] for trial in results["trials"]] == ["small"] * 3
    assert Config.model_validate(results["trials"][2]["config"]) == CONFIG


def test_a_sweep_that_fails(tmp_path, monkeypatch):
    report = tmp_path / "sweep.json"
    monkeypatch.setattr(sweep_module, "sweep", trials("device and golden differ"))
    printed = metabit("--sweep", 3, "--json", report, status=1)
    assert "1 of 3 networks failed (seed 0)" in printed
    results = json.loads(report.read_text())
    assert results["bit_exact"] is False
    assert results["trials"][1]["error"] == "device and golden differ"
    assert np.count_nonzero([trial["error"] is None for trial in results["trials"]]) == 2


@pytest.mark.usefixtures("compiled")
def test_ctrl_c_keeps_what_was_found_so_far(tmp_path, options, monkeypatch):
    report = tmp_path / "simulate.json"
    spans = simulate.Simulation.spans

    def interrupted(simulation, samples=None):
        for result in spans(simulation, samples):
            os.kill(os.getpid(), signal.SIGINT)
            yield result

    monkeypatch.setattr(simulate.Simulation, "spans", interrupted)
    printed = metabit(*options, "--json", report, status=130)
    assert f"interrupted after {SAMPLES} samples" in printed
    found = json.loads(report.read_text())
    assert found["interrupted"]
    assert found["bit_exact"]
    assert found["samples"] == SAMPLES
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_keeps_the_networks_of_a_sweep(tmp_path, monkeypatch):
    report = tmp_path / "sweep.json"
    all_trials = trials(None)

    def interrupted(*arguments):
        for trial in all_trials(*arguments):
            os.kill(os.getpid(), signal.SIGINT)
            yield trial

    monkeypatch.setattr(sweep_module, "sweep", interrupted)
    printed = metabit("--sweep", 3, "--json", report, status=130)
    assert "interrupted after 1 of 3 networks" in printed
    assert len(json.loads(report.read_text())["trials"]) == 1
