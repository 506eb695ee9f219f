"""What the tests of the simulation share: a trivial component, and a small device and its data."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Module, Mux
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from metabit.golden.config import Config
from metabit.hdl.device import Device
from metabit.hdl.shape import SHAPES
from metabit.host.lockstep import Span
from metabit.sim.simulate import open_driver
from metabit.sim.source import Rtl
from metabit.sim.supplied import SuppliedDriver
from metabit.sim.verilate import build

SHAPE = SHAPES["small"]

CONFIG = Config(
    name="small",
    inputs=137,
    hidden=(9, 7),
    classes=3,
    group=4,
    counter_bits=SHAPE.counter_bits,
    tile=3,
)


def changed(**fields: Any) -> Config:
    """Return CONFIG with other values."""
    return Config.model_validate(CONFIG.model_dump() | fields)


class Increment(wiring.Component):
    """Return every byte one greater, and zero as zero; a register deep."""

    rx: In(stream.Signature(8))
    tx: Out(stream.Signature(8))

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.rx.ready.eq(~self.tx.valid | self.tx.ready)
        with m.If(self.rx.ready):
            m.d.sync += [
                self.tx.valid.eq(self.rx.valid),
                self.tx.payload.eq(Mux(self.rx.payload == 0, 0, self.rx.payload + 1)),
            ]
        return m


@cache
def small_library() -> Path:
    """The compiled device of SHAPE."""
    return build(Rtl(Device(SHAPE, supply=True)), optimise="-O0")


def small_driver(kind: type[SuppliedDriver] = SuppliedDriver) -> SuppliedDriver:
    """Return the driver of such a device."""
    opened = open_driver(small_library(), SHAPE)
    return kind(opened.transport, SHAPE)


def random_span(
    rng: np.random.Generator, config: Config = CONFIG, tiles: int = 4, **fields: Any
) -> Span:
    """Return a span of so many tiles at most, and two tiles at least if there may be more."""
    least = 1 + config.tile if tiles > 1 else 1
    count = int(rng.integers(least, tiles * config.tile + 1))
    samples = rng.random((count, config.inputs)) < 0.5
    labels = rng.integers(0, config.classes, count)
    return Span(samples, labels, **({"annealing": 0, "damping": 0} | fields))


def write_dataset(path: Path, samples: int = 61, seed: int = 0) -> Path:
    """Write a data set for CONFIG: noisy copies of a random code per class."""
    rng = np.random.default_rng(seed)
    centres = rng.random((CONFIG.classes, CONFIG.inputs)) < 0.5
    labels = np.arange(samples) % CONFIG.classes
    noise = rng.random((samples, CONFIG.inputs)) < 0.25
    np.savez(
        path,
        x=centres[labels] ^ noise,
        y=labels,
        x_test=centres[labels[:20]] ^ noise[20:40],
        y_test=labels[:20],
    )
    return path
