"""Raw samples in, predictions out, and everything learnt: a whole device with an encoder."""

import contextlib
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from pty_device import PtyDevice
from typer.testing import CliRunner

from metabit.boards.registry import BOARDS
from metabit.cli import app
from metabit.commands.bench import live as bench
from metabit.errors import MetabitError
from metabit.golden.checkpoints.hardware import load_checkpoint
from metabit.golden.config import Config
from metabit.golden.configurations.named import named
from metabit.golden.encoding.assemble import assemble
from metabit.golden.encoding.encoders import Encoder
from metabit.golden.encoding.shifts import SHIFTS, view_of
from metabit.golden.errors import ConfigurationError, DataError
from metabit.golden.network import Network
from metabit.hdl.device import Device
from metabit.hdl.encode.cycles import count_cycles
from metabit.hdl.encode.frontend import BYTES
from metabit.hdl.encode.sizes import Sizes
from metabit.hdl.link.protocol import Operation
from metabit.hdl.placement import Placement
from metabit.hdl.shape import LANES, SHAPES, Shape
from metabit.host import packing
from metabit.host.compare import compare_state
from metabit.host.driver import Driver
from metabit.host.errors import DeviceError
from metabit.host.live import LiveDevice
from metabit.host.packets import Request
from metabit.host.raw import RawSamples, pack_raw, program_for
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
        live = LiveDevice(driver, golden, encoder, SIDE)
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
        live = LiveDevice(driver, golden, encoder, SIDE)
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
        driver.write_table(program)
        packed, nothing = pack_raw(images, program.frame), np.zeros((1, 0), np.uint64)
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
        live = LiveDevice(driver, golden, encoder, SIDE)
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
        right = driver.write_space

        def write(space, words, element=0, first=0):
            words = words.copy()
            if first:
                words[17] ^= np.uint64(1 << 30)
            right(space, words, element, first)

        monkeypatch.setattr(driver, "write_space", write)
        with pytest.raises(DeviceError, match="word 17 of the encoder's table of the simulated"):
            LiveDevice(driver, golden, encoder, SIDE)


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


# As a user calls it


def metabit(*arguments, status=0):
    result = CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": "300"})
    assert result.exit_code == status, result.output
    return " ".join(result.output.split())


@pytest.fixture
def options(tmp_path):
    """A network for 8-bit images, and the images: few, so that a run is short."""
    rng = np.random.default_rng(7)
    labels = np.arange(40) % 4
    noise = rng.integers(-90, 91, (40, *SIDE))
    images = np.clip(rng.integers(0, 256, (4, *SIDE))[labels] + noise, 0, 255).astype(np.uint8)
    np.savez(tmp_path / "own.npz", x=images, y=labels, x_test=images[:12], y_test=labels[:12])
    fields = {"encoder": SPEC, "inputs": 160, "classes": 4, "hidden": [8], "group": 4}
    path = tmp_path / "own.json"
    path.write_text(json.dumps(named("tiny").model_dump() | fields | {"views": 1}))
    return ("--config", path, "--dataset", tmp_path / "own.npz", "--split", "official")


@pytest.fixture
def board():
    """A board that has just been switched on."""
    with opened(SPRAM) as driver:
        device = PtyDevice(driver.transport.device)
        yield device
        device.close()


def test_a_simulation_learns_live(tmp_path, options):
    printed = metabit("simulate", *options, "--live", "--json", tmp_path / "found.json")
    assert "on device small-live" in printed
    found = json.loads((tmp_path / "found.json").read_text())
    assert (found["samples"], found["device"]) == (400, "small-live")
    config = found["config"]
    assert (config["tile"], config["lag"], config["views"]) == (1, 0, 1)
    # A sample takes as long as the encoder does, and longer.
    program = program_for(Encoder(SPEC), SIDE, Placement(Config(**config), SPRAM))
    assert SPRAM.encodes is not None
    assert found["cycles_per_sample"] > count_cycles(program, SPRAM.encodes.lanes)
    # And what it learns is what the host learns.
    live, tiles = tmp_path / "live.json", {"tile": 1, "lag": 0, "name": "live"}
    live.write_text(json.dumps(json.loads(options[1].read_text()) | tiles))
    metabit("train", "--config", live, *options[2:], "--epochs", 10, "--json", tmp_path / "t.json")
    trained = json.loads((tmp_path / "t.json").read_text())
    assert found["state_sha256"] == trained["state_sha256"]


def test_a_board_learns_live_and_goes_on_and_is_asked(tmp_path, board, options):
    file, json_file = tmp_path / "run.npz", tmp_path / "run.json"
    run = ("run", "--port", board.port, "--live")
    printed = metabit(*run, *options, "--epochs", 2, "--verify", "--out", file, "--json", json_file)
    assert "encoder: 272 of 512 words of table, read back; raw samples of 64 bytes" in printed
    assert "device and golden agree in every bit" in printed
    found = json.loads(json_file.read_text())
    assert (found["device"], found["bit_exact"], found["samples"]) == ("small-live", True, 80)
    assert found["link"]["line_samples_per_second"] == pytest.approx(1e5 / 9 / (8 + 12 / 30))
    # The finished training is tested with raw samples, and goes on with them.
    assert "device and host predict the same" in metabit(*run, file)
    on_host = tmp_path / "host.npz"
    metabit("train", "--resume", file, "--epochs", 3, "--out", on_host)
    metabit(*run, "--resume", file, "--epochs", 3)
    states = [load_checkpoint(path).record.state_sha256 for path in (file, on_host)]
    assert states[0] == states[1]
    images = tmp_path / "new.npz"
    np.savez(images, x=np.load(tmp_path / "own.npz")["x_test"])
    asked = ("predict", file, "--dataset", images, "--port", board.port)
    assert "device small-live on" in metabit(*asked, "--live")
    assert "device small-live on" in metabit(*asked)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("simulate", "--live", "--device", "small-spram"), "device small-spram has no encoder"),
        (("simulate", "--live", "--sweep", "1"), "--live cannot be given with --sweep"),
        (("run", "--port", "none", "--live", "--kept"), "--kept cannot be given with --live"),
        (("run", "--port", "none", "--live", "--keep-state", "2"), "keep no samples"),
    ],
)
def test_what_has_no_raw_samples_is_refused(options, arguments, message):
    given = () if "--sweep" in arguments or "--kept" in arguments else options
    assert message in metabit(*arguments, *given, status=1)


def test_raw_samples_are_known_by_their_bits():
    encoder, images, _ = raw_samples()
    bits = encoder.encode(images)
    known = RawSamples(encoder, [(bits[:4], images[:4]), (bits, images)])
    frame = known.program(Placement(network_for(SPRAM).config, SPRAM)).frame
    assert np.array_equal(known.pack(bits.copy(), frame), pack_raw(images, frame))
    assert np.array_equal(known.pack(bits[:3], frame), pack_raw(images[:3], frame))
    with pytest.raises(ValueError, match="nothing is known of what 24 encoded samples came from"):
        known.pack(~bits, frame)


def test_frames_and_latencies_are_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "NETWORKS", {"small-live": "tiny"})
    monkeypatch.setattr(bench, "board_of", lambda device: BOARDS["icebreaker"])
    monkeypatch.setattr(bench, "TIMED", 5)
    file = tmp_path / "live.json"
    printed = metabit("bench", "live", "--samples", 20, "--json", file)
    (found,) = json.loads(file.read_text())["devices"]
    assert (found["device"], found["samples"], found["table"]) == ("small-live", 20, 262)
    assert f"| {found['cycles_per_frame']:,.0f} |" in printed
    # The core is at work while the next image comes, so that the encoder alone decides; in the end
    # a run of some samples waits for the last one.
    encoder = 64 + 192 + 20 + 64
    assert encoder < found["cycles_per_frame"] < encoder + 200
    assert found["predicted"] <= found["most_predicted"] < found["most_learnt"]
    assert found["predicted"] < found["learnt"] <= found["most_learnt"]
