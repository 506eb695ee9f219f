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
    **state: bool,
) -> tuple[FlashModel, int]:
    """Ask for words, compare each; return the chip and the cycles from first to last."""
    dut = module.Flash()
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


@pytest.mark.parametrize("seed", range(3))
def test_random_requests_with_pauses(seed: int) -> None:
    read_back(random_requests(random.Random(seed), 30, 12), seed=seed)


@pytest.mark.parametrize(
    "state",
    [{"asleep": True}, {"in_continuous": True}, {"quad": True}, {"quad": True, "asleep": True}],
    ids=str,
)
def test_start_from_whatever_state_the_flash_is_in(state: dict[str, bool]) -> None:
    read_back([(5, 2)], **state)


def test_rate_of_random_records() -> None:
    rng = random.Random(7)
    records, cycles_each = 20, 424
    requests = [(RECORD * rng.randrange(WORDS // RECORD), RECORD) for _ in range(records)]
    chip, took = read_back(requests)
    # From the first word of the first record to the last word of the last.
    assert took == cycles_each * (records - 1) + 16 * (RECORD - 1)
    assert chip.commands == [0xAB, 0x50, 0x31] + [0xEB] * records


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


def from_every_state(requests: Requests, module: ModuleType) -> None:
    for state in ({"asleep": True}, {"in_continuous": True}, {"quad": True}):
        read_back(requests, seed=5, module=module, **state)


SLIPS = {
    "order of bits": ("[_COMMAND_CLOCKS - 1 - i], Const", "[i], Const"),
    "order of nibbles": ("word.word_select(i ^ 1, 4)", "word.word_select(i, 4)"),
    "order of address": ("word_select(_ADDRESS_CLOCKS - 1 - i, 4)", "word_select(i, 4)"),
    "bytes": ("Const(0, 3), word_address", "Const(0, 2), word_address"),
    "hold": ("Const(0b111, 3)", "Const(0b011, 3)"),
    "write protect": ("4), 0b1110)", "4), 0b1010)"),
    "status": ("_MODE = (0xF, 0xE)", "_MODE = (0xF, 0xF)"),
    "continuous": ("_MODE = (0xF, 0xE)", "_MODE = (0xA, 0xE)"),
    "a clock too few": ("clock == _DUMMY_CLOCKS - 1", "clock == _DUMMY_CLOCKS - 2"),
    "driven while turning": ("[pins.sck.eq(1), clock", "[pins.sck.eq(1), driven.eq(1), clock"),
    "sent too soon": ("nibbles.send.eq(pins.sck)", "nibbles.send.eq(1)"),
    "lost nibbles": ("self.ask & ~blocked", "self.ask"),
    "word overwritten": ("self.drained.eq(~blocked & ", "self.drained.eq("),
    "a nibble late": ("_PIN_CYCLES = 1 +", "_PIN_CYCLES = 2 +"),
    "low bits alone": ("self.zero.eq(~some)", "self.zero.eq(left[:4] == 0)"),
    "borrow": ("borrow.eq(borrow & ~left[0])", "borrow.eq(borrow & left[0])"),
    "no wake-up": ("Step.WAKE: 0xAB", "Step.WAKE: 0xFF"),
    "no exit": ("Step.WAKE: 0xAB", "Step.WAKE: 0xA9"),
    "not volatile": ("Step.VOLATILE: 0x50", "Step.VOLATILE: 0x06"),
    "no time to write": ("m.If(step == Step.WRITTEN)", "m.If(step == Step.READ)"),
    "no time to wake": ("m.If(ended & countdown.low_zero)", "m.If(ended)"),
    "no deselection": ("m.d.sync += pins.cs_n.eq(1)", "m.d.sync += pins.cs_n.eq(0)"),
    "pulse while stopped": ("pins.sck.eq(nibbles.asked)", "pins.sck.eq(1)"),
    "word changes": ("blocked | (take &", "(take &"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_planted_bug_is_seen(slip: str) -> None:
    planted = plant(flash, SLIPS[slip])
    requests = [*random_requests(random.Random(3), 6, 6), (77, 20), (7, 1)]
    with pytest.raises((AssertionError, TimeoutError, IndexError)):
        from_every_state(requests, planted)
