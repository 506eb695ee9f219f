"""The flash reader against a model that asserts how commands must be sent."""

import random
from collections.abc import Sequence
from types import ModuleType

import pytest
from amaranth.sim import SimulatorContext

from metabit.hdl.memory import flash
from tests.hdl.memory.flash_model import FlashModel
from tests.hdl.planted import plant
from tests.hdl.streams import NEVER, Pauses, cycles, get, put_all, simulate

RECORD = 25
"""Words of a sample of 1,536 bits and its label."""

WORDS = 1 << 21
START = 2_000
"""Cycles, more than the start takes."""

Requests = Sequence[tuple[int, int]]


def random_requests(rng: random.Random, count: int, longest: int) -> list[tuple[int, int]]:
    """Return addresses and numbers of words, some at the end of the chip."""
    return [
        (rng.choice([rng.randrange(WORDS), WORDS - 2, 0]), rng.randint(1, longest))
        for _ in range(count)
    ]


def read_back(
    requests: Requests,
    *,
    seed: int | None = None,
    stall: int = 0,
    module: ModuleType = flash,
    continuous: bool = False,
    **state: bool,
) -> tuple[FlashModel, int]:
    """Ask for words, compare each; return the chip and the cycles from the first word to the last."""
    dut = module.Flash(continuous=continuous)
    chip = FlashModel(dut.pins, **state)
    asking = NEVER if seed is None else Pauses(seed, 0.5, 40)
    taking = NEVER if seed is None else Pauses(seed + 1, 0.4, 30)
    times = []

    async def requester(ctx: SimulatorContext) -> None:
        payloads = [{"address": address, "words": words} for address, words in requests]
        await put_all(ctx, dut.fetch.request, payloads, asking)

    async def taker(ctx: SimulatorContext) -> None:
        await cycles(ctx, stall)
        for address, words in requests:
            for k in range(words):
                await taking.wait(ctx)
                expected = chip.word((address + k) % WORDS)
                assert await get(ctx, dut.fetch.words) == expected, f"word {address:#x} + {k}"
                times.append(chip.cycle)

    total = sum(words for _, words in requests)
    deadline = START + stall + 60 * (total + len(requests))
    simulate(dut, requester, taker, background=[chip.run], deadline=deadline)
    return chip, times[-1] - times[0]


@pytest.mark.parametrize("continuous", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_random_requests_with_pauses(seed: int, continuous: bool) -> None:
    read_back(random_requests(random.Random(seed), 30, 12), seed=seed, continuous=continuous)


@pytest.mark.parametrize(
    "state",
    [{"asleep": True}, {"in_continuous": True}, {"quad": True}, {"quad": True, "asleep": True}],
    ids=str,
)
def test_start_from_whatever_state_the_flash_is_in(state: dict[str, bool]) -> None:
    read_back([(5, 2)], **state)


@pytest.mark.parametrize(("continuous", "most"), [(False, 421), (True, 413)])
def test_rate_of_random_records(continuous: bool, most: int) -> None:
    rng = random.Random(7)
    records = 20
    requests = [(RECORD * rng.randrange(WORDS // RECORD), RECORD) for _ in range(records)]
    chip, took = read_back(requests, continuous=continuous)
    # From the first word of the first to the last of the last: a command and a word less.
    overhead = most - 16 * RECORD
    assert took == records * most - overhead - 16
    assert chip.commands[:4] == ([0xFF, 0xAB, 0x50, 0x31])


def test_words_that_are_not_taken_stop_the_clock() -> None:
    read_back([(9, 20), (100, 3)], stall=2 * START)


def test_a_wait_of_a_cycle_costs_a_cycle() -> None:
    dut = flash.Flash()
    chip = FlashModel(dut.pins)
    times = []

    async def bench(ctx: SimulatorContext) -> None:
        await put_all(ctx, dut.fetch.request, [{"address": 3, "words": 30}])
        for k in range(30):
            while not ctx.get(dut.fetch.words.valid):
                await ctx.tick()
            await ctx.tick()
            assert await get(ctx, dut.fetch.words) == chip.word(3 + k)
            times.append(chip.cycle)

    simulate(dut, bench, background=[chip.run])
    assert times[-1] - times[0] == 29 * 17


SLIPS = {
    "order of bits": ("byte >> (7 - i) & 1", "byte >> i & 1"),
    "order of nibbles": ("word.word_select(i ^ 1, 4)", "word.word_select(i, 4)"),
    "order of address": ("word_select(_ADDRESS_CLOCKS - 1 - i, 4)", "word_select(i, 4)"),
    "bytes": ("Const(0, 3), request", "Const(0, 2), request"),
    "a clock too few": ("clock == _HEADER_CLOCKS - 1", "clock == _HEADER_CLOCKS - 2"),
    "pins driven too long": ("driven.eq(clock < len(header))", "driven.eq(1)"),
    "driven at once": ("pins.cs_n.eq(1), driven.eq(0)", "pins.cs_n.eq(1)"),
    "lost nibbles": ("self.ask & ~blocked", "self.ask"),
    "a nibble late": ("_PIN_CYCLES = 3", "_PIN_CYCLES = 4"),
    "one word more": ("[_PAUSE_BITS:] == 0)", "[_PAUSE_BITS:] == 1)"),
    "no wake-up": ("Step.WAKE: 0xAB", "Step.WAKE: 0xFF"),
    "not volatile": ("Step.VOLATILE: 0x50", "Step.VOLATILE: 0x06"),
    "status": ("Step.QUAD: 0x02", "Step.QUAD: 0x00"),
    "exit": ("Step.EXIT: 0xFF", "Step.EXIT: 0xFD"),
    "no deselection": ("[pins.cs_n.eq(1), driven", "[pins.cs_n.eq(0), driven"),
    "pulse while stopped": ("pins.sck.eq(nibbles.asked)", "pins.sck.eq(1)"),
    "word changes": ("blocked | (take &", "(take &"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_planted_bug_is_seen(slip: str) -> None:
    planted = plant(flash, SLIPS[slip])
    requests = random_requests(random.Random(3), 6, 6)
    with pytest.raises((AssertionError, TimeoutError, IndexError)):
        for state in ({"asleep": True}, {"in_continuous": True}, {"quad": True}):
            read_back(requests, seed=5, module=planted, **state)
