"""Rates of the serial line."""

from dataclasses import replace

import pytest

from metabit.boards.baud import nearest_rates, with_baud
from metabit.boards.registry import BOARDS, find_board
from metabit.errors import MetabitError
from metabit.golden.configurations.named import load_config
from metabit.hdl.link.uart import divisor
from metabit.hdl.shape import find_shape
from metabit.host.traffic import Traffic
from metabit.planning.line import SpeedOf

ICEBREAKER, ULX3S = find_board("icebreaker"), find_board("ulx3s-85f")


@pytest.mark.parametrize("baud", [1_000_000, 3_000_000, 4_000_000, 6_000_000])
def test_rates_that_a_board_has(baud: int) -> None:
    assert with_baud(ICEBREAKER, baud, 36.0) == replace(ICEBREAKER, baud=baud)


@pytest.mark.parametrize(
    ("board", "clock", "baud", "message"),
    [
        (
            ICEBREAKER,
            36.0,
            2_900_000,
            "baud 2900000 is missed by 3.4% at 3.6e+07 Hz; nearest possible: 3000000; "
            "the nearest good rates for icebreaker at 36 MHz: --baud 2400000 or 3000000",
        ),
        (
            ICEBREAKER,
            36.0,
            12_000_000,
            "baud must be at most 9000000 at 3.6e+07 Hz, not 12000000; "
            "the nearest good rates for icebreaker at 36 MHz: --baud 6000000",
        ),
        (
            ULX3S,
            80.0,
            4_000_000,
            "--baud 4000000 is more than the USB chip of ulx3s-85f carries, 3000000; "
            "the nearest good rates for ulx3s-85f at 80 MHz: --baud 3000000",
        ),
    ],
)
def test_rates_that_it_has_not(board, clock: float, baud: int, message: str) -> None:
    with pytest.raises(MetabitError) as error:
        with_baud(board, baud, clock)
    assert str(error.value) == message


@pytest.mark.parametrize("board", BOARDS.values(), ids=lambda board: board.name)
@pytest.mark.parametrize("baud", [50_000, 1_000_001, 2_222_222, 100_000_000])
@pytest.mark.parametrize("clock", [12.0, 36.0, 40.5, 80.0])
def test_what_is_recommended_can_be_had(board, baud: int, clock: float) -> None:
    found = nearest_rates(board, baud, clock)
    assert found
    for rate in found:
        assert with_baud(board, rate, clock).baud == rate
        assert abs(clock * 1e6 / divisor(clock * 1e6, rate) / rate - 1) <= 0.015


def test_what_limits_is_named() -> None:
    speed = SpeedOf(load_config("up5k"), find_shape("up5k"), 1_000_000)
    assert speed.possible == pytest.approx(476, abs=1)
    good = speed.of(Traffic(samples=470, seconds=1.0, sent_bytes=99_000))
    assert good.limit == "line"
    assert good.core is not None
    assert 100_000 < good.core < 140_000
    assert str(good).startswith("470 samples/s; the serial line limits (the line carries 476/s, ")
    late = speed.of(Traffic(samples=200, seconds=1.0, sent_bytes=42_000))
    assert late.limit == "host"
    assert "answers come late" in str(late)
    fast = SpeedOf(load_config("up5k"), find_shape("up5k"), 1_000_000_000)
    assert fast.of(Traffic(samples=120_000, seconds=1.0)).limit == "core"
    assert fast.of(Traffic()).measured == 0
