"""Stream drivers for the Amaranth simulator, with seeded random back-pressure."""

import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from amaranth.hdl import Elaboratable
from amaranth.sim import Simulator, SimulatorContext

Process = Callable[[SimulatorContext], Awaitable[None]]


# Plain awaits instead of TickTrigger.repeat and .until: those raise when a background testbench
# that stands in them is thrown away at the end of a simulation.


async def cycles(ctx: SimulatorContext, count: int) -> None:
    """Wait for some cycles."""
    for _ in range(count):
        await ctx.tick()


class Pauses:
    """Random waits before transfers.

    Parameters
    ----------
    seed : int or None
        None: never wait.
    probability : float
        Of a wait of 1 to ``longest`` cycles before a transfer.
    longest : int
        Longest wait.
    """

    def __init__(self, seed: int | None, probability: float = 0.3, longest: int = 3) -> None:
        self._random = None if seed is None else random.Random(seed)
        self._probability = probability
        self._longest = longest

    async def wait(self, ctx: SimulatorContext) -> None:
        """Wait for none or some cycles."""
        if self._random is not None and self._random.random() < self._probability:
            await cycles(ctx, self._random.randint(1, self._longest))


NEVER = Pauses(None)


async def put(ctx: SimulatorContext, stream: Any, payload: Any) -> None:
    """Transfer one payload into a stream."""
    ctx.set(stream.payload, payload)
    ctx.set(stream.valid, 1)
    while not (await ctx.tick().sample(stream.ready))[-1]:
        pass
    ctx.set(stream.valid, 0)


async def get(ctx: SimulatorContext, stream: Any) -> Any:
    """Transfer one payload out of a stream."""
    ctx.set(stream.ready, 1)
    valid = False
    while not valid:
        *_, payload, valid = await ctx.tick().sample(stream.payload, stream.valid)
    ctx.set(stream.ready, 0)
    return payload


async def put_all(
    ctx: SimulatorContext, stream: Any, payloads: Iterable[Any], pauses: Pauses = NEVER
) -> None:
    """Transfer payloads one after the other."""
    for payload in payloads:
        await pauses.wait(ctx)
        await put(ctx, stream, payload)


async def get_all(
    ctx: SimulatorContext, stream: Any, count: int, pauses: Pauses = NEVER
) -> list[Any]:
    """Transfer ``count`` payloads."""
    payloads = []
    for _ in range(count):
        await pauses.wait(ctx)
        payloads.append(await get(ctx, stream))
    return payloads


def simulate(
    dut: Elaboratable,
    *testbenches: Process,
    background: Iterable[Process] = (),
    deadline: int = 100_000,
) -> None:
    """Run testbenches on a design until all have returned.

    Parameters
    ----------
    dut : Elaboratable
        Its ``sync`` domain is clocked at 1 MHz.
    *testbenches : coroutine functions
        Run with the clock, to the end.
    background : iterable of coroutine functions
        Testbenches that may run for ever.
    deadline : int
        Cycles after which a design that hangs is given up.

    Raises
    ------
    TimeoutError
        If the testbenches have not ended by the deadline.
    """
    period = 1e-6
    simulator = Simulator(dut)
    simulator.add_clock(period)
    for testbench in testbenches:
        simulator.add_testbench(testbench)
    for testbench in background:
        simulator.add_testbench(testbench, background=True)

    async def watchdog(ctx: SimulatorContext) -> None:
        await cycles(ctx, deadline)
        raise TimeoutError(f"testbenches still run after {deadline} cycles")

    simulator.add_testbench(watchdog, background=True)
    simulator.run()
