"""The SDRAM controller against a model that asserts the data sheet's times."""

import random
from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType

import pytest
from amaranth.sim import SimulatorContext

from metabit.hdl.memory import gather, parts, pieces, sdram
from metabit.hdl.memory.parts import AS4C16M16SA_7, SdramCycles
from tests.hdl.memory.sdram_model import SdramModel
from tests.hdl.planted import plant
from tests.hdl.streams import NEVER, Pauses, cycles, get, put, put_all, simulate

CLOCK_MHZ = 80.0
RECORD = 25
"""Words of a sample of 1,536 bits and its label."""

SOON = replace(AS4C16M16SA_7, power_up=250)
"""The same chip, ready sooner: 20 cycles."""

Requests = Sequence[tuple[int, int]]


def random_requests(rng: random.Random, count: int, longest: int) -> list[tuple[int, int]]:
    """Return addresses and numbers of words, many of them near the end of a row or of the chip."""
    words = 1 << 22
    near = [rng.randrange(words) for _ in range(3)] + [0, words - 3]
    return [
        (
            (rng.choice(near) // 128 * 128 + rng.randrange(-4, 5)) % words
            if rng.random() < 0.5
            else rng.randrange(words),
            rng.randint(1, longest),
        )
        for _ in range(count)
    ]


async def ask(ctx: SimulatorContext, fetch, requests: Requests, pauses: Pauses) -> None:
    payloads = [{"address": address, "words": words} for address, words in requests]
    await put_all(ctx, fetch.request, payloads, pauses)


def read_back(
    requests: Requests,
    *,
    seed: int | None = None,
    stall: int = 0,
    module: ModuleType = sdram,
    clock_mhz: float = CLOCK_MHZ,
) -> tuple[SdramModel, int]:
    """Ask for words, compare each; return the chip and the cycles from first to last."""
    dut = module.Sdram(SOON, clock_mhz)
    chip = SdramModel(dut.pins, clock_mhz, SOON.power_up)
    asking, taking = (NEVER, NEVER) if seed is None else (Pauses(seed), Pauses(seed + 1, 0.2, 30))
    times = []

    async def requester(ctx: SimulatorContext) -> None:
        await ask(ctx, dut.fetch, requests, asking)

    async def taker(ctx: SimulatorContext) -> None:
        await cycles(ctx, stall)
        for address, words in requests:
            for k in range(words):
                await taking.wait(ctx)
                expected = chip.word((address + k) % (1 << 22))
                assert await get(ctx, dut.fetch.words) == expected, f"word {address:#x} + {k}"
                times.append(chip.cycle)

    total = sum(words for _, words in requests)
    simulate(dut, requester, taker, background=[chip.run], deadline=1_000 + stall + 120 * total)
    return chip, times[-1] - times[0]


@pytest.mark.parametrize("seed", range(3))
def test_random_requests_with_pauses(seed: int) -> None:
    read_back(random_requests(random.Random(seed), 60, 40), seed=seed)


@pytest.mark.parametrize("clock_mhz", [25.0, 50.0, 100.0, 133.0, 142.8])
def test_other_clocks(clock_mhz: float) -> None:
    requests = random_requests(random.Random(1), 30, 40)
    read_back(requests, seed=1, clock_mhz=clock_mhz)


def test_rate_of_random_records() -> None:
    rng = random.Random(7)
    records = 200
    requests = [(RECORD * rng.randrange((1 << 22) // RECORD), RECORD) for _ in range(records)]
    chip, took = read_back(requests)
    assert took / records <= 106, f"{took / records} cycles a record"
    assert chip.reads == records * RECORD


def test_rate_of_records_in_order() -> None:
    records = 60
    _, took = read_back([(RECORD * i, RECORD) for i in range(records)])
    assert took / records <= 108, f"{took / records} cycles a record"


def test_words_that_are_not_taken_cost_neither_data_nor_refreshes() -> None:
    stall = 4000
    chip, _ = read_back([(120, 300), (500, 4)], stall=stall)
    assert len(chip.refreshes) >= 8 + stall // chip.most_between_refreshes


def test_full_power_up_and_refreshes_while_nothing_is_asked() -> None:
    dut = sdram.Sdram(AS4C16M16SA_7, CLOCK_MHZ)
    chip = SdramModel(dut.pins, CLOCK_MHZ)

    async def bench(ctx: SimulatorContext) -> None:
        await cycles(ctx, 20_000)

    simulate(dut, bench, background=[chip.run])
    assert 16_000 <= chip.refreshes[0] < 16_010
    assert len(chip.refreshes) >= 8 + 3_900 // chip.most_between_refreshes


def test_second_request_is_accepted_while_the_first_is_served() -> None:
    dut = sdram.Sdram(SOON, CLOCK_MHZ)
    chip = SdramModel(dut.pins, CLOCK_MHZ, SOON.power_up)

    async def bench(ctx: SimulatorContext) -> None:
        for address in (0, 1000):
            await put(ctx, dut.fetch.request, {"address": address, "words": 5})
        for address in (0, 1000):
            for k in range(5):
                assert await get(ctx, dut.fetch.words) == chip.word(address + k)

    simulate(dut, bench, background=[chip.run])


def write_and_read(module: ModuleType = sdram, seed: int = 0) -> None:
    """Write words between requests; whoever asks later sees them."""
    dut = module.Sdram(SOON, CLOCK_MHZ)
    chip = SdramModel(dut.pins, CLOCK_MHZ, SOON.power_up)
    rng = random.Random(seed)
    words: dict[int, int] = {}

    async def bench(ctx: SimulatorContext) -> None:
        for _ in range(20):
            first = rng.randrange(1 << 22)
            for k in range(rng.randint(1, 12)):
                address, word = (first + k) % (1 << 22), rng.getrandbits(64)
                words[address] = word
                await put(ctx, dut.store.words, {"address": address, "data": word})
            asked = rng.choice(list(words))
            await put(ctx, dut.fetch.request, {"address": asked, "words": 1})
            assert await get(ctx, dut.fetch.words) == words[asked]
        for address, word in words.items():
            assert chip.word(address) == word

    simulate(dut, bench, background=[chip.run])


@pytest.mark.parametrize("seed", range(2))
def test_words_written_are_read(seed: int) -> None:
    write_and_read(seed=seed)


def test_writing_waits_until_what_is_asked_has_been_read() -> None:
    dut = sdram.Sdram(SOON, CLOCK_MHZ)
    chip = SdramModel(dut.pins, CLOCK_MHZ, SOON.power_up)
    before = [chip.word(k) for k in range(40)]

    async def writer(ctx: SimulatorContext) -> None:
        await cycles(ctx, 200)
        for k in range(40):
            await put(ctx, dut.store.words, {"address": k, "data": k})

    async def reader(ctx: SimulatorContext) -> None:
        await put(ctx, dut.fetch.request, {"address": 0, "words": 40})
        for word in before:
            await cycles(ctx, 12)
            assert await get(ctx, dut.fetch.words) == word

    simulate(dut, writer, reader, background=[chip.run])
    assert [chip.word(k) for k in range(40)] == list(range(40))


@pytest.mark.parametrize(("clock", "opening"), [(25.0, 2), (80.0, 2), (100.0, 3), (133.0, 3)])
def test_cycles_last_as_long_as_the_times(clock: float, opening: int) -> None:
    part, counted = AS4C16M16SA_7, SdramCycles(AS4C16M16SA_7, clock)
    cycle = 1000 / clock
    assert counted.activate_to_read == opening
    assert counted.activate_to_read * cycle >= max(part.activate_to_read, part.between_rows)
    assert (counted.activate_to_read + parts.BURST) * cycle >= part.row_open
    opened = counted.activate_to_read + parts.BURST + counted.precharge
    assert opened * cycle >= part.row_cycle
    assert counted.refresh_interval * cycle < part.refresh_interval


def test_clock_that_is_too_fast_is_refused() -> None:
    with pytest.raises(ValueError, match=r"clock_mhz must be at most 142.9 for this part, not 150"):
        SdramCycles(AS4C16M16SA_7, 150.0)


def test_part_with_too_many_columns_is_refused() -> None:
    with pytest.raises(ValueError, match=r"column_bits must be at most 10, not 11"):
        SdramCycles(replace(AS4C16M16SA_7, column_bits=11), CLOCK_MHZ)


SLIPS = {
    "tRCD": ("opening.eq(cycles.activate_to_read - 1)", "opening.eq(cycles.activate_to_read - 2)"),
    "tRP": ("closing.eq(BURST + cycles.precharge - 1)", "closing.eq(BURST + cycles.precharge - 2)"),
    "tRFC": ("wait.eq(cycles.refresh - 1)", "wait.eq(cycles.refresh - 3)"),
    "refreshes at start": ("m.Elif(refreshes == 0)", "m.Elif(refreshes == 1)"),
    "power-up": ("init=cycles.power_up - 1", "init=cycles.power_up // 2"),
    "close": ("wait.eq(cycles.close - 1)", "wait.eq(1)"),
    "late refresh": ("until_due.eq(cycles.refresh_interval - 1)", "until_due.eq(624)"),
    "no room": (" & gather.room", ""),
    "bursts overlap": ("burst.eq(BURST - 1)", "burst.eq(BURST - 2)"),
    "same bank": ("& ~next_open & other_bank", "& ~next_open"),
    "left open": ("current_open.eq(0),\n", "\n"),
    "beat late": ("1 + part.cas_latency + SDRAM", "2 + part.cas_latency + SDRAM"),
    "wrong mode": ("cas_latency << 4 |", "cas_latency << 4 | 8 |"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_reading_sees_a_planted_bug(slip: str) -> None:
    planted = plant(sdram, SLIPS[slip])
    requests = [*random_requests(random.Random(3), 40, 30), (0, 300), (128 * 4, 5)]
    with pytest.raises((AssertionError, TimeoutError)):
        read_back(requests, seed=5, module=planted)


WRITE_SLIPS = {
    "order of beats": ("word_select(beat_number, BEAT)", "word_select(~beat_number, BEAT)"),
    "tWR": ("cycles.write_recovery + cycles.precharge - 1", "1"),
    "not driven": ("beat_number.eq(1)]", "beat_number.eq(1), pins.dq_oe.eq(0)]"),
    "no precharge": ("to_write.bank, column | _ALL_BANKS", "to_write.bank, column"),
}


@pytest.mark.parametrize("slip", WRITE_SLIPS)
def test_writing_sees_a_planted_bug(slip: str) -> None:
    with pytest.raises((AssertionError, TimeoutError)):
        write_and_read(plant(sdram, WRITE_SLIPS[slip]))


@pytest.mark.parametrize(
    ("module", "name", "slip"),
    [
        (pieces, "Pieces", ("left > room", "left >= room")),
        (pieces, "Pieces", ("place[:in_row].eq(0)", "place[:in_row].eq(1)")),
        (gather, "Gather", ("number == BURST - 1", "number == 0")),
        (gather, "Gather", ("free + taken - self.claim", "free + taken")),
    ],
)
def test_reading_sees_a_planted_bug_of_a_block(
    module: ModuleType, name: str, slip: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sdram, name, getattr(plant(module, slip), name))
    requests = [(128 - 5, 5), *random_requests(random.Random(3), 40, 30)]
    with pytest.raises((AssertionError, TimeoutError)):
        read_back(requests, seed=5)
