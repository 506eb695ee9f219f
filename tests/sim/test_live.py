"""Raw samples in, predictions out, and everything learnt: a whole device with an encoder."""

import contextlib
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from metabit.errors import MetabitError
from metabit.golden.config import Config
from metabit.golden.encoding.assemble import assemble
from metabit.golden.encoding.encoders import Encoder
from metabit.golden.encoding.shifts import SHIFTS, view_of
from metabit.golden.errors import ConfigurationError, DataError
from metabit.golden.network import Network
from metabit.hdl.device import Device
from metabit.hdl.encode.frontend import BYTES
from metabit.hdl.encode.sizes import Sizes
from metabit.hdl.link.protocol import Operation
from metabit.hdl.placement import Placement
from metabit.hdl.shape import LANES, SHAPES, Shape
from metabit.host import packing
from metabit.host.compare import compare_state
from metabit.host.driver import Driver
from metabit.host.errors import DeviceError
from metabit.host.live import LiveDevice, program_for
from metabit.host.packets import Request
from metabit.host.session import Session
from metabit.sim.simulate import open_driver
from metabit.sim.source import Rtl
from metabit.sim.supplied import SuppliedDriver
from metabit.sim.verilate import build

SPRAM = SHAPES["small-live"]
BLOCK = Shape(
    name="live",
    elements=2,
    samples=2,
    counter_bits=4,
    depth=32,
    code_bits=4,
    codes=16,
    neurons=8,
    inputs=256,
    records=64,
    winners=32,
    encodes=Sizes(pixels=128, lanes=4, words=300),
)
SHAPES_OF_BOTH = pytest.mark.parametrize("shape", [SPRAM, BLOCK], ids=["spram", "block"])

SPEC = "thermometer:60,120+edges:d=1,t=8,c=0/3"
SIDE = (8, 8)
SAMPLES = 24
ORIGIN, KEEP = 8, 20
"""Where these begin in the word before a raw sample; its label is lowest."""


@cache
def library(shape: Shape) -> Path:
    return build(Rtl(Device(shape, supply=True)), optimise="-O0")


def opened(shape: Shape, *, supplied: bool = False) -> SuppliedDriver:
    driver = open_driver(library(shape), shape)
    assert isinstance(driver, SuppliedDriver)
    driver.supplied = supplied
    return driver


def network_for(shape: Shape, tile: int = 1, lag: int = 0) -> Network:
    fields = {"counter_bits": shape.counter_bits, "tile": tile, "lag": lag}
    return Network(Config(inputs=160, hidden=(8,), classes=4, group=4, margin=0.4, **fields))


def raw_samples(seed: int = 3) -> tuple[Encoder, np.ndarray, np.ndarray]:
    """Return an encoder, noisy images of four classes, and their labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, SAMPLES)
    noise = rng.integers(-90, 91, (SAMPLES, *SIDE))
    images = np.clip(rng.integers(0, 256, (4, *SIDE))[labels] + noise, 0, 255).astype(np.uint8)
    return Encoder(SPEC), images, labels


def check_same(driver: Driver, network: Network, before: Network) -> None:
    assert not compare_state(driver, network, before.statistics)


@SHAPES_OF_BOTH
@pytest.mark.parametrize("supplied", [False, True], ids=["link", "supply"])
def test_raw_samples_are_learnt_one_by_one(shape, supplied):
    encoder, images, labels = raw_samples()
    golden, before = network_for(shape), network_for(shape)
    bits = encoder.encode(images)
    with opened(shape, supplied=supplied) as driver:
        driver.load(golden)
        live = LiveDevice(driver, program_for(encoder, SIDE, driver.placement))
        packed = live.pack(images)
        for sample in range(SAMPLES):
            one = slice(sample, sample + 1)
            found = live.learn(packed[one], labels[one])
            expected = golden.train_tile(bits[one], labels[one], annealing=0, damping=0)
            assert found == expected.predictions
        golden.drain()
        assert sum(golden.statistics.updates) > 10, "something must be learnt"
        # Without labels nothing is.
        assert np.array_equal(live.predict(packed), golden.predict(bits))
        check_same(driver, golden, before)
        # Encoded samples go the way they always went.
        assert np.array_equal(driver.predict(bits), golden.predict(bits))


def test_tiles_of_raw_samples_with_all_options_of_a_run():
    encoder, images, labels = raw_samples(4)
    golden, before = network_for(BLOCK, tile=4, lag=1), network_for(BLOCK, tile=4, lag=1)
    bits = encoder.encode(images)
    with opened(BLOCK) as driver:
        driver.load(golden)
        live = LiveDevice(driver, program_for(encoder, SIDE, driver.placement))
        found = live.learn(live.pack(images), labels, annealing=1, damping=1)
        expected = [
            golden.train_tile(bits[i : i + 4], labels[i : i + 4], annealing=1, damping=1)
            for i in range(0, SAMPLES, 4)
        ]
        golden.drain()
        assert np.array_equal(found, np.concatenate([tile.predictions for tile in expected]))
        check_same(driver, golden, before)


def raw_records(packed, numbers, origins=0, keep=0):
    """Return words of raw samples, and of samples that are the one before in another view."""
    return packing.records(packed, numbers | np.uint64(origins << ORIGIN | keep << KEEP))


def test_a_sample_is_seen_in_all_views_and_sent_once():
    encoder, images, _ = raw_samples(5)
    golden = network_for(SPRAM)
    with opened(SPRAM) as driver:
        driver.load(golden)
        place = driver.placement
        width = LANES * place.regions[0]
        program = assemble(encoder, SIDE, border=1, width=width, align=BYTES)
        live = LiveDevice(driver, program)
        packed, nothing = live.pack(images), np.zeros((1, 0), np.uint64)
        zero = np.zeros(1, np.uint64)
        data = b""
        few = SAMPLES // 2
        for sample in range(few):
            for view in range(len(SHIFTS)):
                origin = program.frame.origin(view)
                sent = nothing if view else packed[sample : sample + 1]
                data += raw_records(sent, zero, origin, int(view > 0))
        session = Session(driver.requester, few * len(SHIFTS))
        session.start(train=0, raw=1)
        session._samples = 1  # not all are of the same length
        session.feed(data)
        found = np.frombuffer(session.finish(), np.uint8)
        expected = [
            golden.predict(encoder.encode(view_of(images[:few], view)))
            for view in range(len(SHIFTS))
        ]
        classes = np.array(place.class_numbers)[np.array(expected).T.ravel()]
        assert np.array_equal(found, classes)
        assert len(set(found.tolist())) > 1


@SHAPES_OF_BOTH
def test_a_reset_in_the_middle_and_words_too_many_leave_nothing_behind(shape):
    encoder, images, labels = raw_samples(6)
    golden = network_for(shape)
    bits = encoder.encode(images)
    with opened(shape) as driver:
        driver.load(golden)
        live = LiveDevice(driver, program_for(encoder, SIDE, driver.placement))
        packed = live.pack(images)
        data = packing.records(packed, np.zeros(SAMPLES, np.uint64))
        one = len(data) // SAMPLES
        rng = np.random.default_rng(0)
        for end in rng.integers(1, 3 * one // 8, 6):
            session = Session(driver.requester, SAMPLES)
            session.start(train=1, raw=1)
            session._samples = 1
            session.feed(data[: 8 * end])
            # The words are where they are, the encoder is at whatever it is at.
            driver.transport.device.run(int(rng.integers(0, 700)))
            driver.ask(Request(Operation.RESET))
            # What is loaded then learns as if nothing had been: the table is still there.
            fresh = network_for(shape)
            driver.load(fresh)
            found = live.learn(packed[:4], labels[:4])
            expected = [
                int(
                    fresh.train_tile(
                        bits[i, None], labels[i, None], annealing=0, damping=0
                    ).predictions[0]
                )
                for i in range(4)
            ]
            fresh.drain()
            assert found.tolist() == expected
            check_same(driver, fresh, network_for(shape))
        # More words than samples: what is over is gone with the run.
        session = Session(driver.requester, 1)
        session.start(train=0, raw=1)
        session._samples = 1
        with contextlib.suppress(DeviceError):  # words that are left
            session.feed(data[: 2 * one])
        session.finish()
        assert np.array_equal(live.predict(packed), fresh.predict(bits))


def test_the_table_is_read_back(monkeypatch):
    encoder, *_ = raw_samples()
    golden = network_for(SPRAM)
    with opened(SPRAM) as driver:
        driver.load(golden)
        program = program_for(encoder, SIDE, driver.placement)
        right = driver.write_space

        def write(space, words, element=0, first=0):
            words = words.copy()
            words[17] ^= np.uint64(1 << 30)
            right(space, words, element, first)

        monkeypatch.setattr(driver, "write_space", write)
        with pytest.raises(DeviceError, match="word 17 of the encoder's table of the simulated"):
            LiveDevice(driver, program)


def test_what_a_device_cannot_encode_is_refused_before_it_is_asked():
    encoder, *_ = raw_samples()
    config = network_for(SPRAM).config
    with pytest.raises(MetabitError, match=r"device small-spram has no encoder.*small-live have"):
        program_for(encoder, SIDE, Placement(config, SHAPES["small-spram"]))
    small = SPRAM.model_copy(update={"encodes": Sizes(pixels=128, lanes=2, words=200)})
    with pytest.raises(MetabitError, match="needs 272 words of the table, the device has 200"):
        program_for(encoder, SIDE, Placement(config, small))
    small = SPRAM.model_copy(update={"encodes": Sizes(pixels=32, lanes=2, words=512)})
    with pytest.raises(MetabitError, match="needs 64 bytes of image memory, the device has 32"):
        program_for(encoder, SIDE, Placement(config, small))
    with pytest.raises(DataError, match="must be fitted"):
        program_for(Encoder("quantiles:4"), SIDE, Placement(config, SPRAM))
    comparisons = Encoder("comparisons:256,t=0/40").fit(raw_samples()[1])
    with pytest.raises(ConfigurationError):
        program_for(comparisons, SIDE, Placement(config, SPRAM))
