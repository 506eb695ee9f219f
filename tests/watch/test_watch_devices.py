"""Trainings on devices, watched: on the simulated one, and on boards."""

import json
from functools import partial

import pytest
from typer.testing import CliRunner

from metabit.boards.run import DeviceRun
from metabit.cli import app
from metabit.commands.options import choose
from metabit.golden.checkpoints.hardware import load_checkpoint
from metabit.golden.data.training_data import prepare
from metabit.golden.runs.run import Run
from metabit.hdl.statistics import PHASES
from metabit.host.compare import DivergenceError
from metabit.host.driver import Driver
from metabit.host.errors import DeviceError
from metabit.planning.line import SpeedOf
from metabit.sim import simulate
from metabit.sim.simulate import simulation
from metabit.sim.verilate import build
from metabit.watch.session import State, Unit
from metabit.watch.source import BoardSource, SimulatedSource
from tests.boards.pty_board import PtyBoard
from tests.host.model_device import ModelDevice
from tests.sim.small import CONFIG, SHAPE, small_library, write_dataset
from tests.watch.watching import served, session_of, wait

EPOCHS = 2


@pytest.fixture(autouse=True)
def quick_models(monkeypatch):
    monkeypatch.setattr(simulate, "build", partial(build, optimise="-O0"))


@pytest.fixture
def files(tmp_path):
    """A data set and a configuration for it."""
    config = tmp_path / "small.json"
    config.write_text(json.dumps(CONFIG.model_dump(mode="json")))
    return config, write_dataset(tmp_path / "own.npz", 61)


@pytest.fixture
def run(files):
    return run_of(*files)


def run_of(config, dataset, epochs=EPOCHS):
    chosen = choose(str(config), dataset=str(dataset))
    return Run.start(chosen.config, prepare(chosen.config, dataset=chosen.dataset), epochs)


@pytest.fixture
def golden(files):
    """The same training, unwatched."""
    run = run_of(*files)
    run.finish()
    return run


def outcome(run):
    return run.checkpoint().record.model_dump(exclude={"seconds"})


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_simulated_device_is_watched_as_golden_is(run, golden, start, engine):
    pytest.importorskip(engine)
    with simulation(run, SHAPE, small_library(), engine=engine) as opened:
        source = SimulatedSource(opened, "simulated device")
        session = session_of(source, paused=True)
        thread = start(session)
        for unit in (*3 * [Unit.TILE], Unit.SPAN, Unit.TILE):
            version = session.seen.version
            session.step(unit)
            wait(lambda: session.seen.version > version and session.state is State.PAUSED)  # noqa: B023
        session.resume()
        thread.join()
    assert session.error is None
    assert session.state is State.FINISHED
    assert outcome(run) == outcome(golden)
    facts, results = session.seen.facts, source.results()
    assert facts["cycles"].keys() == set(PHASES)
    assert facts["cycles"]["run"] > facts["cycles"]["forward"] > 0
    assert facts["possible"] > 1000
    assert "cycles a sample" in facts["limit"]
    assert results["bit_exact"]
    assert results["state_sha256"] == golden.state_sha256
    assert results["cycles"] == results["cycles_by_phase"]["run"] > 0
    shown = session.after
    assert shown.results["test_accuracy_per_epoch"] == golden.test_accuracy
    assert [seen.epoch for seen in shown.observations] == [1, 2]


def test_a_device_that_differs_is_said(run, start, monkeypatch):
    with simulation(run, SHAPE, small_library()) as opened:
        session = session_of(SimulatedSource(opened, "simulated device"))
        right = opened.driver.train_tiles

        def wrong(*arguments, **rule):
            return (right(*arguments, **rule) + 1) % 3

        monkeypatch.setattr(opened.driver, "train_tiles", wrong)
        start(session).join()
    assert session.state is State.FAILED
    assert isinstance(session.error, DivergenceError)
    assert "device and golden differ after tile" in session.seen.facts["message"]


def test_the_command_simulates(files, tmp_path):
    out, page = tmp_path / "out.json", tmp_path / "page.html"
    arguments = ["watch", "--simulate", "--device", "small", "--config", files[0]]
    arguments += ["--dataset", files[1], "--epochs", 1, "--web-port", 0, "--end"]
    arguments += ["--json", out, "--export", page]
    done = CliRunner().invoke(app, [str(word) for word in arguments])
    assert done.exit_code == 0, done.output
    assert "device and golden agree in every bit" in done.output
    golden = run_of(*files, epochs=1)
    golden.finish()
    results = json.loads(out.read_text())
    assert results["state_sha256"] == golden.state_sha256
    assert results["test_accuracy"] == golden.test_accuracy[-1]
    assert results["bit_exact"] is True
    text = page.read_text()
    assert "Every bit agrees." in text
    assert "Cycles by phase" in text
    assert "s each in simulation." in text


@pytest.fixture
def board(run):
    """A model of a board behind a serial port."""
    board = PtyBoard(ModelDevice(SHAPE, run.network.config))
    yield board
    board.close()


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("verify", [False, True])
def test_a_board_is_watched_as_golden_is(run, golden, start, verify):
    device = ModelDevice(SHAPE, run.network.config)
    with Driver.find(device) as driver:
        on_device = DeviceRun(driver, run, verify=verify)
        speed = SpeedOf(run.network.config, SHAPE, 1_000_000)
        source = BoardSource(on_device, "a board", speed)
        session = session_of(source, paused=True)
        thread = start(session)
        flips = []
        for tiles in range(1, 4):
            session.step(Unit.TILE)
            wait(lambda: session.seen.facts["trained"] == tiles * CONFIG.tile)  # noqa: B023
            wait(lambda: session.state is State.PAUSED)
            flips.append(session.points.since(0)[-1]["flips"])
        # Weights are on the device; they are not read only because somebody looks.
        assert all((None in each) == (not verify) for each in flips)
        session.resume()
        thread.join()
        assert session.error is None
        assert outcome(on_device) == outcome(golden)
        assert session.points.since(0)[-1]["flips"][0] >= 0
        assert source.results()["link"]["answered"] > 0
        assert session.seen.facts["limit"]
        counted = session.points.since(0)
        samples = run.schedule.samples
        total = sum(
            point["triggers"][0] * samples * (point["x"] - before)
            for point, before in zip(counted, [0, *(p["x"] for p in counted)], strict=False)
        )
        assert total == pytest.approx(golden.network.statistics.triggers[0], rel=1e-2)


def test_the_command_trains_a_board_and_says_when_it_fails(files, run, golden, board, tmp_path):
    out = tmp_path / "run.npz"
    arguments = ["watch", "--port", board.port, "--config", files[0], "--dataset", files[1]]
    arguments += ["--epochs", EPOCHS, "--web-port", 0, "--end", "--out", out, "--verify"]
    words = [str(word) for word in arguments]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert load_checkpoint(out).record.state_sha256 == golden.state_sha256
    board.dies_after = board.runs + 3
    done = CliRunner().invoke(app, [*words, "--timeout", "0.2", "--force"])
    assert done.exit_code == 1
    assert "small, seed 0: failed" in done.output
    assert "error: small, seed 0: " in done.output


def test_a_device_that_is_gone_leaves_the_page_where_it_is(run, start, monkeypatch):
    with Driver.find(ModelDevice(SHAPE, run.network.config)) as driver:
        on_device = DeviceRun(driver, run)
        speed = SpeedOf(run.network.config, SHAPE, 1_000_000)
        session = session_of(BoardSource(on_device, "a board", speed))

        def gone(*arguments, **options):
            raise DeviceError("the port is gone")

        train = driver.train_tiles

        def once(*arguments, **options):
            monkeypatch.setattr(driver, "train_tiles", gone)
            monkeypatch.setattr(driver, "statistics", gone)
            return train(*arguments, **options)

        monkeypatch.setattr(driver, "train_tiles", once)
        with served(session) as client:
            start(session).join()
            state = client.json("/state")["now"][0]["seen"]
            client.get("/runs/0/sections")
    assert (state["state"], state["message"]) == ("failed", "the port is gone")
