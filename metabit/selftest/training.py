"""Whether a device learns as golden does, bit by bit, and again after an abort."""

from collections.abc import Iterator, Sequence

import numpy as np

from ..golden.configurations.named import override
from ..golden.encoding.encoders import Encoder
from ..golden.learner import GoldenLearner
from ..golden.network import Network
from ..hdl.bundles import Space
from ..hdl.link.protocol import (
    MAX_DATA,
    MAX_PREDICTIONS,
    POSITIONS,
    WORD_BYTES,
    Operation,
    Status,
)
from ..host import packing
from ..host.driver import Driver
from ..host.lockstep import Lockstep
from ..host.packets import Request, encode_request
from ..host.raw import RawSamples
from ..host.session import run_request
from .bench import Bench
from .network import describe, network_for, samples_for
from .outcome import FaultError

_TILES = 12
"""Full tiles of a training, and a part of one."""

_RULES = ((0, 0), (1, 2), (3, 3))
"""Exponents of annealing and damping, a training each."""


_FEW = 32
"""Neurons of a layer of a network that is loaded again and again."""

_THERMOMETER = "thermometer:100,200"
"""Encoder of a training with raw samples."""

_FEEDS = (0, 1, 3)
"""Requests with samples that a run has been given when it is aborted."""


def training(bench: Bench) -> str:
    """Train a network that fills the device beside golden, and compare predictions and state."""
    config = network_for(bench.shape)
    with bench.driver() as driver:
        samples, counters = _train(bench, driver, Network(config), _RULES)
    return (
        f"{describe(config, bench.shape)}: {samples} samples learnt, and {counters:,} counters, "
        "generator, counts and predictions equal golden's"
    )


def _train(
    bench: Bench, driver: Driver, network: Network, rules: Sequence[tuple[int, int]]
) -> tuple[int, int]:
    """Train both by each of the rules; returns the samples, and the counters that were compared."""
    tile, random = network.config.tile, bench.random()
    side = Lockstep(driver, GoldenLearner(network), keep_log=False)
    side.begin()
    for annealing, damping in rules:
        bits, labels = samples_for(network.config, _TILES * tile + tile // 2, random)
        indices = np.arange(len(labels))
        side.train_tiles(side.pack(bits), labels, indices, annealing=annealing, damping=damping)
    side.compare()
    bits, _ = samples_for(network.config, _TILES, random)
    expected, found = network.predict(bits), driver.predict(bits)
    if not np.array_equal(expected, found):
        sample = int(np.argmax(expected != found))
        raise FaultError(
            f"sample {sample} of {len(found)} is of class {found[sample]} to the device, and of "
            f"class {expected[sample]} to golden"
        )
    return side.samples, sum(layer.size for layer in network.counters)


def raw_samples(bench: Bench) -> str:
    """Train on raw samples beside golden, which encodes them on the host."""
    sizes = bench.shape.encodes
    if sizes is None:
        return "none: the device has no encoder"
    numbers, random = sizes.pixels // 4, bench.random()
    encoder = Encoder(_THERMOMETER)
    config = network_for(bench.shape, _FEW)
    config = override(config, encoder=_THERMOMETER, inputs=encoder.bits((numbers,)))
    golden = GoldenLearner(Network(config))
    count = _TILES * config.tile
    samples = random.integers(0, 256, (count, numbers), np.uint8)
    labels = random.integers(0, config.classes, count)
    bits = encoder.encode(samples)
    with bench.driver() as driver:
        driver.send_raw(RawSamples(encoder, [(bits, samples)]))
        side = Lockstep(driver, golden, keep_log=False)
        side.begin()
        side.train_tiles(side.pack(bits), labels, np.arange(count), annealing=0, damping=0)
        side.compare()
    return f"{count} samples of {numbers} bytes encoded and learnt, as by golden"


def abort(bench: Bench) -> str:
    """Abort runs at several places, and train anew after each: nothing of them may be left."""
    config = network_for(bench.shape, _FEW)
    with bench.driver() as driver:
        driver.load(Network(config))
        for feeds in _FEEDS:
            _begin(bench, driver, feeds)
            _train(bench, driver, Network(config), _RULES[:1])
    return (
        f"{len(_FEEDS)} runs aborted, before any sample and in the middle; trained anew after each"
    )


def _begin(bench: Bench, driver: Driver, feeds: int) -> None:
    """Begin a run, give it some samples, and leave it there, the last answer on its way."""
    config = driver.config
    bits, labels = samples_for(config, MAX_PREDICTIONS, bench.random())
    numbers = np.array(driver.placement.class_numbers)[labels]
    line = bench.line()
    line.ask(run_request(samples=len(labels), train=1, drain=1))
    line.expect_refusal(
        Request(Operation.READ, 1, Space.GENERATOR), Status.BUSY, "in the middle of a run"
    )
    requests = list(_feeds(packing.records(driver.pack(bits), numbers), feeds))
    for request in requests[:-1]:
        line.ask(request)
    for request in requests[-1:]:
        bench.transport.send(encode_request(line.next_sequence(), request))


def _feeds(data: bytes, count: int) -> Iterator[Request]:
    for start in range(0, min(count * MAX_DATA, len(data)), MAX_DATA):
        yield Request(
            Operation.FEED,
            count=MAX_PREDICTIONS,
            address=start // WORD_BYTES % POSITIONS,
            data=data[start : start + MAX_DATA],
        )
