"""What the benches share: the clock, values of ports, and streams with random pauses.

Inputs change at falling edges, and everything is sampled between then and the rising edge that
follows, so that it does not matter when exactly a simulator updates registers.
"""

import os
from collections.abc import Coroutine, Iterable
from typing import Any, Self

import cocotb
import numpy as np
from amaranth.lib import data
from cocotb.clock import Clock
from cocotb.task import Task
from cocotb.triggers import FallingEdge, ReadOnly

from ...hdl.placement import Placement
from ...hdl.setup import (
    LAYER_WORD,
    NETWORK_WORD,
    RECORD_WORD,
    NetworkSetup,
    layers_layout,
    unpack,
)
from ...hdl.shape import Shape
from .runner import SHAPE_VARIABLE


def shape() -> Shape:
    """Return what the design was built for."""
    return Shape.model_validate_json(os.environ[SHAPE_VARIABLE])


def generator(stream: int = 0) -> np.random.Generator:
    """Return a generator that the seed of the run, the test and a number determine."""
    return np.random.default_rng([cocotb.RANDOM_SEED, stream])


# Ports.


def packed(layout: data.Layout, fields: Any) -> int:
    """Return a structure as the number that its port carries."""
    return int(layout.const(fields).as_value().value)


def joined(values: Iterable[int], width: int) -> int:
    """Return numbers of ``width`` bits side by side, the first one lowest."""
    return sum(int(value) << width * place for place, value in enumerate(values))


def split(value: int, width: int, count: int) -> list[int]:
    """Return the ``count`` numbers of ``width`` bits that a port carries, the lowest first."""
    return [value >> width * place & ((1 << width) - 1) for place in range(count)]


def signed(value: int, width: int) -> int:
    """Return the number that two's complement of ``width`` bits means."""
    return value - (value >> (width - 1) << width)


def setups(placement: Placement) -> tuple[int, int]:
    """Return what the ports ``network`` and ``layers`` carry for a network."""
    network, record, *layers = placement.setup_words
    unused = [0] * (placement.shape.layers - len(layers))
    return (
        packed(
            NetworkSetup(placement.shape),
            unpack(network, NETWORK_WORD) | unpack(record, RECORD_WORD),
        ),
        packed(
            layers_layout(placement.shape), [unpack(word, LAYER_WORD) for word in layers + unused]
        ),
    )


def read(handle: Any) -> int:
    """Return a port's value as an unsigned number."""
    return int(handle.value)


def noise(rng: np.random.Generator, width: int) -> int:
    """Return random bits."""
    return int.from_bytes(rng.bytes(-(-width // 8)), "little") % (1 << width)


def scramble(handle: Any, rng: np.random.Generator) -> None:
    """Drive a port that nothing may depend on now."""
    handle.value = noise(rng, len(handle))


# Time.


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


async def abandon(dut: Any, task: Task[Any], *held: Any) -> None:
    """Cancel a task, drive ports low that it may have held high, and reset the design."""
    task.cancel()
    # What it has started may still drive something in this cycle.
    await cycle(dut)
    for handle in held:
        handle.value = 0
    await reset(dut)


async def until(dut: Any, handle: Any) -> None:
    """Wait for a cycle in which a port is high; returns before its rising edge, to look around.

    Nothing may be driven then before the next :func:`cycle`.
    """
    while True:
        await ReadOnly()
        if read(handle):
            return
        await cycle(dut)


async def pulse(dut: Any, handle: Any) -> None:
    """Drive a port high for a cycle."""
    handle.value = 1
    await cycle(dut)
    handle.value = 0


class Background:
    """Tasks that are cancelled at the end of a ``with`` block, however it ends."""

    def __init__(self) -> None:
        self._tasks: list[Task[Any]] = []

    def __enter__(self) -> Self:
        return self

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> Task[Any]:
        """Start a task; an exception in it fails the test."""
        self._tasks.append(cocotb.start_soon(coroutine))
        return self._tasks[-1]

    def __exit__(self, *error: object) -> None:
        for task in self._tasks:
            task.cancel()


class Pauses:
    """Random waits.

    Parameters
    ----------
    dut : handle
    rng : numpy.random.Generator
        Decides.
    probability : float
        Of each further cycle of a wait.
    """

    def __init__(self, dut: Any, rng: np.random.Generator, probability: float) -> None:
        self._dut, self._rng, self._probability = dut, rng, probability

    async def wait(self) -> None:
        """Wait for none or some cycles."""
        while self._rng.random() < self._probability:
            await cycle(self._dut)


class Stream:
    """One end of a stream of the design, with random pauses before transfers.

    Parameters
    ----------
    dut : handle
    name : str
        Its ports are ``name__valid``, ``name__ready`` and, unless there is none,
        ``name__payload``.
    rng : numpy.random.Generator
        Decides the pauses.
    pause : float
        Probability of each further cycle of a pause.
    """

    def __init__(self, dut: Any, name: str, rng: np.random.Generator, pause: float) -> None:
        self._dut, self._name, self._rng = dut, name, rng
        self._pauses = Pauses(dut, rng, pause)
        self._valid = getattr(dut, f"{name}__valid")
        self._ready = getattr(dut, f"{name}__ready")
        self._payload = getattr(dut, f"{name}__payload", None)

    async def put(self, payload: int = 0) -> None:
        """Transfer into the design; without a transfer, the payload is noise."""
        await self._pauses.wait()
        if self._payload is not None:
            self._payload.value = payload
        self._valid.value = 1
        await until(self._dut, self._ready)
        await cycle(self._dut)
        self._valid.value = 0
        if self._payload is not None:
            scramble(self._payload, self._rng)

    async def get(self) -> int:
        """Transfer out of the design."""
        await self._pauses.wait()
        self._ready.value = 1
        await until(self._dut, self._valid)
        payload = read(self._payload)
        await cycle(self._dut)
        self._ready.value = 0
        return payload

    async def put_all(self, payloads: Iterable[int]) -> None:
        """Transfer one after the other."""
        for payload in payloads:
            await self.put(payload)

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
