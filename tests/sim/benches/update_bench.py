"""The update unit against the rule, with random back-pressure."""

from dataclasses import dataclass
from typing import Any, Self

import cocotb
import numpy as np

from metabit.golden.config import WORD, Config
from metabit.hdl.v1.layout import Layout
from metabit.hdl.v1.words import Index, Word, WordWrite
from tests.sim.benches.driving import Stream, config, cycle, generator, integer, packed, read, start

WORDS = 400


@dataclass(frozen=True)
class Move:
    """A word of counters and what is to become of them."""

    index: int
    counters: np.ndarray
    inputs: np.ndarray
    enable: np.ndarray
    desired: int
    reinforce: int

    @classmethod
    def draw(cls, rng: np.random.Generator, conf: Config, index_bits: int) -> Self:
        """Draw a word, often with counters where saturation and the change of sign are."""
        low, high = conf.counter_range
        anywhere = rng.integers(low, high + 1, WORD)
        corner = rng.choice([low, low + 1, -2, -1, 0, 1, high - 1, high], WORD)
        return cls(
            index=int(rng.integers(0, 1 << index_bits)),
            counters=np.where(rng.random(WORD) < rng.random(), anywhere, corner),
            inputs=rng.integers(0, 2, WORD),
            enable=rng.integers(0, 2, WORD) | int(rng.integers(0, 2)),
            desired=int(rng.integers(0, 2)),
            reinforce=int(rng.integers(0, 2)),
        )

    def after(self, conf: Config) -> np.ndarray:
        """Return the counters that the rule leaves behind."""
        moved = self.counters + np.where(self.inputs == self.desired, 1, -1)
        moved = moved.clip(*conf.counter_range)
        if self.reinforce:
            moved = (moved + np.where(moved >= 0, 1, -1)).clip(*conf.counter_range)
        return np.where(self.enable, moved, self.counters)

    def word(self, layout: Layout) -> int:
        """Return the payload that carries it; the signs, which nobody asked for, are noise."""
        mask = (1 << layout.config.counter_bits) - 1
        return packed(
            Word(layout),
            {
                "index": Index(layout).from_bits(self.index),
                "counters": [int(counter) & mask for counter in self.counters],
                "signs": self.index & 0xFFFF,
                "tag": {
                    "inputs": integer(self.inputs.astype(bool)),
                    "enable": integer(self.enable.astype(bool)),
                    "desired": self.desired,
                    "reinforce": self.reinforce,
                },
            },
        )

    def write(self, layout: Layout) -> int:
        """Return the payload that must come out."""
        after = self.after(layout.config)
        mask = (1 << layout.config.counter_bits) - 1
        return packed(
            WordWrite(layout),
            {
                "index": Index(layout).from_bits(self.index),
                "counters": [int(counter) & mask for counter in after],
                "signs_only": 0,
                "flips": int(((after >= 0) != (self.counters >= 0)).any()),
            },
        )


async def transfer(dut: Any, word_pause: float, write_pause: float) -> None:
    """Send random words through the unit, and compare what comes out."""
    layout = Layout(config())
    rng = generator()
    moves = [Move.draw(rng, layout.config, Index(layout).size) for _ in range(WORDS)]
    word = Stream(dut, "word", generator(1), word_pause)
    write = Stream(dut, "write", generator(2), write_pause)
    watching = cocotb.start_soon(write.watch())

    async def send() -> None:
        for move in moves:
            await word.put(move.word(layout))

    sending = cocotb.start_soon(send())
    for number, move in enumerate(moves):
        seen = await write.get()
        assert seen == move.write(layout), f"word {number}: {move}"
    await sending
    await cycle(dut, 5)
    assert not read(dut.write__valid), "more words came out than went in"
    watching.cancel()


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def rule_holds_under_back_pressure(dut: Any) -> None:
    await start(dut)
    await transfer(dut, word_pause=0.4, write_pause=0.5)


@cocotb.test(timeout_time=WORDS * 10 + 200, timeout_unit="ns")
async def one_word_a_cycle_without_back_pressure(dut: Any) -> None:
    await start(dut)
    await transfer(dut, word_pause=0, write_pause=0)
