"""The cycle model against the simulated device, and `metabit plan`."""

import gc
import json
from functools import cache

import numpy as np
import pytest
from amaranth._unused import MustUse
from typer.testing import CliRunner

from metabit.boards.registry import BOARDS
from metabit.cli import app
from metabit.golden.config import Config
from metabit.golden.configurations.named import named, override
from metabit.golden.errors import ConfigurationError
from metabit.golden.network import Network
from metabit.golden.schedule import Schedule
from metabit.hdl.array.array import Array
from metabit.hdl.device import Device
from metabit.hdl.placement import CapacityError, Placement
from metabit.hdl.shape import SHAPES
from metabit.planning.cycles import bounds, count, predict, predict_inference
from metabit.planning.energy import estimate
from metabit.planning.events import Rates, Run, draw_run, inference, touched_words
from metabit.planning.explore import accuracies, explore
from metabit.planning.fit import place, shortages, suggestions
from metabit.planning.kernel import Kernel, Times, Windows
from metabit.planning.memories import memories, used_block_rams
from metabit.planning.pipeline import array_latency
from metabit.planning.plan import make_plan
from metabit.planning.rates import EPOCHS, measure, network_name, rates_of, rates_of_runs
from metabit.planning.record import Recorder
from metabit.planning.spram import slots
from metabit.plots.tradeoff import Point, frontier
from metabit.sim.simulate import open_driver
from metabit.sim.source import Rtl
from metabit.sim.verilate import build

TOLERANCE = 0.02


@cache
def library(shape):
    return build(Rtl(Device(SHAPES[shape], supply=True)), optimise="-O0")


def random_network(shape, seed):
    """Return a network that fits, and an annealing exponent."""
    rng = np.random.default_rng(seed)
    layers = int(rng.integers(1, shape.layers + 1))
    while True:
        hidden = tuple(int(width) for width in rng.integers(4, shape.neurons + 1, layers))
        config = Config(
            name=f"random-{seed}",
            inputs=int(rng.integers(20, shape.inputs + 1)),
            hidden=hidden,
            group=int(rng.integers(1, max(hidden) + 1)),
            classes=int(rng.choice([2, 4, 5, 10, 17])),
            counter_bits=shape.counter_bits,
            tile=int(rng.integers(1, 17)),
            margin=float(rng.random() * 0.6),
            lag=int(rng.integers(0, 2)),
            head_offset=int(rng.choice([0, 3])),
            summed_scores=False,
            seed=seed,
        )
        if not shortages(config, shape):
            return config, int(rng.integers(0, 4))


def train(driver, network, samples, labels, annealing):
    """Train both; return the device's cycles, and what golden's samples have caused."""
    before = driver.statistics().cycles
    driver.train(samples, labels, annealing=annealing, damping=0, drain=True)
    after = driver.statistics().cycles
    tile = network.config.tile
    for start in range(0, len(labels), tile):
        part = slice(start, start + tile)
        network.train_tile(samples[part], labels[part], annealing=annealing)
    network.drain()
    notes, network.notes = network.notes, []
    return {phase: after[phase] - before[phase] for phase in after}, Run(notes, annealing)


@pytest.mark.parametrize("shape", ["small", "small-spram"])
@pytest.mark.parametrize("seed", range(8))
def test_cycles_are_those_of_the_simulated_device(shape, seed):
    device = SHAPES[shape]
    config, annealing = random_network(device, seed)
    placement = Placement(config, device)
    rng = np.random.default_rng(seed)
    centres = rng.random((config.classes, config.inputs)) < 0.5
    with open_driver(library(shape), device) as driver:
        network = Network(config)
        driver.load(network)
        recorder = Recorder(network, device.lanes)
        count_of = int(rng.integers(3 * config.tile, 200))
        for _ in range(2):
            labels = rng.integers(0, config.classes, count_of)
            samples = centres[labels] ^ (rng.random((count_of, config.inputs)) < 0.3)
            simulated, run = train(driver, recorder, samples, labels, annealing)
            counted = count(placement, run)
            assert counted.samples == count_of
            assert counted.forward == simulated["forward"]
            assert counted.run == pytest.approx(simulated["run"], rel=TOLERANCE)
            # The rest is a share of the run, which may be next to nothing.
            for phase in ("update", "commit", "wait"):
                error = getattr(counted, phase) - simulated[phase]
                assert abs(error) <= TOLERANCE * simulated["run"], phase
        before = driver.statistics().cycles
        driver.predict(samples)
        after = driver.statistics().cycles
        counted = count(placement, inference(config, count_of))
        assert counted.run == pytest.approx(after["run"] - before["run"], abs=8)
        assert counted.forward == after["forward"] - before["forward"]


def test_the_latency_of_the_array(monkeypatch):
    monkeypatch.setattr(MustUse, "_MustUse__silence", True)
    for shape in SHAPES.values():
        assert array_latency(shape) == Array(shape).latency
    gc.collect()


# Processes


def test_processes_take_turns_in_the_order_of_time():
    kernel, seen = Kernel(), []
    rings = Times(kernel)

    def ring():
        for cycle in (3, 9):
            yield cycle
            rings.add(cycle + 1)

    def listen():
        for number in range(2):
            seen.append((yield from rings.reach(number)))

    kernel.start(listen())
    kernel.start(ring())
    kernel.run()
    assert seen == [4, 10]
    assert kernel.now == 10


def test_processes_that_wait_for_each_other_are_found():
    kernel = Kernel()
    never = Times(kernel)
    kernel.start(never.reach(0))
    with pytest.raises(RuntimeError, match="wait for each other"):
        kernel.run()


def test_work_goes_on_in_free_cycles():
    windows = Windows()
    windows.add(10, 12)
    windows.add(4, 6)
    taken = {4, 5, 10, 11}
    for start in range(14):
        for cycles in range(1, 9):
            free = (cycle for cycle in range(start, 99) if cycle not in taken)
            last = [next(free) for _ in range(cycles)][-1]
            assert windows.after(start, cycles) == last + 1
    assert windows.after(3, 2, late=1) == 5
    assert windows.after(4, 2, late=1) == 8


@pytest.mark.parametrize("annealing", range(4))
@pytest.mark.parametrize("words", [1, 4, 7, 8, 30])
def test_slots_of_a_row(words, annealing):
    for phase in range(1 << annealing):
        bursts = slots(words, False, phase, annealing)
        # A burst for every word that learns, and one that writes the last of them.
        assert len(bursts) == touched_words(words, phase, annealing) + 1
        skipped = words - touched_words(words, phase, annealing)
        assert sum(gap for gap, _ in bursts) >= skipped
    if annealing == 0:
        assert sum(need for _, need in bursts) == words // 4 + 1
        assert not any(gap for gap, _ in bursts)


# Rates


def test_runs_are_drawn_at_their_rates():
    config = named("ecp5")
    rates = Rates((0.4,), (1.5,), 0.1)
    run = draw_run(config, 768, rates, 4000, np.random.default_rng(0))
    found = rates_of_runs(config, [run])
    assert found.triggers[0] == pytest.approx(0.4, abs=0.03)
    assert found.rows[0] == pytest.approx(1.5, abs=0.05)
    assert found.flips == pytest.approx(0.1, abs=0.01)


def test_what_is_recorded_is_what_golden_has_done():
    class Data:
        rng = np.random.default_rng(1)
        train = rng.random((300, 60)) < 0.5
        train_labels = rng.integers(0, 3, 300)

    config = Config(name="c", inputs=60, hidden=(20, 11), classes=3, group=7, annealing=(0.3,))
    found = dict(measure(config, Data, 32, "numpy", wanted=(1, 3), epochs=4))
    network, step = Network(config), Schedule(config, 300, 4).step()
    for start in range(0, 300, config.tile):
        part = step.indices[start : start + config.tile]
        network.train_tile(Data.train[part], Data.train_labels[part])
    (run,) = found[1]
    assert len(run.samples) == 300
    for layer in range(2):
        rows = [sample[layer] for sample in run.samples if sample[layer] is not None]
        assert len(rows) == network.statistics.triggers[layer]
        assert sum(map(len, rows)) == network.statistics.updates[layer]
    assert sum(len(run.samples) for run in found[3]) == 300
    assert [run.annealing for run in found[3]] == [1]
    phases = {
        row.phase for run in found[3] for s in run.samples for rows in s for row in rows or ()
    }
    assert phases == {0, 1}
    assert all(len(row.flips) == 2 for row in run.samples[0][0] or ())


def test_rates_are_known_or_assumed():
    for config in (named("up5k"), named("ecp5")):
        for epoch in EPOCHS:
            assert rates_of(config, epoch).source == "table"
    known = rates_of(override(named("up5k"), hidden=(63,), group=63), 10)
    assert known.source == "assumed"
    assert known.rates.rows == (1.0,)


# Bounds and memories


def test_no_prediction_beats_its_bound():
    for name, device in (("up5k", "up5k"), ("ecp5", "ecp5"), ("tiny", "small-spram")):
        placement = Placement(named(name), SHAPES[device])
        for epoch in EPOCHS:
            rates = rates_of(placement.config, epoch).rates
            counts = predict(placement, rates, 32)
            assert counts.run / counts.samples > bounds(placement, rates).cycles
        counts = predict_inference(placement, 32)
        assert counts.run / counts.samples > bounds(placement, None).cycles


@pytest.mark.parametrize(("name", "rams"), [("up5k", 30), ("ecp5", 206), ("ecp5-8bit", 208)])
def test_block_rams_are_those_of_synthesis(name, rams):
    found = memories(Placement(named(name), SHAPES[name]))
    assert used_block_rams(found) == rams
    assert all(memory.used <= memory.capacity for memory in found)
    assert max(memory.share for memory in found) > 0.99


@pytest.mark.parametrize(
    ("name", "device", "core", "encoder"),
    [("up5k-live", "up5k-live", 18, 12), ("ecp5", "ecp5-live", 186, 16)],
)
def test_block_rams_of_an_encoder(name, device, core, encoder):
    found = memories(Placement(named(name), SHAPES[device]))
    assert used_block_rams(found) == core + encoder
    mine = [memory for memory in found if memory.name.startswith("encoder's")]
    assert sum(memory.block_rams for memory in mine) == encoder
    assert [memory.capacity for memory in mine] == (
        [1024, 1024] if device == "up5k-live" else [4096, 1024]
    )


# Fit


def test_what_does_not_fit_is_listed_and_mended():
    wide = {"inputs": 3840, "encoder": "select:3840:edges-6992"}
    config, shape = override(named("ecp5"), **wide), SHAPES["up5k"]
    assert [need.capacity for need in shortages(config, shape)] == [
        *("counter bits", "inputs of a neuron", "sign words")
    ]
    with pytest.raises(CapacityError) as caught:
        place(config, shape)
    assert "also short: inputs of a neuron (3,840 of 3,072), sign words" in str(caught.value)
    assert "would fit with --counter-bits 8 --encoder select:768:edges-6992" in str(caught.value)
    mended = override(config, counter_bits=8, inputs=768, encoder="select:768:edges-6992")
    assert place(mended, shape) == Placement(mended, shape)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"hidden": (65,), "group": 65}, "--hidden 64 --group 64"),
        ({"inputs": 1537, "encoder": "select:1537:edges-6992"}, "--encoder select:1536:edges-6992"),
        ({"group": 4, "tile": 8}, "--tile 3"),
        ({"group": 4, "tile": 8}, "--group 10"),
    ],
)
def test_the_smallest_change_is_suggested(changes, expected):
    config = override(named("up5k"), **changes)
    assert expected in suggestions(config, SHAPES["up5k"])


def test_counter_bits_alone_are_said_once():
    with pytest.raises(CapacityError, match=r"use --counter-bits 7$"):
        place(named("up5k"), SHAPES["ecp5"])


def test_energy_is_an_estimate():
    found = estimate(BOARDS["icebreaker"], 40, cells=4450)
    assert found.method.startswith("estimate, not a measurement")
    assert found.milliwatts == pytest.approx(52.7, abs=0.1)
    assert found.microjoules(100_000) == pytest.approx(0.527, abs=0.001)
    assert estimate(BOARDS["ulx3s-85f"], 80).milliwatts is None


# The command


def run_plan(*arguments, status=0):
    result = CliRunner().invoke(app, ["plan", *map(str, arguments)], env={"COLUMNS": "200"})
    assert result.exit_code == status, result.output
    return result.output


def test_plan(tmp_path):
    file = tmp_path / "plan.json"
    printed = run_plan("--config", "up5k", "--json", file)
    for word in ("visible signs", "30 of 30", "icebreaker", "36 MHz", "estimate", "fits"):
        assert word in printed
    found = json.loads(file.read_text())
    assert found["fits"] is True
    assert found["device"] == "up5k"
    assert [speed["what"] for speed in found["speeds"]] == ["epoch 1", "epoch 10", "inference"]
    for speed in found["speeds"]:
        phases = speed["cycles_by_phase"]
        assert speed["cycles_per_sample"] == pytest.approx(
            sum(count for phase, count in phases.items() if phase != "update")
        )
        assert speed["ratio"] > 1
        assert speed["samples_per_second"] == pytest.approx(36e6 / speed["cycles_per_sample"])
    assert found["link_samples_per_second"] == 500
    plan = make_plan(named("up5k"), SHAPES["up5k"], BOARDS["icebreaker"])
    assert json.loads(json.dumps(plan.to_dict())) == found


def test_plan_of_what_does_not_fit(tmp_path):
    file = tmp_path / "plan.json"
    printed = run_plan("--config", "ecp5", "--board", "icebreaker", "--json", file, status=1)
    assert "does not fit" in printed
    assert "sign words: needs 1,024, there are 256" in printed
    assert "would fit with --counter-bits 8 --encoder select:768,steps=3:edges-2548+" in printed
    found = json.loads(file.read_text())
    assert found["fits"] is False
    assert found["speeds"] == []


def test_plan_of_a_checkpoint_with_measured_rates(tmp_path):
    checkpoint, file = tmp_path / "run.npz", tmp_path / "plan.json"
    arguments = ["train", "--config", "tiny", "--epochs", "1", "--out", str(checkpoint)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    printed = run_plan("--config", checkpoint, "--device", "up5k", "--measure", "--json", file)
    assert "measured just now" in printed
    rates = json.loads(file.read_text())["speeds"][0]["rates"]
    assert rates["source"] == "measured"
    assert 0 < rates["rates"]["triggers"][0] < 1


def test_explore(tmp_path):
    file = tmp_path / "explore.json"
    printed = run_plan("--explore", "--board", "icebreaker", "--json", file)
    assert "1536-64" in printed
    assert "91.53" in printed
    networks = json.loads(file.read_text())["networks"]
    assert len(networks) == len(list(explore(SHAPES["up5k"])))
    for network in networks:
        assert not shortages(Config(**network["config"]), SHAPES["up5k"])
    measured = [network["accuracy"] for network in networks if network["accuracy"]]
    assert measured[:5] == pytest.approx([0.9191, 0.9153, 0.9142, 0.9133, 0.9126])


def test_explore_a_device_that_plays_samples():
    shape = SHAPES["ecp5-sdram"]
    for candidate in explore(shape):
        config = candidate.config
        assert (config.order, config.views) == ("strides", 1)
        slowest = make_plan(config, shape).speeds[0].bound.memory
        assert min(candidate.cycles.values()) >= slowest


def test_speed_against_accuracy_is_drawn(tmp_path):
    picture = tmp_path / "curve.svg"
    printed = run_plan("--explore", "--board", "icebreaker", "--plot", picture)
    assert f"drawn in {picture}" in printed
    assert picture.read_text().startswith("<?xml")
    assert "known: " in run_plan("--explore", "--device", "small", "--plot", picture, status=1)
    wrong = run_plan("--explore", "--board", "icebreaker", "--plot", tmp_path / "x.abc", status=1)
    assert "--plot" in wrong


def test_what_nothing_beats_in_speed_and_accuracy():
    points = [Point("a", 3, 80), Point("b", 2, 90), Point("c", 2, 85), Point("d", 1, 90)]
    assert [point.network for point in frontier(points)] == ["a", "b"]
    assert frontier(points[3:]) == points[3:]


def test_tables_name_networks_that_fit_a_board():
    shapes = [SHAPES[board.shape] for board in BOARDS.values()]
    for found in accuracies():
        assert any(not shortages(found.config, shape) for shape in shapes), found.config.name
    assert network_name(named("ecp5")) == "3072-128 g2 o40 m0.15 v5"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--config says which network is meant"),
        (["--explore"], "--explore needs a --board or a --device"),
        (["--explore", "--config", "up5k"], "--explore chooses networks itself"),
        (["--config", "up5k", "--plot", "x.svg"], "--plot draws the networks of --explore"),
        (["--config", "nothing"], "unknown configuration"),
        (["--config", "up5k", "--board", "none"], "board must be one of"),
    ],
)
def test_wrong_use(arguments, message):
    assert message in run_plan(*arguments, status=1)


def test_obsolete_names_are_refused():
    with pytest.raises(ConfigurationError):
        named("up5k-best")
