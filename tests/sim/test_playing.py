"""Stored samples, played: the same training as through the link, without the host."""

import zlib

import numpy as np
import pytest
from beside import DEPTH, PLAYING, READ_ONLY, Beside, playing_library
from small import CONFIG, changed

from metabit.golden.config import Config
from metabit.golden.learner import GoldenLearner
from metabit.golden.network import Network
from metabit.golden.schedule import SPAN, Schedule
from metabit.golden.scores import confusion_matrix
from metabit.golden.strides import Strides, stored_order, strided_order, strides_of
from metabit.hdl.placement import Placement
from metabit.hdl.play.registers import CONFUSION_CLASSES
from metabit.host.compare import compare_state
from metabit.host.driver import Driver
from metabit.host.errors import DeviceError
from metabit.host.playing import Player, StoredData, stored_records
from metabit.sim.model import SimulatedDevice
from metabit.sim.source import Rtl
from metabit.sim.transport import SimulatedTransport, patience
from metabit.sim.verilate import build

SAMPLES = 61
ONE_BY_ONE = Strides(SAMPLES, 1, 0)


@pytest.fixture
def driver():
    device = SimulatedDevice(playing_library())
    with Driver(SimulatedTransport(device, patience(PLAYING)), PLAYING) as opened:
        yield opened


def samples_of(config, count=SAMPLES, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((count, config.inputs)) < 0.5, rng.integers(0, config.classes, count)


def test_memory_is_as_it_was_written(driver):
    player, rng = Player(driver), np.random.default_rng(1)
    words = rng.integers(0, 2**64, 100, np.uint64)
    driver.load(Network(CONFIG))
    player.write(DEPTH - 100, words)
    player.write(0, words[:1])
    assert player.read(DEPTH - 100, 100).tolist() == words.tolist()
    assert player.read(0, 1).tolist() == words[:1].tolist()


@pytest.mark.parametrize("span", [SPAN * CONFIG.tile, 2 * CONFIG.tile])
def test_epochs_are_golden_epochs(driver, span):
    config = changed(order="strides", seed=4)
    samples, labels = samples_of(config)
    network = Network(config)
    golden, schedule = GoldenLearner(network), Schedule(config, SAMPLES, 4)
    driver.load(network)
    player = Player(driver)
    data = player.store(stored_records(driver.placement, samples, labels), base=70)
    for epoch in range(1, 5):
        order = strided_order(config.seed, epoch, SAMPLES)
        how = {"annealing": schedule.annealing, "damping": schedule.damping}
        errors = 0
        for start in range(0, SAMPLES, span):
            part = order[start : start + span]
            errors += np.count_nonzero(
                golden.train_tiles(samples, labels, part, **how) != labels[part]
            )
        strides = strides_of(config.seed, epoch, SAMPLES)
        played = player.play(data, strides, train=True, span=span, **how)
        assert (played.samples, played.errors) == (SAMPLES, errors)
        schedule.advance(errors, -(-SAMPLES // config.tile))
        assert compare_state(driver, network) == []


@pytest.mark.parametrize(("epochs", "with_test"), [(7, True), (5, False)])
def test_whole_trainings_are_golden_trainings(driver, epochs, with_test):
    config = changed(order="strides", seed=5, annealing=(0.3, 0.5, 0.8), margin=0.5)
    samples, labels = samples_of(config, seed=3)
    labels[:] = samples[:, :2].sum(axis=1)  # to be learnt: damping grows
    network = Network(config)
    golden, schedule = GoldenLearner(network), Schedule(config, SAMPLES, epochs)
    driver.load(network)
    player = Player(driver)
    train = player.store(stored_records(driver.placement, samples, labels))
    tests = None
    if with_test:
        tests = player.store(
            stored_records(driver.placement, samples[:20], labels[:20]), base=train.end
        )
    found = list(player.train(train, tests, schedule, epochs))
    damped = set()
    for outcome in found:
        damped.add(schedule.damping)
        step = schedule.step()
        predictions = golden.train_tiles(
            samples, labels, step.indices, annealing=step.annealing, damping=step.damping
        )
        errors = np.count_nonzero(predictions != labels[step.indices])
        schedule.advance(errors, step.tiles)
        wrong = np.count_nonzero(network.predict(samples[:20]) != labels[:20])
        assert outcome.train_errors == errors
        assert outcome.test_errors == (wrong if with_test else 0)
    assert [outcome.epoch for outcome in found] == list(range(1, epochs + 1))
    assert schedule.done
    assert len(damped) > 1
    assert compare_state(driver, network) == []


def test_a_test_changes_nothing(driver):
    network = Network(CONFIG)
    samples, labels = samples_of(CONFIG)
    driver.load(network)
    player = Player(driver)
    data = player.store(stored_records(driver.placement, samples, labels))
    played = player.play(data, ONE_BY_ONE, train=False, span=1000)
    assert played.right == np.count_nonzero(network.predict(samples) == labels)
    assert compare_state(driver, network) == []
    # And the link goes on as ever.
    assert driver.predict(samples).tolist() == network.predict(samples).tolist()


def judged(network, samples, labels):
    return confusion_matrix(labels, network.predict(samples), network.config.classes).tolist()


def test_what_is_predicted_of_each_class_is_counted(driver):
    config = changed(order="strides", seed=8)
    samples, labels = samples_of(config, seed=7)
    network = Network(config)
    golden, schedule = GoldenLearner(network), Schedule(config, SAMPLES, 2)
    driver.load(network)
    player = Player(driver)
    train = player.store(stored_records(driver.placement, samples, labels))
    player.play(train, ONE_BY_ONE, train=False, span=7)
    first = player.confusion()
    assert first.tolist() == judged(network, samples, labels)
    # Several classes are predicted, and some wrongly: a matrix turned over is another one.
    assert (first.sum(axis=0) > 0).sum() > 1
    assert (first != first.T).any()
    # A training, whose predictions are those of the time; a test after it; a part of a test.
    step = schedule.step()
    found = golden.train_tiles(samples, labels, step.indices, annealing=0, damping=0)
    strides = strides_of(config.seed, 1, SAMPLES)
    player.play(train, strides, train=True, span=SPAN * config.tile)
    learnt = confusion_matrix(labels[step.indices], found, config.classes)
    assert player.confusion().tolist() == learnt.tolist()
    player.play(train, ONE_BY_ONE, train=False, span=1000)
    assert player.confusion().tolist() == judged(network, samples, labels)
    player.play(train, ONE_BY_ONE, train=False, span=1000, samples=9)
    part = stored_order(SAMPLES)[:9]
    assert player.confusion().tolist() == judged(network, samples[part], labels[part])
    # A check and samples through the link are no played runs; an aborted one counts for nothing.
    player.checksum(train)
    driver.predict(samples[:20])
    assert player.confusion().tolist() == judged(network, samples[part], labels[part])
    assert compare_state(driver, network) == []


def test_a_program_leaves_the_counts_of_its_last_test(driver):
    config = changed(order="strides", seed=5)
    samples, labels = samples_of(config, seed=3)
    network = Network(config)
    driver.load(network)
    player = Player(driver)
    train = player.store(stored_records(driver.placement, samples, labels))
    tests = player.store(stored_records(driver.placement, samples[:20], labels[:20]), train.end)
    *_, last = player.train(train, tests, Schedule(config, SAMPLES, 3), 3)
    state = driver.read_state()
    network.load(state.counters)
    counts = player.confusion()
    assert counts.tolist() == judged(network, samples[:20], labels[:20])
    assert counts.sum() - counts.trace() == last.test_errors


def test_classes_beyond_those_counted_are_refused(driver):
    config = changed(classes=CONFUSION_CLASSES + 1, hidden=(9,))
    driver.load(Network(config))
    with pytest.raises(DeviceError, match="not of class numbers from 16 on"):
        Player(driver).confusion()


def test_a_checksum_is_that_of_all_words(driver):
    driver.load(Network(CONFIG))
    player, rng = Player(driver), np.random.default_rng(2)
    words = rng.integers(0, 2**64, (600, 4), np.uint64)
    data = player.store(words, base=100)
    for part in (data, StoredData(300, 1, 1), StoredData(100, 1, 2048), StoredData(101, 1, 2047)):
        found = words.reshape(-1)[part.base - 100 : part.end - 100]
        assert player.checksum(part) == zlib.crc32(found.tobytes())
    player.write(1234, words[0, :1] ^ 1)
    assert player.checksum(data) != zlib.crc32(words.tobytes())


def test_an_abort_leaves_nothing_behind(driver):
    network = Network(CONFIG)
    samples, labels = samples_of(CONFIG)
    driver.load(network)
    player = Player(driver)
    data = player.store(stored_records(driver.placement, samples, labels))
    expected = player.play(data, ONE_BY_ONE, train=False, span=1000)
    transport = driver.transport
    for cycles in range(0, 1500, 37):
        transport.wait = lambda cycles=cycles: stop(transport.device, cycles)
        with pytest.raises(StopIteration):
            player.play(data, ONE_BY_ONE, train=True, span=24)
        del transport.wait
        driver.load(network)
        assert player.play(data, ONE_BY_ONE, train=False, span=1000) == expected
    assert compare_state(driver, network) == []


def stop(device, cycles):
    device.run(cycles)
    raise StopIteration


def test_what_cannot_be_stored_is_refused():
    with pytest.raises(ValueError, match="samples of a stored data set must be 1 to 262143, not 0"):
        StoredData(0, 5, 0)
    with pytest.raises(ValueError, match="words of memory must be 1 to 16777215, not 16777220"):
        StoredData(2**24 - 1, 5, 1)


@pytest.mark.parametrize("pace", [1, 40])
def test_a_memory_may_be_faster_than_the_core_or_slower(pace):
    """A store of single-port RAM takes words at any time: none of the next span may come early."""
    config = Config(
        inputs=400, hidden=(24,), classes=5, group=8, tile=4, order="strides", seed=6, margin=0.5
    )
    samples, labels = samples_of(config, 150)
    network = Network(config)
    records = stored_records(Placement(config, READ_ONLY), samples, labels)
    library = build(Rtl(Beside(READ_ONLY, pace, records.reshape(-1))), optimise="-O0")
    transport = SimulatedTransport(SimulatedDevice(library), patience(READ_ONLY))
    with Driver(transport, READ_ONLY) as driver:
        driver.load(network)
        player = Player(driver)
        data = StoredData(0, records.shape[1], len(records))
        assert player.checksum(data) == zlib.crc32(records.tobytes())
        golden, span = GoldenLearner(network), 8 * config.tile
        for epoch in (1, 2):
            order, errors = strided_order(config.seed, epoch, len(samples)), 0
            for start in range(0, len(samples), span):
                part = order[start : start + span]
                found = golden.train_tiles(samples, labels, part, annealing=0, damping=0)
                errors += np.count_nonzero(found != labels[part])
            strides = strides_of(config.seed, epoch, len(samples))
            assert player.play(data, strides, train=True, span=span).errors == errors
            assert compare_state(driver, network) == []
        played = player.play(data, Strides(len(samples), 1, 0), train=False, span=span)
        assert played.right == np.count_nonzero(network.predict(samples) == labels)
        with pytest.raises(DeviceError, match="plays one epoch after the other"):
            player.start(data, None, Schedule(config, len(samples), 2), 2)
        with pytest.raises(DeviceError, match="cannot write its memory"):
            player.store(records)
        too_many = StoredData(0, 1, 1 << 16)
        with pytest.raises(DeviceError, match="plays at most 65535 samples"):
            player.checksum(too_many)
        too_far = StoredData((1 << 21) - 10, 11, 1)
        with pytest.raises(DeviceError, match="from 2097152 words of memory; these are 1, up to"):
            player.checksum(too_far)
