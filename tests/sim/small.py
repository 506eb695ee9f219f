"""What the tests of the simulation share: a trivial component, and a small device and its data."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Module, Mux
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from metabit.boards.driver import Driver
from metabit.golden.config import ArrayShape, Config
from metabit.hdl.v1.device import Device
from metabit.sim.model import SimulatedDevice
from metabit.sim.transport import SimulatedTransport, patience
from metabit.sim.verilate import build

CONFIG = Config(
    name="small",
    inputs=37,
    hidden=(9, 7),
    classes=3,
    group=4,
    counter_bits=4,
    tile=3,
    array=ArrayShape(rows=2, lanes=16, samples=2),
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
    """The compiled device of CONFIG."""
    return build(Device(CONFIG), optimise="-O0")


def open_driver(config: Config = CONFIG, library: Path | None = None) -> Driver:
    device = SimulatedDevice(library or small_library())
    return Driver(SimulatedTransport(device, patience(config)), config)


def random_tile(rng: np.random.Generator, config: Config = CONFIG, count: int | None = None):
    count = count or int(rng.integers(1, config.tile + 1))
    return rng.random((count, config.inputs)) < 0.5, rng.integers(0, config.classes, count)


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
