"""`metabit selftest`: what a sound device passes, and which faults it finds and names."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from metabit.cli import app
from metabit.golden.config import Config
from metabit.hdl.bundles import Space
from metabit.hdl.link.protocol import Operation
from metabit.hdl.placement import Placement
from metabit.hdl.setup import TABLE
from metabit.hdl.shape import SHAPES, Shape
from metabit.host.errors import PortError
from metabit.host.packets import Request
from metabit.selftest import memories
from metabit.selftest.bench import Bench
from metabit.selftest.network import network_for, samples_for
from metabit.selftest.outcome import FaultError, Result
from metabit.selftest.recorder import Recorder
from metabit.selftest.run import CHECKS, selftest
from tests.host.model_device import ModelDevice

SMALL = SHAPES["small"]
NAMES = ["identity", *(name for _, name, _ in CHECKS)]


class MemoryDevice(ModelDevice):
    """A model whose memories hold what was written until a run makes a network of it.

    Attributes
    ----------
    stuck : callable
        Returns what a place keeps of a word, as long as no network is loaded: the model checks
        what it is loaded with.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape, network_for(shape))
        self.stuck: Callable[[tuple, int], int] = lambda place, word: word
        self._configs = [network_for(shape), network_for(shape, 32)]

    def _ensure(self) -> None:
        """Find out which of the networks it is that was loaded."""
        if self.network is None:
            self.config = next(config for config in self._configs if self._is_loaded(config))
        super()._ensure()

    def _is_loaded(self, config: Config) -> bool:
        words = Placement(config, self.shape).setup_words
        return all(
            self._memory[Space.SETUP, 0, 0, place] == word for place, word in enumerate(words)
        )

    def _execute(self, request: Request) -> bytes:
        result = super()._execute(request)
        if request.operation is Operation.WRITE and (Space.SETUP, 0, 0, 0) not in self._memory:
            for place, word in self._memory.items():
                self._memory[place] = self.stuck(place, word)
        return result

    def _read(self, space: Space, element: int, part: int, address: int) -> int:
        if self.network is not None or space is Space.STATISTICS:
            return super()._read(space, element, part, address)
        signs = space is Space.CURRENT
        return self._memory.get((Space.SIGNS if signs else space, element, part, address), 0)


def wrong(result: Result) -> dict[str, str]:
    return {outcome.name: outcome.found for outcome in result.outcomes if not outcome.ok}


@pytest.mark.parametrize("name", ["small", "small-spram"])
def test_a_sound_device_passes(name: str) -> None:
    steps: list[str] = []
    device = MemoryDevice(SHAPES[name])
    result, log = selftest(device, report=steps.append)
    assert wrong(result) == {}
    assert result.ok
    assert (result.device, result.digest) == (name, SHAPES[name].digest.hex())
    assert [outcome.name for outcome in result.outcomes] == NAMES
    assert steps == [f"{outcome.group}: {outcome.name}" for outcome in result.outcomes]
    assert result.link["answered"] > 1000
    assert "training: abort" in log
    assert device.closed


@pytest.mark.parametrize(
    ("space", "check", "read"),
    [(Space.COUNTERS, "counters", "COUNTERS"), (Space.SIGNS, "signs", "CURRENT")],
)
@pytest.mark.parametrize("value", [0, 1])
def test_a_bit_that_is_stuck_is_named(space: Space, check: str, read: str, value: int) -> None:
    device = MemoryDevice(SMALL)
    last = SMALL.depth - 1
    spoilt = (space, 1, 0, last)
    bit = 1 << 17
    device.stuck = lambda place, word: (
        word if place != spoilt else word | bit if value else word & ~bit
    )
    found = wrong(selftest(device)[0])
    assert f"{read} of element 1, address {last}" in found[check]
    said = f"bit 17 is {value}, and {1 - value} was written (1 bits of the word and 1 of "
    assert said in found[check]


def test_a_bit_of_an_encoders_table_that_is_stuck_is_named() -> None:
    shape = SHAPES["small-live"]
    device = MemoryDevice(shape)
    assert shape.encodes is not None
    last = TABLE + shape.encodes.words - 1
    device.stuck = lambda place, word: (
        word & ~(1 << 31) if place == (Space.SETUP, 0, 0, last) else word
    )
    bench = Bench(Recorder(device), shape, None)
    with pytest.raises(FaultError, match=f"SETUP of element 0, address {last}: bit 31 is 0, and 1"):
        memories.table(bench)
    device.stuck = lambda place, word: word
    assert memories.table(bench) == "512 words of 32 bits, and their complement"


def test_an_address_line_that_is_broken_is_noticed() -> None:
    device = MemoryDevice(SMALL)
    sound = device._execute

    def folded(request: Request) -> bytes:
        loading = (Space.SETUP, 0, 0, 0) in device._memory
        if request.space == Space.SIGNS.value and not loading:
            words = range(request.address, request.address + request.count)
            for address in words:
                device._memory.pop((Space.SIGNS, request.element, 0, address ^ 64), None)
        return sound(request)

    device._execute = folded  # type: ignore[method-assign]
    assert set(wrong(selftest(device)[0])) >= {"signs"}


def test_a_generator_that_lacks_a_bit_is_noticed() -> None:
    device = MemoryDevice(SMALL)
    device.stuck = lambda place, word: word | 1 if place[0] is Space.GENERATOR else word
    found = wrong(selftest(device)[0])
    assert found["generator"] == "the generator was given 0x00000002, and holds 0x00000003"


def test_a_reply_that_is_lost_is_named_though_it_was_repaired() -> None:
    device = MemoryDevice(SMALL)
    reads = 0

    def lose(raw: bytes) -> bytes | None:
        nonlocal reads
        counters = device.requests and device.requests[-1].operation is Operation.READ
        reads += bool(counters and device.requests[-1].count > 2)
        return None if reads == 40 else raw

    device.damage_reply = lose
    result, _ = selftest(device)
    assert set(wrong(result)) == {"errors"}
    assert "0 were damaged, 0 were not answered in time, 1 were lost" in wrong(result)["errors"]


def test_a_request_that_is_lost_is_named_where_none_is_repeated() -> None:
    device = MemoryDevice(SMALL)
    writes = 0

    def lose(raw: bytes) -> bytes | None:
        nonlocal writes
        writes += 1
        return None if writes == 5 else raw

    device.damage_request = lose
    found = wrong(selftest(device)[0])
    assert found["every byte"].startswith("no reply to READ 4: it, or the reply, was lost")
    assert set(found) == {"every byte", "errors"}


@pytest.mark.parametrize("field", ["annealing", "damping"])
def test_a_device_that_trains_otherwise_is_named(field: str) -> None:
    device = MemoryDevice(SMALL)
    start = device._start

    def other(word: int) -> None:
        start(word)
        device._run[field] ^= 1

    device._start = other  # type: ignore[method-assign]
    found = wrong(selftest(device)[0])
    assert set(found) == {"training", "abort"}
    assert "device and golden differ after tile" in found["training"]


def test_a_counter_that_is_wrong_after_a_run_is_named() -> None:
    device = MemoryDevice(SMALL)
    take = device._take_sample

    def other() -> None:
        take()
        last = device._run["damping"] == 3 and not device._left
        if last and device.network is not None:
            device.network.counters[0][3, 5] ^= 1

    device._take_sample = other  # type: ignore[method-assign]
    found = wrong(selftest(device)[0])
    assert "counter of layer 0, neuron 3, weight 5: golden " in found["training"]


def test_a_single_prediction_that_is_wrong_is_named() -> None:
    device = MemoryDevice(SMALL)
    take, taken = device._take_sample, 0

    def other() -> None:
        nonlocal taken
        take()
        taken += 1
        if taken == 15:
            device._predictions[0] ^= 1

    device._take_sample = other  # type: ignore[method-assign]
    found = wrong(selftest(device)[0])
    assert set(found) == {"training"}
    assert "prediction of tile" in found["training"]


def test_a_device_that_takes_damaged_frames_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Anything(bytes):
        def __ne__(self, other: object) -> bool:
            return False

    monkeypatch.setattr("tests.host.model_device.crc", lambda body: Anything())
    found = wrong(selftest(MemoryDevice(SMALL))[0])
    assert found["damaged frames"].startswith("a request with bit 0 of byte ")


def test_a_device_that_executes_again_what_is_repeated_is_named() -> None:
    device = MemoryDevice(SMALL)
    answer = device._answer

    def forgetful(encoded: bytes) -> bytes:
        device._kept.clear()
        return answer(encoded)

    device._answer = forgetful  # type: ignore[method-assign]
    found = wrong(selftest(device)[0])
    assert set(found) == {"repeats"}
    assert "was executed again when it was repeated: the memory holds" in found["repeats"]


def test_a_device_that_an_abort_does_not_stop_is_named() -> None:
    device = MemoryDevice(SMALL)
    execute = device._execute

    def stubborn(request: Request) -> bytes:
        left = device._left
        result = execute(request)
        if request.operation is Operation.RESET:
            device._left = left
        return result

    device._execute = stubborn  # type: ignore[method-assign]
    assert "abort" in wrong(selftest(device)[0])


def test_an_unknown_device_is_asked_for_nothing_else() -> None:
    other = Shape(**SMALL.model_dump() | {"depth": 64})
    result, _ = selftest(MemoryDevice(other))
    assert not result.ok
    assert not result.complete
    assert list(wrong(result)) == ["identity"]
    assert other.digest.hex() in wrong(result)["identity"]


def test_a_port_that_fails_ends_it() -> None:
    device = MemoryDevice(SMALL)

    def pulled(raw: bytes) -> bytes:
        if len(device.requests) > 100:
            raise PortError("/dev/ttyX failed: it is gone")
        return raw

    device.damage_request = pulled
    result, _ = selftest(device)
    assert not result.complete
    assert list(wrong(result)) == ["repeats"]


@pytest.mark.parametrize("shape", SHAPES.values(), ids=lambda shape: shape.name)
def test_every_device_has_a_network_that_tests_it(shape: Shape) -> None:
    config = network_for(shape)
    placement = Placement(config, shape)
    assert placement.sign_words >= shape.depth // 4
    assert config.layers == min(shape.layers, 2)
    assert config.inputs % 64
    assert placement.passes > 1 or shape.samples == 1
    bits, labels = samples_for(config, 50, np.random.default_rng(1))
    assert bits.shape == (50, config.inputs)
    assert len(set(labels)) > 1


# The command


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> MemoryDevice:
    """What every serial port leads to."""
    device = MemoryDevice(SMALL)
    monkeypatch.setattr("metabit.host.transport.SerialTransport", lambda *_: device)
    return device


def metabit(*arguments: object, status: int = 0) -> str:
    result = CliRunner().invoke(app, ["selftest", *map(str, arguments)])
    assert result.exit_code == status, result.output
    return " ".join(result.output.split())


def test_a_board_that_passes(port: MemoryDevice, tmp_path: Path) -> None:
    file, report = tmp_path / "found.json", tmp_path / "report.zip"
    printed = metabit("--port", "X", "--json", file, "--report", report)
    assert "all is well" in printed
    found = json.loads(file.read_text())
    assert found["ok"]
    assert (found["device"], found["port"], found["simulated"]) == ("small", "X", False)
    assert [outcome["name"] for outcome in found["outcomes"]] == NAMES
    with zipfile.ZipFile(report) as archive:
        assert archive.namelist() == ["results.json", "versions.json", "doctor.json", "log.txt"]
        assert json.loads(archive.read("results.json")) == found
        assert "metabit" in json.loads(archive.read("versions.json"))
        assert any(check["name"] == "python" for check in json.loads(archive.read("doctor.json")))
        assert b"link: identity" in archive.read("log.txt")


def test_a_board_that_fails(port: MemoryDevice, tmp_path: Path) -> None:
    file, report = tmp_path / "found.json", tmp_path / "report.zip"
    port.stuck = lambda place, word: word & ~1 if place[0] is Space.COUNTERS else word
    printed = metabit("--port", "X", "--json", file, "--report", report, status=1)
    assert "FAIL" in printed
    assert "wrong: link: every byte" in printed
    assert not json.loads(file.read_text())["ok"]
    assert report.exists()


def test_a_board_that_does_not_answer(port: MemoryDevice, tmp_path: Path) -> None:
    report = tmp_path / "report.zip"
    port.damage_reply = lambda raw: None
    printed = metabit("--port", "X", "--report", report, status=1)
    assert "nothing else could be tried" in printed
    assert report.exists()


@pytest.mark.parametrize("arguments", [(), ("--port", "X", "--device", "small")])
def test_wrong_use(arguments: tuple[str, ...]) -> None:
    printed = metabit(*arguments, status=1)
    assert "--port names the board to test, or --device a simulated device" in printed


def test_a_simulated_device_passes() -> None:
    assert "all is well" in metabit("--device", "small-spram")
