"""What the benches share: configuration, clock, and streams with random back-pressure.

Inputs change at falling edges, and everything is sampled between then and the rising edge that
follows, so that it does not matter when exactly a simulator updates registers.
"""

import os
from typing import Any

import cocotb
import numpy as np
from amaranth.lib import data
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

from metabit.golden.config import Config
from tests.sim.cocotb_runner import CONFIG_VARIABLE


def config() -> Config:
    """Return the configuration that the design was built for."""
    return Config.model_validate_json(os.environ[CONFIG_VARIABLE])


def generator(stream: int = 0) -> np.random.Generator:
    """Return a generator that the seed of the run, the test and a number determine."""
    return np.random.default_rng([cocotb.RANDOM_SEED, stream])


def integer(bits: Any) -> int:
    """Return the number whose bit n is the n-th of ``bits``."""
    return int.from_bytes(np.packbits(bits, axis=None, bitorder="little").tobytes(), "little")


def packed(shape: data.Layout, fields: Any) -> int:
    """Return a structure as the number that its port carries."""
    return int(shape.const(fields).as_value().value)


def read(handle: Any) -> int:
    """Return a port's value as an unsigned number."""
    return int(handle.value)


def scramble(handle: Any, rng: np.random.Generator) -> None:
    """Drive a port that nothing may depend on now."""
    handle.value = int.from_bytes(rng.bytes(-(-len(handle) // 8)), "little") % (1 << len(handle))


async def cycle(dut: Any, count: int = 1) -> None:
    """Pass the next rising edges; returns at a falling one, where inputs may change."""
    for _ in range(count):
        await FallingEdge(dut.clk)


async def start(dut: Any) -> None:
    """Start the clock, and reset the design."""
    Clock(dut.clk, 10, unit="ns").start()
    await cycle(dut)
    await reset(dut)


async def reset(dut: Any) -> None:
    """Reset the design for one cycle."""
    dut.rst.value = 1
    await cycle(dut)
    dut.rst.value = 0


class Stream:
    """One end of a stream of the design, with random pauses before transfers.

    Parameters
    ----------
    dut : handle
    name : str
        Its ports are ``name__valid``, ``name__ready`` and ``name__payload``.
    rng : numpy.random.Generator
        Decides the pauses.
    pause : float
        Probability of each further cycle of a pause.
    """

    def __init__(self, dut: Any, name: str, rng: np.random.Generator, pause: float) -> None:
        self._dut, self._name, self._rng, self._pause = dut, name, rng, pause
        self._valid = getattr(dut, f"{name}__valid")
        self._ready = getattr(dut, f"{name}__ready")
        self._payload = getattr(dut, f"{name}__payload")

    async def _wait(self) -> None:
        while self._rng.random() < self._pause:
            await cycle(self._dut)

    async def put(self, payload: int) -> None:
        """Transfer into the design; without a transfer, the payload is noise."""
        await self._wait()
        self._payload.value = payload
        self._valid.value = 1
        ready = 0
        while not ready:
            await ReadOnly()
            ready = read(self._ready)
            await cycle(self._dut)
        self._valid.value = 0
        scramble(self._payload, self._rng)

    async def get(self) -> int:
        """Transfer out of the design."""
        await self._wait()
        self._ready.value = 1
        valid = payload = 0
        while not valid:
            await ReadOnly()
            valid, payload = read(self._valid), read(self._payload)
            await cycle(self._dut)
        self._ready.value = 0
        return payload

    async def watch(self) -> None:
        """Check for ever that what is offered stays as it is until it is taken, or reset."""
        held: int | None = None
        while True:
            await ReadOnly()
            valid, payload = read(self._valid), read(self._payload)
            if held is not None:
                assert valid, f"{self._name} was withdrawn"
                assert payload == held, f"{self._name} changed while it waited"
            waits = valid and not read(self._ready) and not read(self._dut.rst)
            held = payload if waits else None
            await cycle(self._dut)
