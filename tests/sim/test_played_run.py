"""Runs on a device that keeps the samples: the same trainings as golden's."""

import pytest
from beside import PLAYING, playing_library
from small import CONFIG, write_dataset

from metabit.boards.played import PlayedRun
from metabit.commands.options import choose
from metabit.golden.configurations.named import override
from metabit.golden.data.training_data import prepare
from metabit.golden.errors import ConfigurationError
from metabit.golden.runs.run import Run
from metabit.golden.scores import confusion_matrix
from metabit.golden.strides import Strides
from metabit.host.compare import DivergenceError
from metabit.host.driver import Driver
from metabit.host.errors import DeviceError
from metabit.host.playing import Player
from metabit.sim.model import SimulatedDevice
from metabit.sim.transport import SimulatedTransport, patience

EPOCHS = 5
SAMPLES = 61


@pytest.fixture
def driver():
    device = SimulatedDevice(playing_library())
    with Driver(SimulatedTransport(device, patience(PLAYING)), PLAYING) as opened:
        yield opened


@pytest.fixture
def begin(tmp_path):
    """What begins a run of golden."""
    write_dataset(tmp_path / "own.npz", SAMPLES)

    def start(**changes):
        config = override(CONFIG, **{"order": "strides", "margin": 0.5} | changes)
        chosen = choose("tiny", dataset=str(tmp_path / "own.npz"))
        config = override(config, dataset=chosen.config.dataset)
        return Run.start(config, prepare(config, dataset=chosen.dataset), EPOCHS)

    return start


@pytest.mark.parametrize("together", [1, 2, EPOCHS])
@pytest.mark.parametrize("verify", [False, True])
def test_a_run_ends_as_golden_does(driver, begin, together, verify):
    golden = begin()
    golden.finish()
    run = PlayedRun(driver, begin(), verify=verify, together=together)
    errors = [(result.step.epoch, result.errors) for result in run.spans()]
    assert errors == list(zip(range(1, EPOCHS + 1), golden.schedule.history, strict=True))
    assert run.state_sha256 == golden.state_sha256
    assert run.test_accuracy == pytest.approx(golden.test_accuracy)
    assert run.schedule.history == golden.schedule.history
    assert run.network.statistics == golden.network.statistics


def test_samples_that_are_there_are_not_written_again(driver, begin):
    said = []
    PlayedRun(driver, begin(), report=said.append).finish()
    assert len(said) == 3
    assert said[1].startswith(f"write {SAMPLES} samples, 0.0 MB")
    said.clear()
    golden = begin(seed=3)
    golden.finish()
    run = PlayedRun(driver, begin(seed=3), report=said.append)
    run.finish()
    assert said == ["check the samples in memory"]
    assert run.state_sha256 == golden.state_sha256


def test_a_run_stops_where_it_can_be_read_and_goes_on(driver, begin):
    golden = begin()
    golden.finish()
    run = PlayedRun(driver, begin(), together=2)
    for result in run.spans():
        if result.step.epoch == 3:
            break
    checkpoint = run.checkpoint()
    assert checkpoint.record.epoch == 5
    resumed = PlayedRun(driver, Run.resume(checkpoint, begin().data), together=3)
    resumed.finish()
    assert resumed.state_sha256 == golden.state_sha256


def test_an_epoch_that_was_begun_elsewhere_is_ended(driver, begin, monkeypatch):
    monkeypatch.setattr("metabit.golden.schedule.SPAN", 4)
    monkeypatch.setattr("metabit.host.playing.SPAN", 4)
    golden, begun = begin(), begin()
    golden.finish()
    for result in begun.spans():
        if result.step.epoch == 2:
            break
    run = PlayedRun(driver, begun, verify=True, together=2)
    assert run.schedule.sample
    run.finish()
    assert run.state_sha256 == golden.state_sha256


def test_a_memory_that_does_not_keep_what_is_written_is_found(driver, begin, monkeypatch):
    monkeypatch.setattr("metabit.host.playing.Player.write", lambda self, address, words: None)
    with pytest.raises(DeviceError, match="does not hold what was written to it"):
        PlayedRun(driver, begin())


def test_a_difference_is_found(driver, begin):
    run = PlayedRun(driver, begin(), verify=True)
    run._twin.network.counters[0][3, 5] ^= 1
    with pytest.raises(DivergenceError, match="counter of layer 0, neuron 3, weight 5"):
        run.finish()


def test_counts_by_class_are_golden_counts(driver, begin):
    golden = begin()
    golden.finish()
    run = PlayedRun(driver, begin(), together=EPOCHS)
    run.finish()
    labels, predictions = run.data.test_labels, golden.network.predict(run.data.test)
    expected = confusion_matrix(labels, predictions, CONFIG.classes)
    counts, counted_by = run.confusion()
    assert (counts.tolist(), counted_by) == (expected.tolist(), "device")


def test_where_the_device_does_not_count_the_host_does(driver, begin, monkeypatch):
    run = PlayedRun(driver, begin(), together=EPOCHS)
    run.finish()
    expected, _ = run.confusion()
    monkeypatch.setattr("metabit.host.playing.CONFUSION_CLASSES", 1)
    counts, counted_by = run.confusion()
    assert (counts.tolist(), counted_by) == (expected.tolist(), "host")


def test_counts_by_class_that_differ_are_found(driver, begin, monkeypatch):
    right = Player.confusion
    monkeypatch.setattr(Player, "confusion", lambda player: right(player).T)
    run = PlayedRun(driver, begin(), verify=True)
    with pytest.raises(
        DivergenceError, match="test count of class 0, prediction 2: golden 0, device 1"
    ):
        run.finish()


def test_counts_of_another_test_are_refused(driver, begin):
    run = PlayedRun(driver, begin(), together=EPOCHS)
    run.finish()
    run.driver.predict(run.data.test)
    run._player.play(run._played._test, Strides.in_order(5), train=False, span=9, samples=4)
    with pytest.raises(DeviceError, match=r"the counts by class are of .* samples"):
        run.confusion()


def test_what_no_device_plays_is_refused(driver, begin):
    with pytest.raises(ConfigurationError, match="not --order shuffled --views 1"):
        PlayedRun(driver, begin(order="shuffled"))
