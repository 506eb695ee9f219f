"""The step of a counter against golden's rule, for every counter and every case."""

import itertools
from collections.abc import Iterable

import numpy as np
import pytest
from amaranth.sim import SimulatorContext

from metabit.hdl.learn.step import Step
from tests.hdl.streams import simulate


def packed(bits: Iterable[int]) -> int:
    """Return a word of bits, the first one lowest."""
    return sum(int(bit) << lane for lane, bit in enumerate(bits))


def expected(value: int, down: int, enable: int, reinforce: int, bits: int) -> int:
    """Move, saturate, and do both again if reinforced: golden's rule, word for word."""
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    if not enable:
        return value
    value = int(np.clip(value + (-1 if down else 1), low, high))
    if reinforce:
        value = int(np.clip(value + (1 if value >= 0 else -1), low, high))
    return value


@pytest.mark.parametrize("bits", range(2, 9))
def test_every_counter_in_every_case(bits: int) -> None:
    lanes = 8
    values = range(-(1 << (bits - 1)), 1 << (bits - 1))
    cases = list(itertools.product(values, (0, 1), (0, 1), (0, 1)))
    np.random.default_rng(bits).shuffle(cases)
    cases += cases[: -len(cases) % lanes]
    beats = [cases[start : start + lanes] for start in range(0, len(cases), lanes)]
    dut = Step(bits, lanes)

    async def bench(ctx: SimulatorContext) -> None:
        waiting: list[list[int]] = []
        for number, beat in enumerate([*beats, beats[0], beats[0]]):
            for plane in range(bits - 1):
                ctx.set(dut.low[plane], packed(case[0] >> plane & 1 for case in beat))
            for signal, bit in (
                (dut.positive, lambda case: case[0] >= 0),
                (dut.down, lambda case: case[1]),
                (dut.enable, lambda case: case[2]),
                (dut.reinforce, lambda case: case[3]),
            ):
                ctx.set(signal, packed(bit(case) for case in beat))
            # It stands still for a cycle now and then, and nothing is lost.
            for move in (0, 0, 1) if number % 3 == 0 else (1,):
                ctx.set(dut.move, move)
                await ctx.tick()
            waiting.append([expected(*case, bits) for case in beat])
            if len(waiting) == 2:
                low = [ctx.get(dut.low_after[plane]) for plane in range(bits - 1)]
                negative = ~ctx.get(dut.positive_after)
                after = [
                    sum((word >> lane & 1) << plane for plane, word in enumerate(low))
                    - ((negative >> lane & 1) << (bits - 1))
                    for lane in range(lanes)
                ]
                assert after == waiting.pop(0)

    simulate(dut, bench)
