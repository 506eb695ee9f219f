"""The generator, several steps a cycle, against golden's draws of whole rows."""

import random

import pytest
from amaranth.sim import SimulatorContext

from metabit.golden.generator import PERIOD, Generator
from metabit.hdl.learn.draws import Draws
from tests.hdl.streams import simulate


@pytest.mark.parametrize("annealing", range(4))
@pytest.mark.parametrize("words", [1, 2, 4, 8])
def test_rows_of_draws(words: int, annealing: int) -> None:
    rng = random.Random(10 * words + annealing)
    dut = Draws(words)

    async def bench(ctx: SimulatorContext) -> None:
        golden = Generator(rng.randint(1, PERIOD))
        ctx.set(dut.annealing, annealing)
        ctx.set(dut.value, golden.state)
        ctx.set(dut.load, 1)
        await ctx.tick()
        ctx.set(dut.load, 0)
        waiting: list[tuple[int, int, int] | None] = [None]

        async def cycle(take: int, want: tuple[int, int, int] | None) -> None:
            """Take some steps, and see what those of two cycles before have come to."""
            ctx.set(dut.take, take)
            await ctx.tick()
            waiting.append(want)
            if (due := waiting.pop(0)) is not None:
                count, touched, reinforced = due
                mask = (1 << count) - 1
                assert ctx.get(dut.touched) & mask == touched
                assert ctx.get(dut.reinforced) & mask == reinforced

        for _ in range(40):
            await cycle(0, None)
            reinforce, shift, damping = rng.random() < 0.8, rng.randint(0, 6), rng.randint(0, 3)
            for signal, value in (
                (dut.reinforce, reinforce),
                (dut.shift, shift),
                (dut.damping, damping),
            ):
                ctx.set(signal, value)
            for _ in range(3):
                await cycle(0, None)
            for _ in range(2):
                count = rng.randint(1, 30)
                phase, *draws = (int(draw) for draw in golden.draw(1 + count))
                phase &= (1 << annealing) - 1
                ctx.set(dut.begin, 1)
                await cycle(1, None)
                ctx.set(dut.begin, 0)
                for first in range(0, count, words):
                    beat = draws[first : first + words]
                    touched = sum(
                        ((first + n) % (1 << annealing) == phase) << n for n in range(len(beat))
                    )
                    hits = sum(
                        (reinforce and draw % (1 << (shift + damping)) == 0) << n
                        for n, draw in enumerate(beat)
                    )
                    await cycle(len(beat), (len(beat), touched, hits))
                    while rng.random() < 0.3:
                        await cycle(0, None)
                assert ctx.get(dut.state) == golden.state
        for _ in range(2):
            await cycle(0, None)

    simulate(dut, bench)
