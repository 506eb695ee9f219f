import random

import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import SimulatorContext

from metabit.hdl.link.uart import Uart, UartReceiver, UartTransmitter, divisor
from tests.hdl.streams import Pauses, cycles, get, get_all, put, put_all, simulate


class LoopBack(wiring.Component):
    """A UART that hears itself."""

    def __init__(self, divisor: int) -> None:
        self.uart = Uart(divisor)
        super().__init__({"rx": Out(stream.Signature(8)), "tx": In(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.uart = uart = self.uart
        m.d.comb += uart.rx_pin.eq(uart.tx_pin)
        wiring.connect(m, uart.rx, wiring.flipped(self.rx))
        wiring.connect(m, wiring.flipped(self.tx), uart.tx)
        return m


async def wave(
    ctx: SimulatorContext, dut: UartReceiver, byte: int, bit_cycles: float, stop: int = 1
) -> None:
    """Drive a byte with bits of any length, in cycles."""
    time = 0.0
    for bit in (0, *((byte >> n) & 1 for n in range(8)), stop):
        ctx.set(dut.pin, bit)
        start, time = round(time), time + bit_cycles
        await cycles(ctx, round(time) - start)
    ctx.set(dut.pin, 1)


@pytest.mark.parametrize("cycles_per_bit", [4, 5, 12, 25])
def test_bytes_come_back(cycles_per_bit: int) -> None:
    dut = LoopBack(cycles_per_bit)
    data = [0, 255, 0x55, 0xAA, *random.Random(1).randbytes(8)]
    received = []

    async def feed(ctx: SimulatorContext) -> None:
        await put_all(ctx, dut.tx, data, Pauses(2, longest=30))

    async def collect(ctx: SimulatorContext) -> None:
        received.extend(await get_all(ctx, dut.rx, len(data), Pauses(3)))

    simulate(dut, feed, collect)
    assert received == data


def test_a_byte_is_ten_bits_of_the_divisor() -> None:
    dut = UartTransmitter(7)
    line = []

    async def watch(ctx: SimulatorContext) -> None:
        while True:
            line.append((await ctx.tick().sample(dut.pin))[-1])

    async def feed(ctx: SimulatorContext) -> None:
        await put_all(ctx, dut.data, [0xA5, 0x00])
        await cycles(ctx, 80)

    simulate(dut, feed, background=[watch])
    first = line.index(0)
    bits = [0, 1, 0, 1, 0, 0, 1, 0, 1, 1]  # start, 0xA5 low bit first, stop
    assert line[first : first + 70] == [bit for bit in bits for _ in range(7)]
    # The next start bit comes a cycle later; then 63 cycles of zeros and the stop bit.
    assert line[first + 70 : first + 72] == [1, 0]
    assert line[first + 71 : first + 141] == [0] * 63 + [1] * 7


@pytest.mark.parametrize("error", [-0.03, 0.03])
def test_receiver_tolerates_three_percent(error: float) -> None:
    dut = UartReceiver(20)
    data = [0x00, 0xFF, 0x5A, 0x80, 0x01]
    received = []

    async def feed(ctx: SimulatorContext) -> None:
        for byte in data:
            await wave(ctx, dut, byte, 20 * (1 + error))

    async def collect(ctx: SimulatorContext) -> None:
        received.extend(await get_all(ctx, dut.data, len(data)))

    simulate(dut, feed, collect)
    assert received == data


def test_receiver_drops_a_byte_without_stop_bit_and_ignores_spikes() -> None:
    dut = UartReceiver(8)
    received = []

    async def feed(ctx: SimulatorContext) -> None:
        await wave(ctx, dut, 0x11, 8)
        await wave(ctx, dut, 0x22, 8, stop=0)
        await cycles(ctx, 20)
        await wave(ctx, dut, 0x33, 8)
        ctx.set(dut.pin, 0)  # a spike of a quarter of a bit
        await cycles(ctx, 2)
        ctx.set(dut.pin, 1)
        await cycles(ctx, 20)
        await wave(ctx, dut, 0x44, 8)
        ctx.set(dut.pin, 0)  # a break
        await cycles(ctx, 300)
        ctx.set(dut.pin, 1)
        await cycles(ctx, 20)
        await wave(ctx, dut, 0x55, 8)
        await cycles(ctx, 20)

    async def collect(ctx: SimulatorContext) -> None:
        while True:
            received.append(await get(ctx, dut.data))

    simulate(dut, feed, background=[collect])
    assert received == [0x11, 0x33, 0x44, 0x55]


def test_a_byte_replaces_one_that_was_not_taken() -> None:
    dut = UartReceiver(4)

    async def bench(ctx: SimulatorContext) -> None:
        for byte in (1, 2):
            await wave(ctx, dut, byte, 4)
            await cycles(ctx, 8)
        assert await get(ctx, dut.data) == 2
        await wave(ctx, dut, 3, 4)
        assert await get(ctx, dut.data) == 3

    simulate(dut, bench)


def test_transmitter_waits_for_its_turn() -> None:
    dut = UartTransmitter(4)

    async def bench(ctx: SimulatorContext) -> None:
        await put(ctx, dut.data, 1)
        ctx.set(dut.data.valid, 1)
        for _ in range(40):
            assert not (await ctx.tick().sample(dut.data.ready))[-1]
        assert (await ctx.tick().sample(dut.data.ready))[-1]

    simulate(dut, bench)


@pytest.mark.parametrize(
    ("clock", "baud", "cycles_per_bit"),
    [(12e6, 1_000_000, 12), (12e6, 115_200, 104), (25e6, 3_000_000, 8), (48e6, 3_000_000, 16)],
)
def test_divisor(clock: float, baud: int, cycles_per_bit: int) -> None:
    if cycles_per_bit == 8:
        with pytest.raises(ValueError, match=r"baud 3000000 is missed by 4.2% at 2.5e\+07 Hz"):
            divisor(clock, baud)
    else:
        assert divisor(clock, baud) == cycles_per_bit


def test_divisor_refuses_what_no_clock_can_do() -> None:
    with pytest.raises(ValueError, match=r"^baud must be at most 3000000 at 1.2e\+07 Hz, not 4000"):
        divisor(12e6, 4_000_000)
    with pytest.raises(ValueError, match=r"^baud must be positive, not 0$"):
        divisor(12e6, 0)
