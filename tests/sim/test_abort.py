"""A RESET in any cycle of a training run: what is loaded afterwards learns as if nothing had been.

The device itself is never reset, so that whatever aborted runs leave behind stays in it.
"""

import numpy as np
import pytest

from metabit.golden.config import Config
from metabit.golden.network import Network
from metabit.hdl import device
from metabit.hdl.bundles import Run
from metabit.hdl.link.protocol import Operation
from metabit.hdl.shape import Shape
from metabit.host import packing
from metabit.host.compare import compare_state
from metabit.host.errors import DeviceError
from metabit.host.lockstep import Span, train_both
from metabit.host.packets import Progress, Request
from metabit.sim.simulate import open_driver
from metabit.sim.source import Rtl
from metabit.sim.verilate import build
from tests.hdl.planted import plant

BLOCK = Shape(
    name="abort",
    elements=1,
    samples=2,
    counter_bits=3,
    depth=32,
    code_bits=4,
    codes=16,
    neurons=6,
    inputs=70,
    records=32,
    winners=32,
    layers=2,
)
SPRAM = BLOCK.model_copy(update={"samples": 1, "counter_bits": 8, "memory": "spram", "layers": 1})

TILE = 3


def fitting(shape: Shape) -> Config:
    """Return a network of as many layers as a device takes, which learns from every sample."""
    return Config(
        inputs=70,
        hidden=(6, 4)[: shape.layers],
        classes=3,
        group=3,
        counter_bits=shape.counter_bits,
        margin=1.0,
        reinforcement=1,
        tile=TILE,
    )


def random_span(config: Config, samples: int, seed: int) -> Span:
    rng = np.random.default_rng(seed)
    bits = rng.random((samples, config.inputs)) < 0.5
    return Span(bits, rng.integers(0, config.classes, samples), 0, 0)


class Aborter:
    """A device whose runs are aborted, and what it must learn after that.

    Parameters
    ----------
    shape : Shape
    """

    def __init__(self, shape: Shape) -> None:
        library = build(Rtl(device.Device(shape, supply=True)), optimise="-O1")
        self.driver = open_driver(library, shape)
        self.device = self.driver.transport.device
        self.config = fitting(shape)
        self.network = Network(self.config)
        # Two tiles, so that updates go on while samples pass forward, and rows are committed.
        span = random_span(self.config, 2 * TILE, 1)
        self.driver.load(self.network)
        self.words = np.frombuffer(
            packing.records(self.driver.pack(span.samples), span.labels), np.uint64
        )
        self.lesson = random_span(self.config, TILE + 1, 2)

    def __enter__(self) -> "Aborter":
        return self

    def __exit__(self, *error: object) -> None:
        self.driver.close()

    def run(self) -> int:
        """Train to the end, and return the cycles that it takes."""
        begun = self.device.cycles
        self.start()
        collect, idle = Request(Operation.COLLECT, count=1), False
        while not idle:
            result = self.driver._requester.request(collect)
            idle = Progress.of(result[-1]).idle
        self.device.cut_supply()
        return self.device.cycles - begun

    def start(self) -> None:
        """Send the request of a training run whose samples come at full speed."""
        run = {"samples": 2 * TILE, "train": 1, "drain": 1, "annealing": 0, "damping": 0}
        word = Run().const(run).as_value().value
        request = Request(Operation.RUN, data=word.to_bytes(8, "little"))
        requester = self.driver._requester
        self.device.supply(self.words, 2 * TILE)
        self.device.send(requester._frame(requester._numbered(request)))

    def abort(self, cycles: int) -> int:
        """Start a run and abort it so many cycles later; return the predictions that it gave."""
        self.start()
        self.device.run(cycles)
        self.driver._requester.request(Request(Operation.RESET))
        predicted = self.device.predicted
        self.device.cut_supply()
        return predicted

    def learn(self) -> None:
        """Load the network, train it, and compare everything."""
        network = Network(self.config)
        self.driver.load(network)
        expected, found = train_both(self.driver, network, self.lesson)
        assert found.tolist() == expected.tolist()
        assert not compare_state(self.driver, network)


def abort_everywhere(shape: Shape) -> list[int]:
    """Abort a run after 0, 1, 2 ... cycles, until nothing is left to abort, and learn each time.

    Returns
    -------
    list of int
        Predictions that each of the runs gave.
    """
    predictions = []
    with Aborter(shape) as aborter:
        for cycles in range(aborter.run()):
            predictions.append(aborter.abort(cycles))
            aborter.learn()
    return predictions


@pytest.mark.slow
@pytest.mark.parametrize("shape", [BLOCK, SPRAM], ids=lambda shape: shape.memory)
def test_a_run_is_aborted_in_every_cycle(shape):
    predictions = abort_everywhere(shape)
    assert predictions == sorted(predictions)
    assert set(predictions) == set(range(2 * TILE + 1))
    # Rows are updated and committed when all is predicted.
    assert predictions.count(2 * TILE) > 100


@pytest.mark.slow
def test_an_abort_that_reaches_no_core_is_noticed(monkeypatch):
    planted = plant(device, ("core.abort.eq(link.abort)", "core.abort.eq(0)"))
    monkeypatch.setattr(device, "Device", planted.Device)
    with pytest.raises((AssertionError, DeviceError)):
        abort_everywhere(BLOCK)
